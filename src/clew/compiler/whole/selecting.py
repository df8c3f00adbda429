"""The first few of a long row: it is gone through once, and what can be among them is kept, and sorted now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..block import BITS, Reg, number
from .native import I64, least, whole

if TYPE_CHECKING:
    from .sorting import Row


class Selection:
    """Writes the search for the least words of a row, which come to stand in order where ``one`` begins.

    Memory begins with the least words so far, in order; words less than the last of them follow, in the order of the row.
    """

    def __init__(self, row: Row) -> None:
        self.row, self.b, self.r = row, row.b, row.r
        self.lanes = row.lanes if row.wide else 0
        self.unit = row.kind if row.r.word <= 8 else I64  # what is compared: of words of two parts, the key
        self.size = BITS[self.unit] // 8
        self.kept, self.limit = self.b.slot(I64), self.b.slot(self.unit)

    def write(self) -> None:
        b, r = self.b, self.r
        b.store(whole(0), self.kept, 8)
        b.store(number(-1, self.unit), self.limit, self.size)
        whole_ones = r.length - r.length % max(1, self.lanes)
        if whole_ones < r.length:
            with b.loop(whole(whole_ones), whole(r.length)) as loop:
                self.keep(loop.i, 0, number(1, "i1"))
        turns = -(-whole_ones // r.stretch)
        with b.loop(whole(0), whole(turns)) as turn:
            first, last = (b.icmp("eq", turn.i, whole(k)) for k in (0, turns - 1))
            start = b.mul(turn.i, whole(r.stretch))
            end = least(b, b.add(start, whole(r.stretch)), whole(whole_ones))
            with b.loop(start, end, step=max(1, self.lanes)) as loop:
                self.keep(loop.i, self.lanes, first)
            room = whole(r.taken + r.stretch - max(1, self.lanes))  # for another stretch, and the vector after it
            many = b.icmp("sgt", b.load(self.kept, I64, 8), room)
            with b.when(b.bits_or(many, b.bits_or(first, last))):
                self.sort()

    def keep(self, i: Reg, lanes: int, always: Reg) -> None:
        """Keep the words from ``i`` on that are less than the last one wanted so far, or ``always``."""
        b, row = self.b, self.row
        word, limit = row.words(i, lanes), b.load(self.limit, self.unit, self.size)
        if lanes:
            limit, always = b.splat(limit, lanes), b.splat(always, lanes)
        found = b.bits_or(b.icmp("ult", word, limit), always)
        with b.when(b.some(found)):
            place = b.load(self.kept, I64, 8)
            for k in range(max(1, lanes)):
                one, yes = (b.put(f"extractelement {x}, i64 {k}", x.element) if lanes else x for x in (word, found))
                row.put(place, b.add(i, whole(k)) if k else i, one)
                place = b.add(place, b.convert("zext", yes, I64))
            b.store(place, self.kept, 8)

    def sort(self) -> None:
        """Sort what is kept, and keep what is wanted of it."""
        b, r, one = self.b, self.r, self.row.one
        kept, size = b.load(self.kept, I64, 8), whole(r.word)
        rest = b.mul(b.sub(whole(r.row // r.word), kept), size)
        b.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        b.do(f"call void @llvm.memset.p0.i64({b.gep(one, b.mul(kept, size), 'i8')}, i8 -1, {rest}, i1 false)")
        sorted = self.row.in_order()
        if sorted is not one:
            b.module.declare("declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
            b.do(f"call void @llvm.memmove.p0.p0.i64({one}, {sorted}, i64 {r.taken * r.word}, i1 false)")
        last = b.gep(one, whole(r.taken * r.word - self.size), "i8")
        b.store(b.load(last, self.unit, self.size), self.limit, self.size)
        b.store(whole(r.taken), self.kept, 8)
