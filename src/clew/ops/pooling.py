"""Windows that slide over an array, their transpose, and the pooling that is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..errors import AxisError
from ..ir import Array, Op, Shape, Type
from .arithmetic import div
from .broadcast import accumulator, broadcast, sum
from .elementwise import like
from .kinds import Linear
from .movement import pad, span
from .reductions import max, neutral
from .scalars import Index, Read, Scalar, Scalars

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, repr=False)
class Sliding(Op):
    """Abstract: windows of sizes ``window`` over as many last axes, with a stride and a dilation for each of them."""

    window: Ints
    stride: Ints
    dilation: Ints

    def positions(self, sizes: Shape) -> Shape:
        """How many windows lie within ``sizes``, axis by axis. What is left over at the end is in none."""
        axes = zip(sizes, self.window, self.stride, self.dilation, strict=True)
        return tuple(1 + (n - span(k, d)) // s if n >= span(k, d) else 0 for n, k, s, d in axes)

    def slices(self, positions: Shape) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
        """Each index within the window, and where in the array that element of all windows lies."""
        axes = list(zip(positions, self.stride, self.dilation, strict=True))
        for tap in product(*map(range, self.window)):
            yield tap, tuple(slice(k * d, k * d + span(p, s), s) for k, (p, s, d) in zip(tap, axes, strict=True))

    def check(self, *operands: Type) -> int:
        """The number of axes that the windows slide over."""
        if not len(self.window) == len(self.stride) == len(self.dilation):
            raise self.refuse("needs a size, a stride and a dilation for each axis of the window", *operands)
        if min((*self.window, *self.stride, *self.dilation), default=1) < 1:
            raise self.refuse("sizes, strides and dilations must be at least 1", *operands)
        return len(self.window)


class Windows(Sliding, Linear):
    """Every window over the last axes: of ``(..., *L)`` it makes ``(..., *window, *positions)``, where

        y[..., k, p] = x[..., p * stride + k * dilation]

    There are ``(L - reach) // stride + 1`` positions, ``reach = (window - 1) * dilation + 1``; none where L < reach.
    """

    def infer(self, x: Type) -> Type:
        n = self.check(x)
        if x.ndim < n:
            raise AxisError(f"{self.name}({x}): a window of {n} axes needs an operand that has as many")
        lead = x.ndim - n
        return x.with_shape((*x.shape[:lead], *self.window, *self.positions(x.shape[lead:])))

    def reference(self, x: Array) -> Array:
        lead = x.ndim - len(self.window)
        positions = self.positions(x.shape[lead:])
        y: Array = np.empty((*x.shape[:lead], *self.window, *positions), x.dtype)
        for tap, places in self.slices(positions):
            y[..., *tap, *map(slice, positions)] = x[..., *places]
        return y if y.shape else y[()]

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        return fold(g, x.shape[len(x.shape) - len(self.window) :], self.window, self.stride, self.dilation)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return self(x)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        n = len(self.window)
        taps = i[len(i) - 2 * n : len(i) - n]
        places = zip(i[len(i) - n :], taps, self.stride, self.dilation, strict=True)
        return x((*i[: len(i) - 2 * n], *(p * s + k * d for p, k, s, d in places)))


@dataclass(frozen=True, eq=False, repr=False)
class Fold(Sliding, Linear):
    """Add windows up where they lie: of ``(..., *window, *positions)`` it makes ``(..., *sizes)``.

    The transpose of ``Windows``. Elements that are in no window are 0. Half precision is added up in float32.
    """

    sizes: Shape

    def infer(self, y: Type) -> Type:
        n = self.check(y)
        wanted = (*self.window, *self.positions(self.sizes)) if len(self.sizes) == n else self.sizes
        if y.ndim < 2 * n or y.shape[y.ndim - 2 * n :] != wanted:
            raise self.refuse(f"windows over sizes {self.sizes} have last axes {wanted}", y)
        if y.dtype.kind == "b":
            raise self.refuse("booleans do not add up; cast to an integer first", y)
        return y.with_shape((*y.shape[: y.ndim - 2 * n], *self.sizes))

    def reference(self, y: Array) -> Array:
        positions = self.positions(self.sizes)
        lead = y.shape[: y.ndim - 2 * len(self.window)]
        x: Array = np.zeros((*lead, *self.sizes), accumulator(y.dtype))
        for tap, places in self.slices(positions):
            x[..., *places] += y[..., *tap, *map(slice, positions)]
        return x.astype(y.dtype, copy=False)[()]

    def transpose(self, k: int, g: Any, y: Any) -> Any:
        return windows(g, self.window, self.stride, self.dilation)

    def batch(self, size: int, batched: tuple[bool, ...], y: Any) -> Any:
        return self(y)

    def at(self, e: Scalars, i: Index, y: Read) -> Scalar:
        lead, zero = len(i) - len(self.window), e.const(0, y.dtype)
        positions = self.positions(self.sizes)
        if 0 in positions:
            return zero

        def term(k: Index) -> Scalar:
            taps, index, inside = [], [], e.const(True, np.dtype(np.bool_))
            for place, n, w, s, d, count in zip(i[lead:], k, self.window, self.stride, self.dilation, positions, strict=True):
                if d == 1:  # every s-th tap reaches this place
                    tap, start = place % s + n * s, place // s - n
                    inside = e.call("logical_and", inside, e.inside(tap, 0, w))
                else:
                    tap, start = n, (place - n * d) // s
                    inside = e.call("logical_and", inside, e.inside((place - n * d) % s, 0, 1))
                inside = e.call("logical_and", inside, e.inside(start, 0, count))
                taps.append(tap)
                index.append(start)
            return e.guard(inside, lambda: y((*i[:lead], *taps, *index)), zero)

        reaching = zip(self.window, self.stride, self.dilation, strict=True)
        return e.reduce("add", tuple(-(-w // s) if d == 1 else w for w, s, d in reaching), term, zero)


def windows(x: Any, window: Ints, stride: Ints, dilation: Ints) -> Any:
    """Every window over the last axes of ``x``: ``(..., *window, *positions)``."""
    return Windows(window, stride, dilation)(x)


def fold(y: Any, sizes: Shape, window: Ints, stride: Ints, dilation: Ints) -> Any:
    """Windows added up where they lie on an array whose last axes have ``sizes``."""
    return Fold(window, stride, dilation, sizes)(y)


def max_pool(x: Any, window: Ints, stride: Ints, padding: Pads, dilation: Ints) -> Any:
    """The largest element of each window over the last axes; those that tie share the gradient. NaN wins.

    The padding ``((low, high), ...)`` counts as lowest, so a window of padding alone gives -inf (the lowest integer).
    """
    within = windows(padded(x, padding, neutral("maximum", x.dtype)), window, stride, dilation)
    return max(within, inner(within, window))


def sum_pool(x: Any, window: Ints, stride: Ints, padding: Pads, dilation: Ints) -> Any:
    """The sum of each window over the last axes, with zeros as padding."""
    within = windows(padded(x, padding, 0), window, stride, dilation)
    return sum(within, inner(within, window))


def average_pool(x: Any, window: Ints, stride: Ints, padding: Pads, dilation: Ints, count_include_pad: bool = True) -> Any:
    """The mean of each window over the last axes. The zeros of the padding count too, unless ``count_include_pad`` is
    False: then the sum is divided by the number of the window's elements that are in ``x`` (a window of none gives NaN).
    """
    total = sum_pool(x, window, stride, padding, dilation)
    if count_include_pad or not any(map(any, padding)):
        return div(total, like(total, prod(window)))
    lead = len(x.shape) - len(window)
    count = sum_pool(np.ones(x.shape[lead:], x.dtype), window, stride, padding, dilation)
    return div(total, broadcast(count, tuple(range(lead)), x.shape[:lead]))


def padded(x: Any, padding: Pads, value: float) -> Any:
    """``x`` with ``value`` before and after its last axes; ``x`` itself when there is none to put."""
    if not any(map(any, padding)):
        return x
    before = (0,) * (len(x.shape) - len(padding))
    low, high = (tuple(sides) for sides in zip(*padding, strict=True))
    return pad(x, (*before, *low), (*before, *high), value=value)


def inner(within: Any, window: Ints) -> Ints:
    """The axes of the window among those of ``windows``."""
    first = len(within.shape) - 2 * len(window)
    return tuple(range(first, first + len(window)))
