"""Running sums and products along an axis, and the linear recurrence that the latter's derivative is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir import Array, Op, Type
from .broadcast import accumulator, broadcast, check_axes
from .elementwise import chain
from .kinds import General, Linear, Whole
from .movement import shift


@dataclass(frozen=True, eq=False, repr=False)
class Cumulative(Op):
    """Abstract: runs along ``axis``, from its end if ``reverse``."""

    axis: int
    reverse: bool = False

    def infer(self, x: Type) -> Type:
        check_axes(self, (self.axis,), x)
        if x.dtype.kind == "b":
            raise self.refuse("booleans have no arithmetic; cast to an integer first", x)
        return x

    def accumulate(self, function: np.ufunc, x: Array) -> Array:
        x = np.flip(x, self.axis) if self.reverse else x
        y = function.accumulate(x, self.axis, accumulator(x.dtype)).astype(x.dtype, copy=False)
        return np.flip(y, self.axis) if self.reverse else y


class CumulativeSum(Linear, Whole, Cumulative):
    """``y[i] = x[0] + ... + x[i]`` along an axis. Half precision is accumulated in float32."""

    def reference(self, x: Array) -> Array:
        return self.accumulate(np.add, x)

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        return cumulative_sum(g, self.axis, not self.reverse)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return cumulative_sum(x, self.axis + 1, self.reverse)


class CumulativeProd(General, Whole, Cumulative):
    """``y[i] = x[0] * ... * x[i]`` along an axis. Half precision is accumulated in float32.

    From ``y[i] = x[i] * y[i-1]`` the tangent obeys ``dy[i] = x[i] * dy[i-1] + dx[i] * y[i-1]``, a linear recurrence.
    Nothing is divided by, so derivatives of every order are exact at zeros, and cost what the op costs.
    """

    def reference(self, x: Array) -> Array:
        return self.accumulate(np.multiply, x)

    def pull(self, k: int, g: Any, y: Any, x: Any) -> Any:
        s = returning(self.axis, self.reverse, x, g)
        return chain(s, shift(y, self.axis, 1.0, back=self.reverse))

    def push(self, k: int, t: Any, y: Any, x: Any) -> Any:
        moved = chain(t, shift(y, self.axis, 1.0, back=self.reverse))
        return linear_recurrence(x, moved, self.axis, self.reverse)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return cumulative_prod(x, self.axis + 1, self.reverse)


@dataclass(frozen=True, eq=False, repr=False)
class LinearRecurrence(General, Whole):
    """``y[i] = a[i] * y[i-1] + b[i]`` along ``axis``, with nothing before the first: ``y[0] = b[0]``.

    From the end if ``reverse``. Half precision is carried in float32. Its gradient runs the other way:
    ``s[i] = a[i+1] * s[i+1] + g[i]`` is that of ``b``, and ``s[i] * y[i-1]`` that of ``a``.
    """

    axis: int
    reverse: bool = False

    def infer(self, a: Type, b: Type) -> Type:
        check_axes(self, (self.axis,), a)
        if a != b:
            raise self.refuse("operands must have equal types; cast or broadcast them first", a, b)
        if not a.differentiable:
            raise self.refuse("needs floating-point operands; cast first", a, b)
        return a

    def reference(self, a: Array, b: Array) -> Array:
        wide = accumulator(a.dtype)
        factors, terms = (np.moveaxis(x.astype(wide, copy=False), self.axis, 0) for x in (a, b))
        y = np.empty(terms.shape, wide)
        steps = range(len(y))
        carried = np.zeros(y.shape[1:], wide)
        for i in reversed(steps) if self.reverse else steps:
            carried = factors[i] * carried + terms[i]
            y[i] = carried
        return np.moveaxis(y, 0, self.axis).astype(a.dtype, copy=False)

    def pull(self, k: int, g: Any, y: Any, a: Any, b: Any) -> Any:
        s = returning(self.axis, self.reverse, a, g)
        return s if k == 1 else chain(s, shift(y, self.axis, back=self.reverse))

    def push(self, k: int, t: Any, y: Any, a: Any, b: Any) -> Any:
        moved = t if k == 1 else chain(t, shift(y, self.axis, back=self.reverse))
        return linear_recurrence(a, moved, self.axis, self.reverse)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        a, b = (x if whole else broadcast(x, (0,), (size,)) for x, whole in zip(operands, batched, strict=True))
        return linear_recurrence(a, b, self.axis + 1, self.reverse)


def cumulative_sum(x: Any, axis: int, reverse: bool = False) -> Any:
    """Running sum along an axis, from its end if ``reverse``."""
    return CumulativeSum(axis, reverse)(x)


def cumulative_prod(x: Any, axis: int, reverse: bool = False) -> Any:
    """Running product along an axis, from its end if ``reverse``."""
    return CumulativeProd(axis, reverse)(x)


def linear_recurrence(a: Any, b: Any, axis: int, reverse: bool = False) -> Any:
    """``y[i] = a[i] * y[i-1] + b[i]`` along an axis, from its end if ``reverse``."""
    return LinearRecurrence(axis, reverse)(a, b)


def returning(axis: int, reverse: bool, a: Any, g: Any) -> Any:
    """The gradient carried back through ``y[i] = a[i] * y[i-1] + ...``: what reaches each ``y[i]`` from all after it."""
    return linear_recurrence(shift(a, axis, back=not reverse), g, axis, not reverse)
