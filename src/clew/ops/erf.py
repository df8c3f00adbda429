"""The error function."""

from __future__ import annotations

import math

import numpy as np

from ..ir import Array
from .arithmetic import mul, neg, square
from .elementwise import Floating
from .exponential import exp


class Erf(Floating):
    """``2 / sqrt(pi)`` times the integral of ``exp(-t*t)`` from 0 to ``x``."""

    partials = (lambda y, x: mul(exp(neg(square(x))), 2 / math.sqrt(math.pi)),)

    def reference(self, x: Array) -> Array:
        if x.shape == ():
            return x.dtype.type(math.erf(x))
        return error_function(x.astype(np.float64, copy=False)).astype(x.dtype, copy=False)


erf = Erf()

# W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23 (1969), 631-637:
# erf(x) = x * P(x*x) / Q(x*x) up to 0.46875, and erfc(x) = exp(-x*x) * P(x) / Q(x) above. The second is made for x < 4;
# as erfc(4) is 1.5e-8, the few digits that it keeps from there to 6 are enough for erf. Highest powers first.
NEAR_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
NEAR_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
FAR_P = (
    *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2),
    *(8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
)
FAR_Q = (
    *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
    *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)


def error_function(x: Array) -> Array:
    """erf of an array of float64, within 4 units in the last place."""
    size = np.minimum(np.abs(x), 6.0)  # beyond, erf is 1 to the last bit; keeps NaN
    near = x * polynomial(NEAR_P, x * x) / polynomial(NEAR_Q, x * x)
    far = 1.0 - np.exp(-size * size) * polynomial(FAR_P, size) / polynomial(FAR_Q, size)
    return np.where(size <= 0.46875, near, np.copysign(far, x))


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    total = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total
