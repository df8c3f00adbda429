"""Finished blocks leave their registers: to c, or to an epilogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod

from clew.compiler.block import BITS, WIDEST, Block, Reg, number
from clew.compiler.contraction.lanes import at, counted, first, put
from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.slots import Slot
from clew.compiler.contraction.turn import LONG, turn, turned

WRITTEN = 500  # lines of a block's epilogues up to which each is written out: a function with a loop takes as long to compile

Write = Callable[[Block, Sequence[Reg], int, Reg, Reg | None], None]


@dataclass(frozen=True)
class Finished:
    """A vector that is finished, or a scalar: the elements of c it stands for, as steps from its block's first."""

    index: tuple[int, ...]  # of its first lane, along each kept axis
    axis: int  # the kept axis that its lanes follow
    x: Reg
    count: int  # lanes that count
    offset: int
    stride: int

    @property
    def mask(self) -> Reg | None:
        return first(self.count, self.x.lanes) if self.x.lanes else None

    @property
    def kind(self) -> tuple[int, str, int]:
        """What vectors have in common that one loop goes over."""
        return self.axis, self.x.type, self.count


class Epilogue:
    """``write(b, index, vector axis, x, mask)`` writes what becomes of a finished vector in place of its store to ``c``:
    ``index`` has one i64 per kept axis, of the vector's first lane; ``x`` may be a scalar, and the vector axis is then of no
    account (-1 where lanes did not follow a kept axis). Of the function's parameters it reads those that are ``given``: it may
    be written into others that have them."""

    def __init__(self, write: Write, given: Sequence[Reg]) -> None:
        self.write = write
        self.given = given
        self._length = 0

    def length(self, b: Block, place: Sequence[Reg], one: Finished) -> int:
        """How many lines it takes."""
        if not self._length:
            trial = Block(b.module)
            self.write(trial, place, one.axis, one.x, one.mask)
            self._length = len(trial.lines)
        return self._length


def leave(
    b: Block, plan: Plan, epilogue: Epilogue | None, place: list[Reg], slots: list[Slot], sums: list[Reg], c: Reg
) -> None:
    """Every accumulator leaves. The block stands at ``place``, and at ``c``."""
    if epilogue is None and plan.turn is not None and plan.lanes >= LONG:
        slots, sums = _turned_out(b, plan, slots, sums, c)
    found = finished(b, plan, slots, sums)
    if epilogue is None:
        for f in found:
            put(b, f.x, c, f.offset, f.stride, f.mask)
    elif len(found) * epilogue.length(b, place, found[0]) <= WRITTEN:
        for f in found:
            moved = [b.add(p, number(k, "i64")) if k else p for p, k in zip(place, f.index, strict=True)]
            epilogue.write(b, moved, f.axis, f.x, f.mask)
    else:
        _in_loops(b, plan, epilogue, place, found)


def finished(b: Block, plan: Plan, slots: list[Slot], sums: list[Reg]) -> list[Finished]:
    """The accumulators added up, or turned where that makes neighbours adjacent."""
    v = plan.vector
    step = plan.inside[v].c if v is not None else 0
    found: list[Finished] = []
    for slot, x in zip(slots, sums, strict=True):
        if v is None:
            found.append(Finished(slot.index, -1, total(b, x), 1, slot.c, 0))
        elif plan.turn is None or not slot.lanes:
            found.append(Finished(slot.index, v, x, slot.count, slot.c, step))
    for square in _squares(plan, slots, sums):
        found += _columns(b, plan, square)
    return found


Square = list[tuple[Slot, Reg]]  # accumulators whose lanes become rows


def _squares(plan: Plan, slots: list[Slot], sums: list[Reg]) -> list[Square]:
    """The accumulators that are turned, with their like."""
    if plan.turn is None:
        return []
    groups: dict[tuple[int, ...], Square] = {}
    for slot, x in zip(slots, sums, strict=True):
        if slot.lanes:
            groups.setdefault(tuple(-1 if i == plan.turn else k for i, k in enumerate(slot.index)), []).append((slot, x))
    return [g[k : k + g[0][0].lanes] for g in groups.values() for k in range(0, len(g), g[0][0].lanes)]


