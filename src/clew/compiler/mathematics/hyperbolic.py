"""Hyperbolic functions and their inverses; all are odd or even, and are computed of ``|x|``.

Tables: ``tools/fit_polynomials.py``.
"""

from __future__ import annotations

from clew.compiler.block import Block, Reg, number
from clew.compiler.mathematics.exponential import EXP, LN2, reduced
from clew.compiler.mathematics.logarithm import from_one
from clew.compiler.mathematics.parts import as_float, at_most, fabs, form, real
from clew.compiler.mathematics.polynomial import polynomial

# sinh(r) = r + r^3 * SINH(r^2), |r| <= ln(2) / 2
SINH = {
    "float": (0.16666667, 0.0083333105, 0.00019890991),
    "double": (
        0.16666666666666669,
        0.008333333333330062,
        0.00019841269863053618,
        2.7557268459997064e-06,
        2.510038549551032e-08,
    ),
}
# cosh(r) = 1 + r^2 * COSH(r^2), |r| <= ln(2) / 2
COSH = {
    "float": (0.5, 0.041666467, 0.001393365),
    "double": (0.5000000000000001, 0.04166666666662413, 0.0013888888917213717, 2.4801521295954376e-05, 2.7620088445409746e-07),
}
# atanh(s) = s + s^3 * ATANH(s^2), |s| <= 0.36
ATANH = {
    "float": (0.33333334, 0.20000012, 0.1428462, 0.1114654, 0.085806504, 0.1095529),
    "double": (
        0.3333333333333333,
        0.20000000000000048,
        0.1428571428569699,
        0.11111111113592205,
        0.09090908907419878,
        0.07692315677022209,
        0.06666447185582462,
        0.0588630432129582,
        0.05216069796483621,
        0.0512766288165165,
        0.025927872865379804,
        0.08524286346821826,
    ),
}


def tanh(b: Block, x: Reg) -> Reg:
    """``m / (m + 1)`` with ``m = (exp(2 |x|) - 1) / 2``, at most 1. Largest error measured: 1.9 ULP."""
    size = at_most(b, fabs(b, x), {"float": 9.5, "double": 19.5}[x.element])
    r, exponent = reduced(b, size, form(x).bias, times=2)
    power, one = real(b, exponent), number(1, x.type)  # 2**n
    # (exp(2 r) - 1) / 2 = r + r^2 P(r), and the rest of minus is nearly exact
    curve = b.fmul(b.fmul(r, r), polynomial(b, r, [c * 2.0 ** (k + 1) for k, c in enumerate(EXP[x.element])]))
    minus = b.fma(power, curve, b.fma(power, r, b.fma(power, number(0.5, x.type), number(-0.5, x.type))))
    y = b.fdiv(minus, b.fadd(minus, one))
    left = b.fma(b.fneg(y), minus, b.fsub(minus, y))  # minus - y (minus + 1), what rounding lost
    y = at_most(b, b.fma(left, b.fsub(one, y), y), 1.0)  # 1 - y is the divisor's inverse
    return b.intrinsic("copysign", y, x)


def sinh(b: Block, x: Reg) -> Reg:
    """``(exp(x) - exp(-x)) / 2``. Largest error measured: 1.9 ULP."""
    r, s, c, up, down, factor = powers(b, x)
    near, far = b.fsub(up, down), b.fadd(up, down)  # sinh and cosh of n ln 2
    lost = b.fsub(b.fsub(up, near), down)
    y = b.fadd(b.fma(r, far, near), b.fma(s, far, b.fma(c, near, lost)))
    return b.intrinsic("copysign", b.fmul(y, factor), x)


def cosh(b: Block, x: Reg) -> Reg:
    """``(exp(x) + exp(-x)) / 2``. Largest error measured: 1.3 ULP."""
    r, s, c, up, down, factor = powers(b, x)
    near, far = b.fsub(up, down), b.fadd(up, down)
    small = b.fma(b.fadd(r, s), near, b.fma(c, far, down))
    return b.fmul(b.fadd(up, small), factor)


