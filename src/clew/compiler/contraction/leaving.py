"""Finished blocks leave their registers: to c, or to an epilogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod

from clew.compiler.block import BITS, Block, Reg, number
from clew.compiler.contraction.lanes import at, first, put
from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.slots import Slot
from clew.compiler.contraction.turn import turned

WRITTEN = 500  # lines of a block's epilogues up to which each is written out: a function with a loop takes as long to compile
TURN = 140  # lines in one turn of a loop of epilogues, about

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
    found = finished(b, plan, slots, sums)
    if epilogue is None:
        for f in found:
            put(b, f.x, c, f.offset, f.stride, f.mask)
    elif len(found) * epilogue.length(b, place, found[0]) <= WRITTEN:
        for f in found:
            moved = [b.add(p, number(k, "i64")) if k else p for p, k in zip(place, f.index, strict=True)]
            epilogue.write(b, moved, f.axis, f.x, f.mask)
    else:
        _in_loops(b, epilogue, place, found)


def finished(b: Block, plan: Plan, slots: list[Slot], sums: list[Reg]) -> list[Finished]:
    """The accumulators added up, or turned where that makes neighbours adjacent."""
    v = plan.vector
    step = plan.inside[v].c if v is not None else 0
    found: list[Finished] = []
    groups: dict[tuple[int, ...], list[tuple[Slot, Reg]]] = {}
    for slot, x in zip(slots, sums, strict=True):
        if v is None:
            found.append(Finished(slot.index, -1, total(b, x), 1, slot.c, 0))
        elif plan.turn is None or not slot.lanes:
            found.append(Finished(slot.index, v, x, slot.count, slot.c, step))
        else:
            groups.setdefault(tuple(-1 if i == plan.turn else k for i, k in enumerate(slot.index)), []).append((slot, x))
    for group in groups.values():
        for start in range(0, len(group), group[0][0].lanes):
            found += _columns(b, plan, group[start : start + group[0][0].lanes])
    return found


def _columns(b: Block, plan: Plan, rows: list[tuple[Slot, Reg]]) -> list[Finished]:
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


def _in_loops(b: Block, epilogue: Epilogue, place: list[Reg], found: list[Finished]) -> None:
    """The epilogue once for all vectors that are alike, in a function of its own that loops over them. Written out, a register
    block's code would be little else; and a loop beside the sums would take registers from them, for what is constant in it."""
    alike = groupby(sorted(found, key=lambda f: f.kind), lambda f: f.kind)
    groups = [sorted(group, key=lambda f: f.index) for _, group in alike]
    beds = [b.slot(group[0].x.type, len(group)) for group in groups]
    for group, bed in zip(groups, beds, strict=True):
        for k, f in enumerate(group):
            b.store(f.x, at(b, bed, k * max(f.x.lanes, 1), f.x.element), BITS[f.x.element] // 8)
    for group, bed in zip(groups, beds, strict=True):
        _call(b, epilogue, place, group, bed)


def _call(b: Block, epilogue: Epilogue, place: list[Reg], group: list[Finished], bed: Reg) -> None:
    """The epilogues of vectors that lie on the stack, in the order of their places: they stand in rows and columns."""
    grid = [sorted(set(steps)) for steps in zip(*(f.index for f in group), strict=True)]
    assert prod(map(len, grid)) == len(group)
    start, places = Reg("%bed", "ptr"), [Reg(f"%p{k}", "i64") for k in range(len(place))]

    def write(inner: Block) -> None:
        Loops(inner, epilogue, group[0]).over(grid, places, start)
        inner.do("ret void")

    name = b.module.shared(object(), "void", [*epilogue.given, start, *places], write)  # one for blocks of the same body
    b.do(f"call void @{name}({', '.join(map(str, [*epilogue.given, bed, *place]))})")


class Loops:
    """Loops over vectors like ``one``, which lie on the stack in the order of their places."""

    def __init__(self, b: Block, epilogue: Epilogue, one: Finished) -> None:
        self.b = b
        self.epilogue = epilogue
        self.one = one

    def over(self, grid: list[list[int]], place: list[Reg], bed: Reg) -> Reg:
        """The epilogues from ``place`` on, whose vectors lie from ``bed`` on; where the next ones lie."""
        b, done = self.b, len(place) - len(grid)
        if not grid:
            x = b.load(bed, self.one.x.type, BITS[self.one.x.element] // 8)
            self.epilogue.write(b, place, self.one.axis, x, self.one.mask)
            return at(b, bed, max(x.lanes, 1), x.element)
        steps = grid[0]
        most = TURN // (self.epilogue.length(b, place, self.one) * prod(len(x) for x in grid[1:]))
        some = next((n for n in range(most, 1, -1) if len(steps) % n == 0), 1)
        apart = steps[some] - steps[0] if some < len(steps) else 0

        def some_of(base: Reg, bed: Reg) -> Reg:
            for k in steps[:some]:
                here = b.add(base, number(k, "i64")) if k else base
                bed = self.over(grid[1:], [*place[:done], here, *place[done + 1 :]], bed)
            return bed

        if not apart:
            return some_of(place[done], bed)
        with b.loop(number(0, "i64"), number(len(steps) // some * apart, "i64"), apart, carried=[bed]) as loop:
            loop.next = [some_of(b.add(place[done], loop.i), loop.carried[0])]
        return loop.results[0]
