"""Powers: ``x**y = 2**(y log2(x))``, with more digits in the logarithm than the type has.

The logarithm's error is multiplied by ``y log2(x)``, which may be 150 in float and 1,075 in double. Floats are computed in
double. In double the logarithm is an unevaluated sum of two numbers (T. J. Dekker, A floating-point technique for extending
the available precision, 1971). Tables: ``tools/fit_polynomials.py``.
"""

from __future__ import annotations

from clew.compiler.block import Block, Reg, number
from clew.compiler.mathematics.exponential import LN2
from clew.compiler.mathematics.logarithm import normalised
from clew.compiler.mathematics.parts import (
    as_float,
    at_least,
    at_most,
    exponent_and_fraction,
    fabs,
    form,
    nearest,
    real,
    scaled,
)
from clew.compiler.mathematics.polynomial import polynomial

FIRST = (2.8853900817779268, 4.0710547481862066e-17)  # 2 / ln 2
SECOND = (0.9617966939259756, 5.0577616648125907e-17)  # 2 / (3 ln 2)
# log2((1 + s) / (1 - s)) = s * (FIRST + s^2 * (SECOND + s^2 * LOG2(s^2)))
LOG2 = (
    0.5770780163555853,
    0.4121985831111439,
    0.3205988979671497,
    0.26230819146928386,
    0.22195278846420186,
    0.19238057260565664,
    0.16888511507764195,
    0.1691315576673111,
)
# the same = s * SHORT_LOG2(s^2), to a float's digits and eight more
SHORT_LOG2 = (2.8853900817899993, 0.9617966734349046, 0.5770835694026359, 0.4116735505414698, 0.34071623196877127)
# 2^r = 1 + r ln 2 + r^2 * POW(r), |r| <= 1/2
POW = (
    0.24022650695910072,
    0.0555041086648216,
    0.009618129107628479,
    0.0013333558146416936,
    0.00015403530393375914,
    1.525273382983612e-05,
    1.3215486802903931e-06,
    1.0178062445845774e-07,
    7.054899956372649e-09,
    4.4549605981865186e-10,
    2.572508057683636e-11,
)
# the same = SHORT_POW(r), to a float's digits
SHORT_POW = (
    1.0,
    0.6931472067028326,
    0.24022650922288757,
    0.05550327226670302,
    0.009618056678524637,
    0.0013400428177615838,
    0.0001546144469856913,
)
Pair = tuple[Reg, Reg]  # a number as a float and what that leaves


def pow(b: Block, x: Reg, y: Reg) -> Reg:
    """``x**y`` with C's special cases, exact where the result is a float. Largest error measured: 0.76 ULP."""
    size = fabs(b, x)
    enough = 2.0 ** (form(x).digits + 14)  # log2(x) is 0 or at least 2**-digits
    bounded = at_least(b, at_most(b, y, enough), -enough)
    magnitude = of_floats(b, size, bounded) if x.element == "float" else power_of_two(b, *exponent(b, size, bounded))
    return special(b, x, y, magnitude)


def of_floats(b: Block, x: Reg, y: Reg) -> Reg:
    """``x**y`` of floats by way of double: rounding to float does what the overflow and subnormal results need."""
    x, y = (b.convert("fpext", a, "double") for a in (x, y))
    k, m = exponent_and_fraction(b, x)
    f = b.fsub(m, number(1, x.type))
    s = b.fdiv(f, b.fadd(f, number(2, x.type)))
    t = b.fmul(y, b.fma(s, polynomial(b, b.fmul(s, s), SHORT_LOG2), as_float(b, k, x)))
    t = at_least(b, at_most(b, t, 200.0), -200.0)
    n, exponent = nearest(b, t, 1.0, 0)
    power = b.bitcast(polynomial(b, b.fsub(t, n), SHORT_POW), "i64")
    return b.convert("fptrunc", real(b, b.add(power, exponent)), "float")


def exponent(b: Block, x: Reg, y: Reg) -> Pair:
    """``y log2(x)`` for finite x > 0, bounded where the power is 0 or infinite anyway."""
    high, low = log2_pair(b, x)
    t = b.fmul(y, high)
    error = b.fma(y, low, b.fma(y, high, b.fneg(t)))
    return at_least(b, at_most(b, t, 1200.0), -1200.0), at_least(b, at_most(b, error, 1.0), -1.0)


