"""A band as a step: its tasks are slices, each run by the routine of the body in memory that its thread has for itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...ir import Tuple, Value
from ...ops.items import Item
from ..block import Block, Reg, number
from ..emit import BEGIN, CONTEXT, END, parameter
from ..evaluate import I64
from ..expression import Buffer, Place
from ..looping import Around
from ..memory import ALIGNMENT
from ..steps import Call, Frame
from ..threads.words import store, swap, until
from .band import Band, Cells, Way

if TYPE_CHECKING:
    from ..routine import Routine, Shared

VIEW, ENV, TAKEN, ARENA, FIRST = range(5)  # the context: the pool's view, constants, memory that is taken, memory, operands


def banding(n: int, v: Value, made: Sequence[Value], buffers: Mapping[Value, Buffer], shared: Shared) -> Banded | None:
    """The step of a band; None of other ops."""
    if not isinstance(v.op, Band):
        return None
    places = [buffers[x] for x in v.operands]
    several = isinstance(v.type, Tuple)
    results = {w.op.k if several and isinstance(w.op, Item) else 0: buffers[w] for w in made}
    step = Banded([v], list(dict.fromkeys(places)), list(results.values()))
    step.prepare(n, v, list(places), results, shared)
    return step


class Banded(Around):
    """``memories`` is how many slices can be at work at once: each has one for what lives only within it."""

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        assert isinstance(v.op, Band)
        self.n, self.op, self.operands, self.results = n, v.op, operands, results
        self.routines = [shared.routine(body) for body in self.op.bodies]
        self.size = -(-max(r.size for r in self.routines) // ALIGNMENT) * ALIGNMENT
        self.memories = max(1, min(self.op.count, os.cpu_count() or 1))
        self.taken = self.space("taken", ALIGNMENT * self.memories)
        self.arena = self.space("arena", self.size * self.memories)
        unused = [k for k, _ in enumerate(self.op.types) if k not in results]
        assert not unused, "a band computes what is read"
        context: list[Place] = [self.taken, self.arena, *(x for x in operands if x is not None), *self._results()]
        name = f"band{len(shared.module.functions)}"
        shared.module.function(name, "void", [CONTEXT, BEGIN, END], self._slices, "internal")
        self.calls = [Call(name, context, self.op.count, self.cycles)]

    def _results(self) -> list[Buffer]:
        return [self.results[k] for k in range(len(self.op.types))]

    @property
    def cycles(self) -> float:
        return sum(r.cycles * cells.count for r, cells in zip(self.routines, self.op.cells, strict=True))

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
        places: list[Reg] = []
        for n in reversed(cells.grid):
            places.insert(0, b.binary("urem", rest, number(n, I64)))
            rest = b.binary("udiv", rest, number(n, I64))
        table = b.slot("ptr", max(1, len(cells.operands) + len(cells.results)))
        types = [*(x.type for x in self.op.bodies[0].inputs), *self.op.types]
        for k, (way, type) in enumerate(zip((*cells.operands, *cells.results), types, strict=True)):
            address = self._moved(b, parameter(b, FIRST + k), way, places, type.dtype.itemsize)
            b.store(address, b.gep(table, number(k, I64), "ptr"), 8)
        names = ", ".join(map(str, (parameter(b, VIEW), table, arena, parameter(b, ENV))))
        b.put(f"call i32 @{routine.name}({names})", "i32")  # one that is stopped leaves a flag, which the caller reads

    def _moved(self, b: Block, base: Reg, way: Way, places: Sequence[Reg], size: int) -> Reg:
        """The address of a slice."""
        address = b.gep(base, number(way.start * size, I64), "i8") if way.start else base
        for place, step in zip(places, way.steps, strict=True):
            if step:
                address = b.gep(address, b.mul(place, number(step * size, I64)), "i8")
        return address
