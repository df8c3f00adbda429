"""Convolution over any number of spatial axes. Its transposes are convolutions too, so one op is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..ir import Array, Shape, Type
from .broadcast import accumulator, broadcast
from .columns import Geometry, correlate
from .kinds import Linear
from .movement import flip, permute, reshape, span
from .scalars import Index, Read, Scalar, Scalars

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, repr=False)
class Convolve(Linear):
    """Slide a kernel ``(O, C / groups, *K)`` over an input ``(N, C, *L)``; the result is ``(N, O, *P)``:

        y[n, o, p] = sum over c, k of  kernel[o, c, k] * x[n, c, (p * stride + k * dilation - low) / input_dilation]

    with ``low`` from ``padding = ((low, high), ...)``. A term is 0 where its place lies outside the input or is not whole:
    the input is spread ``input_dilation`` apart and padded with zeros (a negative padding cuts off). Output channels fall
    into ``groups``; each sees its own part of the input's channels. As in every network library the kernel is not flipped.
    There are ``(spread + low + high - reach) // stride + 1`` positions, where ``spread`` and ``reach`` are the places
    that the spread input and the dilated kernel take. Half precision is added up in float32.
    """

    stride: Ints
    padding: Pads
    dilation: Ints
    input_dilation: Ints
    groups: int = 1
    linear: ClassVar[tuple[int, ...]] = (0, 1)

    def infer(self, x: Type, kernel: Type) -> Type:
        n, groups = len(self.stride), self.groups
        if not n == len(self.padding) == len(self.dilation) == len(self.input_dilation):
            raise self.refuse("needs a stride, a padding, a dilation and an input dilation for each spatial axis", x, kernel)
        if min((*self.stride, *self.dilation, *self.input_dilation, groups)) < 1:
            raise self.refuse("the stride, both dilations and the number of groups must be at least 1", x, kernel)
        if not x.ndim == kernel.ndim == n + 2:
            needed = "(examples, channels, *sizes) and (output channels, channels / groups, *sizes)"
            raise self.refuse(f"over {n} spatial axes the operands are {needed}, with {n + 2} axes each", x, kernel)
        if x.dtype != kernel.dtype or x.dtype.kind == "b":
            raise self.refuse("operands must be numbers of one dtype; cast first", x, kernel)
        if x.shape[1] != groups * kernel.shape[1]:
            needed = f"{groups} groups of {kernel.shape[1]}" if groups > 1 else str(kernel.shape[1])
            raise self.refuse(f"the input has {x.shape[1]} channels (axis 1), but the kernel takes {needed}", x, kernel)
        if kernel.shape[0] % groups:
            raise self.refuse(f"{kernel.shape[0]} output channels do not fall into {groups} equal groups", x, kernel)
        return x.with_shape((x.shape[0], kernel.shape[0], *self._positions(x.shape[2:], kernel.shape[2:])))

    def _positions(self, sizes: Shape, window: Shape) -> Shape:
        axes = zip(sizes, window, self.stride, self.padding, self.dilation, self.input_dilation, strict=True)
        return tuple(max(0, (span(n, b) + low + high - span(k, d)) // s + 1) for n, k, s, (low, high), d, b in axes)

    def reference(self, x: Array, kernel: Array) -> Array:
        wide, groups = accumulator(x.dtype), self.groups
        positions = self._positions(x.shape[2:], kernel.shape[2:])
        y = np.zeros((len(x), groups, len(kernel) // groups, *positions), wide)
        if x.size and y.size and kernel.size:
            low = tuple(low for low, _ in self.padding)
            correlate(
                x.reshape(len(x), groups, kernel.shape[1], *x.shape[2:]).astype(wide, copy=False),
                kernel.reshape(groups, -1, *kernel.shape[1:]).astype(wide, copy=False),
                y,
                Geometry(self.stride, low, self.dilation, self.input_dilation),
            )
        return y.reshape(len(x), len(kernel), *positions).astype(x.dtype, copy=False)

    def transpose(self, k: int, g: Any, x: Any, kernel: Any) -> Any:
        low = tuple(low for low, _ in self.padding)
        sizes, window, positions = x.shape[2:], kernel.shape[2:], g.shape[2:]
        others = tuple(range(2, len(x.shape)))
        if k == 0:
            before = tuple(d * (n - 1) - a for d, n, a in zip(self.dilation, window, low, strict=True))
            padding = _fitted(before, positions, window, sizes, self.input_dilation, self.dilation, self.stride)
            back = Convolve(self.input_dilation, padding, self.dilation, self.stride, self.groups)
            return back(g, swapped(flip(kernel, others), self.groups))
        padding = _fitted(low, sizes, positions, window, self.dilation, self.stride, self.input_dilation)
        forth = Convolve(self.dilation, padding, self.stride, self.input_dilation, self.groups)
        examples, channels = x.shape[0], kernel.shape[1]  # the channels become the examples, and the examples what is summed
        if self.groups == 1:
            merged = permute(x, (1, 0, *others))
        else:
            split = reshape(x, (examples, self.groups, channels, *sizes))
            turned = permute(split, (2, 1, 0, *(a + 1 for a in others)))
            merged = reshape(turned, (channels, self.groups * examples, *sizes))
        return permute(forth(merged, permute(g, (1, 0, *others))), (1, 0, *others))

    def batch(self, size: int, batched: tuple[bool, ...], x: Any, kernel: Any) -> Any:
        if not batched[1]:  # more examples
            y = self(reshape(x, (size * x.shape[1], *x.shape[2:])), kernel) if batched[0] else self(x, kernel)
            return reshape(y, (size, y.shape[0] // size, *y.shape[1:])) if batched[0] else broadcast(y, (0,), (size,))
        if not batched[0]:
            x = broadcast(x, (0,), (size,))
        n, c, *sizes = x.shape[1:]  # more groups
        side_by_side = reshape(permute(x, (1, 0, *range(2, len(x.shape)))), (n, size * c, *sizes))
        grouped = Convolve(self.stride, self.padding, self.dilation, self.input_dilation, size * self.groups)
        y = grouped(side_by_side, reshape(kernel, (size * kernel.shape[1], *kernel.shape[2:])))
        split = reshape(y, (n, size, kernel.shape[1], *y.shape[2:]))
        return permute(split, (1, 0, *range(2, len(split.shape))))

    def at(self, e: Scalars, i: Index, x: Read, kernel: Read) -> Scalar:
        n, o, *position = i
        outputs, channels, *window = kernel.shape
        first = o // (outputs // self.groups) * channels if self.groups > 1 else 0
        wide = accumulator(x.dtype)
        zero = e.const(0, wide)

        def term(ck: Index) -> Scalar:
            c, *k = ck
            index, conditions = [n, first + c], []
            axes = zip(position, k, x.shape[2:], self.stride, self.padding, self.dilation, self.input_dilation, strict=True)
            for p, tap, size, s, (low, high), d, b in axes:
                place = p * s + tap * d - low
                index.append(place // b)
                if low > 0 or high > 0:
                    conditions.append(e.inside(place, 0, span(size, b)))
                if b > 1:
                    conditions.append(e.inside(place % b, 0, 1))

            def read() -> Scalar:
                return e.call("mul", e.cast(x(tuple(index)), wide), e.cast(kernel((o, *ck)), wide))

            if not conditions:
                return read()
            inside = conditions[0]
            for condition in conditions[1:]:
                inside = e.call("logical_and", inside, condition)
            return e.guard(inside, read, zero)

        return e.cast(e.reduce("add", (channels, *window), term, zero), x.dtype)


def convolve(
    x: Any, kernel: Any, stride: Ints, padding: Pads, dilation: Ints, groups: int = 1, input_dilation: Ints | None = None
) -> Any:
    """``x`` of ``(N, C, *L)`` convolved with a kernel of ``(O, C / groups, *K)``; see ``Convolve``."""
    return Convolve(stride, padding, dilation, input_dilation or (1,) * len(stride), groups)(x, kernel)


def convolve_transposed(
    x: Any, kernel: Any, stride: Ints, padding: Pads, dilation: Ints, groups: int = 1, more: Ints | None = None
) -> Any:
    """The transpose of ``convolve`` by its input, also called a deconvolution: it spreads each element over a window.

    ``x`` is ``(N, C, *P)``, the kernel ``(C, O / groups, *K)`` as for the convolution that this transposes, and the result
    ``(N, O, *L)`` with ``L = (P - 1) * stride - low - high + dilation * (K - 1) + 1 + more``.
    """
    window = kernel.shape[2:]
    axes = zip(window, padding, dilation, more or (0,) * len(stride), strict=True)
    around = tuple((d * (k - 1) - low, d * (k - 1) - high + extra) for k, (low, high), d, extra in axes)
    turned = swapped(flip(kernel, tuple(range(2, len(kernel.shape)))), groups)
    return convolve(x, turned, (1,) * len(stride), around, dilation, groups, stride)


def swapped(kernel: Any, groups: int) -> Any:
    """A kernel ``(groups * O, C, *K)`` as ``(groups * C, O, *K)``."""
    total, channels, *window = kernel.shape
    split = reshape(kernel, (groups, total // groups, channels, *window))
    turned = permute(split, (0, 2, 1, *range(3, len(split.shape))))
    return reshape(turned, (groups * channels, total // groups, *window))


def _fitted(low: Ints, sizes: Shape, window: Shape, wanted: Shape, stride: Ints, dilation: Ints, spread: Ints) -> Pads:
    """The padding that begins with ``low`` and leaves exactly the ``wanted`` number of positions."""
    axes = zip(low, sizes, window, wanted, stride, dilation, spread, strict=True)
    return tuple((a, s * (p - 1) + span(k, d) - span(n, b) - a) for a, n, k, p, s, d, b in axes)
