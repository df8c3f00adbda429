"""Mini-batches of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import UsageError


def count(arrays: tuple[Any, ...]) -> int:
    """How many examples lie along the arrays' axis 0."""
    sizes = [a.shape[0] if a.ndim else None for a in arrays]
    if not sizes or None in sizes or len(set(sizes)) != 1:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise UsageError(f"the arrays must have the same number of examples along axis 0; their shapes are {shapes}")
    if sizes[0] == 0:
        raise UsageError("there are no examples: axis 0 of the arrays is empty")
    return int(sizes[0])  # type: ignore[arg-type]


def batches(arrays: tuple[Any, ...], size: int, rng: np.random.Generator | None = None) -> Iterator[tuple[Any, ...]]:
    """The examples in batches of ``size`` (the last may be smaller), shuffled by ``rng`` where given."""
    if size < 1:
        raise UsageError(f"a batch has at least one example, not {size}")
    examples = count(arrays)
    order = np.arange(examples) if rng is None else rng.permutation(examples)
    for start in range(0, examples, size):
        chosen = order[start : start + size]
        yield tuple(a[chosen] for a in arrays)
