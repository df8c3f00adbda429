"""Ops that place elements anew and compute nothing: reshape, permute, flip, slice, pad, concatenate; and ``iota``."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from ..errors import AxisError
from ..ir import DTYPES, Array, Dtype, Shape, Type
from .broadcast import broadcast, check_axes
from .kinds import Flat, General, Linear
from .scalars import Component, Index, Read, Scalar, Scalars


@dataclass(frozen=True, eq=False, repr=False)
class Reshape(Linear):
    """The same elements, in row-major order, in another shape."""

    shape: Shape

    def infer(self, x: Type) -> Type:
        if any(n < 0 for n in self.shape):
            raise self.refuse(f"shape {self.shape} has a negative size", x)
        if prod(self.shape) != x.size:
            raise self.refuse(f"{x.size} elements do not fill shape {self.shape}, which holds {prod(self.shape)}", x)
        return x.with_shape(self.shape)

    def reference(self, x: Array) -> Array:
        return np.reshape(x, self.shape)[()]

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        return reshape(g, x.shape)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return reshape(x, (size, *self.shape))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(regroup(i, self.shape, x.shape))


@dataclass(frozen=True, eq=False, repr=False)
class Permute(Linear):
    """Reorder axes: result axis ``k`` is operand axis ``order[k]``."""

    order: tuple[int, ...]

    def infer(self, x: Type) -> Type:
        if sorted(self.order) != list(range(x.ndim)):
            raise AxisError(f"{self.name}({x}): order {self.order} must name each of the operand's {x.ndim} axes once")
        return x.with_shape(tuple(x.shape[a] for a in self.order))

    def reference(self, x: Array) -> Array:
        return x.transpose(self.order)

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        return permute(g, inverse(self.order))

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return permute(x, (0, *(a + 1 for a in self.order)))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(tuple(i[k] for k in inverse(self.order)))


@dataclass(frozen=True, eq=False, repr=False)
class Flip(Linear):
    """Reverse the elements along ``axes``."""

    axes: tuple[int, ...]

    def infer(self, x: Type) -> Type:
        check_axes(self, self.axes, x)
        return x

    def reference(self, x: Array) -> Array:
        return np.flip(x, self.axes)[()]

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        return flip(g, self.axes)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return flip(x, tuple(a + 1 for a in self.axes))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(tuple(x.shape[a] - 1 - c if a in self.axes else c for a, c in enumerate(i)))


@dataclass(frozen=True, eq=False, repr=False)
class Slice(Linear):
    """Every ``step``-th element from ``start`` up to before ``stop``, of each axis; its transpose is ``Pad``."""

    start: tuple[int, ...]
    stop: tuple[int, ...]
    step: tuple[int, ...]

    def infer(self, x: Type) -> Type:
        if not len(self.start) == len(self.stop) == len(self.step) == x.ndim:
            raise self.refuse(f"needs a start, a stop and a step for each of the {x.ndim} axes", x)
        for axis, (a, b, s, n) in enumerate(zip(self.start, self.stop, self.step, x.shape, strict=True)):
            if not 0 <= a <= b <= n or s < 1:
                raise AxisError(
                    f"{self.name}({x}): {a}:{b}:{s} does not fit axis {axis} of size {n}; "
                    f"needs 0 <= start <= stop <= {n} and step >= 1"
                )
        return x.with_shape(tuple(-(-(b - a) // s) for a, b, s in zip(self.start, self.stop, self.step, strict=True)))

    def reference(self, x: Array) -> Array:
        return x[tuple(map(builtins.slice, self.start, self.stop, self.step))]

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        ends = tuple(a + span(m, s) for a, m, s in zip(self.start, g.shape, self.step, strict=True))
        return pad(g, self.start, tuple(n - end for n, end in zip(x.shape, ends, strict=True)), self.step)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return slice(x, (0, *self.start), (size, *self.stop), (1, *self.step))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(tuple(a + c * s for a, c, s in zip(self.start, i, self.step, strict=True)))


@dataclass(frozen=True, eq=False, repr=False)
class Pad(Linear):
    """Put elements ``step`` apart with ``low`` places before them and ``high`` after them, on each axis.

    The places between and around hold ``value``; with the value 0 this is the transpose of ``Slice``.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    step: tuple[int, ...]
    value: float = 0.0

    def infer(self, x: Type) -> Type:
        if not len(self.low) == len(self.high) == len(self.step) == x.ndim:
            raise self.refuse(f"needs a low, a high and a step for each of the {x.ndim} axes", x)
        if min((*self.low, *self.high), default=0) < 0 or min(self.step, default=1) < 1:
            raise self.refuse(f"low {self.low} and high {self.high} must be >= 0, step {self.step} >= 1; slice to cut off", x)
        if not holds(x.dtype, self.value):
            raise self.refuse(f"the operand's dtype does not hold the value {self.value}; cast the operand, or pick another", x)
        return x.with_shape(self.padded(x.shape))

    def padded(self, shape: Shape) -> Shape:
        return tuple(a + span(n, s) + b for n, a, b, s in zip(shape, self.low, self.high, self.step, strict=True))

    def reference(self, x: Array) -> Array:
        y = np.full(self.padded(x.shape), self.value, x.dtype)
        inside = zip(self.low, x.shape, self.step, strict=True)
        y[tuple(builtins.slice(a, a + span(n, s), s) for a, n, s in inside)] = x
        return y[()]

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        stop = tuple(a + span(n, s) for a, n, s in zip(self.low, x.shape, self.step, strict=True))
        return slice(g, self.low, stop, self.step)

    def push(self, k: int, t: Any, y: Any, x: Any) -> Any:
        return pad(t, self.low, self.high, self.step)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return pad(x, (0, *self.low), (0, *self.high), (1, *self.step), self.value)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        inside: Scalar = None
        index: list[Component] = []
        for c, n, a, b, s in zip(i, x.shape, self.low, self.high, self.step, strict=True):
            index.append((c - a) // s if s > 1 else c - a if a else c)
            conditions = [e.inside(c - a, 0, span(n, s))] if a or b else []
            conditions += [e.inside((c - a) % s, 0, 1)] if s > 1 else []
            for condition in conditions:
                inside = condition if inside is None else e.call("logical_and", inside, condition)
        if inside is None:
            return x(tuple(index))
        return e.guard(inside, lambda: x(tuple(index)), e.const(self.value, x.dtype))


@dataclass(frozen=True, eq=False, repr=False)
class Concat(General):
    """Operands one after the other along an axis. Linear in all of them together: each moves its own part alone."""

    axis: int

    def infer(self, *operands: Type) -> Type:
        if not operands:
            raise self.refuse("needs at least one operand")
        first = operands[0]
        check_axes(self, (self.axis,), first)
        for x in operands[1:]:
            if x.dtype != first.dtype:
                raise self.refuse("operands must have equal dtypes; cast them first", *operands)
            if self.around(x.shape) != self.around(first.shape):
                raise self.refuse(f"operands must have equal sizes on every axis but {self.axis}", *operands)
        total = builtins.sum(x.shape[self.axis] for x in operands)
        return first.with_shape((*first.shape[: self.axis], total, *first.shape[self.axis + 1 :]))

    def around(self, shape: Shape) -> tuple[Shape, Shape]:
        return shape[: self.axis], shape[self.axis + 1 :]

    def parts(self, operands: tuple[Any, ...]) -> list[tuple[int, int]]:
        """Where each operand starts and stops in the result."""
        stops = list(accumulate(x.shape[self.axis] for x in operands))
        return list(zip([0, *stops], stops, strict=False))

    def reference(self, *operands: Array) -> Array:
        return np.concatenate(operands, self.axis)

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return narrow(g, self.axis, *self.parts(operands)[k])

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        start, stop = self.parts(operands)[k]
        return widen(t, self.axis, start, y.shape[self.axis] - stop)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        whole = [x if b else broadcast(x, (0,), (size,)) for x, b in zip(operands, batched, strict=True)]
        return concat(*whole, axis=self.axis + 1)

    def at(self, e: Scalars, i: Index, *operands: Read) -> Scalar:
        c = i[self.axis]
        y = e.const(0, operands[0].dtype)
        for x, (start, stop) in zip(operands, self.parts(operands), strict=True):
            local = (*i[: self.axis], c - start, *i[self.axis + 1 :])
            y = e.guard(e.inside(c, start, stop), lambda x=x, local=local: x(local), y)  # type: ignore[misc]
        return y


@dataclass(frozen=True, eq=False, repr=False)
class Iota(Flat):
    """Each element's own index along ``axis``: ``iota((2, 3), 1, i64)`` is ``[[0, 1, 2], [0, 1, 2]]``."""

    shape: Shape
    axis: int
    dtype: Dtype

    def infer(self) -> Type:
        result = Type(self.dtype, self.shape)
        check_axes(self, (self.axis,), result)
        if self.dtype.kind == "b":
            raise self.refuse("booleans do not count; make integers and cast")
        return result

    def reference(self) -> Array:
        count = np.arange(self.shape[self.axis]).astype(self.dtype)
        others = tuple(a for a in range(len(self.shape)) if a != self.axis)
        return np.broadcast_to(np.expand_dims(count, others), self.shape)

    def batch(self, size: int, batched: tuple[bool, ...]) -> Any:
        return broadcast(self(), (0,), (size,))

    def at(self, e: Scalars, i: Index) -> Scalar:
        return e.number(i[self.axis], self.dtype)


def reshape(x: Any, shape: Shape) -> Any:
    """``x`` in another shape; ``x`` itself where it has it already."""
    return x if x.shape == shape else Reshape(shape)(x)


def permute(x: Any, order: tuple[int, ...]) -> Any:
    """``x`` with its axes reordered; ``x`` itself where they keep their places."""
    return x if order == tuple(range(len(x.shape))) else Permute(order)(x)


def flip(x: Any, axes: tuple[int, ...]) -> Any:
    """``x`` reversed along axes; ``x`` itself when there are none."""
    return Flip(axes)(x) if axes else x


def slice(x: Any, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...] | None = None) -> Any:
    """A part of ``x``, by a start, a stop and a step (default 1) for each axis."""
    return Slice(start, stop, step or (1,) * len(start))(x)


