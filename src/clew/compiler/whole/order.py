"""Numbers as unsigned integers in whose order they stand, and back."""

from __future__ import annotations

from ...ir import FLOATS, NAMES, Dtype
from ..block import BITS, Block, Reg, number

INFINITY = {"bf16": 0x7F80, "f16": 0x7C00, "f32": 0x7F800000, "f64": 0x7FF0000000000000}  # its bits


def ordered(b: Block, bits: Reg, dtype: Dtype, alike: bool) -> Reg:
    """Of a number's bits: NaN last; -0.0 before 0.0, or the two ``alike``."""
    top = number(-1 << (BITS[bits.element] - 1), bits.type)
    if dtype not in FLOATS:
        return b.bits_xor(bits, top) if dtype.kind == "i" else bits
    size = b.bits_and(bits, number((1 << (BITS[bits.element] - 1)) - 1, bits.type))
    negative = b.ashr(bits, number(BITS[bits.element] - 1, bits.type))
    key = b.bits_xor(bits, b.bits_or(negative, top))
    if alike:
        key = b.select(b.icmp("eq", size, number(0, bits.type)), top, key)
    infinity = number(INFINITY[NAMES[dtype]], bits.type)
    return b.select(b.icmp("ugt", size, infinity), number(-1, bits.type), key)


def restored(b: Block, key: Reg, dtype: Dtype) -> Reg:
    """The number's bits."""
    top = number(-1 << (BITS[key.element] - 1), key.type)
    if dtype not in FLOATS:
        return b.bits_xor(key, top) if dtype.kind == "i" else key
    negative = b.bits_xor(b.ashr(key, number(BITS[key.element] - 1, key.type)), number(-1, key.type))
    return b.bits_xor(key, b.bits_or(negative, top))
