"""Questions about numbers, logic of the answers, and the choice by an answer. No gradient passes through a question."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..ir import DTYPES, Array, Type, Value
from .elementwise import Elementwise, Predicate, calls, like
from .scalars import Index, Read, Scalar, Scalars


class Equal(Predicate):
    """``a == b``; NaN equals nothing."""

    reference = staticmethod(operator.eq)


class NotEqual(Predicate):
    """``a != b``; NaN differs from everything."""

    reference = staticmethod(operator.ne)

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        return e.call("logical_not", e.call("equal", a(i), b(i)))


class Less(Predicate):
    """``a < b``."""

    reference = staticmethod(operator.lt)


class LessEqual(Predicate):
    """``a <= b``."""

    reference = staticmethod(operator.le)


class Greater(Predicate):
    """``a > b``."""

    reference = staticmethod(operator.gt)

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        return e.call("less", b(i), a(i))


class GreaterEqual(Predicate):
    """``a >= b``."""

    reference = staticmethod(operator.ge)

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        return e.call("less_equal", b(i), a(i))


equal, not_equal, less, less_equal = Equal(), NotEqual(), Less(), LessEqual()
greater, greater_equal = Greater(), GreaterEqual()


class Logical(Predicate):
    """For booleans only."""

    def infer(self, first: Type, *rest: Type) -> Type:
        if first.dtype.kind != "b":
            raise self.refuse("needs booleans; compare the numbers with 0 first", first, *rest)
        return super().infer(first, *rest)


class LogicalAnd(Logical):
    reference = calls(np.logical_and)


class LogicalOr(Logical):
    reference = calls(np.logical_or)


class LogicalXor(Logical):
    """Exactly one of the two."""

    reference = calls(np.logical_xor)

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        return e.call("logical_not", e.call("equal", a(i), b(i)))


class LogicalNot(Logical):
    partials = (None,)
    reference = calls(np.logical_not)


logical_and, logical_or, logical_xor, logical_not = LogicalAnd(), LogicalOr(), LogicalXor(), LogicalNot()


class Kind(Predicate):
    """A question about one number, of which integers and booleans know the answer by their dtype."""

    partials = (None,)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.call(self.name, x(i)) if x.dtype.kind not in "iub" else e.const(False, DTYPES["bool"])


class Isnan(Kind):
    reference = calls(np.isnan)


class Isinf(Kind):
    """Infinite, of either sign."""

    reference = calls(np.isinf)


class Isfinite(Kind):
    """Neither infinite nor NaN."""

    reference = calls(np.isfinite)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        if x.dtype.kind in "iub":
            return e.const(True, DTYPES["bool"])
        return e.call("logical_not", e.call("logical_or", e.call("isnan", x(i)), e.call("isinf", x(i))))


class Signbit(Predicate):
    """Whether the sign bit is set, as it is in -0.0. For floating-point numbers only."""

    partials = (None,)
    reference = calls(np.signbit)

    def infer(self, first: Type, *rest: Type) -> Type:
        if not first.differentiable:
            raise self.refuse("needs a floating-point operand; for an integer ask whether it is less than 0", first, *rest)
        return super().infer(first, *rest)


isnan, isinf, isfinite, signbit = Isnan(), Isinf(), Isfinite(), Signbit()


class Where(Elementwise):
    """``a`` where the condition holds, else ``b``.

    The gradient goes to the branch taken, and the other gets 0, not 0 times something: nothing leaks from a branch not
    taken, be it infinite or NaN (together with ``Chain``, in which a zero annihilates, all the way up that branch).
    """

    partials = (
        None,
        lambda y, condition, a, b: where(condition, like(y, 1), like(y, 0)),
        lambda y, condition, a, b: where(condition, like(y, 0), like(y, 1)),
    )

    def __call__(self, condition: Any, a: Any, b: Any) -> Any:
        if a.__class__ is float or a.__class__ is int:
            a = like(b, a)
        elif b.__class__ is float or b.__class__ is int:
            b = like(a, b)
        return super().__call__(condition, a, b)

    def infer(self, *operands: Type) -> Type:
        condition, a, b = operands
        if condition.dtype.kind != "b":
            raise self.refuse("the condition must be boolean; compare it with 0 first", *operands)
        if a != b or condition.shape != a.shape:
            raise self.refuse("all shapes and both branches' dtypes must be equal; cast or broadcast them first", *operands)
        return a

    def reference(self, condition: Array, a: Array, b: Array) -> Array:
        y: Array = np.where(condition, a, b)
        return y if y.shape else y[()]

    def pull(self, k: int, g: Any, y: Any, condition: Any, a: Any, b: Any) -> Any:
        return None if k == 0 else where(condition, g, 0.0) if k == 1 else where(condition, 0.0, g)

    def at(self, e: Scalars, i: Index, condition: Read, a: Read, b: Read) -> Scalar:
        return e.select(condition(i), a(i), b(i))


where = Where()


def is_filled_with(x: Value, number: float) -> bool:
    """Whether ``x`` is a constant whose every element is ``number``, and which says so (it has the memory of one)."""
    if x.op is not None or x.data is None or 0 in x.shape:
        return False
    if x.shape and any(x.data.strides) and x.data.size > 1:
        return False
    return bool(x.data.item(0) == number)