def pad(x: Any, low: tuple[int, ...], high: tuple[int, ...], step: tuple[int, ...] | None = None, value: float = 0.0) -> Any:
    """``x`` with ``value`` before, after and, for a step above 1, between its elements, for each axis."""
    return Pad(low, high, step or (1,) * len(low), value)(x)


def concat(*operands: Any, axis: int) -> Any:
    """Operands one after the other along an axis."""
    return Concat(axis)(*operands)


def iota(shape: Shape, axis: int, dtype: Dtype = DTYPES["i64"]) -> Any:
    """Each element's own index along an axis."""
    return Iota(shape, axis, dtype)()


def narrow(x: Any, axis: int, start: int, stop: int) -> Any:
    """The part of ``x`` from ``start`` up to before ``stop`` along one axis."""
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    return slice(x, (0,) * axis + (start,) + (0,) * len(after), (*before, stop, *after))


def widen(x: Any, axis: int, low: int, high: int, value: float = 0.0) -> Any:
    """``x`` with ``low`` places before it and ``high`` after it along one axis."""
    before, after = (0,) * axis, (0,) * (len(x.shape) - axis - 1)
    return pad(x, (*before, low, *after), (*before, high, *after), value=value)


def shift(x: Any, axis: int, value: float = 0.0, back: bool = False) -> Any:
    """Every element moved one place up along an axis (down if ``back``); ``value`` fills the place that falls free."""
    n = x.shape[axis]
    if n == 0:
        return x
    return widen(narrow(x, axis, 1, n), axis, 0, 1, value) if back else widen(narrow(x, axis, 0, n - 1), axis, 1, 0, value)


