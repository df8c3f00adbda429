"""Coefficients of the compiler's vector mathematics: Chebyshev fits, printed as the tables that the code holds.

Usage: ``python tools/fit_polynomials.py [name ...]``. Each fit is of a smooth function on the interval that the argument's
reduction leaves; interpolation at Chebyshev's nodes is within a factor of two of the best polynomial. Beside each table
stands the largest error relative to the function that the polynomial completes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

mp.prec = 300


class Fit(NamedTuple):
    """``function`` on ``[low, high]``; ``share`` is what its relative error is multiplied by in the end result."""

    function: Callable[[Any], Any]
    low: Any
    high: Any
    degrees: dict[str, int]  # by LLVM type
    share: Callable[[Any], Any] = lambda x: 1


def series(ratio: Callable[[int], Any]) -> Callable[[Any], Any]:
    """A power series by its coefficients: exact near 0, where closed forms cancel."""
    return lambda x: mp.fsum(ratio(k) * x**k for k in range(120))


HALF = mp.ln2 / 2 * mpf("1.0001")  # what a nearest multiple of ln 2 leaves, and a little
SMALL = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mpf("1.0001")

FITS = {
    # exp(r) = 1 + r + r^2 * EXP(r)
    "EXP": Fit(series(lambda k: 1 / mp.factorial(k + 2)), -HALF, HALF, {"float": 4, "double": 10}, lambda r: r * r),
    # 2^r = 1 + r * EXP2(r)
    "EXP2": Fit(
        series(lambda k: mp.ln2 ** (k + 1) / mp.factorial(k + 1)), -0.5, mpf(0.5), {"float": 5, "double": 10}, lambda r: r
    ),
    # 2^r = 1 + r ln 2 + r^2 * POW(r)
    "POW": Fit(series(lambda k: mp.ln2 ** (k + 2) / mp.factorial(k + 2)), -0.5, mpf(0.5), {"double": 10}, lambda r: r * r),
    # 2^r = SHORT_POW(r), to a float's digits
    "SHORT_POW": Fit(series(lambda k: mp.ln2**k / mp.factorial(k)), -0.5, mpf(0.5), {"double": 6}),
    # log(1 + f) = f + f^2 * LOG(f)
    "LOG": Fit(
        series(lambda k: mpf(-1) ** (k + 1) / (k + 2)), mp.sqrt(0.5) - 1, mp.sqrt(2) - 1, {"float": 8}, lambda f: abs(f)
    ),
    # 2 atanh(s) = 2 s + s^3 * LOG_S(s^2)
    "LOG_S": Fit(series(lambda k: mpf(2) / (2 * k + 3)), 0, SMALL**2, {"double": 6}, lambda z: z),
    # atanh(s) = s + s^3 * ATANH(s^2)
    "ATANH": Fit(series(lambda k: mpf(1) / (2 * k + 3)), 0, mpf("0.36") ** 2, {"float": 5, "double": 11}, lambda z: z),
    # log2((1 + s) / (1 - s)) = s * (2 / ln 2 + s^2 * (2 / (3 ln 2) + s^2 * LOG2(s^2)))
    "LOG2": Fit(series(lambda k: 2 / mp.ln2 / (2 * k + 5)), 0, SMALL**2, {"double": 7}, lambda z: z * z * mp.ln2 / 2),
    # log2((1 + s) / (1 - s)) = s * SHORT_LOG2(s^2), to a float's digits and eight more
    "SHORT_LOG2": Fit(series(lambda k: 2 / mp.ln2 / (2 * k + 1)), 0, SMALL**2, {"double": 4}, lambda z: mp.ln2 / 2),
    # sinh(r) = r + r^3 * SINH(r^2), cosh(r) = 1 + r^2 * COSH(r^2)
    "SINH": Fit(series(lambda k: 1 / mp.factorial(2 * k + 3)), 0, HALF**2, {"float": 2, "double": 4}, lambda z: z),
    "COSH": Fit(series(lambda k: 1 / mp.factorial(2 * k + 2)), 0, HALF**2, {"float": 2, "double": 4}, lambda z: z),
}

CONSTANTS = {
    "LN2": mp.ln2,
    "LOG2_E": 1 / mp.ln2,
    "LOG10_2": mp.log10(2),
    "LOG10_E": mp.log10(mp.e),
    "FIRST": 2 / mp.ln2,
    "SECOND": 2 / (3 * mp.ln2),
}


def fit(name: str, element: str) -> tuple[list[float], float]:
    """The coefficients, the constant one first, and the largest error in bits."""
    f = FITS[name]
    high_first = mp.chebyfit(f.function, [f.low, f.high], f.degrees[element] + 1)
    points = [f.low + (f.high - f.low) * k / mpf(400) for k in range(401)]
    error = max(abs((mp.polyval(high_first, x) - f.function(x)) * f.share(x)) for x in points)
    return [float(c) for c in reversed(high_first)], float(mp.log(error, 2))


def main(names: list[str]) -> None:
    for name in names or FITS:
        for element in FITS[name].degrees:
            coefficients, bits = fit(name, element)
            print(f"# {name} {element}: error 2^{bits:.1f}")
            digits = [str(np.float32(c)) if element == "float" else repr(c) for c in coefficients]
            print(f'    "{element}": ({", ".join(digits)}),')
    for name, value in CONSTANTS.items():
        single, double = np.float32(float(value)), float(value)
        print(f"# {name} and what the type leaves of it")
        print(f'    "float": ({single!s}, {np.float32(float(value - mpf(float(single))))!s}),')
        print(f'    "double": ({double!r}, {float(value - mpf(double))!r}),')


if __name__ == "__main__":
    main(sys.argv[1:])
