"""Sorting rows: each number becomes an unsigned integer in whose order it stands, and the integers are sorted.

Where positions are wanted, a word has the key in its upper half and the position in its lower one: words in order are
positions in order, those of equal keys too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from ...ir import Op, Value
from ...ops.sorting import ArgSort, Ordering, Sort
from ..block import BITS, Block, Reg, number, vector
from .counting import rank
from .digits import Digits, table_bytes
from .native import I64, Native, along, share, span, whole
from .network import Network
from .order import ordered, restored
from .selecting import Selection

ROWS = 16  # tasks at most: each has scratch memory for one row
NETWORK = 32768  # elements of a row up to which a network is faster than digits; positions fit 16 bits
SHORT = 256  # elements of a row up to which counting is
STRETCH = 64  # elements of a row that are gone through at once, at least, where few of them are wanted


@dataclass(frozen=True)
class Rows:
    """Of an operand: the sorted axis's length and step, how many rows there are, how a key is held, and what sorts."""

    length: int
    step: int
    count: int
    taken: int  # how many of a row are wanted
    key: str
    places: bool  # whether positions are wanted
    method: str  # network, counting or digits
    stretch: int  # elements that are gone through at once, to find those that are wanted; 0: all are sorted

    @property
    def paired(self) -> bool:
        """Whether words have a position."""
        return self.places and self.method != "counting"

    @property
    def word(self) -> int:
        """Bytes of what is moved."""
        return BITS[self.key] // 8 * (2 if self.paired else 1)

    @property
    def sorted(self) -> int:
        """Words that are sorted at once: the row's, or those wanted so far and those kept of two stretches."""
        return self.taken + 2 * self.stretch if self.stretch else self.length

    @property
    def row(self) -> int:
        """Bytes of them in scratch memory: whole vectors."""
        return -(-self.sorted * self.word // 64) * 64

    @property
    def scratch(self) -> int:
        """Bytes for one task."""
        return {"network": self.row, "counting": 2 * self.row, "digits": 2 * self.row + table_bytes(self.key)}[self.method]

    @property
    def cycles(self) -> float:
        """Of one element, about."""
        if self.stretch:
            return 3.0
        depth = self.length.bit_length()
        estimate = {"network": 4 + depth * depth * self.word / 64, "counting": 6 + self.length / 3}
        return estimate.get(self.method, BITS[self.key] / 2)


def rows(v: Value) -> Rows:
    assert isinstance(v.op, Ordering)
    x, axis = v.operands[0].type, v.op.axis
    n, size, places, taken = x.shape[axis], x.dtype.itemsize, isinstance(v.op, ArgSort), v.op.taken(x)
    stretch = -(-max(STRETCH, taken) // 64) * 64
    if n < 2 * (taken + 2 * stretch):
        stretch = 0
    if places and stretch:
        size = max(size, 4)  # positions of long rows
    at_once = taken + 2 * stretch if stretch else n
    if at_once <= NETWORK and (not places or size <= 4):
        method, size = "network", max(size, 2) if places else size
    elif n <= SHORT:
        method = "counting"
    else:
        method, size = "digits", max(size, 4) if places else size
    return Rows(n, prod(x.shape[axis + 1 :]), x.size // max(1, n), taken, f"i{8 * size}", places, method, stretch)


class Sorting(Native):
    """``Sort`` and ``ArgSort``: of equal elements the first comes first, wanted or not."""

    def tasks(self, v: Value) -> int:
        return share(rows(v).count, ROWS)[0] if v.type.size else 0

    def cycles(self, v: Value) -> float:
        r = rows(v)
        return r.count * (r.length * r.cycles + 30)

    def scratch(self, v: Value) -> int:
        return self.tasks(v) * rows(v).scratch

    def write(
        self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, scratch: Reg, begin: Reg, end: Reg, bits: int
    ) -> None:
        r = rows(v)
        each = share(r.count, ROWS)[1]
        with b.loop(begin, end) as task:
            mine = b.gep(scratch, b.mul(task.i, whole(r.scratch)), "i8")
            low, high = span(b, task.i, b.add(task.i, whole(1)), r.count, each)
            with b.loop(low, high) as loop:
                starts = begins(b, loop.i, r.step, r.length), begins(b, loop.i, r.step, r.taken)
                Row(b, v, r, operands[0], result, mine, *starts, bits).write()


def begins(b: Block, u: Reg, step: int, length: int) -> Reg:
    """Where row ``u`` begins, of rows of this length."""
    if step == 1:
        return b.mul(u, whole(length))
    outer, inner = b.binary("udiv", u, whole(step)), b.binary("urem", u, whole(step))
    return b.add(b.mul(outer, whole(step * length)), inner)


class Row:
    """Writes the sorting of the row that begins at ``start``; the result's begins at ``to``."""

    def __init__(self, b: Block, v: Value, r: Rows, x: Reg, y: Reg, scratch: Reg, start: Reg, to: Reg, bits: int) -> None:
        assert isinstance(v.op, Ordering)
        self.b, self.r, self.x, self.y, self.start, self.to = b, r, x, y, start, to
        self.dtype, self.descending = v.operands[0].dtype, v.op.descending
        self.element = f"i{8 * self.dtype.itemsize}"
        self.kind = f"i{8 * r.word}"  # of a word
        self.lanes = max(2, min(bits // (8 * r.word), 1 << (r.sorted - 1).bit_length()))
        self.one, self.two, self.table = (b.gep(scratch, whole(k * r.row), "i8") for k in range(3))

    def write(self) -> None:
        b, r = self.b, self.r
        if r.stretch:
            Selection(self).write()
            self.each(r.taken, lambda i, lanes: self.empty(self.one, i, lanes))
            return
        if r.method == "network":  # the last vector is filled up with the largest
            last = whole((r.length - 1) // self.lanes * self.lanes)
            b.store(number(-1, vector(self.kind, self.lanes)), b.gep(self.one, last, self.kind), r.word)
        self.each(r.length, self.fill)
        if r.method == "counting":
            rank(b, self.one, self.two, r.length, self.lanes)
            with b.loop(whole(0), whole(r.length)) as loop:
                place = b.load(b.gep(self.two, loop.i, I64), I64, 8)
                with b.when(b.icmp("slt", place, whole(r.taken))):
                    b.store(loop.i, b.gep(self.y, self.at(self.to, place), I64), 8)
            return
        sorted = self.in_order()
        self.each(r.taken, lambda i, lanes: self.empty(sorted, i, lanes))

    def in_order(self) -> Reg:
        """Where the words are when they are sorted."""
        b, r = self.b, self.r
        if r.method == "network":
            Network(b, self.one, self.kind, r.sorted, self.lanes).write()
            return self.one
        return Digits(b, self.one, self.two, self.table, r.key, r.word, r.sorted).write()

    def at(self, start: Reg, i: Reg) -> Reg:
        """Where element ``i`` of the row that begins there stands in its array."""
        b = self.b
        return b.add(start, i if self.r.step == 1 else b.mul(i, whole(self.r.step)))

    @property
    def wide(self) -> bool:
        """Whether elements are neighbours, and words are such that vectors hold them."""
        return self.r.step == 1 and self.r.word <= 8

    def each(self, count: int, write: Callable[[Reg, int], None]) -> None:
        """The first elements of the row, as vectors where they are neighbours."""
        if self.wide:
            along(self.b, count, self.lanes, write)
        else:
            with self.b.loop(whole(0), whole(count)) as loop:
                write(loop.i, 0)

    def fill(self, i: Reg, lanes: int) -> None:
        """The words of the elements from ``i`` on, in their places."""
        self.put(i, i, self.words(i, lanes))

    def put(self, place: Reg, i: Reg, word: Reg) -> None:
        """A word, or several, in memory; of two parts, the first is the position ``i``."""
        b, r = self.b, self.r
        if r.word > 8:
            address = b.gep(self.one, b.shl(place, whole(1)), I64)
            b.store(i, address, 8)
            b.store(word, b.gep(address, whole(1), I64), 8)
        else:
            b.store(word, b.gep(self.one, place, self.kind), r.word)

    def words(self, i: Reg, lanes: int) -> Reg:
        """The words of the elements from ``i`` on; of those that have two parts, the keys."""
        b, r = self.b, self.r
        bits = b.load(b.gep(self.x, self.at(self.start, i), self.element), vector(self.element, lanes), self.dtype.itemsize)
        key = ordered(b, bits, self.dtype, r.places)
        if self.descending:
            key = b.bits_xor(key, number(-1, key.type))
        if r.word > 8:
            return key
        if BITS[self.kind] > BITS[self.element]:
            key = b.convert("zext", key, self.kind)
        if r.paired:
            first = i if self.kind == I64 else b.convert("trunc", i, self.kind)
            key = b.shl(key, number(BITS[r.key], key.type))
            key = b.bits_or(key, b.lanes_from(first, lanes) if lanes else first)
        return key

    def empty(self, source: Reg, i: Reg, lanes: int) -> None:
        """The results from ``i`` on, of sorted words."""
        b, r = self.b, self.r
        if r.word > 8:
            b.store(b.load(b.gep(source, b.shl(i, whole(1)), I64), I64, 8), b.gep(self.y, self.at(self.to, i), I64), 8)
            return
        word = b.load(b.gep(source, i, self.kind), vector(self.kind, lanes), r.word)
        if r.paired:
            place = b.bits_and(word, number((1 << BITS[r.key]) - 1, word.type))
            if self.kind != I64:
                place = b.convert("zext", place, I64)
            b.store(place, b.gep(self.y, self.at(self.to, i), I64), 8)
            return
        if self.descending:
            word = b.bits_xor(word, number(-1, word.type))
        b.store(restored(b, word, self.dtype), b.gep(self.y, self.at(self.to, i), self.element), self.dtype.itemsize)


SORTING: dict[type[Op], Native] = {Sort: Sorting(), ArgSort: Sorting()}
