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
from typing import ClassVar

from ...ir import FLOATS, Dtype, Op, Value
from ...ops.broadcast import accumulator
from ...ops.cumulative import Cumulative, CumulativeProd, CumulativeSum, LinearRecurrence
from ...ops.sorting import ShareTies
from ..block import Block, Reg, number, vector
from ..conversion import from_memory, memory_type, register_type, to_memory
from ..folding import combine
from .native import Native, greatest, least, pieces, share, span, whole

ROWS = 8  # lines that take turns
LOOK = 16  # elements that are looked at together
WIDTH = 256  # bytes: neighbouring lines whose last elements stay in registers


@dataclass(frozen=True)
class Bundle:
    """Lines that one loop follows: where each vector begins, its lanes, and how far the next element is."""

    starts: list[tuple[int, int]]
    step: int
    length: int


@dataclass(frozen=True)
class Region:
    """Equal bundles, of ``width`` elements: bundle ``u`` begins at ``u // inner * far + u % inner * near + first``."""

    count: int
    inner: int
    far: int
    near: int
    first: int
    width: int


def regions(v: Value, axis: int) -> list[Region]:
    """All lines of an array along an axis, as few kinds of bundles."""
    shape = v.shape
    outer, n, inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
    if inner == 1:
        many, rest = divmod(outer, ROWS)
        found = [Region(many, 1, ROWS * n, 0, 0, ROWS), Region(min(rest, 1), 1, 0, 0, many * ROWS * n, rest)]
    else:
        width = WIDTH // accumulator(v.dtype).itemsize
        many, rest = divmod(inner, width)
        found = [
            Region(outer * many, max(1, many), n * inner, width, 0, width),
            Region(outer * min(rest, 1), 1, n * inner, 0, many * width, rest),
        ]
    return [x for x in found if x.count]


def bundle(v: Value, axis: int, region: Region, lanes: int) -> Bundle:
    """The lines of one bundle of the region as vectors."""
    n, inner = v.shape[axis], prod(v.shape[axis + 1 :])
    starts = [(k * n, 0) for k in range(region.width)] if inner == 1 else pieces(region.width, lanes)
    return Bundle(starts, inner, n)


def position(b: Block, u: Reg, region: Region) -> Reg:
    """Where bundle ``u`` begins."""
    if region.inner == 1:
        return b.add(b.mul(u, whole(region.far)), whole(region.first))
    row, column = b.binary("udiv", u, whole(region.inner)), b.binary("urem", u, whole(region.inner))
    at = b.add(b.mul(row, whole(region.far)), b.mul(column, whole(region.near)))
    return b.add(at, whole(region.first))


Start = Callable[[int], list[Reg]]
Step = Callable[[Reg, Reg, int, list[Reg]], list[Reg]]


def follow(b: Block, at: Reg, lines: Bundle, reverse: bool, start: Start, step: Step) -> None:
    """Carry what ``start`` gives for some lanes along the lines.

    ``step(turn, place, lanes, carried)`` does the elements at ``place``, and returns what the next ones are given.
    """
    carried = [start(lanes) for _, lanes in lines.starts]
    width = len(carried[0])
    with b.loop(whole(0), whole(lines.length), carried=[x for xs in carried for x in xs]) as loop:
        i = b.sub(whole(lines.length - 1), loop.i) if reverse else loop.i
        row = b.add(at, b.mul(i, whole(lines.step)))
        loop.next = []
        for k, (offset, lanes) in enumerate(lines.starts):
            mine = loop.carried[k * width : (k + 1) * width]
            loop.next += step(loop.i, b.add(row, whole(offset)), lanes, mine)


def read(b: Block, base: Reg, at: Reg, lanes: int, dtype: Dtype) -> Reg:
    """Elements from memory, as registers hold them."""
    kind = memory_type(dtype)
    return from_memory(b, b.load(b.gep(base, at, kind), vector(kind, lanes), dtype.itemsize), dtype)


def keep(b: Block, x: Reg, base: Reg, at: Reg, dtype: Dtype) -> None:
    """Elements to memory."""
    b.store(to_memory(b, x, dtype), b.gep(base, at, memory_type(dtype)), dtype.itemsize)


