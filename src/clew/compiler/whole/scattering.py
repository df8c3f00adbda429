"""Adding up at positions that are data.

The target's axes are: leading ones that run with the indices (``paired``) or are not indexed, each of whose positions has a
block of memory of its own; the indexed ones and those between; and the ``tail``, neighbours that are written together. The
updates of a block are added in order. A task has blocks of its own, or parts of the tail of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from ...ir import Value
from ...ops.broadcast import accumulator
from ...ops.indexing import ScatterAdd
from ..block import Block, Reg, number, vector
from ..conversion import HALVES, from_memory, memory_type, register_type, to_memory
from ..folding import combine
from .native import Native, along, clear, share, span, whole

PARTS = 16  # of the tail, at most
LEAST = 512  # bytes of a part of the tail, at least


@dataclass(frozen=True)
class Walk:
    """The sizes of what is walked through, and the steps in the target."""

    paired: int  # positions of the paired axes
    leading: int  # of the axes before the first indexed one that are not paired
    indices: int  # of the indices' own axes
    between: list[tuple[int, int]]  # size and step of the axes between indexed ones that are not indexed
    tail: int  # neighbours after the last indexed axis
    parts: int  # of the tail that tasks are made of
    indexed: list[tuple[int, int]]  # size and step of the indexed axes, in the order of the arrays of indices
    block: int  # elements of the target that one leading position has

    @property
    def units(self) -> int:
        return self.paired * self.leading * self.parts


def walk(v: Value) -> Walk:
    op = v.op
    assert isinstance(op, ScatterAdd)
    shape, first, last = op.shape, min(op.axes), max(op.axes)
    steps = [prod(shape[a + 1 :]) for a in range(len(shape))]
    paired, leading, tail = prod(shape[: op.paired]), prod(shape[op.paired : first]), prod(shape[last + 1 :])
    return Walk(
        paired,
        leading,
        prod(v.operands[1].shape[op.paired :]),
        [(shape[a], steps[a]) for a in range(first, last) if a not in op.axes],
        tail,
        parts(tail, paired * leading, v.dtype.itemsize),
        [(shape[a], steps[a]) for a in op.axes],
        prod(shape[first:]),
    )


def parts(tail: int, blocks: int, itemsize: int) -> int:
    """In how many equal parts the tail is cut: few where there are many blocks."""
    most = min(PARTS // max(1, blocks), tail * itemsize // LEAST)
    return next((n for n in range(most, 1, -1) if tail % n == 0), 1)


class Scatter(Native):
    """Zeros and what is added to them; half precision in float, in memory of its own, until it is complete."""

    def tasks(self, v: Value) -> int:
        return share(walk(v).units)[0] if v.type.size else 0

    def cycles(self, v: Value) -> float:
        w, updates = walk(v), v.operands[0].type
        rows = updates.size // max(1, w.tail)
        return v.type.nbytes / 32 + 6 * rows + updates.nbytes / 24 + w.units * 8

    def scratch(self, v: Value) -> int:
        return v.type.size * 4 if v.dtype in HALVES else 0

    def write(
        self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, scratch: Reg, begin: Reg, end: Reg, bits: int
    ) -> None:
        w, wide = walk(v), accumulator(v.dtype)
        target = scratch if v.dtype in HALVES else result
        lanes = bits // (8 * wide.itemsize)
        low, high = span(b, begin, end, w.units, share(w.units)[1])
        kind = memory_type(wide)

        def zeros(at: Reg, count: Reg) -> None:
            clear(b, b.gep(target, at, kind), b.mul(count, whole(wide.itemsize)))

        stretches(b, w, low, high, zeros)
        if w.indices:
            with b.loop(low, high) as loop:
                unit(b, v, w, operands, target, loop.i, lanes)
        if v.dtype in HALVES:

            def narrow(at: Reg, lanes: int) -> None:
                x = b.load(b.gep(scratch, at, "float"), vector("float", lanes), 4)
                b.store(to_memory(b, x, v.dtype), b.gep(result, at, memory_type(v.dtype)), 2)

            def convert(at: Reg, count: Reg) -> None:
                full = b.sub(count, b.binary("urem", count, whole(lanes)))
                with b.loop(whole(0), full, step=lanes, empty=True) as loop:
                    narrow(b.add(at, loop.i), lanes)
                with b.loop(full, count, empty=True) as loop:
                    narrow(b.add(at, loop.i), 0)

            stretches(b, w, low, high, convert)


def stretches(b: Block, w: Walk, low: Reg, high: Reg, write: Callable[[Reg, Reg], None]) -> None:
    """``write(start, count)`` for the memory of the target that units ``low`` to ``high`` own."""
    if w.parts == 1:
        write(b.mul(low, whole(w.block)), b.mul(b.sub(high, low), whole(w.block)))
        return
    size = w.tail // w.parts
    with b.loop(low, high) as loop:
        block, part = divided(b, loop.i, w.parts)
        start = b.add(b.mul(block, whole(w.block)), b.mul(part, whole(size)))
        with b.loop(whole(0), whole(w.block), step=w.tail) as row:
            write(b.add(start, row.i), whole(size))


def unit(b: Block, v: Value, w: Walk, operands: Sequence[Reg], target: Reg, u: Reg, lanes: int) -> None:
    """Add all updates of one block, or of a part of its tail."""
    block, part = divided(b, u, w.parts)
    pair, lead = divided(b, block, w.leading)
    size = w.tail // w.parts
    offset = b.mul(part, whole(size))
    start = b.add(b.mul(block, whole(w.block)), offset)
    inner = prod(n for n, _ in w.between)
    before = b.mul(pair, whole(w.indices))
    with b.loop(whole(0), whole(w.indices)) as loop:
        j = b.add(before, loop.i)
        inside, place = located(b, v, w, operands[1:], j)
        with b.when(inside):
            into = b.add(start, place)
            source = b.mul(b.add(b.mul(j, whole(w.leading)), lead), whole(inner * w.tail))
            across(b, v, w.between, operands[0], target, b.add(source, offset), into, w.tail, size, lanes)


def located(b: Block, v: Value, w: Walk, indices: Sequence[Reg], j: Reg) -> tuple[Reg, Reg]:
    """Whether all indices at ``j`` lie within their axes, and how far they lead into the block."""
    inside, place = number(1, "i1"), whole(0)
    for base, (size, step), x in zip(indices, w.indexed, v.operands[1:], strict=True):
        kind = memory_type(x.dtype)
        index = b.load(b.gep(base, j, kind), kind, x.dtype.itemsize)
        if x.dtype.itemsize < 8:
            index = b.convert("sext" if x.dtype.kind == "i" else "zext", index, "i64")
        inside = b.bits_and(inside, b.icmp("ult", index, whole(size)))  # a negative one is a large one
        place = b.add(place, b.mul(index, whole(step)))
    return inside, place


def across(
    b: Block,
    v: Value,
    axes: list[tuple[int, int]],
    updates: Reg,
    target: Reg,
    source: Reg,
    into: Reg,
    tail: int,
    size: int,
    lanes: int,
) -> None:
    """Add the updates at ``source``, along ``axes`` and then the tail."""
    if axes:
        (n, step), *rest = axes
        each = tail * prod(n for n, _ in rest)
        with b.loop(whole(0), whole(n)) as loop:
            at, to = b.add(source, b.mul(loop.i, whole(each))), b.add(into, b.mul(loop.i, whole(step)))
            across(b, v, rest, updates, target, at, to, tail, size, lanes)
        return
    dtype, wide = v.dtype, accumulator(v.dtype)

    def add(k: Reg, lanes: int) -> None:
        address = b.gep(target, b.add(into, k), memory_type(wide))
        kind = memory_type(dtype)
        x = from_memory(b, b.load(b.gep(updates, b.add(source, k), kind), vector(kind, lanes), dtype.itemsize), dtype)
        old = b.load(address, vector(register_type(wide), lanes), wide.itemsize)
        b.store(combine(b, "add", wide, old, x), address, wide.itemsize)

    along(b, size, lanes, add)


def divided(b: Block, x: Reg, n: int) -> tuple[Reg, Reg]:
    """Quotient and remainder."""
    if n == 1:
        return x, whole(0)
    return b.binary("udiv", x, whole(n)), b.binary("urem", x, whole(n))
