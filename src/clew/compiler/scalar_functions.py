"""The functions of the scalar language as instructions, and those on floats.

What each means stands in ``clew.ops.elementary``; half precision is carried in float and rounded after each function.
"""

from __future__ import annotations

import numpy as np

from ..ir import FLOATS
from .block import BITS, Block, Reg, number
from .conversion import BOOL, from_memory, round_half, to_memory
from .integer_functions import BOOLEAN, SIGNED, UNSIGNED, Written, instruction, zero
from .mathematics import exponential, hyperbolic, inverse_trigonometric, logarithm, power, trigonometric
from .mathematics.erf import erf


def call(b: Block, function: str, dtype: np.dtype, *arguments: Reg) -> Reg:
    """A function of ``clew.ops.scalars.FUNCTIONS`` of numbers of ``dtype``; predicates give ``i1``."""
    if function == "nextafter":
        x, y = arguments
        return next_after(b, x, y, dtype)
    table = FLOAT if dtype in FLOATS else BOOLEAN if dtype == BOOL else SIGNED if dtype.kind == "i" else UNSIGNED
    if function not in table:
        raise TypeError(f"{function} is not a function of {dtype}")
    result = table[function](b, *arguments)
    return result if function in EXACT or result.element == "i1" else round_half(b, result, dtype)


def shared(b: Block, function: str, dtype: np.dtype, *arguments: Reg) -> Reg:
    """The same by a function of the module: less code where it is needed often."""
    type = arguments[0].type
    given = [Reg(f"%x{k}", type) for k in range(len(arguments))]
    name = f"clew.{function}.{dtype}.{arguments[0].lanes}"

    def write(inner: Block) -> None:
        inner.do(f"ret {call(inner, function, dtype, *given)}")

    return b.call(b.module.function(name, type, given, write, "internal"), type, *arguments)


def intrinsic(name: str) -> Written:
    """LLVM's function of that name."""
    return lambda b, *xs: b.intrinsic(name, *xs)


def compared(predicate: str) -> Written:
    return lambda b, x, y: b.fcmp(predicate, x, y)


def larger(predicate: str) -> Written:
    """``maximum`` or ``minimum``: the first of equals, NaN if either is. The first choice is one instruction on x86."""

    def write(b: Block, x: Reg, y: Reg) -> Reg:
        chosen = b.select(b.fcmp(predicate, y, x), y, x)
        return chosen if is_number(y) else b.select(b.fcmp("uno", y, y), y, chosen)

    return write


def is_number(x: Reg) -> bool:
    """Whether it is a constant that is not NaN, as far as its text tells."""
    return "0x" in x.text and "%" not in x.text and "FF8" not in x.text


def sign(b: Block, x: Reg) -> Reg:
    one = b.intrinsic("copysign", number(1, x.type), x)
    return b.select(b.fcmp("one", x, zero(x)), one, b.intrinsic("fabs", x))  # of 0 and NaN: themselves


def is_infinite(b: Block, x: Reg) -> Reg:
    return b.fcmp("oeq", b.intrinsic("fabs", x), number(float("inf"), x.type))


def sign_bit(b: Block, x: Reg) -> Reg:
    bits = b.bitcast(x, f"i{BITS[x.element]}")
    return b.icmp("slt", bits, zero(bits))


def truncated_remainder(b: Block, x: Reg, y: Reg) -> Reg:
    """C's ``fmod``: ``x - trunc(x / y) * y``, exactly, with the sign of ``x``.

    Below ``2**24`` (``2**53``) the quotient is a float, at most one too large, and the rest of the division is exact. Where
    a quotient is larger, all lanes are left to ``frem``, which is as exact, and slow.
    """
    quotient = b.intrinsic("trunc", b.fdiv(x, y))
    rest = b.fma(b.fneg(quotient), y, x)
    size = b.intrinsic("fabs", y)
    beyond = b.fcmp("olt", b.fmul(b.intrinsic("copysign", number(1, x.type), x), rest), zero(x))
    rest = b.select(beyond, b.fadd(rest, b.intrinsic("copysign", size, x)), rest)
    rest = b.select(b.fcmp("olt", b.intrinsic("fabs", x), size), x, rest)  # y may be infinite
    large = b.fcmp("oge", b.intrinsic("fabs", quotient), number(2.0 ** (24 if x.element == "float" else 53), x.type))
    name = f"clew.frem.{x.element}.{x.lanes}"
    x_, y_ = Reg("%x", x.type), Reg("%y", x.type)
    b.module.function(name, x.type, [x_, y_], lambda inner: inner.do(f"ret {inner.binary('frem', x_, y_)}"), "internal")
    return b.rarely(large, [rest], lambda: [b.call(name, x.type, x, y)])[0]