class Along(Native):
    """Abstract: what runs along the op's ``axis``."""

    effort: ClassVar[float] = 1  # cycles of one element, where the axis is the last one

    def tasks(self, v: Value) -> int:
        return share(sum(x.count for x in regions(v, axis_of(v))))[0] if v.type.size else 0

    def cycles(self, v: Value) -> float:
        last = prod(v.shape[axis_of(v) + 1 :]) == 1
        return v.type.size * self.effort * (1 if last else accumulator(v.dtype).itemsize / 8)

    def write(
        self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, scratch: Reg, begin: Reg, end: Reg, bits: int
    ) -> None:
        found = regions(v, axis_of(v))
        units = sum(x.count for x in found)
        first, last = span(b, begin, end, units, share(units)[1])
        before = 0
        for region in found:
            lines = bundle(v, axis_of(v), region, bits // (8 * accumulator(v.dtype).itemsize))
            low = greatest(b, b.sub(first, whole(before)), whole(0))
            high = least(b, b.sub(last, whole(before)), whole(region.count))
            with b.loop(low, high, empty=True) as loop:
                self.lines(b, v, operands, result, position(b, loop.i, region), lines)
            before += region.count

    @abstractmethod
    def lines(self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, at: Reg, lines: Bundle) -> None:
        """What is done along the lines of a bundle that begins at ``at``."""


def axis_of(v: Value) -> int:
    """Along which axis the op runs."""
    axis: int = v.op.axis  # type: ignore[union-attr]
    return axis


@dataclass(frozen=True)
class Accumulation(Along):
    """Running sums (``add``) or products (``mul``); half precision is carried in float."""

    function: str

    def lines(self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, at: Reg, lines: Bundle) -> None:
        assert isinstance(v.op, Cumulative)
        dtype, wide = v.dtype, accumulator(v.dtype)
        neutral = 1.0 if self.function == "mul" else -0.0  # -0.0 + x is x, whatever its sign

        def step(turn: Reg, place: Reg, lanes: int, carried: list[Reg]) -> list[Reg]:
            y = combine(b, self.function, wide, carried[0], read(b, operands[0], place, lanes, dtype))
            keep(b, y, result, place, dtype)
            return [y]

        follow(b, at, lines, v.op.reverse, lambda lanes: [number(neutral, vector(register_type(wide), lanes))], step)


class Recurrence(Along):
    """``y[i] = a[i] * y[i-1] + b[i]``, rounded twice."""

    def lines(self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, at: Reg, lines: Bundle) -> None:
        assert isinstance(v.op, LinearRecurrence)
        dtype, wide = v.dtype, accumulator(v.dtype)

        def step(turn: Reg, place: Reg, lanes: int, carried: list[Reg]) -> list[Reg]:
            factor, term = (read(b, x, place, lanes, dtype) for x in operands)
            y = b.fadd(b.fmul(factor, carried[0]), term)
            keep(b, y, result, place, dtype)
            return [y]

        follow(b, at, lines, v.op.reverse, lambda lanes: [number(0, vector(register_type(wide), lanes))], step)


class Sharing(Along):
    """Means over runs of equal neighbours: there, of each element and those before it; back, of a run's last."""

    effort = 6

    def lines(self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, at: Reg, lines: Bundle) -> None:
        """Most rows hold no equal neighbours, and stay as they are."""
        count = len(lines.starts) * lines.length
        if lines.step > 1 or count <= LOOK:
            self.shared(b, v, operands, result, at, lines)
            return
        kind, size = memory_type(v.dtype), v.dtype.itemsize
        ties = self.ties(b, operands[1], at, count, v.operands[1].dtype)
        with b.when(ties):
            self.shared(b, v, operands, result, at, lines)
        with b.when(b.bits_xor(ties, number(1, "i1"))):
            b.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
            target, source = b.gep(result, at, kind), b.gep(operands[0], at, kind)
            b.do(f"call void @llvm.memcpy.p0.p0.i64({target}, {source}, i64 {count * size}, i1 false)")

    def ties(self, b: Block, y: Reg, at: Reg, count: int, dtype: Dtype) -> Reg:
        """Whether any neighbours are equal, those where a row ends and the next begins too."""
        last = whole(count - 1 - LOOK)  # the last vector begins there, and may go over others once more
        with b.loop(whole(0), whole(count - 1), step=LOOK, carried=[number(0, vector("i1", LOOK))]) as loop:
            place = b.add(at, least(b, loop.i, last))
            one, next = (read(b, y, b.add(place, whole(k)), LOOK, dtype) for k in (0, 1))
            equal = b.fcmp("oeq", one, next) if dtype in FLOATS else b.icmp("eq", one, next)
            loop.next = [b.bits_or(loop.carried[0], equal)]
        return b.some(loop.results[0])

    def shared(self, b: Block, v: Value, operands: Sequence[Reg], result: Reg, at: Reg, lines: Bundle) -> None:
        g, y = operands
        dtype, wide, keys = v.dtype, accumulator(v.dtype), v.operands[1].dtype
        kind, count = register_type(wide), f"i{8 * wide.itemsize}"

        def zeros(kinds: list[str]) -> Start:
            return lambda lanes: [number(0, vector(x, lanes)) for x in kinds]

        def same(turn: Reg, key: Reg, last: Reg) -> Reg:
            equal = b.fcmp("oeq", key, last) if keys in FLOATS else b.icmp("eq", key, last)
            later = b.icmp("ne", turn, whole(0))
            return b.bits_and(equal, b.splat(later, key.lanes) if key.lanes else later)

        def there(turn: Reg, place: Reg, lanes: int, carried: list[Reg]) -> list[Reg]:
            key, x = read(b, y, place, lanes, keys), read(b, g, place, lanes, dtype)
            again = same(turn, key, carried[0])
            total = b.select(again, b.fadd(carried[1], x), x)
            one = number(1, vector(count, lanes))
            n = b.select(again, b.add(carried[2], one), one)
            keep(b, b.fdiv(total, b.convert("sitofp", n, kind)), result, place, dtype)
            return [key, total, n]

        def back(turn: Reg, place: Reg, lanes: int, carried: list[Reg]) -> list[Reg]:
            key = read(b, y, place, lanes, keys)
            mean = b.select(same(turn, key, carried[0]), carried[1], read(b, result, place, lanes, dtype))
            keep(b, mean, result, place, dtype)
            return [key, mean]

        follow(b, at, lines, False, zeros([register_type(keys), kind, count]), there)
        follow(b, at, lines, True, zeros([register_type(keys), kind]), back)


ALONG: dict[type[Op], Native] = {
    CumulativeSum: Accumulation("add"),
    CumulativeProd: Accumulation("mul"),
    LinearRecurrence: Recurrence(),
    ShareTies: Sharing(),
}
