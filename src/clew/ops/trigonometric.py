"""Circular and hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from .arithmetic import add, div, hypot, mul, neg, nonzero, reciprocal, rsqrt, square, sub
from .elementwise import Floating, calls


class Sin(Floating):
    """The sine of an angle in radians."""

    partials = (lambda y, x: cos(x),)
    reference = calls(np.sin)


class Cos(Floating):
    """The cosine of an angle in radians."""

    partials = (lambda y, x: neg(sin(x)),)
    reference = calls(np.cos)


class Tan(Floating):
    """The tangent of an angle in radians; the derivative is ``1 + y*y``."""

    partials = (lambda y, x: add(square(y), 1.0),)
    reference = calls(np.tan)


class Asin(Floating):
    """The angle in [-pi/2, pi/2] of sine ``x``; the derivative ``1 / sqrt(1 - x*x)`` is infinite at -1 and 1."""

    partials = (lambda y, x: rsqrt(mul(sub(1.0, x), add(x, 1.0))),)
    reference = calls(np.arcsin)


class Acos(Floating):
    """The angle in [0, pi] of cosine ``x``; the derivative ``-1 / sqrt(1 - x*x)`` is infinite at -1 and 1."""

    partials = (lambda y, x: neg(rsqrt(mul(sub(1.0, x), add(x, 1.0)))),)
    reference = calls(np.arccos)


class Atan(Floating):
    """The angle in [-pi/2, pi/2] of tangent ``x``; the derivative is ``1 / (1 + x*x)``."""

    partials = (lambda y, x: reciprocal(add(square(x), 1.0)),)
    reference = calls(np.arctan)


class Atan2(Floating):
    """The angle in [-pi, pi] of the point with ordinate ``a`` and abscissa ``b``; 0 at (0, 0).

    With ``r = hypot(a, b)`` the derivatives are ``b / r**2`` and ``-a / r**2``; the gradient at (0, 0) is (0, 0).
    """

    partials = (
        lambda y, a, b: div(div(b, nonzero(hypot(a, b))), nonzero(hypot(a, b))),
        lambda y, a, b: neg(div(div(a, nonzero(hypot(a, b))), nonzero(hypot(a, b)))),
    )
    reference = calls(np.arctan2)


sin, cos, tan, asin, acos, atan, atan2 = Sin(), Cos(), Tan(), Asin(), Acos(), Atan(), Atan2()


class Sinh(Floating):
    """``(exp(x) - exp(-x)) / 2``."""

    partials = (lambda y, x: cosh(x),)
    reference = calls(np.sinh)


class Cosh(Floating):
    """``(exp(x) + exp(-x)) / 2``."""

    partials = (lambda y, x: sinh(x),)
    reference = calls(np.cosh)


class Tanh(Floating):
    """``sinh(x) / cosh(x)``; the derivative is ``1 - y*y``."""

    partials = (lambda y, x: sub(1.0, square(y)),)
    reference = calls(np.tanh)


class Asinh(Floating):
    """The inverse of sinh; the derivative is ``1 / sqrt(1 + x*x)``."""

    partials = (lambda y, x: reciprocal(hypot(x, 1.0)),)
    reference = calls(np.arcsinh)


class Acosh(Floating):
    """The inverse of cosh, for ``x >= 1``; the derivative ``1 / sqrt(x*x - 1)`` is infinite at 1."""

    partials = (lambda y, x: rsqrt(mul(sub(x, 1.0), add(x, 1.0))),)
    reference = calls(np.arccosh)


class Atanh(Floating):
    """The inverse of tanh, for ``|x| <= 1``; the derivative ``1 / (1 - x*x)`` is infinite at -1 and 1."""

    partials = (lambda y, x: reciprocal(mul(sub(1.0, x), add(x, 1.0))),)
    reference = calls(np.arctanh)


sinh, cosh, tanh, asinh, acosh, atanh = Sinh(), Cosh(), Tanh(), Asinh(), Acosh(), Atanh()
