"""A sorting network over vectors: the same comparisons whatever the data, so that nothing is ever guessed wrongly.

K. E. Batcher, "Sorting networks and their applications", AFIPS Spring Joint Computer Conference 32 (1968), 307-314; in the
form in which each merge first compares mirrored places, so that the smaller one always goes to the lower place. What lies
beyond the end counts as the largest, stays where it is, and need not be looked at.
"""

from __future__ import annotations

from collections.abc import Callable

from ..block import BITS, Block, Reg, vector
from .native import greatest, least, whole


class Network:
    """Writes the sorting of ``length`` unsigned integers of type ``key`` in memory; ``lanes`` is a power of 2 above 1.

    Memory is whole vectors; what fills up the last one must be the largest integer there is.
    """

    def __init__(self, b: Block, memory: Reg, key: str, length: int, lanes: int) -> None:
        self.b, self.memory, self.key, self.lanes = b, memory, key, lanes
        self.type, self.width = vector(key, lanes), BITS[key] // 8
        self.end = -(-length // lanes) * lanes

    def write(self) -> None:
        b = self.b
        self.within(self.sorted)
        levels = (self.end // self.lanes - 1).bit_length()
        if not levels:
            return
        with b.loop(whole(0), whole(levels)) as level:
            size = b.shl(whole(self.lanes), level.i)
            self.mirrored(size)
            with b.loop(whole(0), level.i, empty=True) as down:
                self.apart(b.lshr(size, b.add(down.i, whole(1))))
            self.within(self.merged)

    def load(self, at: Reg) -> Reg:
        return self.b.load(self.b.gep(self.memory, at, self.key), self.type, self.width)

    def store(self, x: Reg, at: Reg) -> None:
        self.b.store(x, self.b.gep(self.memory, at, self.key), self.width)

    def mirrored(self, size: Reg) -> None:
        """In each pair of sorted runs of this size, compare the first element with the last one, and so on inwards."""
        b, last = self.b, whole(self.end)
        both = b.shl(size, whole(1))
        with b.loop(whole(0), b.binary("udiv", b.add(last, b.sub(size, whole(1))), both), empty=True) as pair:
            start = b.mul(pair.i, both)
            stop = b.add(start, both)
            first = greatest(b, b.sub(stop, last), whole(0))
            with b.loop(first, size, step=self.lanes, empty=True) as loop:
                low, high = b.add(start, loop.i), b.sub(stop, b.add(loop.i, whole(self.lanes)))
                x, y = self.load(low), self.turned(self.load(high))
                self.store(b.intrinsic("umin", x, y), low)
                self.store(self.turned(b.intrinsic("umax", x, y)), high)

    def apart(self, distance: Reg) -> None:
        """Compare elements at this distance, in runs of twice the distance."""
        b, last = self.b, whole(self.end)
        both = b.shl(distance, whole(1))
        with b.loop(whole(0), b.binary("udiv", b.add(last, b.sub(distance, whole(1))), both), empty=True) as pair:
            start = b.mul(pair.i, both)
            stop = least(b, b.add(start, distance), b.sub(last, distance))
            with b.loop(start, stop, step=self.lanes, empty=True) as loop:
                high = b.add(loop.i, distance)
                x, y = self.load(loop.i), self.load(high)
                self.store(b.intrinsic("umin", x, y), loop.i)
                self.store(b.intrinsic("umax", x, y), high)

    def within(self, change: Callable[[Reg], Reg]) -> None:
        """Change every vector."""
        with self.b.loop(whole(0), whole(self.end), step=self.lanes) as loop:
            self.store(change(self.load(loop.i)), loop.i)

    def sorted(self, x: Reg) -> Reg:
        """The vector in order."""
        size = 2
        while size <= self.lanes:
            x = self.compared(x, size - 1)
            x = self.halves(x, size // 4)
            size *= 2
        return x

    def merged(self, x: Reg) -> Reg:
        """The vector in order, where it first rises and then falls, or the other way round."""
        return self.halves(x, self.lanes // 2)

    def halves(self, x: Reg, distance: int) -> Reg:
        while distance:
            x, distance = self.compared(x, distance), distance // 2
        return x

    def compared(self, x: Reg, flips: int) -> Reg:
        """Lanes compared with those whose numbers differ in these bits; the smaller goes to the lower lane."""
        b = self.b
        y = b.shuffle(x, x, [k ^ flips for k in range(self.lanes)])
        lower, upper = b.intrinsic("umin", x, y), b.intrinsic("umax", x, y)
        return b.shuffle(lower, upper, [k if k < k ^ flips else k + self.lanes for k in range(self.lanes)])

    def turned(self, x: Reg) -> Reg:
        return self.b.shuffle(x, x, range(self.lanes - 1, -1, -1))
