"""The functions of the scalar language on integers and bool, as instructions: tables by name.

What each means stands in ``clew.ops.elementary``. Integers wrap, and nothing traps: divisors that would are replaced first.
"""

from __future__ import annotations

from collections.abc import Callable

from .block import BITS, Block, Reg, number

Written = Callable[..., Reg]


def instruction(name: str) -> Written:
    """The instruction of that name, of two operands of one type."""
    return lambda b, x, y: b.binary(name, x, y)


def compared(predicate: str) -> Written:
    return lambda b, x, y: b.icmp(predicate, x, y)


def zero(x: Reg) -> Reg:
    return number(0, x.type)


def never(b: Block, x: Reg, *_: Reg) -> Reg:
    """An answer that the dtype knows: False."""
    return b.icmp("ne", x, x)


def negative(b: Block, x: Reg) -> Reg:
    return b.icmp("slt", x, zero(x))


def negated(b: Block, x: Reg) -> Reg:
    return b.sub(zero(x), x)


def size(b: Block, x: Reg) -> Reg:
    return b.select(b.icmp("slt", x, zero(x)), negated(b, x), x)


def sign(b: Block, x: Reg) -> Reg:
    above, below = b.icmp("sgt", x, zero(x)), b.icmp("slt", x, zero(x))
    return b.sub(b.convert("zext", above, x.element), b.convert("zext", below, x.element))


def chosen(predicate: str) -> Written:
    return lambda b, x, y: b.select(b.icmp(predicate, x, y), x, y)


def divisor(b: Block, x: Reg, y: Reg, signed: bool) -> Reg:
    """``y``, but 1 where the processor would trap: by 0, and where the quotient is too wide, and wraps to ``x`` itself."""
    trap = b.icmp("eq", y, zero(y))
    if signed:
        least = b.icmp("eq", x, number(-1 << (BITS[x.element] - 1), x.type))
        trap = b.bits_or(trap, b.bits_and(least, b.icmp("eq", y, number(-1, y.type))))
    return b.select(trap, number(1, y.type), y)


def unsigned_floor_div(b: Block, x: Reg, y: Reg) -> Reg:
    return b.select(b.icmp("eq", y, zero(y)), zero(y), b.binary("udiv", x, divisor(b, x, y, False)))


def unsigned_remainder(b: Block, x: Reg, y: Reg) -> Reg:
    return b.binary("urem", x, divisor(b, x, y, False))


def signed_division(b: Block, x: Reg, y: Reg) -> tuple[Reg, Reg]:
    """Quotient and remainder, from truncated to floor: where the remainder has not the divisor's sign."""
    by = divisor(b, x, y, True)
    quotient = b.binary("sdiv", x, by)
    rest = b.sub(x, b.mul(quotient, by))
    other = b.bits_and(b.icmp("ne", rest, zero(x)), b.icmp("slt", b.bits_xor(rest, by), zero(x)))
    lower = b.add(quotient, b.convert("sext", other, x.element))
    return b.select(b.icmp("eq", y, zero(y)), zero(y), lower), b.select(other, b.add(rest, by), rest)


def signed_floor_div(b: Block, x: Reg, y: Reg) -> Reg:
    return signed_division(b, x, y)[0]


def signed_remainder(b: Block, x: Reg, y: Reg) -> Reg:
    return signed_division(b, x, y)[1]


def power(b: Block, x: Reg, y: Reg) -> Reg:
    """By squaring, as many turns as the largest exponent has bits. A negative exponent counts as unsigned."""
    kind = x.element
    largest = y
    if y.lanes:
        reduce = f"llvm.vector.reduce.or.v{y.lanes}{kind}"
        b.module.declare(f"declare {kind} @{reduce}({y.type})")
        largest = b.call(reduce, kind, y)
    b.module.declare(f"declare {kind} @llvm.ctlz.{kind}({kind}, i1)")
    empty = b.put(f"call {kind} @llvm.ctlz.{kind}({largest}, i1 false)", kind)
    turns = b.sub(number(BITS[kind], kind), empty)
    with b.loop(zero(turns), turns, carried=[number(1, x.type), x, y], empty=True) as loop:
        total, square, rest = loop.carried
        odd = b.icmp("ne", b.bits_and(rest, number(1, x.type)), zero(x))
        total = b.select(odd, b.mul(total, square), total)
        loop.next = [total, b.mul(square, square), b.lshr(rest, number(1, x.type))]
    return loop.results[0]


