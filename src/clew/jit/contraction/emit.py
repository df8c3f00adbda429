"""A plan as loops: blocks of c, the summed loops inside each, and what becomes of finished vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from clew.jit.block import Block, Reg, number, vector
from clew.jit.contraction.lanes import at, first, plain, put, take
from clew.jit.contraction.plan import Plan, pieces, sets
from clew.jit.contraction.problem import Axis
from clew.jit.contraction.turn import turned

Epilogue = Callable[[Block, Sequence[Reg], int, Reg, Reg | None], None]
UNROLLED = 32  # multiply-adds in one turn of the innermost loop, at most
SHORT = 48  # the same where that does away with a loop


def write(
    b: Block, plan: Plan, a: Reg, b_: Reg, c: Reg, scratch: Reg | None, begin: Reg, end: Reg, epilogue: Epilogue | None = None
) -> None:
    """The tasks ``begin`` to ``end`` of a plan. ``epilogue(b, index, vector axis, x, mask)`` takes each finished vector in
    place of its store to ``c``: ``index`` has one i64 per kept axis, of the vector's first lane; ``x`` may be a scalar."""
    if plan.tasks:
        for x in plan.packs:
            assert scratch is not None
            copy = at(b, scratch, x.start, plan.problem.dtype)
            a, b_ = (copy, b_) if x.operand == "a" else (a, copy)
        with b.loop(begin, end, empty=True) as loop:
            Writer(b, plan, c, scratch, epilogue).task(loop.i, a, b_)


@dataclass(frozen=True)
class Slot:
    """One accumulator: the elements of c it stands for, as offsets from its block's first."""

    index: tuple[int, ...]
    lanes: int
    count: int  # lanes that count
    a: int
    b: int
    c: int


class Part(NamedTuple):
    """A stretch of the outermost summed axis: whether it is the first, which starts from zero, and the last."""

    first: Reg
    last: Reg


