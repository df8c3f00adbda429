"""An element's place is the number of those before it: all are compared with all, which few elements can afford."""

from __future__ import annotations

from collections.abc import Callable

from ..block import Block, Reg, number, vector
from .native import I64, least, whole


def rank(b: Block, keys: Reg, ranks: Reg, length: int, lanes: int) -> None:
    """How many of ``length`` unsigned integers of 64 bits go before each; of equal ones, the earlier.

    Memory is whole vectors; what fills up the last one may be anything.
    """
    with b.loop(whole(0), whole(length), step=lanes) as block:
        end = least(b, b.add(block.i, whole(lanes)), whole(length))
        mine = b.load(b.gep(keys, block.i, I64), vector(I64, lanes), 8)
        own = b.lanes_from(block.i, lanes)

        def before(other: Reg, j: Reg) -> Reg:
            equal = b.bits_and(b.icmp("eq", other, mine), b.icmp("ult", b.splat(j, lanes), own))
            return b.bits_or(b.icmp("ult", other, mine), equal)

        found = counted(b, keys, number(0, mine.type), whole(0), block.i, lambda other, j: b.icmp("ule", other, mine))
        found = counted(b, keys, found, block.i, end, before)
        found = counted(b, keys, found, end, whole(length), lambda other, j: b.icmp("ult", other, mine))
        b.store(found, b.gep(ranks, block.i, I64), 8)


def counted(b: Block, keys: Reg, count: Reg, first: Reg, last: Reg, before: Callable[[Reg, Reg], Reg]) -> Reg:
    """``count``, and one more for each key ``first`` to ``last`` that is ``before``."""
    with b.loop(first, last, carried=[count], empty=True) as loop:
        other = b.splat(b.load(b.gep(keys, loop.i, I64), I64, 8), count.lanes)
        more = b.add(loop.carried[0], number(1, count.type))
        loop.next = [b.select(before(other, loop.i), more, loop.carried[0])]
    return loop.results[0]
