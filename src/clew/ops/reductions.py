"""Reductions along axes, which disappear (``sum`` is in ``broadcast``, beside its transpose)."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from math import inf
from math import prod as product
from typing import Any as Operand  # an array or a Value; ``Any`` is an op here
from typing import ClassVar

import numpy as np

from ..ir import DTYPES, FLOATS, Array, Dtype, Op, Shape, Type
from .arithmetic import div, mul, sub
from .broadcast import accumulator, broadcast, check_axes, sum, weave, without
from .comparison import equal, where
from .cumulative import cumulative_prod
from .elementwise import chain, like
from .exponential import exp
from .kinds import Flat, General
from .movement import inverse, permute, reshape, shift
from .rounding import cast
from .scalars import Index, Read, Scalar, Scalars


@dataclass(frozen=True, eq=False, repr=False)
class Reduction(Op):
    """Abstract: folds all elements along ``axes`` into one."""

    axes: tuple[int, ...]

    def infer(self, x: Type) -> Type:
        check_axes(self, self.axes, x)
        return x.with_shape(without(self.axes, x.shape))

    def batch(self, size: int, batched: tuple[bool, ...], x: Operand) -> Operand:
        return type(self)(tuple(a + 1 for a in self.axes))(x)

    def sizes(self, x: Operand) -> Shape:
        return tuple(x.shape[a] for a in self.axes)

    def spread(self, y: Operand, x: Operand) -> Operand:
        """The result beside every element that it was made of."""
        return broadcast(y, self.axes, self.sizes(x))


class Weighing(General, Reduction):
    """Abstract: each element moves the result by a number of its own, its weight (the ``local`` gradient)."""

    @abc.abstractmethod
    def local(self, k: int, y: Operand, x: Operand) -> Operand:
        """The weight of each element, in the operand's shape."""

    def pull(self, k: int, g: Operand, y: Operand, x: Operand) -> Operand:
        return chain(self.spread(g, x), self.local(k, y, x))

    def push(self, k: int, t: Operand, y: Operand, x: Operand) -> Operand:
        return sum(chain(t, self.local(k, y, x)), self.axes)


class Extreme(Weighing):
    """Abstract: the largest or smallest element. Those that tie share: each has weight 1 / (how many they are).

    A NaN among the elements is the result, and the gradient is NaN then. Of no elements there is none: refused.
    """

    function: ClassVar[np.ufunc]

    def infer(self, x: Type) -> Type:
        result = super().infer(x)
        numeric(self, x)
        inhabited(self, self.axes, x)
        return result

    def reference(self, x: Array) -> Array:
        return self.function.reduce(x, self.axes)

    def local(self, k: int, y: Operand, x: Operand) -> Operand:
        chosen = cast(equal(x, self.spread(y, x)), x.dtype)
        return div(chosen, self.spread(sum(chosen, self.axes), x))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        name = self.function.__name__
        return e.reduce(name, self.sizes(x), lambda k: x(weave(self.axes, k, i)), e.const(neutral(name, x.dtype), x.dtype))


class Max(Extreme):
    """The largest element along ``axes``. Ties share the gradient, NaN wins, an empty axis is refused."""

    function = np.maximum


class Min(Extreme):
    """The smallest element along ``axes``. Ties share the gradient, NaN wins, an empty axis is refused."""

    function = np.minimum


class Prod(Weighing):
    """The product along ``axes``; 1 of no elements. Half precision is accumulated in float32.

    The weight of an element is the product of all the others, taken from both sides and without a division: exact at
    zeros, so that ``prod([0, 2, 3])`` has gradient (6, 0, 0).
    """

    def infer(self, x: Type) -> Type:
        numeric(self, x)
        return super().infer(x)

    def reference(self, x: Array) -> Array:
        return np.prod(x, self.axes, dtype=accumulator(x.dtype)).astype(x.dtype, copy=False)

    def local(self, k: int, y: Operand, x: Operand) -> Operand:
        kept = without(self.axes, tuple(range(len(x.shape))))
        order = (*kept, *self.axes)
        ordered = tuple(x.shape[a] for a in order)
        line = reshape(permute(x, order), (*ordered[: len(kept)], product(self.sizes(x))))
        before, after = (cumulative_prod(shift(line, len(kept), 1.0, back), len(kept), back) for back in (False, True))
        return permute(reshape(mul(before, after), ordered), inverse(order))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.reduce("mul", self.sizes(x), lambda k: x(weave(self.axes, k, i)), e.const(1, x.dtype))


class LogSumExp(Weighing):
    """``log(sum(exp(x)))`` along ``axes``, stable at any size: the largest element is taken out first.

    The weights are the softmax ``exp(x - y)``. Where every element is -inf (or there is none) the result is -inf and
    the weights are 0. Where one is +inf the result is +inf; the weights are NaN at such elements and 0 at the others.
    """

    def infer(self, x: Type) -> Type:
        if x.dtype not in FLOATS:
            raise self.refuse("needs a floating-point operand; cast first", x)
        return super().infer(x)

    def reference(self, x: Array) -> Array:
        z = np.asarray(x, accumulator(x.dtype))
        largest = np.max(z, self.axes, keepdims=True, initial=-inf)
        largest = np.where(np.isfinite(largest), largest, z.dtype.type(0))
        y = np.log(np.sum(np.exp(z - largest), self.axes, keepdims=True)) + largest
        return np.squeeze(y, self.axes).astype(x.dtype, copy=False)[()]

    def local(self, k: int, y: Operand, x: Operand) -> Operand:
        # Where y is -inf so is every x, and x - 0 gives the weight exp(-inf) = 0 where x - y would be NaN.
        return exp(sub(x, self.spread(where(equal(y, -inf), like(y, 0.0), y), x)))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        wide = accumulator(x.dtype)
        zero, lowest, highest = (e.const(c, wide) for c in (0.0, -inf, inf))

        def term(k: Index) -> Scalar:
            return e.cast(x(weave(self.axes, k, i)), wide)

        largest = e.reduce("maximum", self.sizes(x), term, lowest)
        infinite = e.call("logical_or", e.call("equal", largest, lowest), e.call("equal", largest, highest))
        taken = e.select(infinite, zero, largest)
        total = e.reduce("add", self.sizes(x), lambda k: e.call("exp", e.call("sub", term(k), taken)), zero)
        return e.cast(e.call("add", e.call("log", total), taken), x.dtype)


