"""Sorting rows: each number becomes an unsigned integer in whose order it stands, and the integers are sorted.

Long rows are sorted digit by digit, the last one first (H. H. Seward, "Information sorting in the application of electronic
digital computers to business operations", MIT Digital Computer Laboratory report R-232, 1954); in short rows each element
counts those that go before it. Both keep equal elements in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from ...ir import FLOATS, Dtype, Op, Value
from ...ir.types import NAMES
from ...ops.sorting import ArgSort, Sort
from ..block import BITS, Block, Reg, number, vector
from .native import Native, along, clear, least, share, span, whole

ROWS = 16  # tasks at most: each has scratch memory for one row
DIGIT = 8  # bits
SHORT = 128  # elements of a row in which counting is faster; positions fit 8 bits
EXPONENT = {"bf16": 0x7F80, "f16": 0x7C00, "f32": 0x7F800000, "f64": 0x7FF0000000000000}  # infinity's bits


@dataclass(frozen=True)
class Rows:
    """Of an operand: the sorted axis's length and step, how many rows there are, and how their elements are held."""

    length: int
    step: int
    count: int
    key: str
    paired: bool  # whether each key is followed by its position

    @property
    def width(self) -> int:
        """Bytes of a key."""
        return BITS[self.key] // 8

    @property
    def word(self) -> int:
        """Bytes of what is moved."""
        return self.width * (2 if self.paired else 1)

    @property
    def digits(self) -> int:
        return -(-BITS[self.key] // DIGIT)

    @property
    def short(self) -> bool:
        return self.length <= SHORT

    @property
    def row(self) -> int:
        """Bytes of a row in scratch memory, with room for whole vectors."""
        return -(-self.length * self.word // 64) * 64

    @property
    def scratch(self) -> int:
        """Bytes for one task: two rows, and the counts or ranks."""
        return 2 * self.row + (0 if self.short else self.digits * 4 << DIGIT)


def rows(v: Value) -> Rows:
    assert isinstance(v.op, Sort | ArgSort)
    x, axis = v.operands[0].type, v.op.axis
    n = x.shape[axis]
    paired = isinstance(v.op, ArgSort) and n > SHORT
    key = f"i{8 * max(x.dtype.itemsize, 4 if paired else 1)}"
    return Rows(n, prod(x.shape[axis + 1 :]), x.size // max(1, n), key, paired)


class Sorting(Native):
    """``Sort`` and ``ArgSort``: of equal elements the first comes first, wanted or not."""

    def tasks(self, v: Value) -> int:
        return share(rows(v).count, ROWS)[0] if v.type.size else 0

    def cycles(self, v: Value) -> float:
        r = rows(v)
        return v.type.size * (6 + r.length * r.width / 24 if r.short else 4 * r.digits) + r.count * 30

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
                row = Row(b, v, r, operands[0], result, mine, begins(b, loop.i, r), bits)
                row.keys()
                row.by_counting() if r.short else row.by_digits()


def begins(b: Block, u: Reg, r: Rows) -> Reg:
    """Where row ``u`` begins."""
    if r.step == 1:
        return b.mul(u, whole(r.length))
    outer, inner = b.binary("udiv", u, whole(r.step)), b.binary("urem", u, whole(r.step))
    return b.add(b.mul(outer, whole(r.step * r.length)), inner)


class Row:
    """Writes the sorting of the row that begins at ``start``."""

    def __init__(self, b: Block, v: Value, r: Rows, x: Reg, y: Reg, scratch: Reg, start: Reg, bits: int) -> None:
        self.b, self.r, self.x, self.y, self.start = b, r, x, y, start
        self.dtype, self.op = v.operands[0].dtype, v.op
        self.places = isinstance(v.op, ArgSort)
        self.descending: bool = v.op.descending  # type: ignore[union-attr]
        self.lanes = bits // BITS[r.key]
        self.one, self.two, self.table = (b.gep(scratch, whole(k * r.row), "i8") for k in range(3))
        self.element = f"i{8 * self.dtype.itemsize}"

    def at(self, i: Reg) -> Reg:
        """Where element ``i`` of the row stands in the array."""
        b = self.b
        return b.add(self.start, i if self.r.step == 1 else b.mul(i, whole(self.r.step)))

    def keys(self) -> None:
        """Fill the first row of scratch memory."""
        b, r = self.b, self.r

        def one(i: Reg, lanes: int) -> None:
            bits = b.load(b.gep(self.x, self.at(i), self.element), vector(self.element, lanes), self.dtype.itemsize)
            key = ordered(b, bits, self.dtype, self.places)
            if self.descending:
                key = b.bits_xor(key, number(-1, key.type))
            if BITS[r.key] > BITS[self.element]:
                key = b.convert("zext", key, r.key)
            address = b.gep(self.one, i, f"[{r.word} x i8]")
            b.store(key, address, r.width)
            if r.paired:
                b.store(b.convert("trunc", i, "i32"), b.gep(address, whole(r.width), "i8"), 4)

        if r.step == 1 and not r.paired:
            along(b, r.length, self.lanes, one)
        else:
            with b.loop(whole(0), whole(r.length)) as loop:
                one(loop.i, 0)

    def by_counting(self) -> None:
        """An element goes where as many have gone as there are before it."""
        b, r = self.b, self.r
        with b.loop(whole(0), whole(r.length), step=self.lanes) as block:
            end = least(b, b.add(block.i, whole(self.lanes)), whole(r.length))
            mine = b.load(b.gep(self.one, block.i, r.key), vector(r.key, self.lanes), r.width)
            own = b.lanes_from(self.narrow(block.i), self.lanes)

            def before(other: Reg, j: Reg) -> Reg:
                equal = b.bits_and(b.icmp("eq", other, mine), b.icmp("ult", b.splat(j, self.lanes), own))
                return b.bits_or(b.icmp("ult", other, mine), equal)

            rank = self.counted(number(0, mine.type), whole(0), block.i, lambda other, j: b.icmp("ule", other, mine))
            rank = self.counted(rank, block.i, end, before)
            rank = self.counted(rank, end, whole(r.length), lambda other, j: b.icmp("ult", other, mine))
            b.store(rank, b.gep(self.two, block.i, r.key), r.width)
        with b.loop(whole(0), whole(r.length)) as each:
            rank = b.load(b.gep(self.two, each.i, r.key), r.key, r.width)
            to = self.at(rank if r.key == "i64" else b.convert("zext", rank, "i64"))
            if self.places:
                b.store(each.i, b.gep(self.y, to, "i64"), 8)
            else:
                x = b.load(b.gep(self.x, self.at(each.i), self.element), self.element, self.dtype.itemsize)
                b.store(x, b.gep(self.y, to, self.element), self.dtype.itemsize)

    def narrow(self, i: Reg) -> Reg:
        """A position in as many bits as a key."""
        return i if self.r.key == "i64" else self.b.convert("trunc", i, self.r.key)

    def counted(self, rank: Reg, first: Reg, last: Reg, before: Callable[[Reg, Reg], Reg]) -> Reg:
        """``rank``, and one more for each key ``first`` to ``last`` that is ``before``."""
        b, r = self.b, self.r
        with b.loop(first, last, carried=[rank], empty=True) as loop:
            other = b.splat(b.load(b.gep(self.one, loop.i, r.key), r.key, r.width), self.lanes)
            more = b.add(loop.carried[0], number(1, rank.type))
            loop.next = [b.select(before(other, self.narrow(loop.i)), more, loop.carried[0])]
        return loop.results[0]

    def by_digits(self) -> None:
        """Move the words back and forth, by one digit after the other; not by one that all keys share."""
        b, r = self.b, self.r
        self.count()
        first = b.load(self.one, r.key, r.width)
        with b.loop(whole(0), whole(r.digits), carried=[self.one, self.two]) as loop:
            source, target = loop.carried
            table = b.gep(self.table, loop.i, f"[{1 << DIGIT} x i32]")
            shift = b.mul(loop.i, whole(DIGIT))
            most = b.load(b.gep(table, self.digit(first, shift), "i32"), "i32", 4)
            needed = b.icmp("ne", most, number(r.length, "i32"))
            with b.when(needed):
                self.add_up(table)
                self.move(source, target, table, shift)
            loop.next = [b.select(needed, target, source), b.select(needed, source, target)]
        self.unpack(loop.results[0])

    def digit(self, key: Reg, shift: Reg) -> Reg:
        """A digit of a key, as an index."""
        b = self.b
        if key.type != "i64":
            key = b.convert("zext", key, "i64")
        return b.bits_and(b.lshr(key, shift), whole((1 << DIGIT) - 1))

    def count(self) -> None:
        """How often each digit has each value, for all digits at once."""
        b, r = self.b, self.r
        clear(b, self.table, whole(r.digits * 4 << DIGIT))
        with b.loop(whole(0), whole(r.length)) as loop:
            key = b.load(b.gep(self.one, loop.i, f"[{r.word} x i8]"), r.key, r.width)
            for k in range(r.digits):
                digit = self.digit(key, whole(k * DIGIT))
                address = b.gep(self.table, b.add(digit, whole(k << DIGIT)), "i32")
                b.store(b.add(b.load(address, "i32", 4), number(1, "i32")), address, 4)

    def add_up(self, table: Reg) -> None:
        """Where the words with each value of a digit begin, in place of their number."""
        b = self.b
        with b.loop(whole(0), whole(1 << DIGIT), carried=[number(0, "i32")]) as loop:
            address = b.gep(table, loop.i, "i32")
            count = b.load(address, "i32", 4)
            b.store(loop.carried[0], address, 4)
            loop.next = [b.add(loop.carried[0], count)]

    def move(self, source: Reg, target: Reg, table: Reg, shift: Reg) -> None:
        """Put each word where its digit's words go on."""
        b, r = self.b, self.r
        blob, word = f"[{r.word} x i8]", f"i{8 * r.word}" if r.word <= 8 else "<2 x i64>"
        with b.loop(whole(0), whole(r.length)) as loop:
            address = b.gep(source, loop.i, blob)
            digit = self.digit(b.load(address, r.key, r.width), shift)
            moved = b.load(address, word, r.word)
            next = b.gep(table, digit, "i32")
            place = b.load(next, "i32", 4)
            b.store(b.add(place, number(1, "i32")), next, 4)
            b.store(moved, b.gep(target, b.convert("zext", place, "i64"), blob), r.word)

    def unpack(self, source: Reg) -> None:
        """The result, from the sorted words."""
        b, r = self.b, self.r

        def one(i: Reg, lanes: int) -> None:
            address = b.gep(source, i, f"[{r.word} x i8]")
            if self.places:
                place = b.load(b.gep(address, whole(r.width), "i8"), "i32", 4)
                b.store(b.convert("zext", place, "i64"), b.gep(self.y, self.at(i), "i64"), 8)
                return
            key = b.load(address, vector(r.key, lanes), r.width)
            if self.descending:
                key = b.bits_xor(key, number(-1, key.type))
            b.store(restored(b, key, self.dtype), b.gep(self.y, self.at(i), self.element), self.dtype.itemsize)

        if r.step == 1 and not r.paired:
            along(b, r.length, self.lanes, one)
        else:
            with b.loop(whole(0), whole(r.length)) as loop:
                one(loop.i, 0)


def ordered(b: Block, bits: Reg, dtype: Dtype, alike: bool) -> Reg:
    """The unsigned integer in whose order numbers stand: NaN last; -0.0 before 0.0, or the two ``alike``."""
    top = number(-1 << (BITS[bits.element] - 1), bits.type)
    if dtype not in FLOATS:
        return b.bits_xor(bits, top) if dtype.kind == "i" else bits
    size = b.bits_and(bits, number((1 << (BITS[bits.element] - 1)) - 1, bits.type))
    negative = b.ashr(bits, number(BITS[bits.element] - 1, bits.type))
    key = b.bits_xor(bits, b.bits_or(negative, top))
    if alike:
        key = b.select(b.icmp("eq", size, number(0, bits.type)), top, key)
    infinity = number(EXPONENT[NAMES[dtype]], bits.type)
    return b.select(b.icmp("ugt", size, infinity), number(-1, bits.type), key)


def restored(b: Block, key: Reg, dtype: Dtype) -> Reg:
    """The number's bits, from the integer in whose order it stands."""
    top = number(-1 << (BITS[key.element] - 1), key.type)
    if dtype not in FLOATS:
        return b.bits_xor(key, top) if dtype.kind == "i" else key
    negative = b.bits_xor(b.ashr(key, number(BITS[key.element] - 1, key.type)), number(-1, key.type))
    return b.bits_xor(key, b.bits_or(negative, top))


SORTING: dict[type[Op], Native] = {Sort: Sorting(), ArgSort: Sorting()}
