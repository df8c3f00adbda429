"""What it takes to be the native form of a whole op, and what several of them write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from ...ir import UNKNOWN, Value
from ..block import Block, Reg, number

I64 = "i64"
TASKS = 64  # at most; fixed, so that results are
UNROLLED = 4  # vectors in one turn of a long loop
LARGEST = 2**31  # elements; counts and positions within an array fit 32 bits


class Native(ABC):
    """Writes an op as loops over tasks. A task writes elements of the result that no other one touches."""

    def suits(self, v: Value) -> bool:
        """Whether this is for such operands; else the op's reference is run."""
        types = [v.type, *(x.type for x in v.operands)]
        return all(UNKNOWN not in t.shape and t.size < LARGEST for t in types)

    @abstractmethod
    def tasks(self, v: Value) -> int:
        """How many independent pieces of work there are; 0 where the result has no elements."""

    @abstractmethod
    def cycles(self, v: Value) -> float:
        """About how long all tasks take."""

    def scratch(self, v: Value) -> int:
        """Bytes of memory, aligned to 64, that the tasks share."""
        return 0

    @abstractmethod
    def write(
        self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, scratch: Reg, begin: Reg, end: Reg, bits: int
    ) -> None:
        """The body that does tasks ``begin`` to ``end``. Memory is dense and row-major, aligned to its elements."""


def whole(n: int) -> Reg:
    """A constant of 64 bits."""
    return number(n, I64)


def share(units: int, most: int = TASKS) -> tuple[int, int]:
    """How many tasks do these units of work, and how many units one of them does; the last may do fewer."""
    each = max(1, -(-units // most))
    return -(-units // each), each


def least(b: Block, x: Reg, y: Reg) -> Reg:
    """The smaller of two integers."""
    return b.select(b.icmp("slt", x, y), x, y)


def greatest(b: Block, x: Reg, y: Reg) -> Reg:
    """The larger of two integers."""
    return b.select(b.icmp("sgt", x, y), x, y)


def span(b: Block, begin: Reg, end: Reg, units: int, each: int) -> tuple[Reg, Reg]:
    """The units of the tasks ``begin`` to ``end``."""
    if each == 1:
        return begin, end
    return b.mul(begin, whole(each)), least(b, b.mul(end, whole(each)), whole(units))


def pieces(n: int, lanes: int) -> list[tuple[int, int]]:
    """Where the vectors begin that cover 0 to ``n``, and their lanes: all of them, then a half ..., 0 for a single number."""
    found = [(at, lanes) for at in range(0, n - lanes + 1, lanes)]
    at = len(found) * lanes
    while at < n:
        size = 1 << (n - at).bit_length() - 1
        found.append((at, size if size > 1 else 0))
        at += size
    return found


def along(b: Block, n: int, lanes: int, write: Callable[[Reg, int], None]) -> None:
    """``write(start, lanes)`` for vectors that cover 0 to ``n``; long stretches in a loop."""
    turn = UNROLLED * lanes
    looped = n - n % turn if n > 2 * turn else 0
    if looped:
        with b.loop(whole(0), whole(looped), step=turn) as loop:
            for k in range(UNROLLED):
                write(b.add(loop.i, whole(k * lanes)), lanes)
    for at, size in pieces(n - looped, lanes):
        write(whole(looped + at), size)


def clear(b: Block, address: Reg, nbytes: Reg) -> None:
    """Zeros in memory."""
    b.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    b.do(f"call void @llvm.memset.p0.i64({address}, i8 0, {nbytes}, i1 false)")
