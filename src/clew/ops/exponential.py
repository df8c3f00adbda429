"""Exponentials, logarithms, and the sums of them that are computed without overflow.

How ``log(1 + exp(x))`` and its like become these is written in ``repair``.
"""

from __future__ import annotations

from math import log as _log
from typing import Any

import numpy as np

from ..ir import Array
from .arithmetic import add, div, mul, reciprocal, sub
from .comparison import equal, isinf, logical_and, where
from .elementwise import Floating, calls, like
from .scalars import Index, Read, Scalar, Scalars


class Exp(Floating):
    """``e**x``."""

    partials = (lambda y, x: y,)
    reference = calls(np.exp)


class Expm1(Floating):
    """``e**x - 1``, accurate near 0."""

    partials = (lambda y, x: add(y, 1.0),)
    reference = calls(np.expm1)


class Log(Floating):
    """The natural logarithm: -inf at 0, NaN below. The derivative is ``1 / x``."""

    partials = (lambda y, x: reciprocal(x),)
    reference = calls(np.log)


class Log1p(Floating):
    """``log(1 + x)``, accurate near 0."""

    partials = (lambda y, x: reciprocal(add(x, 1.0)),)
    reference = calls(np.log1p)


class Log2(Floating):
    """The logarithm to base 2."""

    partials = (lambda y, x: div(1 / _log(2), x),)
    reference = calls(np.log2)


class Log10(Floating):
    """The logarithm to base 10."""

    partials = (lambda y, x: div(1 / _log(10), x),)
    reference = calls(np.log10)


exp, expm1, log, log1p, log2, log10 = Exp(), Expm1(), Log(), Log1p(), Log2(), Log10()


class Logaddexp(Floating):
    """``log(exp(a) + exp(b))`` without overflow.

    The derivative by ``a`` is ``exp(a - y) = sigmoid(a - b)``. It is 0 where both are -inf, and 1/2 where both are inf.
    """

    partials = (lambda y, a, b: _weight(y, a, b), lambda y, a, b: _weight(y, b, a))
    reference = calls(np.logaddexp)

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        p, q = a(i), b(i)
        spread = e.call("neg", e.call("abs", e.call("sub", p, q)))
        spread = e.select(e.call("equal", p, q), e.const(0, a.dtype), spread)  # inf - inf
        return e.call("add", e.call("maximum", p, q), e.call("log1p", e.call("exp", spread)))


def _weight(y: Any, a: Any, b: Any) -> Any:
    tie = logical_and(equal(a, b), isinf(a))  # a - b is NaN there
    ratio = sigmoid(where(tie, 0.0, sub(a, b)))
    return where(equal(y, -np.inf), 0.0, ratio)


class Sigmoid(Floating):
    """``1 / (1 + exp(-x))``; the derivative is ``y * (1 - y)``."""

    partials = (lambda y, x: mul(y, sub(1.0, y)),)

    def reference(self, x: Array) -> Array:
        return np.exp(np.minimum(x, like(x, 0))) / (like(x, 1) + np.exp(-abs(x)))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        zero, one = e.const(0, x.dtype), e.const(1, x.dtype)
        small = e.call("exp", e.call("neg", e.call("abs", x(i))))  # never above 1
        above = e.select(e.call("less", x(i), zero), small, one)
        return e.call("div", above, e.call("add", one, small))


class Softplus(Floating):
    """``log(1 + exp(x))`` without overflow; the derivative is ``sigmoid(x)``."""

    partials = (lambda y, x: sigmoid(x),)

    def reference(self, x: Array) -> Array:
        return np.logaddexp(x, like(x, 0))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        spread = e.call("neg", e.call("abs", x(i)))
        return e.call("add", e.call("maximum", x(i), e.const(0, x.dtype)), e.call("log1p", e.call("exp", spread)))


class Xlogy(Floating):
    """``x * log(y)``, and 0 where ``x`` is 0 (NaN if ``y`` is NaN): what cannot happen adds nothing to an entropy.

    The derivative by ``x`` is ``log(y)``, and 0 where both are 0; that by ``y`` is ``x / y``, and 0 where ``x`` is 0. So
    ``xlogy(x, x)`` has the derivative ``log(x) + 1``, and 0 at 0, where the limit would be -inf.
    """

    # Only where both are 0 does 1 stand for y: elsewhere it must move, or derivatives of the derivatives go wrong.
    partials = (
        lambda y, a, b: log(where(logical_and(equal(a, 0.0), equal(b, 0.0)), 1.0, b)),
        lambda y, a, b: div(a, where(logical_and(equal(a, 0.0), equal(b, 0.0)), 1.0, b)),
    )

    def reference(self, a: Array, b: Array) -> Array:
        y: Array = np.where((a == 0) & (b == b), like(a, 0), a * np.log(b))
        return y if y.shape else y[()]

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        zero = e.const(0, a.dtype)
        nothing = e.call("logical_and", e.call("equal", a(i), zero), e.call("equal", b(i), b(i)))
        return e.select(nothing, zero, e.call("mul", a(i), e.call("log", b(i))))


logaddexp, sigmoid, softplus, xlogy = Logaddexp(), Sigmoid(), Softplus(), Xlogy()