def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    """The order that undoes ``order``."""
    return tuple(order.index(axis) for axis in range(len(order)))


def span(n: int, step: int) -> int:
    """How many places ``n`` elements take that are ``step`` apart."""
    return (n - 1) * step + 1 if n else 0


def holds(dtype: Dtype, value: float) -> bool:
    """Whether an array of this dtype can hold the number (floats round, integers and booleans do not)."""
    if dtype.kind == "b":
        return value in (0, 1)
    if dtype.kind not in "iu":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max and value == int(value)


def regroup(i: Index, shape: Shape, target: Shape) -> Index:
    """The index into ``target`` of the element that is at index ``i`` of ``shape``, both row-major.

    Goes by the smallest groups of neighbouring axes that hold equally many elements: an axis that stays keeps its own
    component, and split axes join without a division.
    """
    if 0 in shape:
        return (0,) * len(target)
    index: list[Component] = []
    read = made = 0
    while made < len(target):
        flat: Component = 0
        size, first, wanted = 1, made, target[made]
        made += 1
        while size != wanted:
            if size < wanted:
                flat = i[read] if size == 1 else flat * shape[read] + i[read]
                size *= shape[read]
                read += 1
            else:
                wanted *= target[made]
                made += 1
        index += unravel(flat, target[first:made])
    return tuple(index)


def unravel(flat: Component, shape: Shape) -> list[Component]:
    """The index of element number ``flat`` in row-major order."""
    index: list[Component] = []
    for n in reversed(shape[1:]):
        index.append(flat % n)
        flat = flat // n
    return [flat, *reversed(index)]