def _turned_out(b: Block, plan: Plan, slots: list[Slot], sums: list[Reg], c: Reg) -> tuple[list[Slot], list[Reg]]:
    """Long squares are turned by a function, from the stack to where they belong; the other accumulators are left."""
    step = plan.inside[plan.vector or 0].c
    left = dict(zip(slots, sums, strict=True))
    for square in _squares(plan, slots, sums):
        slot, x = square[0]
        if x.lanes < LONG:
            continue
        bed = b.slot(x.type, x.lanes)
        for k, (one, y) in enumerate(square):
            b.store(y, at(b, bed, k * x.lanes, x.element), BITS[x.element] // 8)
            del left[one]
        turn(b, x.element, x.lanes, bed, x.lanes, at(b, c, slot.c, x.element), step, len(square), slot.count)
    return list(left), list(left.values())


def _columns(b: Block, plan: Plan, rows: Square) -> list[Finished]:
    """A square of accumulators turned."""
    (slot, x), step = rows[0], plan.inside[plan.vector or 0].c
    columns = turned(b, [x for _, x in rows] + [Reg("poison", x.type)] * (x.lanes - len(rows)))
    found = []
    for k, column in enumerate(columns[: slot.count]):
        index = tuple(n + k if i == plan.vector else n for i, n in enumerate(slot.index))
        found.append(Finished(index, plan.turn or 0, column, len(rows), slot.c + k * step, 1))
    return found


def total(b: Block, x: Reg) -> Reg:
    """The lanes of an accumulator added up; their order is free."""
    if not x.lanes:
        return x
    name = f"llvm.vector.reduce.fadd.v{x.lanes}f{'32' if x.element == 'float' else '64'}"
    b.module.declare(f"declare {x.element} @{name}({x.element}, {x.type})")
    return b.put(f"call reassoc {x.element} @{name}({number(-0.0, x.element)}, {x})", x.element)


def _in_loops(b: Block, plan: Plan, epilogue: Epilogue, place: list[Reg], found: list[Finished]) -> None:
    """The epilogue once for all vectors that are alike, in a function of its own that loops over them. Written out, a register
    block's code would be little else; and a loop beside the sums would take registers from them, for what is constant in it."""
    alike = groupby(sorted(found, key=lambda f: f.kind), lambda f: f.kind)
    groups = [sorted(group, key=lambda f: f.index) for _, group in alike]
    beds = [b.slot(group[0].x.type, len(group)) for group in groups]
    for group, bed in zip(groups, beds, strict=True):
        for k, f in enumerate(group):
            b.store(f.x, at(b, bed, k * max(f.x.lanes, 1), f.x.element), BITS[f.x.element] // 8)
    for group, bed in zip(groups, beds, strict=True):
        _call(b, plan, epilogue, place, group, bed)


def _call(b: Block, plan: Plan, epilogue: Epilogue, place: list[Reg], group: list[Finished], bed: Reg) -> None:
    """The epilogues of vectors that lie on the stack, in the order of their places: they stand in rows and columns. Where masks
    cost nothing, whole vectors and those at an edge are served by one function."""
    one = group[0]
    grid = [sorted(set(steps)) for steps in zip(*(f.index for f in group), strict=True)]
    assert prod(map(len, grid)) == len(group)
    apart = [x[1] - x[0] if len(x) > 1 else one.x.lanes if k == one.axis else 1 for k, x in enumerate(grid)]
    start, places, counts = (Reg("%bed", "ptr"), *([Reg(f"%{x}{k}", "i64") for k in range(len(place))] for x in "pn"))
    lanes = one.x.lanes
    edge = [Reg("%some", "i64")] if plan.bits == WIDEST and lanes and plan.problem.axes[one.axis].size % lanes else []

    def write(inner: Block) -> None:
        mask = counted(inner, edge[0], lanes) if edge else one.mask
        _over(inner, epilogue, one, mask, list(zip(apart, counts, strict=True)), places, start)
        inner.do("ret void")

    given = [*epilogue.given, start, *places, *counts, *edge]
    name = b.module.shared(object(), "void", given, write)  # one for the same bodies
    moved = [b.add(p, number(x[0], "i64")) if x[0] else p for p, x in zip(place, grid, strict=True)]
    sizes = [number(n, "i64") for n in (*map(len, grid), *([one.count] if edge else []))]
    b.do(f"call void @{name}({', '.join(map(str, [*epilogue.given, bed, *moved, *sizes]))})")


def _over(
    b: Block, epilogue: Epilogue, one: Finished, mask: Reg | None, axes: list[tuple[int, Reg]], place: list[Reg], bed: Reg
) -> Reg:
    """The epilogues of vectors like ``one`` from ``place`` on, which lie from ``bed`` on: how far ``apart`` they are along each
    axis, and how many. Where the next ones lie."""
    done = len(place) - len(axes)
    if not axes:
        x = b.load(bed, one.x.type, BITS[one.x.element] // 8)
        epilogue.write(b, place, one.axis, x, mask)
        return at(b, bed, max(x.lanes, 1), x.element)
    apart, count = axes[0]
    with b.loop(number(0, "i64"), count, carried=[place[done], bed]) as loop:
        here, bed = loop.carried
        after = _over(b, epilogue, one, mask, axes[1:], [*place[:done], here, *place[done + 1 :]], bed)
        loop.next = [b.add(here, number(apart, "i64")), after]
    return loop.results[1]
