"""A plan as loops: tasks, the blocks of c in each, and the stretches in which long sums are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from clew.compiler.block import Block, Reg, number, vector
from clew.compiler.contraction.common import common
from clew.compiler.contraction.lanes import at, plain
from clew.compiler.contraction.leaving import Epilogue, Kind, leave, serve
from clew.compiler.contraction.outlined import outlined
from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.slots import Slot, slots
from clew.compiler.contraction.summing import Summing

Prologue = Callable[[Block, str, Reg, Reg, Reg], None]


def write(
    b: Block,
    plan: Plan,
    a: Reg,
    b_: Reg,
    c: Reg,
    scratch: Reg | None,
    begin: Reg,
    end: Reg,
    epilogue: Epilogue | None = None,
    prologue: Prologue | None = None,
) -> None:
    """The tasks ``begin`` to ``end`` of a plan. The ``epilogue`` takes each finished vector in place of its store to ``c``.
    ``prologue(b, operand, start, stop, to)`` computes of a computed operand, "a" or "b", the steps from ``start`` to ``stop``
    along the cut."""
    if not plan.tasks:
        return
    for x in plan.packs:
        copy = at(b, _there(scratch), x.start, plan.problem.dtype)
        a, b_ = (copy, b_) if x.operand == "a" else (a, copy)
    writer = Writer(b, plan, scratch, epilogue, prologue)
    if plan.shares and plan.split:
        writer.shares(begin, end, a, b_, c)
    elif plan.shares:
        writer.rounds(begin, end, a, b_, c)
    else:
        writer.tasks(begin, end, a, b_, c)


def write_finishing(
    b: Block, plan: Plan, c: Reg, scratch: Reg | None, begin: Reg, end: Reg, epilogue: Epilogue | None = None
) -> None:
    """The finishing tasks ``begin`` to ``end``: what the shares of each block came to, added up in order."""
    writer = Writer(b, plan, scratch, epilogue, None)
    writer.finishing = True
    writer.tasks(begin, end, c, c, c)


def _there(scratch: Reg | None) -> Reg:
    assert scratch is not None, "this plan needs scratch memory"
    return scratch


NEVER, ALWAYS = number(0, "i1"), number(1, "i1")


class Part(NamedTuple):
    """A stretch of the outermost summed axis: whether it is the first, which starts from zero, and the last."""

    first: Reg
    last: Reg


class Writer:
    """The loops of one contraction while they are written."""

    def __init__(self, b: Block, plan: Plan, scratch: Reg | None, epilogue: Epilogue | None, prologue: Prologue | None) -> None:
        self.b = b
        self.plan = plan
        self.scratch = scratch
        self.epilogue = epilogue
        self.prologue = prologue
        self.summed = plan.summed
        self.part: Part | None = None
        self.share = number(0, "i64")
        self.finishing = False
        self.kind = plan.problem.dtype
        self.align = plan.problem.element_bits // 8

    # Tasks

    def tasks(self, begin: Reg, end: Reg, a: Reg, b_: Reg, c: Reg) -> None:
        """The shares of c that these tasks have."""
        with self.b.loop(begin, end, empty=True) as loop:
            place, rest = [number(0, "i64")] * len(self.plan.walk), loop.i
            cut = [i for i in self.plan.order if self.plan.parts[i] > 1]
            for n, i in reversed(list(enumerate(cut))):
                parts = number(self.plan.parts[i], "i64")
                mine = self.b.binary("urem", rest, parts) if n else rest
                rest = self.b.binary("udiv", rest, parts) if n else rest
                place[i] = self.b.mul(mine, number(self.plan.chunk[i], "i64"))
            if self.plan.near and not self.finishing:
                start = place[self.plan.problem.cut]
                a, b_ = self.computed(start, self.plan.near, a, b_)
                a, b_ = (self.origin(x, start, name) for x, name in ((a, "a"), (b_, "b")))
            if self.plan.split and not self.finishing:
                self.stretches(place, a, b_, c)
            else:
                self.blocks(place, a, b_, c)

    def blocks(self, place: list[Reg], a: Reg, b_: Reg, c: Reg) -> None:
        """All blocks of a task that begins at ``place``."""
        self.loops(0, place, [0] * len(place), a, b_, c)

    def rounds(self, begin: Reg, end: Reg, a: Reg, b_: Reg, c: Reg) -> None:
        """The chunks along a kept axis that these tasks have, for each of which operands are computed."""
        chunks = -(-self.plan.problem.cut_axis.size // self.plan.near)
        per = -(-chunks // self.plan.shares)
        with self.b.loop(begin, end, empty=True) as task:
            self.share = task.i
            low = self.b.mul(task.i, number(per, "i64"))
            high = self.b.intrinsic("smin", self.b.add(low, number(per, "i64")), number(chunks, "i64"))
            self.tasks(low, high, a, b_, c)

    def computed(self, start: Reg, count: int, a: Reg, b_: Reg) -> tuple[Reg, Reg]:
        """The operands, of which those that are computed have ``count`` steps from ``start`` along the cut, or what is left."""
        problem, found, before = self.plan.problem, {"a": a, "b": b_}, 0
        stop = self.b.add(start, number(count, "i64"))
        if problem.cut_axis.size % count:
            stop = self.b.intrinsic("smin", stop, number(problem.cut_axis.size, "i64"))
        areas = at(self.b, _there(self.scratch), self.plan.computing, self.kind)
        area = self.move(areas, self.share, self.plan.near * sum(problem.slices.values()))
        for name, elements in problem.slices.items():
            found[name] = at(self.b, area, before, self.kind)
            before += self.plan.near * elements
            assert self.prologue is not None, "operands of this plan are computed"
            self.prologue(self.b, name, start, stop, found[name])
        return found["a"], found["b"]

    def origin(self, x: Reg, start: Reg, name: str) -> Reg:
        """Where a computed operand would begin whose steps from ``start`` on are at ``x``; another one as it is."""
        return self.move(x, start, -self.plan.problem.slices.get(name, 0))

    def shares(self, begin: Reg, end: Reg, a: Reg, b_: Reg, c: Reg) -> None:
        """The stretches of the outermost summed axis that these tasks have, each over all of c, which stays at rest."""
        plan, x = self.plan, self.plan.summed[0]
        full, rest = divmod(x.size, plan.split)
        per = -(-full // plan.shares)
        self.plan = replace(plan, chunk=tuple(max(y.size, 1) for y in plan.problem.axes))

        def stretch(start: Reg, size: int, first: Reg) -> None:
            self.part, self.summed = Part(first, NEVER), (replace(x, size=size), *plan.summed[1:])
            p, q = self.move(a, start, x.a), self.move(b_, start, x.b)
            p, q = self.computed(start, size, p, q) if plan.near else (p, q)
            self.blocks([number(0, "i64")] * len(plan.walk), p, q, c)

        with self.b.loop(begin, end, empty=True) as task:
            self.share = task.i
            low = self.b.mul(task.i, number(per, "i64"))
            high = self.b.intrinsic("smin", self.b.add(low, number(per, "i64")), number(full, "i64"))
            with self.b.loop(low, high) as loop:
                first = self.b.icmp("eq", loop.i, low)
                stretch(self.b.mul(loop.i, number(plan.split, "i64")), plan.split, first)
            if rest:
                with self.b.when(self.b.icmp("eq", task.i, number(plan.shares - 1, "i64"))):
                    stretch(number(full * plan.split, "i64"), rest, NEVER)

    def stretches(self, place: list[Reg], a: Reg, b_: Reg, c: Reg) -> None:
        """A task in stretches of the outermost summed axis: what it reads of the operands stays near."""
        x, split = self.plan.summed[0], self.plan.split
        full, rest = divmod(x.size, split)

        def stretch(start: Reg, size: int, part: Part) -> None:
            self.part, self.summed = part, (replace(x, size=size), *self.plan.summed[1:])
            self.blocks(place, self.move(a, start, x.a), self.move(b_, start, x.b), c)

        with self.b.loop(number(0, "i64"), number(full, "i64")) as loop:
            first = self.b.icmp("eq", loop.i, number(0, "i64"))
            last = NEVER if rest else self.b.icmp("eq", loop.i, number(full - 1, "i64"))
            stretch(self.b.mul(loop.i, number(split, "i64")), split, Part(first, last))
        if rest:
            stretch(number(full * split, "i64"), rest, Part(NEVER, ALWAYS))

    # Blocks of c

    def loops(self, level: int, place: list[Reg], tile: list[int], a: Reg, b_: Reg, c: Reg) -> None:
        """The loops from ``level`` on, over whole tiles and then over what is left at the edge."""
        if level == len(place):
            self.block(place, tile, a, b_, c)
            return
        i = self.plan.order[level]
        x, step, chunk = self.plan.walk[i], self.plan.tile[i], self.plan.chunk[i]
        full = x.size // step * step

        def inside(spot: Reg, count: int) -> None:
            moved = (self.move(p, spot, s) for p, s in ((a, x.a), (b_, x.b), (c, x.c)))
            self.loops(level + 1, [*place[:i], spot, *place[i + 1 :]], [*tile[:i], count, *tile[i + 1 :]], *moved)

        if chunk < x.size:
            stop = self.b.intrinsic("smin", self.b.add(place[i], number(chunk, "i64")), number(x.size, "i64"))
            last = self.b.intrinsic("smin", stop, number(full, "i64"))
            with self.b.loop(place[i], last, step, empty=True) as loop:
                inside(loop.i, step)
            if full < x.size:
                with self.b.when(self.b.icmp("eq", stop, number(x.size, "i64"))):
                    inside(number(full, "i64"), x.size - full)
            return
        if full > step:
            with self.b.loop(number(0, "i64"), number(full, "i64"), step) as loop:
                inside(loop.i, step)
        elif full:
            inside(number(0, "i64"), step)
        if full < x.size:
            inside(number(full, "i64"), x.size - full)

    def move(self, base: Reg, index: Reg, stride: int) -> Reg:
        """The address ``index`` steps on."""
        if not stride or index.text == "0":
            return base
        if not index.text.startswith("%"):
            return at(self.b, base, int(index.text) * stride, self.kind)
        return self.b.gep(base, index if stride == 1 else self.b.mul(index, number(stride, "i64")), self.kind)

    def block(self, place: list[Reg], tile: list[int], a: Reg, b_: Reg, c: Reg) -> None:
        """One block: from zero, or from where it rests, to c, or to rest. A long one is a function: loops around loops take
        LLVM far longer than each of them."""
        if self.finishing or not self.plan.apart:
            self.written(place, tile, a, b_, c)
            return
        if not self.part and self.common(place, tile, a, b_, c):
            return
        given = self.epilogue.given if self.epilogue else ()
        where = place if self.epilogue or self.part else [number(0, "i64")] * len(place)
        rest = [self.share, _there(self.scratch), *self.part] if self.part else []

        def write(inner: Block, values: list[Reg]) -> None:
            writer = Writer(inner, self.plan, None, self.epilogue, None)
            writer.summed = self.summed
            a, b_, c, *others = values
            if self.part:
                writer.share, writer.scratch, *part = others[len(place) :]
                writer.part = Part(*part)
            writer.written(others[: len(place)], tile, a, b_, c)

        outlined(self.b, given, [a, b_, c, *where, *rest], write)

    def common(self, place: list[Reg], tile: list[int], a: Reg, b_: Reg, c: Reg) -> bool:
        """Call a function that products have in common, if this block has one: it leaves for c, or for the stack, where a long
        epilogue reads it."""
        found = common(self.plan, tile, self.summed)
        if found is None:
            return False
        shape, v = found.shape, self.plan.vector or 0
        if self.epilogue is None:
            if self.plan.inside[v].c != 1:
                return False
            found.call(self.b, a, b_, c, next((x.c for i, x in enumerate(self.plan.inside) if i != v and tile[i] > 1), 0))
            return True
        count, type = shape.rows * shape.vectors, vector(self.kind, shape.lanes)
        if not self.epilogue.apart(self.b, place, Kind(v, type, shape.lanes), count):
            return False
        bed = self.b.slot(type, count)
        found.call(self.b, a, b_, bed, shape.vectors * shape.lanes)
        serve(self.b, self.plan, self.epilogue, place, tile, bed)
        return True

    def written(self, place: list[Reg], tile: list[int], a: Reg, b_: Reg, c: Reg) -> None:
        """The block written out."""
        a, b_, c = (plain(self.b, x) for x in (a, b_, c))
        mine = slots(self.plan, tile)
        zeros = [number(0.0, vector(self.kind, s.lanes)) for s in mine]
        if self.finishing:
            leave(self.b, self.plan, self.epilogue, place, mine, self.found(place, zeros), c)
            return
        if not self.part:
            leave(self.b, self.plan, self.epilogue, place, mine, self.sums(mine, a, b_, zeros), c)
            return
        beds = self.beds(place, len(mine))
        kept = [self.b.load(x, zero.type, self.align) for x, zero in zip(beds, zeros, strict=True)]
        start = [self.b.select(self.part.first, zero, x) for x, zero in zip(kept, zeros, strict=True)]
        sums = self.sums(mine, a, b_, start)
        last = self.part.last
        if last != NEVER:
            with self.b.when(last):
                leave(self.b, self.plan, self.epilogue, place, mine, sums, c)
        if last != ALWAYS:
            with self.b.when(self.b.bits_xor(last, ALWAYS)):
                for x, to in zip(sums, beds, strict=True):
                    self.b.store(x, to, self.align)

    def sums(self, mine: list[Slot], a: Reg, b_: Reg, start: list[Reg]) -> list[Reg]:
        return Summing(self.b, self.plan, mine, self.summed).sums(a, b_, start) if self.plan.problem.depth else start

    def found(self, place: list[Reg], zeros: list[Reg]) -> list[Reg]:
        """What the shares of a block came to."""
        with self.b.loop(number(0, "i64"), number(self.plan.shares, "i64"), carried=zeros) as loop:
            self.share = loop.i
            parts = [self.b.load(x, y.type, self.align) for x, y in zip(self.beds(place, len(zeros)), zeros, strict=True)]
            loop.next = [self.b.fadd(x, y) for x, y in zip(loop.carried, parts, strict=True)]
        return loop.results

    def beds(self, place: list[Reg], count: int) -> list[Reg]:
        """Where the accumulators of a block rest between stretches."""
        block = self.share
        for x, n, p in zip(self.plan.walk, self.plan.tile, place, strict=True):
            mine = self.b.binary("udiv", p, number(n, "i64"))
            block = self.b.add(self.b.mul(block, number(-(-x.size // n), "i64")), mine)
        areas = at(self.b, _there(self.scratch), self.plan.resting, self.kind)
        area = plain(self.b, self.move(areas, block, self.plan.area))
        return [at(self.b, area, k * self.plan.lanes, self.kind) for k in range(count)]