def log2_pair(b: Block, x: Reg) -> Pair:
    """``log2(x)`` of ``x = 2**k (1 + f)`` by ``s = f / (2 + f)``, where ``(1 + s) / (1 - s) = 1 + f``."""
    k, f = normalised(b, x)
    s = quotient(b, f)
    z, z_low = product(b, s, s)
    second, second_low = (number(c, x.type) for c in SECOND)
    u = b.fmul(z, polynomial(b, z, LOG2))
    q, q_low = ordered_sum(b, second, u)
    w, w_low = product(b, (z, z_low), (q, b.fadd(q_low, second_low)))
    first, first_low = (number(c, x.type) for c in FIRST)
    v, v_low = ordered_sum(b, first, w)
    p, p_low = product(b, s, (v, b.fadd(v_low, b.fadd(w_low, first_low))))
    total, total_low = ordered_sum(b, k, p)
    return ordered_sum(b, total, b.fadd(total_low, p_low))


def quotient(b: Block, f: Reg) -> Pair:
    """``f / (2 + f)``."""
    two = number(2, f.type)
    d = b.fadd(two, f)
    d_low = b.fsub(f, b.fsub(d, two))
    inverse = b.fdiv(number(1, f.type), d)
    s = b.fmul(f, inverse)
    left = b.fma(b.fneg(s), d_low, b.fma(b.fneg(s), d, f))
    return s, b.fmul(left, inverse)


def ordered_sum(b: Block, large: Reg, small: Reg) -> Pair:
    """``large + small`` exactly, where ``large`` is 0 or not below ``small`` in magnitude."""
    total = b.fadd(large, small)
    return total, b.fadd(b.fsub(large, total), small)


def product(b: Block, x: Pair, y: Pair) -> Pair:
    """The product of two pairs, but for the product of their low parts."""
    high = b.fmul(x[0], y[0])
    low = b.fma(x[0], y[0], b.fneg(high))
    return high, b.fma(x[1], y[0], b.fma(x[0], y[1], low))


def power_of_two(b: Block, t: Reg, low: Reg) -> Reg:
    """``2**(t + low)``, its rounding the only large error."""
    n, exponent = nearest(b, t, 1.0, 2 * form(t).bias)
    r = b.fsub(t, n)
    (ln2, ln2_low), one = LN2[t.element], number(1, t.type)
    a = b.fmul(r, number(ln2, t.type))
    a_low = b.fma(r, number(ln2, t.type), b.fneg(a))
    a_low = b.fma(low, number(ln2, t.type), b.fma(r, number(ln2_low, t.type), a_low))
    whole = b.fadd(r, low)
    curve = b.fma(b.fmul(whole, whole), polynomial(b, whole, POW), a_low)
    total, total_low = ordered_sum(b, one, a)
    return scaled(b, b.fadd(total, b.fadd(total_low, curve)), exponent)


def special(b: Block, x: Reg, y: Reg, magnitude: Reg) -> Reg:
    """``magnitude``, ``|x|**y`` for finite x that is not 0, with its sign and the special cases of C's ``pow``."""
    zero, one, half = (number(c, x.type) for c in (0, 1, 0.5))
    infinity, nan = number(float("inf"), x.type), number(float("nan"), x.type)
    size, yhalf = fabs(b, x), b.fmul(y, half)
    whole = b.fcmp("oeq", b.intrinsic("trunc", y), y)
    odd = b.bits_and(whole, b.fcmp("one", b.intrinsic("trunc", yhalf), yhalf))
    imaginary = b.fcmp("olt", x, b.select(whole, number(float("-inf"), x.type), zero))
    result = b.select(imaginary, nan, magnitude)
    down = b.fcmp("olt", y, zero)
    result = b.select(b.fcmp("oeq", size, zero), b.select(down, infinity, zero), result)
    result = b.select(b.fcmp("oeq", size, infinity), b.select(down, zero, infinity), result)
    result = b.intrinsic("copysign", result, b.select(odd, x, one))
    result = b.select(b.fcmp("uno", x, y), nan, result)
    return b.select(b.bits_or(b.fcmp("oeq", y, zero), b.fcmp("oeq", x, one)), one, result)