@dataclass(frozen=True, eq=False, repr=False)
class ArgExtreme(Flat):
    """Abstract: the position (int64) along ``axis`` of an extreme element; of those that tie, the first; NaN wins."""

    axis: int
    function: ClassVar[str]

    def infer(self, x: Type) -> Type:
        check_axes(self, (self.axis,), x)
        numeric(self, x)
        inhabited(self, (self.axis,), x)
        return Type(DTYPES["i64"], without((self.axis,), x.shape))

    def batch(self, size: int, batched: tuple[bool, ...], x: Operand) -> Operand:
        return type(self)(self.axis + 1)(x)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        n, integer = x.shape[self.axis], DTYPES["i64"]

        def element(k: Index) -> Scalar:
            return x(weave((self.axis,), k, i))

        def position(k: Index) -> Scalar:
            found = e.call("equal", element(k), extreme)
            if x.dtype in FLOATS:
                found = e.call("logical_or", found, e.call("isnan", element(k)))
            return e.select(found, e.number(k[0], integer), e.const(n, integer))

        extreme = e.reduce(self.function, (n,), element, e.const(neutral(self.function, x.dtype), x.dtype))
        return e.reduce("minimum", (n,), position, e.const(n, integer))


class ArgMax(ArgExtreme):
    """The position of the largest element along ``axis``: int64, the first of those that tie; a NaN counts as largest."""

    function = "maximum"

    def reference(self, x: Array) -> Array:
        return np.argmax(x, self.axis)


class ArgMin(ArgExtreme):
    """The position of the smallest element along ``axis``: int64, the first of those that tie; a NaN counts as smallest."""

    function = "minimum"

    def reference(self, x: Array) -> Array:
        return np.argmin(x, self.axis)


class Quantifier(Flat, Reduction):
    """Abstract: logic over booleans."""

    def infer(self, x: Type) -> Type:
        if x.dtype != DTYPES["bool"]:
            raise self.refuse("needs booleans; compare with zero first", x)
        return super().infer(x)


class Any(Quantifier):
    """Whether at least one element along ``axes`` is true; false of no elements."""

    def reference(self, x: Array) -> Array:
        return np.any(x, self.axes)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.reduce("logical_or", self.sizes(x), lambda k: x(weave(self.axes, k, i)), e.const(False, x.dtype))


class All(Quantifier):
    """Whether every element along ``axes`` is true; true of no elements."""

    def reference(self, x: Array) -> Array:
        return np.all(x, self.axes)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.reduce("logical_and", self.sizes(x), lambda k: x(weave(self.axes, k, i)), e.const(True, x.dtype))


def max(x: Operand, axes: tuple[int, ...]) -> Operand:
    """The largest element along axes; ``x`` itself when there are none."""
    return Max(axes)(x) if axes else x


def min(x: Operand, axes: tuple[int, ...]) -> Operand:
    """The smallest element along axes; ``x`` itself when there are none."""
    return Min(axes)(x) if axes else x


def prod(x: Operand, axes: tuple[int, ...]) -> Operand:
    """The product along axes; ``x`` itself when there are none."""
    return Prod(axes)(x) if axes else x


def logsumexp(x: Operand, axes: tuple[int, ...]) -> Operand:
    """``log(sum(exp(x)))`` along axes; ``x`` itself when there are none."""
    return LogSumExp(axes)(x) if axes else x


def any(x: Operand, axes: tuple[int, ...]) -> Operand:
    """Whether at least one element along axes is true; ``x`` itself when there are none."""
    return Any(axes)(x) if axes else x


def all(x: Operand, axes: tuple[int, ...]) -> Operand:
    """Whether every element along axes is true; ``x`` itself when there are none."""
    return All(axes)(x) if axes else x


def argmax(x: Operand, axis: int) -> Operand:
    """The position of the largest element along an axis."""
    return ArgMax(axis)(x)


def argmin(x: Operand, axis: int) -> Operand:
    """The position of the smallest element along an axis."""
    return ArgMin(axis)(x)


def numeric(op: Op, x: Type) -> None:
    """Refuse booleans."""
    if x.dtype == DTYPES["bool"]:
        raise op.refuse("booleans have no order and no product; use any or all, or cast to an integer", x)


def inhabited(op: Op, axes: tuple[int, ...], x: Type) -> None:
    """Refuse axes without elements."""
    for axis in axes:
        if x.shape[axis] == 0:
            raise op.refuse(f"axis {axis} has no elements, and there is no extreme one of none; check for size 0 first", x)


def neutral(function: str, dtype: Dtype) -> float:
    """What no element is beyond: the start of a fold with ``maximum`` or ``minimum``."""
    sign = -1 if function == "maximum" else 1
    if dtype in FLOATS:
        return sign * inf
    limits = np.iinfo(dtype)
    return int(limits.min if sign < 0 else limits.max)
