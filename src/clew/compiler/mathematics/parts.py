"""Floats taken apart and put together: what the functions' reductions are made of."""

from __future__ import annotations

from typing import NamedTuple

from clew.compiler.block import Block, Reg, number


class Form(NamedTuple):
    """How a float is laid out: the integer of its width, the fraction's bits, the exponent's bias."""

    integer: str
    digits: int
    bias: int

    @property
    def one(self) -> int:
        """The bits of 1.0."""
        return self.bias << self.digits

    @property
    def magic(self) -> float:
        """Added to a small number it leaves the nearest integer in the lowest bits."""
        return 1.5 * 2.0**self.digits

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)


FORMS = {"float": Form("i32", 23, 127), "double": Form("i64", 52, 1023)}


def form(x: Reg) -> Form:
    return FORMS[x.element]


def real(b: Block, bits: Reg) -> Reg:
    return b.bitcast(bits, "float" if bits.element == "i32" else "double")


def fabs(b: Block, x: Reg) -> Reg:
    return b.intrinsic("fabs", x)


def at_most(b: Block, x: Reg, bound: float) -> Reg:
    """The smaller of both; NaN stays NaN."""
    c = number(bound, x.type)
    return b.select(b.fcmp("olt", c, x), c, x)


def at_least(b: Block, x: Reg, bound: float) -> Reg:
    """The larger of both; NaN stays NaN."""
    c = number(bound, x.type)
    return b.select(b.fcmp("ogt", c, x), c, x)


def nearest(b: Block, x: Reg, factor: float, offset: int) -> tuple[Reg, Reg]:
    """The integer ``n`` nearest to ``x * factor`` as a float, and ``n + offset`` in the exponent's place."""
    magic = number(form(x).magic + offset, x.type)
    t = b.fma(x, number(factor, x.type), magic)
    bits = b.bitcast(t, form(x).integer)
    return b.fsub(t, magic), b.shl(bits, number(form(x).digits, bits.type))


def halves(b: Block, exponent: Reg, x: Reg) -> tuple[Reg, Reg]:
    """The bits of two moderate powers of two whose product is ``2**n``; ``exponent`` from ``nearest`` with twice the bias."""
    f = form(x)
    whole = number(-1 << f.digits, exponent.type)
    low = b.bits_and(b.lshr(exponent, number(1, exponent.type)), whole)
    return low, b.sub(exponent, low)


def scaled(b: Block, y: Reg, exponent: Reg) -> Reg:
    """``y * 2**n``, rounded once, also where the result overflows or is subnormal; ``exponent`` as for ``halves``."""
    for factor in halves(b, exponent, y):
        y = b.fmul(y, real(b, factor))
    return y


def exponent_and_fraction(b: Block, x: Reg) -> tuple[Reg, Reg]:
    """``x = 2**k * m`` for normal x > 0: the integer ``k`` in the exponent's place, and ``m`` from sqrt(1/2) to sqrt(2)."""
    bits = b.bitcast(x, form(x).integer)
    low = number({"float": 0x3F3504F3, "double": 0x3FE6A09E667F3BCD}[x.element], bits.type)  # sqrt(1/2)
    k = b.bits_and(b.sub(bits, low), number(-1 << form(x).digits, bits.type))
    return k, real(b, b.sub(bits, k))


def as_float(b: Block, k: Reg, x: Reg, offset: Reg | None = None) -> Reg:
    """A small integer that stands in the exponent's place as a float, less ``offset``."""
    f = form(x)
    n = b.ashr(k, number(f.digits, k.type))
    magic = number(f.magic, x.type)
    shifted = b.add(n, b.bitcast(magic, f.integer))
    return b.fsub(real(b, shifted), magic if offset is None else b.fadd(magic, offset))