def remainder(b: Block, x: Reg, y: Reg) -> Reg:
    return divided(b, x, y)[1]


def floor_div(b: Block, x: Reg, y: Reg) -> Reg:
    """``floor(x / y)``, by way of the remainder, as NumPy and Python have it."""
    truncated, rest = divided(b, x, y)
    exact = b.fdiv(b.fsub(x, truncated), y)
    less = b.fcmp("une", truncated, rest)  # a multiple of y was added
    exact = b.select(less, b.fsub(exact, number(1, x.type)), exact)
    whole = b.intrinsic("floor", exact)
    short = b.fcmp("ogt", b.fsub(exact, whole), number(0.5, x.type))
    whole = b.select(short, b.fadd(whole, number(1, x.type)), whole)
    quotient = b.fdiv(x, y)
    whole = b.select(b.fcmp("oeq", exact, zero(x)), b.intrinsic("copysign", zero(x), quotient), whole)
    return b.select(b.fcmp("oeq", y, zero(x)), quotient, whole)


def divided(b: Block, x: Reg, y: Reg) -> tuple[Reg, Reg]:
    """The remainder with the sign of ``x``, and that with the sign of ``y``."""
    rest = truncated_remainder(b, x, y)
    other = b.fcmp("olt", b.fmul(b.intrinsic("copysign", number(1, x.type), rest), y), zero(x))
    moved = b.select(other, b.fadd(rest, y), rest)
    return rest, b.select(b.fcmp("oeq", rest, zero(x)), b.intrinsic("copysign", zero(x), y), moved)


def next_after(b: Block, x: Reg, y: Reg, dtype: np.dtype) -> Reg:
    """The number of the dtype that follows ``x`` in the direction of ``y``: its bits, read as an integer, plus or minus one."""
    stored = to_memory(b, x, dtype)
    bits = b.bitcast(stored, f"i{BITS[stored.element]}")
    outward = b.icmp("eq", b.fcmp("ogt", y, x), b.fcmp("ogt", x, zero(x)))
    moved = b.add(bits, b.select(outward, number(1, bits.type), number(-1, bits.type)))
    minus = b.select(sign_bit(b, y), number(-1 << (BITS[bits.element] - 1), bits.type), zero(bits))
    moved = b.select(b.fcmp("oeq", x, zero(x)), b.bits_or(minus, number(1, bits.type)), moved)
    result = from_memory(b, b.bitcast(moved, stored.element), dtype)
    result = b.select(b.fcmp("oeq", x, y), y, result)
    return b.select(b.fcmp("uno", x, y), b.fadd(x, y), result)


FLOAT: dict[str, Written] = {
    **{name: instruction(f"f{name}") for name in ("add", "sub", "mul", "div")},
    **{name: intrinsic(name) for name in ("sqrt", "floor", "ceil", "trunc", "copysign")},
    "neg": Block.fneg,
    "abs": intrinsic("fabs"),
    "round": intrinsic("rint"),
    "maximum": larger("ogt"),
    "minimum": larger("olt"),
    "sign": sign,
    "signbit": sign_bit,
    "isnan": lambda b, x: b.fcmp("uno", x, x),
    "isinf": is_infinite,
    "equal": compared("oeq"),
    "less": compared("olt"),
    "less_equal": compared("ole"),
    "remainder": remainder,
    "floor_div": floor_div,
    "exp": exponential.exp,
    "expm1": exponential.expm1,
    "log": logarithm.log,
    "log1p": logarithm.log1p,
    "log2": logarithm.log2,
    "log10": logarithm.log10,
    "pow": power.pow,
    "sinh": hyperbolic.sinh,
    "cosh": hyperbolic.cosh,
    "tanh": hyperbolic.tanh,
    "asinh": hyperbolic.asinh,
    "acosh": hyperbolic.acosh,
    "atanh": hyperbolic.atanh,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
    "asin": inverse_trigonometric.asin,
    "acos": inverse_trigonometric.acos,
    "atan": inverse_trigonometric.atan,
    "atan2": inverse_trigonometric.atan2,
    "erf": erf,
}

EXACT = frozenset("neg abs sign maximum minimum floor ceil trunc round copysign nextafter".split())  # of halves: halves
LONG = frozenset(  # of floats: many instructions
    (
        *("exp", "expm1", "log", "log1p", "log2", "log10", "pow", "remainder", "floor_div", "erf"),
        *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    )
)
