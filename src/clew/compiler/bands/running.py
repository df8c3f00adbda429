"""A band as a step: its tasks are slices, each run by the routine of the body in memory that its thread has for itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...ir import Tuple, Value
from ...ops.items import Item
from ..block import I64, Block, Reg, number
from ..emit import BEGIN, CONTEXT, END, parameter
from ..expression import Buffer, Place
from ..looping import Around
from ..memory import ALIGNMENT
from ..steps import Call, Frame
from ..threads.words import store, swap, until
from .band import Band, Cells, Way

if TYPE_CHECKING:
    from ..routine import Routine, Shared

VIEW, ENV, TAKEN, ARENA, FIRST = range(5)  # the context: the pool's view, constants, memory that is taken, memory, operands


def banding(n: int, v: Value, made: Sequence[Value], buffers: Mapping[Value, Buffer], shared: Shared) -> Sliced | None:
    """The step of a band; None of other ops."""
    if not isinstance(v.op, Band):
        return None
    places = [buffers[x] for x in v.operands]
    several = isinstance(v.type, Tuple)
    results = {w.op.k if several and isinstance(w.op, Item) else 0: buffers[w] for w in made}
    kind = Totalling if v.op.sums else Banded
    step = kind([v], list(dict.fromkeys(places)), list(results.values()))
    step.prepare(n, v, list(places), results, shared)
    return step


class Sliced(Around):
    """What all bands have in common."""

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        assert isinstance(v.op, Band)
        self.n, self.op, self.operands, self.results = n, v.op, operands, results
        self.routines = [shared.routine(body) for body in self.op.bodies]
        unused = [k for k, _ in enumerate(self.op.types) if k not in results]
        assert not unused, "a band computes what is read"

    def _results(self) -> list[Buffer]:
        return [self.results[k] for k in range(len(self.op.types))]

    @property
    def cycles(self) -> float:
        return sum(r.cycles * cells.count for r, cells in zip(self.routines, self.op.cells, strict=True))

    def _addresses(self, b: Block, cells: Cells, rest: Reg, base: Callable[[int], Reg]) -> list[Reg]:
        """Where the operands and results of a slice begin."""
        places: list[Reg] = []
        for n in reversed(cells.grid):
            places.insert(0, b.binary("urem", rest, number(n, I64)))
            rest = b.binary("udiv", rest, number(n, I64))
        types = [*(x.type for x in self.op.bodies[0].inputs[: len(cells.operands)]), *self.op.types]
        ways = zip((*cells.operands, *cells.results), types, strict=True)
        return [moved(b, base(k), way, places, type.dtype.itemsize) for k, (way, type) in enumerate(ways)]


class Totalling(Sliced):
    """One slice after the other, each with all threads; totals grow where they are."""

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        super().prepare(n, v, operands, results, shared)
        self.arena = self.space("arena", max(r.size for r in self.routines))

    def write(self, frame: Frame) -> None:
        b, places = frame.b, [*(x for x in self.operands if x is not None), *self._results()]
        for x in self._totals():
            b.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
            b.do(f"call void @llvm.memset.p0.i64({frame.addresses[x]}, i8 0, i64 {x.value.type.nbytes}, i1 false)")
        for routine, cells in zip(self.routines, self.op.cells, strict=True):
            with b.loop(number(0, I64), number(cells.count, I64)) as loop:
                found = self._addresses(b, cells, loop.i, lambda k: frame.addresses[places[k]])
                given, made = found[: len(cells.operands)], found[len(cells.operands) :]
                self.call(frame, routine, [*given, *(frame.addresses[x] for x in self._totals()), *made])

    def _totals(self) -> list[Buffer]:
        return self._results()[len(self.op.types) - self.op.sums :]


class Banded(Sliced):
    """Slices are tasks. ``memories`` is how many of them can be at work at once: each has one for what lives only within it."""

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        super().prepare(n, v, operands, results, shared)
        self.size = -(-max(r.size for r in self.routines) // ALIGNMENT) * ALIGNMENT
        self.memories = max(1, min(self.op.count, os.cpu_count() or 1))
        self.taken = self.space("taken", ALIGNMENT * self.memories)
        self.arena = self.space("arena", self.size * self.memories)
        context: list[Place] = [self.taken, self.arena, *(x for x in operands if x is not None), *self._results()]
        name = f"band{len(shared.module.functions)}"
        shared.module.function(name, "void", [CONTEXT, BEGIN, END], self._slices, "internal", calls=True)
        self.calls = [Call(name, context, self.op.count, self.cycles)]

    def write(self, frame: Frame) -> None:
        b = frame.b
        for k in range(self.memories):
            b.store(number(0, "i32"), b.gep(frame.addresses[self.taken], number(k * ALIGNMENT, I64), "i8"), 4)
        self.calls[0].write(frame, frame.view, frame.env)

    def _slices(self, b: Block) -> None:
        """The function of some tasks."""
        taken = parameter(b, TAKEN)
        place = b.slot(I64)
        with until(b) as (leave, turn):
            mine = b.binary("urem", turn, number(self.memories, I64))
            b.store(mine, place, 8)
            leave(swap(b, self._mark(b, taken, mine), number(0, "i32"), number(1, "i32")))
        mine = b.load(place, I64, 8)
        arena = b.gep(parameter(b, ARENA), b.mul(mine, number(self.size, I64)), "i8")
        before = 0
        for routine, cells in zip(self.routines, self.op.cells, strict=True):
            low = b.intrinsic("smax", BEGIN, number(before, I64))
            high = b.intrinsic("smin", END, number(before + cells.count, I64))
            with b.loop(low, high, empty=True) as loop:
                self._slice(b, routine, cells, b.sub(loop.i, number(before, I64)), arena)
            before += cells.count
        store(b, number(0, "i32"), self._mark(b, taken, mine), "release")
        b.do("ret void")

    def _mark(self, b: Block, taken: Reg, mine: Reg) -> Reg:
        return b.gep(taken, b.mul(mine, number(ALIGNMENT, I64)), "i8")

    def _slice(self, b: Block, routine: Routine, cells: Cells, rest: Reg, arena: Reg) -> None:
        table = b.slot("ptr", max(1, len(cells.operands) + len(cells.results)))
        for k, address in enumerate(self._addresses(b, cells, rest, lambda k: parameter(b, FIRST + k))):
            b.store(address, b.gep(table, number(k, I64), "ptr"), 8)
        names = ", ".join(map(str, (parameter(b, VIEW), table, arena, parameter(b, ENV))))
        b.put(f"call i32 @{routine.name}({names})", "i32")  # one that is stopped leaves a flag, which the caller reads


def moved(b: Block, base: Reg, way: Way, places: Sequence[Reg], size: int) -> Reg:
    """The address of a slice."""
    address = b.gep(base, number(way.start * size, I64), "i8") if way.start else base
    for place, step in zip(places, way.steps, strict=True):
        if step:
            address = b.gep(address, b.mul(place, number(step * size, I64)), "i8")
    return address