def shift_left(b: Block, x: Reg, y: Reg) -> Reg:
    """Where ``y`` is negative or not below the width: 0."""
    return b.select(b.icmp("ult", y, number(BITS[x.element], y.type)), b.shl(x, y), zero(x))


def unsigned_shift_right(b: Block, x: Reg, y: Reg) -> Reg:
    return b.select(b.icmp("ult", y, number(BITS[x.element], y.type)), b.lshr(x, y), zero(x))


def signed_shift_right(b: Block, x: Reg, y: Reg) -> Reg:
    """Where ``y`` is negative or not below the width: the sign alone."""
    last = number(BITS[x.element] - 1, y.type)
    return b.ashr(x, b.select(b.icmp("ult", y, last), y, last))


def inverted(b: Block, x: Reg) -> Reg:
    return b.bits_xor(x, number(-1, x.type) if x.element != "i1" else number(True, x.type))


def itself(b: Block, x: Reg, *_: Reg) -> Reg:
    return x


INTEGER: dict[str, Written] = {
    **{name: instruction(name) for name in ("add", "sub", "mul")},
    **{f"bit_{name}": instruction(name) for name in ("and", "or", "xor")},
    "bit_not": inverted,
    "neg": negated,
    "pow": power,
    "shift_left": shift_left,
    "equal": compared("eq"),
    "isnan": never,
    "isinf": never,
}

SIGNED: dict[str, Written] = {
    **INTEGER,
    "abs": size,
    "sign": sign,
    "signbit": negative,
    "maximum": chosen("sgt"),
    "minimum": chosen("slt"),
    "less": compared("slt"),
    "less_equal": compared("sle"),
    "floor_div": signed_floor_div,
    "remainder": signed_remainder,
    "shift_right": signed_shift_right,
}

UNSIGNED: dict[str, Written] = {
    **INTEGER,
    "abs": itself,
    "sign": lambda b, x: b.convert("zext", b.icmp("ne", x, zero(x)), x.element),
    "signbit": never,
    "maximum": chosen("ugt"),
    "minimum": chosen("ult"),
    "less": compared("ult"),
    "less_equal": compared("ule"),
    "floor_div": unsigned_floor_div,
    "remainder": unsigned_remainder,
    "shift_right": unsigned_shift_right,
}


def and_not(b: Block, x: Reg, y: Reg) -> Reg:
    return b.bits_and(x, inverted(b, y))


def or_not(b: Block, x: Reg, y: Reg) -> Reg:
    return b.bits_or(x, inverted(b, y))


BOOLEAN: dict[str, Written] = {  # as of the integers 0 and 1, of which anything but 0 is True
    **dict.fromkeys(("neg", "abs", "sign", "shift_left"), itself),
    **dict.fromkeys(("mul", "minimum", "floor_div", "logical_and", "bit_and"), Block.bits_and),
    **dict.fromkeys(("add", "maximum", "logical_or", "bit_or"), Block.bits_or),
    **dict.fromkeys(("sub", "bit_xor"), Block.bits_xor),
    **dict.fromkeys(("logical_not", "bit_not"), inverted),
    **dict.fromkeys(("isnan", "isinf", "signbit"), never),
    "equal": compared("eq"),
    "less": compared("ult"),
    "less_equal": compared("ule"),
    "remainder": never,
    "pow": or_not,
    "shift_right": and_not,
}