class Writer:
    """One contraction while it is written."""

    def __init__(self, b: Block, plan: Plan, c: Reg, scratch: Reg | None, epilogue: Epilogue | None) -> None:
        self.b = b
        self.plan = plan
        self.c = c
        self.scratch = scratch
        self.summed = plan.summed
        self.part: Part | None = None
        self.epilogue = epilogue
        self.kept = plan.inside
        self.kind = plan.problem.dtype
        self.align = plan.problem.element_bits // 8
        self.masks = plan.bits > 128  # below, masked loads and stores would be branches

    # Blocks of c

    def task(self, number_: Reg, a: Reg, b_: Reg) -> None:
        """The loops over one task's share of c."""
        place, rest = [Reg("0", "i64")] * len(self.kept), number_
        cut = [i for i in self.plan.order if self.plan.parts[i] > 1]
        for n, i in reversed(list(enumerate(cut))):
            parts = number(self.plan.parts[i], "i64")
            mine = self.b.binary("urem", rest, parts) if n else rest
            rest = self.b.binary("udiv", rest, parts) if n else rest
            place[i] = self.b.mul(mine, number(self.plan.chunk[i], "i64"))
        if self.plan.split:
            self.stretches(place, a, b_)
        else:
            self.loops(0, place, [0] * len(self.kept), a, b_, self.c)

    def stretches(self, place: list[Reg], a: Reg, b_: Reg) -> None:
        """All blocks of a task for one stretch of the outermost summed axis after another."""
        x, split = self.plan.summed[0], self.plan.split
        full, rest = divmod(x.size, split)
        tile = [0] * len(self.kept)
        with self.b.loop(number(0, "i64"), number(full, "i64")) as loop:
            self.part = Part(*(self.b.icmp("eq", loop.i, number(k, "i64")) for k in (0, full if rest else full - 1)))
            self.summed = (replace(x, size=split), *self.plan.summed[1:])
            start = self.b.mul(loop.i, number(split, "i64"))
            self.loops(0, place, tile, self.move(a, start, x.a), self.move(b_, start, x.b), self.c)
        if rest:
            self.part = Part(number(full == 0, "i1"), number(1, "i1"))
            self.summed = (replace(x, size=rest), *self.plan.summed[1:])
            start = number(full * split, "i64")
            self.loops(0, place, tile, self.move(a, start, x.a), self.move(b_, start, x.b), self.c)

    def loops(self, level: int, place: list[Reg], tile: list[int], a: Reg, b_: Reg, c: Reg) -> None:
        """The loops from ``level`` on, over whole tiles and then over what is left at the edge."""
        if level == len(self.kept):
            self.block(place, tile, a, b_, c)
            return
        i = self.plan.order[level]
        size, step, chunk = self.kept[i].size, self.plan.tile[i], self.plan.chunk[i]
        full, walk = size // step * step, self.plan.walk[i]

        def inside(at_: Reg, count: int) -> None:
            spot = [*place[:i], at_, *place[i + 1 :]]
            moved = [self.move(p, at_, s) for p, s in ((a, walk.a), (b_, walk.b), (c, walk.c))]
            self.loops(level + 1, spot, [*tile[:i], count, *tile[i + 1 :]], *moved)

        if chunk >= size:
            if full > step:
                with self.b.loop(number(0, "i64"), number(full, "i64"), step) as loop:
                    inside(loop.i, step)
            elif full:
                inside(number(0, "i64"), step)
            if full < size:
                inside(number(full, "i64"), size - full)
            return
        start = place[i]
        stop = self.b.intrinsic("smin", self.b.add(start, number(chunk, "i64")), number(size, "i64"))
        last = self.b.intrinsic("smin", stop, number(full, "i64"))
        if chunk == step:
            with self.b.when(self.b.icmp("slt", start, last)):
                inside(start, step)
        else:
            with self.b.loop(start, last, step, empty=True) as loop:
                inside(loop.i, step)
        if full < size:
            with self.b.when(self.b.icmp("eq", stop, number(size, "i64"))):
                inside(number(full, "i64"), size - full)

    def move(self, base: Reg, index: Reg, stride: int) -> Reg:
        if not stride or index.text == "0":
            return base
        if not index.text.startswith("%"):
            return at(self.b, base, int(index.text) * stride, self.kind)
        return self.b.gep(base, index if stride == 1 else self.b.mul(index, number(stride, "i64")), self.kind)

    # One block

    def block(self, place: list[Reg], tile: list[int], a: Reg, b_: Reg, c: Reg) -> None:
        a, b_, c = plain(self.b, a), plain(self.b, b_), plain(self.b, c)
        slots = self.slots(tile)
        zeros = [number(0.0, vector(self.kind, s.lanes)) for s in slots]
        sums, rest = zeros, self.rest(place) if self.part else None
        if self.part and rest:
            kept = [self.b.load(x, zero.type, self.align) for x, zero in zip(self.places(rest, slots), zeros, strict=True)]
            sums = [self.b.select(self.part.first, zero, x) for x, zero in zip(kept, zeros, strict=True)]
        if self.plan.problem.depth:
            sums = self.sums(slots, a, b_, sums + zeros * (sets(len(slots)) - 1))
            while len(sums) > len(slots):
                half = len(sums) // len(slots) // 2 * len(slots)
                sums = [self.b.fadd(x, y) for x, y in zip(sums[:half], sums[half : 2 * half], strict=True)] + sums[2 * half :]
        if not self.part or not rest:
            self.finish(place, slots, sums, c)
            return
        with self.b.when(self.part.last):
            self.finish(place, slots, sums, c)
        with self.b.when(self.b.bits_xor(self.part.last, number(1, "i1"))):
            for x, to in zip(sums, self.places(rest, slots), strict=True):
                self.b.store(x, to, self.align)

    def rest(self, place: list[Reg]) -> Reg:
        """Where the block's accumulators rest between stretches."""
        assert self.scratch is not None
        block = number(0, "i64")
        for x, n, p in zip(self.kept, self.plan.tile, place, strict=True):
            mine = self.b.binary("udiv", p, number(n, "i64"))
            block = self.b.add(self.b.mul(block, number(-(-x.size // n), "i64")), mine)
        areas = at(self.b, self.scratch, self.plan.resting, self.kind)
        return plain(self.b, self.move(areas, block, self.plan.area))

    def places(self, rest: Reg, slots: list[Slot]) -> list[Reg]:
        return [at(self.b, rest, k * self.plan.lanes, self.kind) for k in range(len(slots))]

    def slots(self, tile: list[int]) -> list[Slot]:
        """The accumulators of a block, those that share a vector operand's registers together."""
        v = self.plan.vector
        ranges: list[list[tuple[int, int, int]]] = [[(k, 0, 1) for k in range(n)] for n in tile]
        if v is not None:
            ranges[v] = pieces(tile[v], self.plan.lanes, self.masks)
        lane = self.kept[v] if v is not None else None
        held = "a" if lane and lane.a else "b"
        order = sorted(range(len(tile)), key=lambda i: (i == v, bool(getattr(self.kept[i], held))))
        out = []
        for combination in product(*(ranges[i] for i in order)):
            index = [0] * len(tile)
            for i, (k, _, _) in zip(order, combination, strict=True):
                index[i] = k
            _, lanes, count = (
                combination[order.index(v)] if v is not None else (0, self.plan.lanes if self.plan.summed else 0, 1)
            )
            offsets = [sum(k * getattr(x, name) for k, x in zip(index, self.kept, strict=True)) for name in "abc"]
            out.append(Slot(tuple(index), lanes, count, *offsets))
        return out

    def finish(self, place: list[Reg], slots: list[Slot], sums: list[Reg], c: Reg) -> None:
        """Every accumulator leaves its registers, turned where that makes neighbours adjacent."""
        v, turn = self.plan.vector, self.plan.turn
        step = self.kept[v].c if v is not None else 0
        groups: dict[tuple[int, ...], list[tuple[Slot, Reg]]] = {}
        for slot, x in zip(slots, sums, strict=True):
            if v is None:
                self.deliver(place, slot.index, -1, self.total(x), 1, slot.c, 0, c)
            elif turn is None or not slot.lanes:
                self.deliver(place, slot.index, v, x, slot.count, slot.c, step, c)
            else:
                groups.setdefault(tuple(-1 if i == turn else k for i, k in enumerate(slot.index)), []).append((slot, x))
        for group in groups.values():
            lanes = group[0][0].lanes
            for start in range(0, len(group), lanes):
                rows = group[start : start + lanes]
                slot = rows[0][0]
                columns = turned(self.b, [x for _, x in rows] + [Reg("poison", rows[0][1].type)] * (lanes - len(rows)))
                for k, x in enumerate(columns[: slot.count]):
                    index = tuple(n + k if i == v else n for i, n in enumerate(slot.index))
                    self.deliver(place, index, turn or 0, x, len(rows), slot.c + k * step, 1, c)

    def deliver(
        self, place: list[Reg], index: tuple[int, ...], axis: int, x: Reg, count: int, offset: int, stride: int, c: Reg
    ) -> None:
        """One finished vector, or scalar, to the epilogue or to c."""
        mask = first(count, x.lanes) if x.lanes else None
        if self.epilogue:
            moved = [self.b.add(p, number(k, "i64")) if k else p for p, k in zip(place, index, strict=True)]
            self.epilogue(self.b, moved, axis, x, mask)
        else:
            put(self.b, x, c, offset, stride, mask)

    def total(self, x: Reg) -> Reg:
        """The lanes of an accumulator added up; their order is free."""
        if not x.lanes:
            return x
        name = f"llvm.vector.reduce.fadd.v{x.lanes}f{self.plan.problem.element_bits}"
        self.b.module.declare(f"declare {self.kind} @{name}({self.kind}, {x.type})")
        return self.b.put(f"call reassoc {self.kind} @{name}({number(-0.0, self.kind)}, {x})", self.kind)

    # The summed loops

    def sums(self, slots: list[Slot], a: Reg, b_: Reg, start: list[Reg]) -> list[Reg]:
        axes = list(self.summed)
        steps = [(0, 0)]
        if self.plan.vector is None:
            if not axes:
                return self.add(slots, a, b_, start, steps, 1)
            return self.along(axes, slots, a, b_, start)
        while axes and axes[-1].size * len(steps) * len(slots) <= SHORT:
            x = axes.pop()
            steps = [(k * x.a + p, k * x.b + q) for k in range(x.size) for p, q in steps]
        return self.nest(
            axes, a, b_, start, lambda a, b_, sums, steps: self.add(slots, a, b_, sums, steps, 0), steps, len(slots)
        )

    def along(self, axes: list[Axis], slots: list[Slot], a: Reg, b_: Reg, start: list[Reg]) -> list[Reg]:
        """Lanes follow the last summed axis: whole vectors of it, and then the rest of it."""
        x, lanes = axes[-1], self.plan.lanes
        full, rest = divmod(x.size, lanes)
        if full:
            most = [*axes[:-1], Axis(full, x.a * lanes, x.b * lanes)]
            start = self.nest(
                most, a, b_, start, lambda a, b_, s, steps: self.add(slots, a, b_, s, steps, lanes), [(0, 0)], len(slots)
            )
        if rest:
            a, b_ = (at(self.b, p, full * lanes * s, self.kind) for p, s in ((a, x.a), (b_, x.b)))
            start = self.nest(
                axes[:-1], a, b_, start, lambda a, b_, s, steps: self.add(slots, a, b_, s, steps, rest), [(0, 0)], len(slots)
            )
        return start

    def nest(
        self,
        axes: Sequence[Axis],
        a: Reg,
        b_: Reg,
        sums: list[Reg],
        body: Callable[[Reg, Reg, list[Reg], list[tuple[int, int]]], list[Reg]],
        steps: list[tuple[int, int]],
        width: int,
    ) -> list[Reg]:
        """Loops over ``axes``, outermost first, around the body; the innermost is unrolled a little."""
        if not axes:
            return body(a, b_, sums, steps)
        x, inner = axes[0], axes[1:]
        times = 1
        if not inner:
            most = max(1, min(4, UNROLLED // (width * len(steps)), x.size))
            times = next((t for t in range(most, (most + 1) // 2 - 1, -1) if x.size % t == 0), most)
            unrolled = [(k * x.a + p, k * x.b + q) for k in range(times) for p, q in steps]
        else:
            unrolled = steps
        turns, left = divmod(x.size, times)
        if turns > 1:
            with self.b.loop(number(0, "i64"), number(turns, "i64"), carried=[a, b_, *sums]) as loop:
                p, q, *sums = loop.carried
                p, q = plain(self.b, p), plain(self.b, q)
                sums = self.nest(inner, p, q, sums, body, unrolled, width)
                loop.next = [at(self.b, p, times * x.a, self.kind), at(self.b, q, times * x.b, self.kind), *sums]
            a, b_, *sums = loop.results
        else:
            sums = self.nest(inner, a, b_, sums, body, unrolled, width)
            a, b_ = at(self.b, a, times * x.a, self.kind), at(self.b, b_, times * x.b, self.kind)
        if left:
            sums = body(
                plain(self.b, a), plain(self.b, b_), sums, [(k * x.a + p, k * x.b + q) for k in range(left) for p, q in steps]
            )
        return sums

    def add(self, slots: list[Slot], a: Reg, b_: Reg, sums: list[Reg], steps: list[tuple[int, int]], count: int) -> list[Reg]:
        """One multiply-add per accumulator and step; each operand is read once a step. ``count`` lanes follow the summed axis
        where it is not 0."""
        v = self.plan.vector
        lane = self.kept[v] if v is not None else self.plan.summed[-1] if self.plan.summed else Axis(1, 0, 0)
        for n, (p, q) in enumerate(steps):
            if n:
                a, b_ = plain(self.b, a), plain(self.b, b_)
            seen: dict[tuple[str, int, int], Reg] = {}

            def operand(name: str, base: Reg, offset: int, stride: int, slot: Slot) -> Reg:
                key = name, offset, slot.lanes
                if key not in seen:
                    type = vector(self.kind, slot.lanes)
                    seen[key] = take(self.b, base, offset, stride, count or slot.count, type)
                return seen[key]

            mine = slice(n * len(slots) % len(sums), n * len(slots) % len(sums) + len(slots))
            sums = [*sums]
            sums[mine] = [
                self.b.intrinsic("fmuladd", operand("a", a, s.a + p, lane.a, s), operand("b", b_, s.b + q, lane.b, s), x)
                for s, x in zip(slots, sums[mine], strict=True)
            ]
        return sums
