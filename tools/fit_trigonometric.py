"""Coefficients of the compiler's trigonometric functions and ``erf``: fits of our own, printed as the tables the code holds.

Usage: ``python tools/fit_trigonometric.py [name ...]``. Each table is the weighted least-squares fit at Chebyshev's nodes,
which is close to the best polynomial. Coefficients are rounded one after another, from the constant one on, and the others
fitted again, so that each makes up for the rounding of those before it. Beside each table stands the largest error that the
polynomial leaves in the function, in bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

mp.prec = 240


class Fit(NamedTuple):
    """``function`` on ``[low, high]``; ``share`` is what its error is multiplied by in the end result's relative error."""

    function: Callable[[Any], Any]
    low: Any
    high: Any
    degrees: dict[str, int]  # by LLVM type
    share: Callable[[Any], Any]


def odd(function: Callable[[Any], Any], at_zero: Any) -> Callable[[Any], Any]:
    """``(f(x) - x) / x**3`` as a function of ``z = x * x``."""
    return lambda z: (function(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3 if z else at_zero


QUARTER = (mp.pi / 4) ** 2 * mpf("1.0001")
NEAR, MIDDLE = mpf("0.9"), mpf(1)  # where erf changes its formula; what the second is a polynomial about


def complement(u: Any) -> Any:
    return mp.log(mp.erfc(u + MIDDLE), 2)


def beside_one(u: Any) -> Any:
    return mp.erfc(u + MIDDLE) * mp.ln2


FITS = {
    # sin(r) = r + r^3 * SIN(r^2) up to pi / 2 and a little
    "SIN": Fit(odd(mp.sin, -mpf(1) / 6), 0, mpf("1.58") ** 2, {"float": 4, "double": 8}, lambda z: z),
    # sin(r) = r + r^3 * SIN4(r^2), cos(r) = 1 - r^2 / 2 + r^4 * COS4(r^2) up to pi / 4
    "SIN4": Fit(odd(mp.sin, -mpf(1) / 6), 0, QUARTER, {"float": 2, "double": 5}, lambda z: z),
    "COS4": Fit(
        lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z else 1 / mpf(24),
        *(0, QUARTER, {"float": 2, "double": 5}, lambda z: z * z * 1.4),
    ),
    # atan(t) = t + t^3 * ATAN(t^2) up to tan(pi / 8)
    "ATAN": Fit(odd(mp.atan, -mpf(1) / 3), 0, (mp.sqrt(2) - 1) ** 2 * mpf("1.0001"), {"float": 4, "double": 10}, lambda z: z),
    # asin(x) = x + x^3 * ASIN(x^2) up to 1/2
    "ASIN": Fit(odd(mp.asin, mpf(1) / 6), 0, mpf("0.25"), {"float": 4, "double": 11}, lambda z: z),
    # erf(x) = x + x * ERF(x^2) up to NEAR
    "ERF": Fit(
        lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1 if z else 2 / mp.sqrt(mp.pi) - 1,
        *(0, NEAR**2, {"float": 6, "double": 11}, lambda z: 1),
    ),
    # erfc(x) = 2^ERFC(x - MIDDLE) from NEAR on; the error counts as much as erfc(x) is worth beside 1
    "ERFC float": Fit(complement, NEAR - MIDDLE, 4 - MIDDLE, {"float": 6}, beside_one),
    "ERFC double": Fit(complement, NEAR - MIDDLE, 6 - MIDDLE, {"double": 19}, beside_one),
}


def fit(f: Fit, element: str) -> tuple[list[float], float]:
    """The coefficients, the constant one first, and the largest error in bits."""
    count = f.degrees[element] + 1
    nodes = [f.low + (f.high - f.low) * (1 - mp.cos(mp.pi * (k + mpf(0.5)) / (3 * count))) / 2 for k in range(3 * count)]
    values, weights = [f.function(x) for x in nodes], [f.share(x) + mpf(2) ** -30 for x in nodes]
    rounded: list[float] = []
    while len(rounded) < count:
        rest = [v - mp.polyval(rounded[::-1], x) if rounded else v for v, x in zip(values, nodes, strict=True)]
        powers = range(len(rounded), count)
        matrix = mp.matrix([[w * x**k for k in powers] for x, w in zip(nodes, weights, strict=True)])
        solution, _ = mp.qr_solve(matrix, mp.matrix([w * r for w, r in zip(weights, rest, strict=True)]))
        rounded.append(float(np.float32(float(solution[0]))) if element == "float" else float(solution[0]))
    points = [f.low + (f.high - f.low) * k / mpf(300) for k in range(301)]
    error = max(abs((mp.polyval(rounded[::-1], x) - f.function(x)) * f.share(x)) for x in points)
    return rounded, float(mp.log(error, 2))


def parts(name: str, value: Any, count: int) -> None:
    """A constant as sums of numbers of each type, each what those before it leave."""
    print(f"# {name}")
    for element, kind in (("float", np.float32), ("double", np.float64)):
        left, pieces = value, []
        for _ in range(count):
            pieces.append(kind(float(left)))  # float32 of a double: these constants are not near a tie
            left -= mpf(float(pieces[-1]))
        print(f'    "{element}": ({", ".join(map(str, pieces))}),')


def main(names: list[str]) -> None:
    for name in names or FITS:
        for element in FITS[name].degrees:
            coefficients, bits = fit(FITS[name], element)
            print(f"# {name} {element}: error 2^{bits:.1f}")
            digits = [str(np.float32(c)) if element == "float" else repr(c) for c in coefficients]
            print(f'    "{element}": ({", ".join(digits)}),')
    parts("pi / 2", mp.pi / 2, 3)


if __name__ == "__main__":
    main(sys.argv[1:])
