"""Exponentials: ``exp``, ``exp2`` and ``expm1``.

``x = n ln 2 + r`` with an integer ``n``, so ``exp(x) = 2**n exp(r)`` and ``|r| <= ln(2) / 2``, where a polynomial serves
(W. J. Cody and W. Waite, Software manual for the elementary functions, 1980). The factor is applied in two halves, so that
subnormal results are rounded once. Tables: ``tools/fit_polynomials.py``.
"""

from __future__ import annotations

from clew.compiler.block import Block, Reg, number
from clew.compiler.mathematics.parts import at_least, at_most, form, halves, nearest, real, scaled
from clew.compiler.mathematics.polynomial import polynomial

LN2 = {  # and what the type leaves of it
    "float": (0.6931472, -1.9046542e-09),
    "double": (0.6931471805599453, 2.3190468138462996e-17),
}
LOG2_E = 1.4426950408889634
RANGE = {"float": (-104.0, 89.0), "double": (-746.0, 710.0)}  # beyond: 0 and infinity
# exp(r) = 1 + r + r^2 * EXP(r), |r| <= ln(2) / 2
EXP = {
    "float": (0.5, 0.16666576, 0.041666556, 0.008363179, 0.0013926184),
    "double": (
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        0.008333333333326136,
        0.0013888888888883748,
        0.00019841269874820627,
        2.4801587325547743e-05,
        2.7557255400206422e-06,
        2.75572736431103e-07,
        2.5105217004720745e-08,
        2.0914686968086876e-09,
    ),
}
# 2^r = 1 + r * EXP2(r), |r| <= 1/2
EXP2 = {
    "float": (0.6931472, 0.2402265, 0.05550357, 0.009618083, 0.0013390863, 0.00015453163),
    "double": (
        0.6931471805599453,
        0.24022650695910097,
        0.0555041086648216,
        0.009618129107606888,
        0.0013333558146416936,
        0.0001540353044173605,
        1.525273382983612e-05,
        1.321544258792169e-06,
        1.0178062445845774e-07,
        7.072585949269223e-09,
        4.4549605981865186e-10,
    ),
}


def reduced(b: Block, x: Reg, offset: int, times: float = 1) -> tuple[Reg, Reg]:
    """``r`` of ``times x = n ln 2 + times r``, and ``n + offset`` in the exponent's place; ``times`` is a power of two."""
    high, low = (number(-part / times, x.type) for part in LN2[x.element])
    n, exponent = nearest(b, x, times * LOG2_E, offset)
    return b.fma(n, low, b.fma(n, high, x)), exponent


def exp(b: Block, x: Reg) -> Reg:
    """``e**x``; 0 at -inf. Largest error measured: 0.98 ULP."""
    low, high = RANGE[x.element]
    x = at_least(b, at_most(b, x, high), low)
    r, exponent = reduced(b, x, 2 * form(x).bias)
    one = number(1, x.type)
    line = b.fma(r, polynomial(b, r, EXP[x.element]), one)
    return scaled(b, b.fma(r, line, one), exponent)


def exp2(b: Block, x: Reg) -> Reg:
    """``2**x``, exact for integers. Largest error measured: 0.93 ULP."""
    low, high = {"float": (-151.0, 129.0), "double": (-1076.0, 1025.0)}[x.element]
    x = at_least(b, at_most(b, x, high), low)
    n, exponent = nearest(b, x, 1.0, 2 * form(x).bias)
    r = b.fsub(x, n)
    return scaled(b, b.fma(r, polynomial(b, r, EXP2[x.element]), number(1, x.type)), exponent)


def expm1(b: Block, x: Reg) -> Reg:
    """``e**x - 1`` without cancellation: ``2**n (r + r^2 P(r)) + (2**n - 1)``. Largest error measured: 1.5 ULP."""
    f = form(x)
    bounded = at_least(b, at_most(b, x, RANGE[x.element][1]), -2.0 * f.digits)  # below: -1
    r, exponent = reduced(b, bounded, 2 * f.bias)
    first, second = halves(b, exponent, x)
    inverse = real(b, b.sub(number(2 * f.one, second.type), second))
    curve = b.fmul(b.fmul(r, r), polynomial(b, r, EXP[x.element]))
    # 2**n = first * second; the large part first: it is nearly exact
    line = b.fma(real(b, first), r, b.fsub(real(b, first), inverse))
    return b.intrinsic("copysign", b.fmul(b.fma(real(b, first), curve, line), real(b, second)), x)