def powers(b: Block, x: Reg) -> tuple[Reg, Reg, Reg, Reg, Reg, Reg]:
    """With ``|x| = n ln 2 + r``: ``r``, ``sinh(r) - r``, ``cosh(r) - 1``, ``2**n / 2``, ``2**-n / 2``, and a factor of all.

    The factor keeps the powers of two in range where the result is close to overflow.
    """
    f = form(x)
    limit, near = {"float": (90.0, 80.0), "double": (711.0, 700.0)}[x.element]
    size = at_most(b, fabs(b, x), limit)
    r, exponent = reduced(b, size, f.bias - 1)
    large = b.fcmp("ogt", size, number(near, x.type))
    lowered = b.sub(exponent, number(64 << f.digits, exponent.type))
    exponent = b.select(large, lowered, exponent)
    inverse = b.sub(number((2 * f.bias - 2) << f.digits, exponent.type), exponent)
    z = b.fmul(r, r)
    s = b.fmul(b.fmul(r, z), polynomial(b, z, SINH[x.element]))
    c = b.fmul(z, polynomial(b, z, COSH[x.element]))
    return r, s, c, real(b, exponent), real(b, inverse), b.select(large, number(2.0**64, x.type), number(1, x.type))


def asinh(b: Block, x: Reg) -> Reg:
    """``log(1 + p)``, ``p = |x| + x^2 / (1 + sqrt(1 + x^2))``. Largest error measured: 1.4 ULP."""
    one, size = number(1, x.type), fabs(b, x)
    t = b.fdiv(b.fmul(size, size), b.fadd(one, b.intrinsic("sqrt", b.fma(size, size, one))))
    p = b.fadd(size, t)
    y = from_sum(b, size, p, b.fadd(b.fsub(size, p), t))
    return b.intrinsic("copysign", y, x)


def acosh(b: Block, x: Reg) -> Reg:
    """``log(1 + p)``, ``p = d + sqrt(d^2 + 2 d)``, ``d = x - 1``; NaN below 1. Largest error measured: 1.9 ULP."""
    one = number(1, x.type)
    d = b.fsub(x, one)
    root = b.intrinsic("sqrt", b.fma(d, d, b.fadd(d, d)))
    p = b.fadd(root, d)
    y = from_sum(b, x, p, b.fadd(b.fsub(root, p), d))
    return b.select(b.fcmp("oge", x, one), y, number(float("nan"), x.type))


def from_sum(b: Block, x: Reg, p: Reg, low: Reg) -> Reg:
    """``log(1 + p + low)``, but ``log(2 x)`` where ``x`` is so large that ``p`` may overflow; infinity and NaN pass."""
    large = b.fcmp("ogt", x, number(2.0 ** (form(x).digits + 2), x.type))
    y = from_one(b, b.select(large, x, p), large, low)
    return b.select(b.fcmp("olt", x, number(float("inf"), x.type)), y, x)


def atanh(b: Block, x: Reg) -> Reg:
    """``k ln(2) / 2 + atanh(s)``; infinite at 1, NaN beyond. Largest error measured: 1.5 ULP.

    With ``a = 1 + |x|``, ``b = 1 - |x|`` and ``K = 2**k``, a power of two near ``a / b`` or below it,
    ``s = (a - K b) / (a + K b)``.
    """
    f = form(x)
    one, size = number(1, x.type), fabs(b, x)
    plus, minus = b.fadd(one, size), b.fsub(one, size)
    plus_low, minus_low = b.fsub(size, b.fsub(plus, one)), b.fsub(b.fsub(one, minus), size)
    # the bits of a float are nearly linear in its logarithm; rounded down, so that s and n ln(2) / 2 do not cancel
    ratio = b.sub(b.bitcast(plus, f.integer), b.bitcast(minus, f.integer))
    k = b.bits_and(ratio, number(-1 << f.digits, ratio.type))
    power = real(b, b.add(k, number(f.one, k.type)))
    opposite = b.fneg(power)
    over = b.fadd(b.fma(opposite, minus, plus), b.fma(opposite, minus_low, plus_low))
    under = b.fadd(b.fma(power, minus, plus), b.fma(power, minus_low, plus_low))
    s = b.fdiv(over, under)
    z = b.fmul(s, s)
    high, low = (c / 2 for c in LN2[x.element])
    n = as_float(b, k, x)
    small = b.fma(b.fmul(s, z), polynomial(b, z, ATANH[x.element]), b.fmul(n, number(low, x.type)))
    y = b.fma(n, number(high, x.type), b.fadd(s, small))
    edge = b.select(b.fcmp("oeq", size, one), number(float("inf"), x.type), number(float("nan"), x.type))
    return b.intrinsic("copysign", b.select(b.fcmp("olt", size, one), y, edge), x)
