"""Logarithms: ``log``, ``log2``, ``log10`` and ``log1p``.

``x = 2**k m`` with ``m`` from sqrt(1/2) to sqrt(2), so ``log(x) = k log(2) + log(1 + f)`` with ``f = m - 1`` exact, and
``log(1 + f) = f + rest(f)``. Only ``f`` and ``k log(2)`` are large; the small parts are added first.
Tables: ``tools/fit_polynomials.py``.
"""

from __future__ import annotations

from typing import NamedTuple

from clew.compiler.block import Block, Reg, number
from clew.compiler.mathematics.exponential import LN2
from clew.compiler.mathematics.parts import as_float, exponent_and_fraction, form, real
from clew.compiler.mathematics.polynomial import polynomial

# log(1 + f) = f + f^2 * LOG(f), sqrt(1/2) - 1 <= f <= sqrt(2) - 1
LOG = {
    "float": (-0.49999997, 0.3333333, -0.2500078, 0.20001234, -0.16626646, 0.14204855, -0.13127555, 0.12722673, -0.07673641),
}
# 2 atanh(s) = 2 s + s^3 * LOG_S(s^2), |s| <= 0.172
LOG_S = {
    "double": (
        0.666666666666667,
        0.3999999999989938,
        0.28571428626031065,
        0.2222221112572281,
        0.18182889786191042,
        0.15331699633543858,
        0.14616721179861816,
    ),
}


class Base(NamedTuple):
    """The logarithms of 2 and of e, each as the nearest float and what that leaves."""

    two: dict[str, tuple[float, float]]
    e: dict[str, tuple[float, float]]


EXACT = {"float": (1.0, 0.0), "double": (1.0, 0.0)}
E = Base(LN2, EXACT)
TWO = Base(EXACT, {"float": (1.442695, 1.925963e-08), "double": (1.4426950408889634, 2.0355273740931033e-17)})
TEN = Base(
    {"float": (0.30103, -1.4320989e-08), "double": (0.3010299956639812, -2.8037281277851704e-18)},
    {"float": (0.4342945, -1.010305e-08), "double": (0.4342944819032518, 1.098319650216765e-17)},
)


def log(b: Block, x: Reg) -> Reg:
    """The natural logarithm; -inf at zeros, NaN below. Largest error measured: 0.96 ULP."""
    return special(b, x, combined(b, *normalised(b, x), E))


def log2(b: Block, x: Reg) -> Reg:
    """The logarithm to base 2, exact for powers of two. Largest error measured: 1.2 ULP."""
    return special(b, x, combined(b, *normalised(b, x), TWO))


def log10(b: Block, x: Reg) -> Reg:
    """The logarithm to base 10. Largest error measured: 1.02 ULP."""
    return special(b, x, combined(b, *normalised(b, x), TEN))


def log1p(b: Block, x: Reg) -> Reg:
    """``log(1 + x)``; -inf at -1. Largest error measured: 1.6 ULP."""
    large = b.fcmp("ogt", x, number(2.0 ** (form(x).digits + 2), x.type))
    return b.intrinsic("copysign", special(b, b.fadd(x, number(1, x.type)), from_one(b, x, large)), x)


def from_one(b: Block, x: Reg, large: Reg, low: Reg | None = None) -> Reg:
    """``log(1 + x + low)`` for x > -1; with ``low``, ``log(2 x)`` where x is ``large``: so large that the 1 is lost."""
    one = number(1, x.type)
    k, m = exponent_and_fraction(b, b.fadd(x, one))
    shrink = real(b, b.sub(number(form(x).one, k.type), k))
    fraction = b.fma(x, shrink, b.fsub(shrink, one))  # the digits that 1 + x loses are in it
    fraction = b.select(large, b.fsub(m, one), fraction)
    if low is None:
        return combined(b, as_float(b, k, x), fraction, E)
    doubled = b.select(large, number(-1, x.type), number(0, x.type))
    lost = b.fma(x, shrink, b.fsub(b.fsub(shrink, one), fraction))
    low = b.select(large, number(0, x.type), b.fma(low, shrink, lost))
    return combined(b, as_float(b, k, x, doubled), fraction, E, low)


def normalised(b: Block, x: Reg) -> tuple[Reg, Reg]:
    """``k`` as a float and ``f`` with ``x = 2**k (1 + f)``, also for subnormal x > 0."""
    lift = form(x).digits + 1
    small = b.fcmp("olt", x, number(form(x).tiny, x.type))
    k, m = exponent_and_fraction(b, b.select(small, b.fmul(x, number(2.0**lift, x.type)), x))
    return as_float(b, k, x, b.select(small, number(lift, x.type), number(0, x.type))), b.fsub(m, number(1, x.type))


def rest(b: Block, f: Reg) -> Reg:
    """``log(1 + f) - f``.

    In double by ``s = f / (2 + f)``: ``log(1 + f) = 2 atanh(s) = f - h + s (h + s^2 P(s^2))`` with ``h = f^2 / 2``, which
    takes a third of the terms; in float the polynomial is shorter than the division.
    """
    if f.element == "float":
        return b.fmul(b.fmul(f, f), polynomial(b, f, LOG["float"]))
    s = b.fdiv(f, b.fadd(f, number(2, f.type)))
    z = b.fmul(s, s)
    h = b.fmul(b.fmul(f, number(0.5, f.type)), f)
    return b.fma(s, b.fma(z, polynomial(b, z, LOG_S["double"]), h), b.fneg(h))


def combined(b: Block, k: Reg, f: Reg, base: Base, low: Reg | None = None) -> Reg:
    """The logarithm of ``2**k (1 + f + low)``."""
    (two, two_low), (e, e_low) = base.two[f.element], base.e[f.element]
    small = rest(b, f) if low is None else b.fadd(rest(b, f), low)
    if e != 1:
        small = b.fma(f, number(e_low, f.type), b.fmul(small, number(e, f.type)))
    if two_low:
        small = b.fma(k, number(two_low, f.type), small)
    return b.fma(k, number(two, f.type), b.fma(f, number(e, f.type), small))


def special(b: Block, x: Reg, y: Reg) -> Reg:
    """``y``, but the logarithm of ``x`` where that is infinite or NaN."""
    zero, infinity = number(0, x.type), number(float("inf"), x.type)
    y = b.select(b.fcmp("olt", x, infinity), y, x)
    edge = b.select(b.fcmp("oeq", x, zero), number(float("-inf"), x.type), number(float("nan"), x.type))
    return b.select(b.fcmp("ogt", x, zero), y, edge)
