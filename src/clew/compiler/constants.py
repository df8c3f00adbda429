"""What arrays that repeat themselves are made of."""

from __future__ import annotations

import numpy as np

from ..ir import Array

FIRST = 64  # elements that are looked at before all are


def repeating(x: Array) -> tuple[int, ...]:
    """The axes along which an array has one memory for all its elements."""
    return tuple(axis for axis, (n, step) in enumerate(zip(x.shape, x.strides, strict=True)) if n > 1 and not step)


def compact(x: Array) -> Array:
    """The array once along those axes, which are gone; one number of an array that is one number everywhere, bit by bit."""
    axes = repeating(x)
    part = x[tuple(0 if axis in axes else slice(None) for axis in range(x.ndim))]
    if part.size < 2:
        return part.reshape(())
    flat = np.ascontiguousarray(part).reshape(-1).view(f"u{part.itemsize}")  # bits: NaN is NaN, and -0 is not 0
    same = bool((flat[:FIRST] == flat[0]).all()) and bool((flat == flat[0]).all())
    return part.reshape(-1)[0] if same else part
