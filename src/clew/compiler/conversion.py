"""Numbers of one dtype as those of another: in memory, in registers, and by ``cast``.

In a register a bool is ``i1``, and half precision (f16, bf16) is a ``float`` that has been rounded to that precision.
"""

from __future__ import annotations

import numpy as np

from ..ir import DTYPES, FLOATS
from .block import BITS, Block, Reg, number

BOOL, F16, BF16, F32, F64 = (DTYPES[name] for name in ("bool", "f16", "bf16", "f32", "f64"))
HALVES = frozenset([F16, BF16])
MEMORY = {BOOL: "i8", F16: "half", BF16: "i16", F32: "float", F64: "double"}  # LLVM's bfloat fails on some instructions


def memory_type(dtype: np.dtype) -> str:
    """LLVM's type of a number in memory."""
    return MEMORY.get(dtype) or f"i{8 * dtype.itemsize}"


def register_type(dtype: np.dtype) -> str:
    """LLVM's type of a number in a register."""
    return "i1" if dtype == BOOL else "float" if dtype in HALVES else memory_type(dtype)


def from_memory(b: Block, x: Reg, dtype: np.dtype) -> Reg:
    """What was loaded, as registers hold it."""
    if dtype == BOOL:
        return b.icmp("ne", x, number(0, x.type))
    if dtype == F16:
        define_half(b)
        return b.convert("fpext", x, "float")
    if dtype == BF16:
        bits = b.convert("zext", x, "i32")
        return b.bitcast(b.shl(bits, number(16, bits.type)), "float")
    return x


def to_memory(b: Block, x: Reg, dtype: np.dtype) -> Reg:
    """What a register holds, as it is stored; a float is rounded to half precision."""
    if dtype == BOOL:
        return b.convert("zext", x, "i8")
    if dtype == F16:
        define_half(b)
        return b.convert("fptrunc", x, "half")
    if dtype == BF16:
        bits = b.bitcast(round_half(b, x, dtype), "i32")
        return b.convert("trunc", b.lshr(bits, number(16, bits.type)), "i16")
    return x


def round_half(b: Block, x: Reg, dtype: np.dtype) -> Reg:
    """A float rounded to the precision of f16 or bf16, to the nearest, ties to even; of other dtypes, ``x``."""
    if dtype == F16:
        return from_memory(b, to_memory(b, x, dtype), dtype)
    if dtype != BF16:
        return x
    bits = b.bitcast(x, "i32")  # by hand: the processors' own instruction takes subnormals for 0
    even = b.bits_and(b.lshr(bits, number(16, bits.type)), number(1, bits.type))
    up = b.add(bits, b.add(even, number(0x7FFF, bits.type)))
    nan = b.bits_or(bits, number(1 << 22, bits.type))
    kept = b.select(b.fcmp("uno", x, x), nan, up)
    return b.bitcast(b.bits_and(kept, number(-1 << 16, bits.type)), "float")


def cast(b: Block, x: Reg, source: np.dtype, target: np.dtype) -> Reg:
    """The number in another dtype: a float is truncated on its way to an integer, anything but 0 is True."""
    if source == target:
        return x
    if source in FLOATS:
        return _from_float(b, x, target)
    if target == BOOL:
        return b.icmp("ne", x, number(0, x.type))
    signed = source.kind == "i"
    kind = register_type(target)
    if target in FLOATS:
        return round_half(b, b.convert("sitofp" if signed else "uitofp", x, kind), target)
    more = BITS[kind] - BITS[x.element]
    return b.convert("sext" if signed else "zext", x, kind) if more > 0 else b.convert("trunc", x, kind) if more < 0 else x


def _from_float(b: Block, x: Reg, target: np.dtype) -> Reg:
    if target == BOOL:
        return b.fcmp("une", x, number(0, x.type))
    if target not in FLOATS:
        return integral(b, x, target)
    if target == F64:
        return x if x.element == "double" else b.convert("fpext", x, "double")
    if x.element == "double":
        x = round_to_odd(b, x) if target == F16 else b.convert("fptrunc", x, "float")
    return round_half(b, x, target)


