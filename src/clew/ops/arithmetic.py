"""Sums, products, quotients, roots, and the larger and smaller of two."""

from __future__ import annotations

import builtins
import operator
from typing import Any

import numpy as np

from ..ir import Array
from .comparison import equal, greater_equal, less_equal, where
from .elementwise import Elementwise, Floating, Numeric, calls, like
from .rounding import sign
from .scalars import Index, Read, Scalar, Scalars


class Add(Numeric):
    """``a + b``. Integers wrap, here and below."""

    partials = (lambda y, a, b: 1, lambda y, a, b: 1)
    reference = staticmethod(operator.add)

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return g


class Sub(Numeric):
    """``a - b``."""

    partials = (lambda y, a, b: 1, lambda y, a, b: -1)
    reference = staticmethod(operator.sub)


class Mul(Numeric):
    """``a * b``."""

    partials = (lambda y, a, b: b, lambda y, a, b: a)
    reference = staticmethod(operator.mul)


class Div(Floating):
    """``a / b`` of floats; IEEE infinities and NaN where ``b`` is 0."""

    partials = (lambda y, a, b: reciprocal(b), lambda y, a, b: neg(div(y, b)))
    reference = staticmethod(operator.truediv)


class Neg(Numeric):
    """``-x``."""

    partials = (lambda y, x: -1,)
    reference = staticmethod(operator.neg)

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return neg(g)


add, sub, mul, div, neg = Add(), Sub(), Mul(), Div(), Neg()


class FloorDivide(Numeric):
    """``floor(a / b)``. Piecewise constant: no gradient passes. An integer divided by 0 gives 0, as in NumPy."""

    differentiable = False
    partials = (None, None)
    scalar = "floor_div"
    reference = staticmethod(operator.floordiv)


class Remainder(Numeric):
    """``a - b * floor(a / b)``, of the sign of ``b`` (as Python's ``%``). An integer's remainder by 0 is 0, as in NumPy.

    At the jumps, where ``a`` is a multiple of ``b``, the derivatives are those of the side above.
    """

    partials = (lambda y, a, b: 1, lambda y, a, b: neg(floor_divide(a, b)))
    reference = staticmethod(operator.mod)


floor_divide, remainder = FloorDivide(), Remainder()


class Reciprocal(Floating):
    """``1 / x``."""

    partials = (lambda y, x: neg(square(y)),)

    def reference(self, x: Array) -> Array:
        if x.size > 1 and not any(x.strides):  # what numbers are divided by: one, for all elements
            return np.broadcast_to(like(x, 1) / x.flat[0], x.shape)
        return like(x, 1) / x

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.call("div", e.const(1, x.dtype), x(i))


class Square(Numeric):
    """``x * x``."""

    partials = (lambda y, x: add(x, x),)

    def reference(self, x: Array) -> Array:
        return x * x

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.call("mul", x(i), x(i))


class Sqrt(Floating):
    """The square root. The derivative ``1 / (2 y)`` is infinite at 0; times a zero from either side it counts as 0,

    so that ``sqrt(sum(x*x))`` has gradient 0 at 0.
    """

    partials = (lambda y, x: reciprocal(add(y, y)),)
    reference = calls(np.sqrt)


class Rsqrt(Floating):
    """``1 / sqrt(x)``; infinite at 0."""

    partials = (lambda y, x: mul(div(y, x), -0.5),)

    def reference(self, x: Array) -> Array:
        return like(x, 1) / np.sqrt(x)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.call("div", e.const(1, x.dtype), e.call("sqrt", x(i)))


class Abs(Numeric):
    """``|x|``. The derivative at 0 is 0."""

    partials = (lambda y, x: sign(x),)
    reference = staticmethod(builtins.abs)


reciprocal, square, sqrt, rsqrt, abs = Reciprocal(), Square(), Sqrt(), Rsqrt(), Abs()


class Maximum(Numeric):
    """The larger of two, NaN if either is. The gradient goes to the larger; equals take half of it each."""

    partials = (lambda y, a, b: share(greater_equal, a, b), lambda y, a, b: share(less_equal, a, b))
    reference = calls(np.maximum)


class Minimum(Numeric):
    """The smaller of two, NaN if either is. The gradient goes to the smaller; equals take half of it each."""

    partials = (lambda y, a, b: share(less_equal, a, b), lambda y, a, b: share(greater_equal, a, b))
    reference = calls(np.minimum)


def share(chosen: Elementwise, a: Any, b: Any) -> Any:
    """What part of the gradient an operand takes that is chosen, or ties. How ties share is the same for both."""
    return where(chosen(a, b), where(equal(a, b), like(a, 0.5), like(a, 1)), 0.0)


maximum, minimum = Maximum(), Minimum()


class Copysign(Floating):
    """The size of ``a`` with the sign of ``b``. The derivative by ``a`` is 0 where ``a`` is; by ``b`` it is 0."""

    partials = (lambda y, a, b: mul(sign(a), copysign(1.0, b)), None)
    reference = calls(np.copysign)


class Nextafter(Floating):
    """The number next to ``a`` in the direction of ``b``. It moves with ``a``, and not with ``b``."""

    partials = (lambda y, a, b: 1, None)
    reference = calls(np.nextafter)


class Hypot(Floating):
    """``sqrt(a*a + b*b)``, without overflow on the way. The gradient at (0, 0) is (0, 0)."""

    partials = (lambda y, a, b: div(a, nonzero(y)), lambda y, a, b: div(b, nonzero(y)))
    reference = calls(np.hypot)

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        long = e.call("maximum", e.call("abs", a(i)), e.call("abs", b(i)))
        short = e.call("minimum", e.call("abs", a(i)), e.call("abs", b(i)))
        one = e.const(1, a.dtype)
        ratio = e.call("div", short, long)
        length = e.call("mul", long, e.call("sqrt", e.call("add", one, e.call("mul", ratio, ratio))))
        finite = e.select(e.call("equal", long, e.const(0, a.dtype)), long, length)
        infinite = e.call("logical_or", e.call("isinf", a(i)), e.call("isinf", b(i)))
        return e.select(infinite, e.const(np.inf, a.dtype), finite)  # whatever the other is, NaN too


def nonzero(x: Any) -> Any:
    """``x``, and 1 where that is 0: a divisor for what is then 0 as well."""
    return where(equal(x, 0.0), 1.0, x)


copysign, nextafter, hypot = Copysign(), Nextafter(), Hypot()
