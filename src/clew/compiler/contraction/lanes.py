"""Vectors in and out of strided memory."""

from __future__ import annotations

from clew.compiler.block import BITS, Block, Reg, element, lanes, mangle, number, vector

CLOSE = 4  # a stride up to this is loaded whole and shuffled


def first(count: int, width: int) -> Reg | None:
    """The mask of the first ``count`` lanes; None where that is all of them."""
    if count >= width:
        return None
    return Reg("<" + ", ".join(f"i1 {int(k < count)}" for k in range(width)) + ">", vector("i1", width))


def counted(b: Block, count: Reg, width: int) -> Reg:
    """The mask of the first lanes, of which it is known at run time only how many they are."""
    return b.icmp("slt", b.lanes_from(number(0, "i64"), width), b.splat(count, width))


def at(b: Block, base: Reg, offset: int, kind: str) -> Reg:
    """The address a constant number of elements on."""
    return b.gep(base, number(offset, "i64"), kind) if offset else base


def take(b: Block, base: Reg, offset: int, stride: int, count: int, type: str) -> Reg:
    """``count`` elements at ``base[offset + k * stride]``; further lanes are 0, but with a stride of 0, where all are the one
    element. A scalar type takes one."""
    kind = element(type)
    align = BITS[kind] // 8
    width = lanes(type)
    if not width or not stride:
        one = b.load(at(b, base, offset, kind), kind, align)
        return b.splat(one, width) if width else one
    mask = first(count, width)
    if stride == 1:
        address = at(b, base, offset, kind)
        return b.masked_load(address, mask, number(0.0, type), align) if mask else b.load(address, type, align)
    if abs(stride) <= CLOSE:
        return _close(b, base, offset, stride, count, type)
    places, chosen = _places(b, base, offset, stride, width, kind), mask or Reg("splat (i1 true)", vector("i1", width))
    name = f"llvm.masked.gather.{mangle(type)}.v{width}p0"
    b.module.declare(f"declare {type} @{name}({places.type}, {chosen.type}, {type})")
    return b.put(f"call {type} @{name}({places.type} align {align} {places.text}, {chosen}, {number(0.0, type)})", type)


def _close(b: Block, base: Reg, offset: int, stride: int, count: int, type: str) -> Reg:
    """Elements a few apart, or backwards: all that lies between is loaded, and shuffled together."""
    width = lanes(type)
    low = offset + min(0, (count - 1) * stride)
    span = (count - 1) * abs(stride) + 1
    places = [(k if stride > 0 else count - 1 - k) * abs(stride) for k in range(count)] + [0] * (width - count)
    x = take(b, base, low, 1, min(span, width), type)
    x = b.shuffle(x, x, [p % width for p in places])
    for start in range(width, span, width):
        more = take(b, base, low + start, 1, min(span - start, width), type)
        x = b.shuffle(x, more, [width + p - start if start <= p < start + width else k for k, p in enumerate(places)])
    mask = first(count, width)
    return b.select(mask, x, number(0.0, type)) if mask else x


def _places(b: Block, base: Reg, offset: int, stride: int, width: int, kind: str) -> Reg:
    """A vector of addresses."""
    steps = Reg("<" + ", ".join(f"i64 {offset + k * stride}" for k in range(width)) + ">", vector("i64", width))
    return b.put(f"getelementptr {kind}, ptr {base.text}, {steps}", vector("ptr", width))


def put(b: Block, x: Reg, base: Reg, offset: int, stride: int, mask: Reg | None) -> None:
    """Store the lanes of the mask at ``base[offset + k * stride]``."""
    kind = x.element
    align = BITS[kind] // 8
    if not x.lanes:
        b.store(x, at(b, base, offset, kind), align)
    elif stride == 1:
        address = at(b, base, offset, kind)
        if mask:
            b.masked_store(x, address, mask, align)
        else:
            b.store(x, address, align)
    else:
        places, chosen = _places(b, base, offset, stride, x.lanes, kind), mask or Reg("splat (i1 true)", vector("i1", x.lanes))
        name = f"llvm.masked.scatter.{mangle(x.type)}.v{x.lanes}p0"
        b.module.declare(f"declare void @{name}({x.type}, {places.type}, {chosen.type})")
        b.do(f"call void @{name}({x}, {places.type} align {align} {places.text}, {chosen})")


def plain(b: Block, address: Reg) -> Reg:
    """The same address, by an empty instruction that LLVM does not look into.

    It then keeps constant offsets in the loads' own fields and searches for no cheaper induction variables, which is most of
    the time of compiling a register block; nor does it keep what one step loaded for another, which costs the accumulators
    their registers.
    """
    return b.put(f'call ptr asm "", "=r,0"({address})', "ptr")
