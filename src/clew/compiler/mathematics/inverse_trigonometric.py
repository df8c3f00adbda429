"""``asin``, ``acos``, ``atan`` and ``atan2``.

Arguments are brought to where a short polynomial serves, by the addition theorems (W. J. Cody and W. Waite, Software manual
for the elementary functions, 1980); the result is a multiple of pi / 4 and a small angle in two parts.
Tables: ``tools/fit_trigonometric.py``.
"""

from __future__ import annotations

from ..block import Block, Reg, number
from .parts import fabs, form
from .polynomial import horner

QUARTER_PI = {"float": (0.7853982, -2.1855694e-08), "double": (0.7853981633974483, 3.061616997868383e-17)}
TAN_EIGHTH = 0.41421356  # tan(pi / 8), about
# atan(t) = t + t^3 * ATAN(t^2), |t| <= tan(pi / 8)
ATAN = {
    "float": (-0.33333313, 0.1999839, -0.1424224, 0.10585491, -0.06059393),
    "double": (
        -0.33333333333333187,
        0.199999999999512,
        -0.14285714279992967,
        0.11111110774550974,
        -0.090908975288639,
        0.07692056526049987,
        -0.06663065650544724,
        0.058476313278459605,
        -0.05038224365861292,
        0.03803891545435764,
        -0.017880855586546687,
    ),
}
# asin(x) = x + x^3 * ASIN(x^2), |x| <= 1/2
ASIN = {
    "float": (0.16666754, 0.07495277, 0.045471452, 0.024178796, 0.0421625),
    "double": (
        0.16666666666665406,
        0.07500000000335101,
        0.04464285683105815,
        0.03038195899692208,
        0.0223717618113127,
        0.01735964424884176,
        0.013885856581683516,
        0.01216504090053214,
        0.006546235643823274,
        0.019478022070293,
        -0.016145358394133603,
        0.03185833708891584,
    ),
}


def asin(b: Block, x: Reg) -> Reg:
    """The arc sine; NaN beyond 1. Largest error measured: 1.2 ULP."""
    far, angle, curve = half_angle(b, x)
    quarters = b.select(far, number(2, x.type), number(0, x.type))
    angle, curve = (b.select(far, b.fneg(y), y) for y in (angle, curve))
    return b.intrinsic("copysign", assembled(b, quarters, angle, curve), x)


def acos(b: Block, x: Reg) -> Reg:
    """The arc cosine; NaN beyond 1. Largest error measured: 1.2 ULP."""
    far, angle, curve = half_angle(b, x)
    negative = b.fcmp("olt", x, number(0, x.type))
    end = b.select(negative, number(4, x.type), number(0, x.type))
    quarters = b.select(far, end, number(2, x.type))
    minus = b.icmp("eq", far, negative)  # pi / 2 - asin(x), and pi - acos(-x)
    angle, curve = (b.select(minus, b.fneg(y), y) for y in (angle, curve))
    return assembled(b, quarters, angle, curve)


def half_angle(b: Block, x: Reg) -> tuple[Reg, Reg, Reg]:
    """Where ``|x|`` is above 1/2; ``asin(|x|)``, and there ``acos(|x|) = 2 asin(sqrt((1 - |x|) / 2))``, as ``s + p``."""
    size = fabs(b, x)
    half = number(0.5, x.type)
    far = b.fcmp("ogt", size, half)
    z = b.select(far, b.fma(size, number(-0.5, x.type), half), b.fmul(size, size))
    s = b.select(far, b.intrinsic("sqrt", z), size)
    s_twice = b.select(far, b.fadd(s, s), s)
    return far, s_twice, b.fmul(b.fmul(s_twice, z), horner(b, z, ASIN[x.element]))


def atan(b: Block, x: Reg) -> Reg:
    """The arc tangent. Largest error measured: 1.9 ULP."""
    size, one = fabs(b, x), number(1, x.type)
    steep = b.fcmp("ogt", size, one)
    low, high = b.select(steep, one, size), b.select(steep, size, one)
    quarters = b.select(steep, number(2, x.type), number(0, x.type))
    return b.intrinsic("copysign", slope(b, low, high, quarters, steep), x)


def atan2(b: Block, y: Reg, x: Reg) -> Reg:
    """The angle of the point ``(x, y)``, from -pi to pi, zeros and infinities by their signs. Largest error: 1.9 ULP."""
    zero, one = number(0, x.type), number(1, x.type)
    across, up = fabs(b, x), fabs(b, y)
    steep = b.fcmp("ogt", up, across)
    low, high = finite(b, b.select(steep, across, up), b.select(steep, up, across))
    back = b.fcmp("olt", b.intrinsic("copysign", one, x), zero)
    quarters = b.select(steep, number(2, x.type), b.select(back, number(4, x.type), zero))
    angle = slope(b, low, high, quarters, b.bits_xor(steep, back))
    angle = b.select(b.fcmp("uno", x, y), b.fadd(x, y), angle)
    return b.intrinsic("copysign", angle, y)


def finite(b: Block, low: Reg, high: Reg) -> tuple[Reg, Reg]:
    """Two numbers of the same quotient, 0 for 0 / 0 and 1 for infinity by itself, whose sum does not overflow."""
    zero, one = number(0, low.type), number(1, low.type)
    huge = b.fcmp("oge", high, number(2.0 ** (form(high).bias - 1), high.type))
    factor = b.select(huge, number(0.25, low.type), one)
    infinite = b.fcmp("oeq", high, number(float("inf"), high.type))
    ratio = b.select(b.fcmp("oeq", low, high), one, zero)
    divisor = b.select(b.fcmp("oeq", high, zero), one, b.fmul(high, factor))
    return b.select(infinite, ratio, b.fmul(low, factor)), b.select(infinite, one, divisor)


def slope(b: Block, low: Reg, high: Reg, quarters: Reg, minus: Reg) -> Reg:
    """``quarters * pi / 4``, plus or minus ``atan(low / high)``, of ``0 <= low <= high``."""
    middle = b.fcmp("ogt", low, b.fmul(high, number(TAN_EIGHTH, low.type)))  # the angle is taken from pi / 4
    t = b.fdiv(b.select(middle, b.fsub(low, high), low), b.select(middle, b.fadd(low, high), high))
    t = b.select(minus, b.fneg(t), t)
    step = b.select(minus, number(-1, low.type), number(1, low.type))
    quarters = b.select(middle, b.fadd(quarters, step), quarters)
    z = b.fmul(t, t)
    return assembled(b, quarters, t, b.fmul(b.fmul(t, z), horner(b, z, ATAN[low.element])))


def assembled(b: Block, quarters: Reg, angle: Reg, curve: Reg) -> Reg:
    """``quarters * pi / 4 + angle + curve``, each smaller than the one before, or the first 0; rounded nearly once."""
    first, second = (number(c, angle.type) for c in QUARTER_PI[angle.element])
    high = b.fmul(quarters, first)
    low = b.fma(quarters, second, b.fma(quarters, first, b.fneg(high)))
    total = b.fadd(high, angle)
    rest = b.fsub(angle, b.fsub(total, high))
    return b.fadd(total, b.fadd(rest, b.fadd(curve, low)))