def integral(b: Block, x: Reg, target: np.dtype) -> Reg:
    """A float without its fraction as an integer: the nearest that there is, 0 of NaN."""
    info, signed = np.iinfo(target), target.kind == "i"
    low, high = number(float(info.min), x.type), number(2.0 ** (info.bits - signed), x.type)
    outside = b.bits_or(b.fcmp("ult", x, low), b.fcmp("uge", x, high))  # NaN too
    found = b.convert("fptosi" if signed else "fptoui", b.select(outside, number(0, x.type), x), register_type(target))
    found = b.select(b.fcmp("olt", x, low), number(info.min, found.type), found)
    return b.select(b.fcmp("oge", x, high), number(info.max, found.type), found)


def round_to_odd(b: Block, x: Reg) -> Reg:
    """A double as the float next to it whose last bit says that there was more, so that one more rounding is right.

    Sylvie Boldo and Guillaume Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding
    to odd", IEEE Transactions on Computers 57 (2008), 462-471.
    """
    near = b.convert("fptrunc", x, "float")
    back = b.convert("fpext", near, "double")
    bits = b.bitcast(near, "i32")
    above = b.fcmp("ogt", b.intrinsic("fabs", back), b.intrinsic("fabs", x))
    below = b.add(bits, b.convert("sext", above, "i32"))
    more = b.convert("zext", b.fcmp("one", back, x), "i32")
    return b.bitcast(b.bits_or(below, more), "float")


def define_half(b: Block) -> None:
    """The conversions of f16 that LLVM calls by these names where the processor has none."""
    x = Reg("%x", "float")
    b.module.function("__truncsfhf2", "half", [x], lambda inner: inner.do(f"ret {_narrow(inner, x)}"), "weak")
    h = Reg("%x", "half")
    b.module.function("__extendhfsf2", "float", [h], lambda inner: inner.do(f"ret {_widen(inner, h)}"), "weak")


def _widen(b: Block, x: Reg) -> Reg:
    """An f16's digits in a float's place; the product with a power of 2 sets the exponent right, of subnormals too."""
    bits = b.convert("zext", b.bitcast(x, "i16"), "i32")
    digits = b.shl(b.bits_and(bits, number(0x7FFF, "i32")), number(13, "i32"))
    finite = b.bitcast(b.fmul(b.bitcast(digits, "float"), number(2.0**112, "float")), "i32")
    special = b.bits_or(digits, number(0x7F800000, "i32"))
    size = b.select(b.icmp("ult", digits, number(0x0F800000, "i32")), finite, special)
    sign = b.shl(b.bits_and(bits, number(0x8000, "i32")), number(16, "i32"))
    return b.bitcast(b.bits_or(size, sign), "float")


def _narrow(b: Block, x: Reg) -> Reg:
    """A float's leading digits as an f16, rounded by an addition: the sum's last digit is the f16's."""
    bits = b.bitcast(x, "i32")
    sign = b.bits_and(bits, number(-1 << 31, "i32"))
    digits = b.bits_xor(bits, sign)
    size = b.bitcast(digits, "float")
    tiny = b.bitcast(b.fadd(size, number(0.5, "float")), "i32")  # its last digit is 2**-24
    subnormal = b.sub(tiny, number(0x3F000000, "i32"))
    even = b.bits_and(b.lshr(digits, number(13, "i32")), number(1, "i32"))
    up = b.add(digits, b.add(even, number(0xFFF - (112 << 23), "i32")))
    normal = b.lshr(up, number(13, "i32"))
    finite = b.select(b.fcmp("olt", size, number(2.0**-14, "float")), subnormal, normal)
    special = b.select(b.fcmp("uno", x, x), number(0x7E00, "i32"), number(0x7C00, "i32"))
    known = b.select(b.fcmp("olt", size, number(65520.0, "float")), finite, special)
    half = b.bits_or(known, b.lshr(sign, number(16, "i32")))
    return b.bitcast(b.convert("trunc", half, "i16"), "half")
