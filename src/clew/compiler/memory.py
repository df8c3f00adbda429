"""Where values live in one arena: values that are never needed at the same time may share a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from ..ir import Array

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
    total = 0
    first, last, start, end = (np.empty(len(lives), np.int64) for _ in range(4))  # of what is placed
    for count, (key, life) in enumerate(sorted(lives.items(), key=lambda item: -item[1].nbytes)):
        size = -(-life.nbytes // ALIGNMENT) * ALIGNMENT
        there = (first[:count] <= life.last) & (last[:count] >= life.first)
        offset = offsets[key] = lowest(start[:count][there], end[:count][there], size)
        first[count], last[count], start[count], end[count] = life.first, life.last, offset, offset + size
        total = max(total, offset + size)
    return offsets, total


def lowest(start: Array, end: Array, size: int) -> int:
    """The lowest offset at which ``size`` bytes are free; what is taken are the stretches from ``start`` to ``end``."""
    order = np.argsort(start)
    free = np.maximum.accumulate(np.concatenate([[0], end[order]]))  # before each stretch, and after the last one
    fits = start[order] - free[:-1] >= size
    return int(free[np.argmax(fits)] if fits.any() else free[-1])
