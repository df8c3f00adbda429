"""Runs along an axis: sums, products, linear recurrences, and means over runs of equal elements.

Every line along the axis is computed in its own order, one element after the other, as the reference does; what runs side
by side are lines. Where the axis is not the last one, a vector holds neighbouring lines; where it is, several lines
take turns, so that none waits for its own last addition.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from ...ir import FLOATS, Dtype, Shape, Value
from ...ops.broadcast import accumulator
from ...ops.cumulative import CumulativeProd, CumulativeSum, LinearRecurrence
from ...ops.sorting import ShareTies
from ..block import BITS, Block, Reg, number, vector
from ..conversion import from_memory, memory_type, register_type, to_memory
from ..folding import combine
from .native import Native, greatest, least, pieces, share, span, whole

SIDE_BY_SIDE = 8  # vectors, or lines, that one loop carries


@dataclass(frozen=True)
class Bundle:
    """Lines that one loop follows: where each vector begins, its lanes, and how far the next element is."""

    starts: list[tuple[int, int]]
    step: int
    length: int


@dataclass(frozen=True)
class Region:
    """Equal bundles: bundle ``u`` begins at ``u // inner * far + u % inner * near + first``."""

    count: int
    inner: int
    far: int
    near: int
    first: int
    bundle: Bundle


def regions(shape: Shape, axis: int, lanes: int) -> list[Region]:
    """All lines of an array along an axis, as few kinds of bundles."""
    outer, n, inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
    found = []
    if inner == 1:
        many, rest = divmod(outer, SIDE_BY_SIDE)
        for count, size, first in ((many, SIDE_BY_SIDE, 0), (min(rest, 1), rest, many * SIDE_BY_SIDE * n)):
            found.append(Region(count, 1, size * n, 0, first, Bundle([(k * n, 0) for k in range(size)], 1, n)))
    else:
        width = SIDE_BY_SIDE * lanes
        many, rest = divmod(inner, width)
        for count, size, first in ((many, width, 0), (min(rest, 1), rest, many * width)):
            found.append(Region(outer * count, max(1, count), n * inner, width, first, Bundle(pieces(size, lanes), inner, n)))
    return [x for x in found if x.count]


Visit = Callable[[Block, Reg, Bundle], None]


def visit(b: Block, v: Value, begin: Reg, end: Reg, lanes: int, axis: int, write: Visit) -> None:
    """Every bundle of the tasks ``begin`` to ``end``."""
    found = regions(v.shape, axis, lanes)
    units = sum(x.count for x in found)
    first, last = span(b, begin, end, units, share(units)[1])
    before = 0
    for region in found:
        low = greatest(b, b.sub(first, whole(before)), whole(0))
        high = least(b, b.sub(last, whole(before)), whole(region.count))
        with b.loop(low, high, empty=True) as loop:
            write(b, position(b, loop.i, region), region.bundle)
        before += region.count


def position(b: Block, u: Reg, region: Region) -> Reg:
    """Where bundle ``u`` begins."""
    if region.inner == 1:
        return b.add(b.mul(u, whole(region.far)), whole(region.first))
    row, column = b.binary("udiv", u, whole(region.inner)), b.binary("urem", u, whole(region.inner))
    at = b.add(b.mul(row, whole(region.far)), b.mul(column, whole(region.near)))
    return b.add(at, whole(region.first))


def follow(b: Block, at: Reg, bundle: Bundle, reverse: bool, start: Start, step: Step) -> None:
    """Carry what ``start`` says along a bundle's lines; ``step`` gets where the elements are, and gives what is carried on."""
    carried = [start(lanes) for _, lanes in bundle.starts]
    width = len(carried[0])
    with b.loop(whole(0), whole(bundle.length), carried=[x for xs in carried for x in xs]) as loop:
        i = b.sub(whole(bundle.length - 1), loop.i) if reverse else loop.i
        row = b.add(at, b.mul(i, whole(bundle.step)))
        loop.next = []
        for k, (offset, lanes) in enumerate(bundle.starts):
            mine = loop.carried[k * width : (k + 1) * width]
            loop.next += step(loop.i, b.add(row, whole(offset)), lanes, mine)


Start = Callable[[int], list[Reg]]
Step = Callable[[Reg, Reg, int, list[Reg]], list[Reg]]


def read(b: Block, base: Reg, at: Reg, lanes: int, dtype: Dtype) -> Reg:
    """Elements from memory, as registers hold them."""
    kind = memory_type(dtype)
    return from_memory(b, b.load(b.gep(base, at, kind), vector(kind, lanes), dtype.itemsize), dtype)


def keep(b: Block, x: Reg, base: Reg, at: Reg, dtype: Dtype) -> None:
    """Elements to memory."""
    b.store(to_memory(b, x, dtype), b.gep(base, at, memory_type(dtype)), dtype.itemsize)


class Along(Native):
    """Abstract: an op whose results run along ``axis``."""

    def tasks(self, v: Value) -> int:
        found = regions(v.shape, v.op.axis, 1) if v.type.size else []  # type: ignore[union-attr]
        return share(sum(x.count for x in found))[0]
