"""Sorting digit by digit, the last one first: as many passes as a key has digits, however long the row is.

H. H. Seward, "Information sorting in the application of electronic digital computers to business operations", MIT Digital
Computer Laboratory report R-232, 1954.
"""

from __future__ import annotations

from ..block import BITS, Block, Reg, number
from .native import I64, clear, whole

DIGIT = 8  # bits


def table_bytes(key: str) -> int:
    """The memory for the counts of all digits."""
    return BITS[key] // DIGIT * 4 << DIGIT


class Digits:
    """Writes the sorting of ``length`` words of ``word`` bytes, whose last bytes are an unsigned integer of type ``key``.

    Words with equal keys keep their order.
    """

    def __init__(self, b: Block, one: Reg, two: Reg, table: Reg, key: str, word: int, length: int) -> None:
        self.b, self.one, self.two, self.table, self.key, self.length = b, one, two, table, key, length
        self.width, self.word, self.blob = BITS[key] // 8, word, f"[{word} x i8]"

    def write(self) -> Reg:
        """Where the sorted words are: in ``one``, or in ``two``. No pass is made for a digit that all keys share."""
        b = self.b
        self.count()
        first = self.load(self.one)
        with b.loop(whole(0), whole(BITS[self.key] // DIGIT), carried=[self.one, self.two]) as loop:
            source, target = loop.carried
            table = b.gep(self.table, loop.i, f"[{1 << DIGIT} x i32]")
            shift = b.mul(loop.i, whole(DIGIT))
            most = b.load(b.gep(table, self.digit(first, shift), "i32"), "i32", 4)
            needed = b.icmp("ne", most, number(self.length, "i32"))
            with b.when(needed):
                self.add_up(table)
                self.move(source, target, table, shift)
            loop.next = [b.select(needed, target, source), b.select(needed, source, target)]
        return loop.results[0]

    def load(self, address: Reg) -> Reg:
        """The key of a word."""
        b = self.b
        key = b.load(b.gep(address, whole(self.word - self.width), "i8"), self.key, self.width)
        return key if self.key == I64 else b.convert("zext", key, I64)

    def digit(self, key: Reg, shift: Reg) -> Reg:
        b = self.b
        return b.bits_and(b.lshr(key, shift), whole((1 << DIGIT) - 1))

    def count(self) -> None:
        """How often each digit has each value, for all digits at once."""
        b = self.b
        clear(b, self.table, whole(table_bytes(self.key)))
        with b.loop(whole(0), whole(self.length)) as loop:
            key = self.load(b.gep(self.one, loop.i, self.blob))
            for k in range(BITS[self.key] // DIGIT):
                address = b.gep(self.table, b.add(self.digit(key, whole(k * DIGIT)), whole(k << DIGIT)), "i32")
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
        b = self.b
        kind = f"i{8 * self.word}" if self.word <= 8 else "<2 x i64>"
        with b.loop(whole(0), whole(self.length)) as loop:
            address = b.gep(source, loop.i, self.blob)
            following = b.gep(table, self.digit(self.load(address), shift), "i32")
            place = b.load(following, "i32", 4)
            b.store(b.add(place, number(1, "i32")), following, 4)
            b.store(b.load(address, kind, self.word), b.gep(target, b.convert("zext", place, I64), self.blob), self.word)
