"""Finished blocks leave their registers: to c, or to an epilogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod
from typing import NamedTuple

from clew.compiler.block import BITS, WIDEST, Block, Reg, number, vector
from clew.compiler.contraction.lanes import at, counted, first, put
from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.slots import Slot
from clew.compiler.contraction.turn import LONG, turn, turned

BED = Reg("%bed", "ptr")
WRITTEN = 500  # lines of a block's epilogues up to which each is written out: a function with a loop takes as long to compile

Write = Callable[[Block, Sequence[Reg], Sequence[int], int, Reg, Reg | None], None]


class Kind(NamedTuple):
    """What vectors, or scalars, have in common that one loop goes over."""

    axis: int  # the kept axis that the lanes follow
    type: str
    some: int  # lanes that count

    @property
    def x(self) -> Reg:
        return Reg("%x", self.type)

    @property
    def mask(self) -> Reg | None:
        return first(self.some, self.x.lanes) if self.x.lanes else None


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
    def kind(self) -> Kind:
        return Kind(self.axis, self.x.type, self.count)


class Epilogue:
    """``write(b, place, steps, vector axis, x, mask)`` writes what becomes of a finished vector in place of its store to ``c``:
    of the vector's first lane, ``place`` has one i64 per kept axis, and ``steps`` how far it is from there. Vectors of the same
    list ``place`` are written one after another. ``x`` may be a scalar, and the vector axis is then of no account (-1 where
    lanes did not follow a kept axis). Of the function's parameters it reads those that are ``given``: it may be written into
    others that have them."""

    def __init__(self, write: Write, given: Sequence[Reg]) -> None:
        self.write = write
        self.given = given
        self._length = 0

    def apart(self, b: Block, place: Sequence[Reg], kind: Kind, count: int) -> bool:
        """Whether it is a function that loops, for so many vectors."""
        if not self._length:
            trial = Block(b.module)
            self.write(trial, list(place), [1] * len(place), kind.axis, kind.x, kind.mask)
            self._length = len(trial.lines)
        return count * self._length > WRITTEN


def leave(
    b: Block, plan: Plan, epilogue: Epilogue | None, place: list[Reg], slots: list[Slot], sums: list[Reg], c: Reg
) -> None:
    """Every accumulator leaves. The block stands at ``place``, and at ``c``."""
    if epilogue is None and plan.turn is not None and plan.lanes >= LONG:
        slots, sums = _turned_out(b, plan, slots, sums, c)
    found = finished(b, plan, slots, sums)
    if epilogue is None:
        for f in found:
            put(b, f.x, c, f.offset, f.stride, f.kind.mask)
    elif epilogue.apart(b, place, found[0].kind, len(found)):
        _in_loops(b, plan, epilogue, place, found)
    else:
        place = list(place)
        for f in found:
            epilogue.write(b, place, f.index, f.axis, f.x, f.kind.mask)


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
        grid = [sorted(set(steps)) for steps in zip(*(f.index for f in group), strict=True)]
        assert prod(map(len, grid)) == len(group)
        _call(b, plan, epilogue, place, group[0].kind, grid, range(len(grid)), bed)


def serve(b: Block, plan: Plan, epilogue: Epilogue, place: list[Reg], tile: list[int], bed: Reg) -> None:
    """The epilogue of a block that lies on the stack: rows of whole vectors, of the last of which some lanes may count."""
    v, lanes, kind = plan.vector or 0, plan.lanes, plan.problem.dtype
    full, rest = divmod(tile[v], lanes)
    order = sorted(range(len(tile)), key=lambda i: i == v)
    for before, many, count in ((0, full, lanes), (full, 1, rest)):
        if many and count:
            grid: list[Sequence[int]] = [range(n) for n in tile]
            grid[v] = range(before * lanes, (before + many) * lanes, lanes)
            start, skip = at(b, bed, before * lanes, kind), (full + bool(rest) - many) * lanes
            _call(b, plan, epilogue, place, Kind(v, vector(kind, lanes), count), grid, order, start, skip)


def _call(
    b: Block,
    plan: Plan,
    epilogue: Epilogue,
    place: list[Reg],
    kind: Kind,
    grid: Sequence[Sequence[int]],
    order: Sequence[int],
    bed: Reg,
    skip: int | None = None,
) -> None:
    """The epilogues of vectors that lie on the stack, in rows and columns: ``grid`` has where along each axis, from the block's
    ``place`` on, and the ``order`` of axes is that of memory, in which so many elements are to ``skip`` after each row. Where
    masks cost nothing, whole vectors and those at an edge are served by one function."""
    lanes = kind.x.lanes
    places = [Reg(f"%p{k}", "i64") for k in range(len(place))]
    axes = [k for k in order if plan.tile[k] > 1]
    steps = [x[1] - x[0] if len(x) > 1 else lanes if k == kind.axis else 1 for k, x in enumerate(grid)]
    loops = [(k, steps[k], Reg(f"%n{k}", "i64")) for k in axes]
    between = [] if skip is None else [Reg("%skip", "i64")]
    edge = [Reg("%some", "i64")] if plan.bits == WIDEST and lanes and plan.problem.axes[kind.axis].size % lanes else []

    def write(inner: Block) -> None:
        mask = counted(inner, edge[0], lanes) if edge else kind.mask
        _over(inner, epilogue, kind, mask, loops, places, BED, *between)
        inner.do("ret void")

    given = [*epilogue.given, BED, *places, *(n for _, _, n in loops), *between, *edge]
    name = b.module.shared(object(), "void", given, write)  # one for the same bodies
    moved = [b.add(p, number(x[0], "i64")) if x[0] else p for p, x in zip(place, grid, strict=True)]
    counts = [len(grid[k]) for k in axes] + ([] if skip is None else [skip]) + ([kind.some] if edge else [])
    values = [*epilogue.given, bed, *moved, *(number(n, "i64") for n in counts)]
    b.do(f"call void @{name}({', '.join(map(str, values))})")


def _over(
    b: Block,
    epilogue: Epilogue,
    kind: Kind,
    mask: Reg | None,
    loops: list[tuple[int, int, Reg]],
    place: list[Reg],
    bed: Reg,
    skip: Reg | None = None,
) -> Reg:
    """The epilogues of vectors from ``place`` on, which lie from ``bed`` on: along which axis, by which step, how many. Where
    the next ones lie."""
    if not loops:
        epilogue.write(b, place, [0] * len(place), kind.axis, b.load(bed, kind.type, BITS[kind.x.element] // 8), mask)
        return at(b, bed, max(kind.x.lanes, 1), kind.x.element)
    axis, step, count = loops[0]
    with b.loop(number(0, "i64"), count, carried=[place[axis], bed]) as loop:
        here, bed = loop.carried
        there = [*place[:axis], here, *place[axis + 1 :]]
        after = _over(b, epilogue, kind, mask, loops[1:], there, bed, skip)
        if skip is not None and len(loops) == 2:
            after = b.gep(after, skip, kind.x.element)
        loop.next = [b.add(here, number(step, "i64")), after]
    return loop.results[1]
