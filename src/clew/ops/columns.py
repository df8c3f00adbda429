"""How NumPy computes a convolution: as products of matrices, over columns that repeat each element of the input as often as
a window covers it (im2col). Which of three ways is fastest depends on what is large.

Shapes throughout: ``x (N, G, C, *L)``, ``kernel (G, O, C, *K)``, ``y (N, G, O, *P)``, for G groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from ..ir import Array, Shape

Ints = tuple[int, ...]

CACHED_BYTES = 1 << 21  # columns are made this much at a time, to be multiplied while they are in the cache


class Geometry(NamedTuple):
    """Position ``p`` of the result meets element ``k`` of the kernel at ``(p * stride + k * dilation - low) / spread``."""

    stride: Ints
    low: Ints
    dilation: Ints
    spread: Ints


def correlate(x: Array, kernel: Array, y: Array, geometry: Geometry) -> None:
    """Fill ``y`` (zeros so far) with the convolution of ``x``; none of the three is empty."""
    sizes, window, positions = x.shape[3:], kernel.shape[3:], y.shape[3:]
    if prod(sizes) < prod(positions) and max(geometry.spread) > 1:
        _scatter(x, kernel, y, _taps(window, positions, sizes, geometry))
    elif prod(window) <= prod(positions):
        _gather_positions(x, kernel, y, _taps(window, positions, sizes, geometry))
    else:
        stride, low, dilation, spread = geometry
        _gather_windows(x, kernel, y, _taps(positions, window, sizes, Geometry(dilation, low, stride, spread)))


class Tap(NamedTuple):
    """One index along the looped axes; which places along the other axes it meets, and in which places of the input."""

    indices: Ints
    places: tuple[slice, ...]
    source: tuple[slice, ...]


@lru_cache(maxsize=1024)
def _taps(looped: Shape, others: Shape, sizes: Shape, geometry: Geometry) -> list[Tap]:
    """How each element of the looped axes (the kernel's, with the geometry as it is) meets the input."""
    axes = []
    for n, m, size, stride, low, dilation, spread in zip(looped, others, sizes, *geometry, strict=True):
        met = [(k, _meeting(k * dilation - low, stride, m, spread, size)) for k in range(n)]
        axes.append([(k, *slices) for k, slices in met if slices is not None])
    return [Tap(*zip(*tap, strict=True)) if tap else Tap((), (), ()) for tap in product(*axes)]


def _meeting(offset: int, step: int, count: int, spread: int, size: int) -> tuple[slice, slice] | None:
    """The ``m < count`` with ``offset + m * step = spread * q`` and ``0 <= q < size``, and these ``q``, as slices."""
    first = max(0, -(offset // step))
    stop = min(count, (spread * (size - 1) - offset) // step + 1)
    for m in range(first, min(stop, first + spread)):
        if (offset + m * step) % spread == 0:
            every = spread // gcd(step, spread)
            q, met = (offset + m * step) // spread, len(range(m, stop, every))
            ahead = step * every // spread
            return slice(m, stop, every), slice(q, q + (met - 1) * ahead + 1, ahead)
    return None


def _gather_positions(x: Array, kernel: Array, y: Array, taps: list[Tap]) -> None:
    """Columns over the positions, some examples at a time: ``(O, C * K) @ (C * K, N * P)``."""
    groups, outputs, _, *window = kernel.shape
    rows = kernel.reshape(groups, outputs, -1)
    source = np.moveaxis(x, 0, 2)  # (G, C, N, *L)
    target = np.moveaxis(y, 0, 2)  # (G, O, N, *P)
    for part, columns in _columns(source, tuple(window), y.shape[3:], taps):
        target[:, :, part] = (rows @ columns).reshape(target[:, :, part].shape)


def _gather_windows(x: Array, kernel: Array, y: Array, taps: list[Tap]) -> None:
    """Columns over the window, some channels at a time, for windows larger than the result (as in a kernel's gradient):
    ``(O, C * K) @ (N * P, C * K)^T``.
    """
    groups, outputs, _, *window = kernel.shape
    source = np.moveaxis(x, 1, 0)  # (G, N, C, *L)
    total: Array = 0
    for part, columns in _columns(source, y.shape[3:], tuple(window), taps):
        rows = kernel[:, :, part].reshape(groups, outputs, -1)
        total = total + rows @ columns.swapaxes(1, 2)
    np.moveaxis(y, 0, 2)[...] = total.reshape(groups, outputs, len(x), *y.shape[3:])


def _columns(source: Array, looped: Shape, other: Shape, taps: list[Tap]) -> Iterator[tuple[slice, Array]]:
    """Parts along axis 2 of a source ``(G, A, B, *L)``, each with its columns ``(G, A * looped, part * other)``."""
    groups, a, b = source.shape[:3]
    each = groups * a * prod(looped) * prod(other) * source.itemsize
    count = max(1, min(b, CACHED_BYTES // each))
    space: Array = np.zeros((groups, a, *looped, count, *other), source.dtype)
    for start in range(0, b, count):
        part = slice(start, min(b, start + count))
        if part.stop - start < count:
            space = np.zeros((groups, a, *looped, part.stop - start, *other), source.dtype)
        for at in taps:  # what none of them meets is padding, and stays zero
            space[:, :, *at.indices, :, *at.places] = source[:, :, part, *at.source]
        yield part, space.reshape(groups, a * prod(looped), -1)


def _scatter(x: Array, kernel: Array, y: Array, taps: list[Tap]) -> None:
    """Multiply first and add the products up where they fall, for spread inputs: ``(O * K, C) @ (C, N * L)``."""
    groups, outputs, channels, *window = kernel.shape
    rows = np.moveaxis(kernel, 2, -1).reshape(groups, -1, channels)
    source, target = np.moveaxis(x, 0, 2), np.moveaxis(y, 0, 2)
    count = max(1, CACHED_BYTES // (groups * rows.shape[1] * prod(x.shape[3:]) * x.itemsize))
    for start in range(0, len(x), count):
        part = source[:, :, start : start + count]
        products = (rows @ part.reshape(groups, channels, -1)).reshape(groups, outputs, *window, *part.shape[2:])
        for at in taps:
            target[:, :, start : start + count][:, :, :, *at.places] += products[:, :, *at.indices, :, *at.source]
