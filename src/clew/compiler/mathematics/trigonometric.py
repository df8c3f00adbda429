"""``sin``, ``cos`` and ``tan``.

``x`` is reduced by the nearest multiple of pi (of pi / 2 for ``tan``), which is subtracted in three parts, each a product
and a sum rounded once; the first difference is exact (W. J. Cody and W. Waite, Software manual for the elementary functions,
1980). If any lane is so large that this loses digits, all such lanes are reduced by ``large_arguments``.
Tables: ``tools/fit_trigonometric.py``.
"""

from __future__ import annotations

from ..block import BITS, Block, Reg, number
from .large_arguments import turns
from .parts import at_most, fabs, form, real
from .polynomial import horner

LARGE = {"float": 2.0**17, "double": 2.0**28}  # from here on three parts of pi are not enough
HALF_PI = {
    "float": (1.5707964, -4.371139e-08, -1.7151245e-15),
    "double": (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
INVERSE_PI = 0.3183098861837907
# sin(r) = r + r^3 * SIN(r^2), |r| <= pi / 2
SIN = {
    "float": (-0.16666667, 0.008333349, -0.00019842768, 2.760908e-06, -2.5186015e-08),
    "double": (
        -0.16666666666666666,
        0.00833333333333324,
        -0.00019841269841234605,
        2.755731921728456e-06,
        -2.505210765947387e-08,
        1.6058997052483967e-10,
        -7.645385772720936e-13,
        2.7745058656739004e-15,
        -4.915043818659432e-18,
    ),
}
# sin(r) = r + r^3 * SIN4(r^2), cos(r) = 1 - r^2 / 2 + r^4 * COS4(r^2), |r| <= pi / 4
SIN4 = {
    "float": (-0.16666655, 0.008332192, -0.00019518788),
    "double": (
        -0.1666666666666663,
        0.008333333333321974,
        -0.000198412698295229,
        2.7557313608031443e-06,
        -2.505074662800555e-08,
        1.5896201015007677e-10,
    ),
}
COS4 = {
    "float": (0.041666646, -0.0013887313, 2.4432971e-05),
    "double": (
        0.041666666666666595,
        -0.001388888888887346,
        2.4801587289117557e-05,
        -2.755731425783967e-07,
        2.0875711572673512e-09,
        -1.13590895051783e-11,
    ),
}


def sin(b: Block, x: Reg) -> Reg:
    """The sine: ``(-1)**k sin(r)`` of ``|x| = k pi + r``, with the sign of ``x``. Largest error measured: 1.7 ULP."""
    size, magic = fabs(b, x), number(form(x).magic, x.type)
    shifted = b.fma(size, number(INVERSE_PI, x.type), magic)
    r = less_multiple(b, size, b.fsub(shifted, magic))
    r, flip = exactly(b, size, [r, lowest_as_sign(b, shifted)], doubled=False, half=False)
    return sine(b, r, b.bits_xor(flip, sign_of(b, x)))


def cos(b: Block, x: Reg) -> Reg:
    """The cosine: ``(-1)**(k + 1) sin(r)`` of ``|x| = (k + 1/2) pi + r``. Largest error measured: 1.9 ULP."""
    size, magic = fabs(b, x), number(form(x).magic, x.type)
    shifted = b.fadd(b.fma(size, number(INVERSE_PI, x.type), number(-0.5, x.type)), magic)
    r = less_multiple(b, size, b.fadd(b.fsub(shifted, magic), number(0.5, x.type)))
    r, flip = exactly(b, size, [r, lowest_as_sign(b, shifted)], doubled=False, half=True)
    return sine(b, b.fneg(r), flip)


def tan(b: Block, x: Reg) -> Reg:
    """The tangent: ``s / c``, or ``-c / s`` after an odd multiple of pi / 2. Largest error measured: 1.5 ULP."""
    size, magic, one = fabs(b, x), number(form(x).magic, x.type), number(1, x.type)
    shifted = b.fma(size, number(2 * INVERSE_PI, x.type), magic)
    r, low = in_two_parts(b, size, b.fneg(b.fsub(shifted, magic)))
    r, low, flip = exactly(b, size, [r, low, lowest_as_sign(b, shifted)], doubled=True, half=False)
    z = b.fmul(r, r)
    s, s_low = ordered_sum(b, r, b.fma(b.fmul(r, z), horner(b, z, SIN4[x.element]), low))
    tail = b.fma(b.fmul(z, z), horner(b, z, COS4[x.element]), b.fneg(b.fmul(r, low)))
    c, c_low = ordered_sum(b, one, b.fma(z, number(-0.5, x.type), tail))
    odd = b.icmp("ne", flip, number(0, flip.type))
    above, above_low = b.select(odd, c, s), b.select(odd, c_low, s_low)
    below, below_low = b.select(odd, s, c), b.select(odd, s_low, c_low)
    inverse = b.fdiv(one, below)
    quotient = b.fmul(above, inverse)
    rest = b.fadd(b.fma(b.fneg(quotient), below, above), b.fma(b.fneg(quotient), below_low, above_low))
    return flipped(b, b.fma(rest, inverse, quotient), b.bits_xor(flip, sign_of(b, x)))


def in_two_parts(b: Block, x: Reg, k: Reg) -> tuple[Reg, Reg]:
    """``x + k * pi / 2`` and what its rounding leaves."""
    first, second, third = (number(c, x.type) for c in HALF_PI[x.element])
    near, far = b.fma(k, first, x), b.fmul(k, second)
    r = b.fadd(near, far)
    added = b.fsub(r, near)  # either of the two may be the larger
    rest = b.fadd(b.fsub(near, b.fsub(r, added)), b.fsub(far, added))
    return r, b.fma(k, third, b.fadd(rest, b.fma(k, second, b.fneg(far))))


def ordered_sum(b: Block, large: Reg, small: Reg) -> tuple[Reg, Reg]:
    """The sum and what its rounding leaves."""
    total = b.fadd(large, small)
    return total, b.fsub(small, b.fsub(total, large))


def sine(b: Block, r: Reg, flip: Reg) -> Reg:
    """Of ``r`` up to pi / 2, not above 1; with the other sign where the sign bit of ``flip`` is set."""
    size = fabs(b, r)
    z = b.fmul(r, r)
    y = b.fma(b.fmul(size, z), horner(b, z, SIN[r.element]), size)
    return flipped(b, at_most(b, y, 1.0), b.bits_xor(flip, sign_of(b, r)))


def less_multiple(b: Block, x: Reg, k: Reg) -> Reg:
    """``x - k * pi``."""
    for part in HALF_PI[x.element]:
        x = b.fma(k, number(-2 * part, x.type), x)
    return x


def exactly(b: Block, size: Reg, usual: list[Reg], doubled: bool, half: bool) -> list[Reg]:
    """What a reduction found, ``[r, flip]`` or ``[r, low, flip]``; in large lanes what ``turns`` finds."""
    large = b.fcmp("uge", size, number(LARGE[size.element], size.type))

    def write() -> list[Reg]:
        r, low, flip = turns(b, size, doubled, half)
        if doubled:
            r, low = (b.fmul(y, number(0.5, y.type)) for y in (r, low))
        found = [r, low, flip] if len(usual) == 3 else [r, flip]
        return [b.select(large, y, x) for x, y in zip(usual, found, strict=True)]

    return b.rarely(large, usual, write)


def lowest_as_sign(b: Block, shifted: Reg) -> Reg:
    """Whether an integer is odd, as a sign bit; the integer stands at the end of a float."""
    bits = b.bitcast(shifted, form(shifted).integer)
    return b.shl(bits, number(BITS[bits.element] - 1, bits.type))


def sign_of(b: Block, x: Reg) -> Reg:
    bits = b.bitcast(x, form(x).integer)
    return b.bits_and(bits, number(-1 << (BITS[bits.element] - 1), bits.type))


def flipped(b: Block, x: Reg, sign: Reg) -> Reg:
    return real(b, b.bits_xor(b.bitcast(x, sign.element), sign))
