"""Where values live in one arena: values that are never needed at the same time may share a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

K = TypeVar("K")
ALIGNMENT = 64  # bytes: a line of the cache, and the widest vector


class Life(NamedTuple):
    """From the step that writes a value to the last one that reads it, and its bytes."""

    first: int
    last: int
    nbytes: int


def arrange(lives: Mapping[K, Life]) -> tuple[dict[K, int], int]:
    """An offset for each value, and the bytes of the arena. Large ones are placed first, each at the lowest place that is free
    for as long as it lives.

    >>> arrange({"a": Life(0, 1, 100), "b": Life(1, 2, 64), "c": Life(2, 3, 100)})
    ({'a': 0, 'c': 0, 'b': 128}, 192)
    """
    offsets: dict[K, int] = {}
    placed: list[tuple[int, int, Life]] = []
    total = 0
    for key, life in sorted(lives.items(), key=lambda item: -item[1].nbytes):
        size = -(-life.nbytes // ALIGNMENT) * ALIGNMENT
        offset = lowest([(a, b) for a, b, other in placed if other.first <= life.last and life.first <= other.last], size)
        offsets[key] = offset
        placed.append((offset, offset + size, life))
        total = max(total, offset + size)
    return offsets, total


def lowest(taken: Sequence[tuple[int, int]], size: int) -> int:
    """The lowest offset at which ``size`` bytes are free."""
    offset = 0
    for start, end in sorted(taken):
        if start - offset >= size:
            break
        offset = max(offset, end)
    return offset
