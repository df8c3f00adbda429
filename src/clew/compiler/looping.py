"""Loops and branches as native code around the routines of their bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from ..ir import UNKNOWN, Value
from ..loops import Scan, Switch, While
from ..ops.items import Item
from .block import I64, Block, Reg, number
from .expression import Buffer, Place, Space
from .steps import Frame, Step

if TYPE_CHECKING:
    from .routine import Routine, Shared


def looping(n: int, v: Value, made: Sequence[Value], buffers: Mapping[Value, Buffer], shared: Shared) -> Step | None:
    """The native step of a loop or branch; None of other ops, and where sizes are not known."""
    unknown = any(UNKNOWN in x.shape for x in (*v.operands, *made))
    if unknown or not isinstance(v.op, Scan | While | Switch) or (isinstance(v.op, While) and v.op.parts.stacked):
        return None
    places = [buffers.get(x) for x in v.operands]
    if any(place is None and x.type.size for place, x in zip(places, v.operands, strict=True)):
        return None
    kind = {Scan: Scanning, While: Whiling, Switch: Switching}[type(v.op)]
    results: dict[int, Buffer] = {w.op.k: buffers[w] for w in made if isinstance(w.op, Item)}
    step = kind([v], [p for p in dict.fromkeys(places) if p is not None], list(results.values()))
    step.prepare(n, v, places, results, shared)
    return step


@dataclass
class Around(Step):
    """What the three have in common: operands, results that are taken, routines, and memory for what is not taken."""

    operands: list[Buffer | None] = field(default_factory=list)
    results: dict[int, Buffer] = field(default_factory=dict)
    routines: list[Routine] = field(default_factory=list)
    own: list[Space] = field(default_factory=list)

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        self.operands, self.results, self.n = operands, results, n
        assert v.op is not None
        self.routines = [shared.routine(graph) for graph in v.op.graphs.values()]
        self.arena = self.space("arena", max(r.size for r in self.routines))

    def space(self, name: str, nbytes: int) -> Space:
        self.own.append(Space(self.n, name, max(nbytes, 1)))
        return self.own[-1]

    @property
    def spaces(self) -> list[Space]:
        return self.own

    def call(self, frame: Frame, routine: Routine, table: Sequence[Reg | None]) -> None:
        """Run a routine once, and leave where it was stopped."""
        b = frame.b
        memory = b.slot("ptr", max(1, len(table)))
        for k, address in enumerate(table):
            if address is not None:
                b.store(address, b.gep(memory, number(k, I64), "ptr"), 8)
        arena = frame.addresses[self.arena]
        frame.leave_if(b.put(f"call i32 @{routine.name}({frame.view}, {memory}, {arena}, {frame.env})", "i32"))

    def at(self, frame: Frame, place: Place | None) -> Reg | None:
        return None if place is None else frame.addresses[place]


class Scanning(Around):
    """Carries alternate between two places, begin in the operands and end in the results."""

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        super().prepare(n, v, operands, results, shared)
        assert isinstance(v.op, Scan | While)
        self.op = v.op
        self.types = [x.type for x in v.op.step.outputs]
        self.pairs = [[self.space(f"carry{k}{side}", self.types[k].nbytes) for side in "ab"] for k in range(v.op.carries)]
        self.rows = {
            k: self.space(f"row{k}", self.types[k].nbytes) for k in range(v.op.carries, len(self.types)) if k not in results
        }

    @property
    def cycles(self) -> float:
        assert isinstance(self.op, Scan) and self.op.length is not None
        return self.routines[0].cycles * self.op.length

    def write(self, frame: Frame) -> None:
        op, b = self.op, frame.b
        assert isinstance(op, Scan) and op.length is not None
        carries, length = op.carries, op.length
        start = [self.at(frame, place) for place in self.operands]
        if length == 0:
            for k in range(carries):
                if k in self.results and self.types[k].size:
                    move(b, frame.addresses[self.results[k]], start[k], self.types[k].nbytes)
            return
        last = number(length - 1, I64)
        with b.loop(number(0, I64), number(length, I64)) as loop:
            first, final = b.icmp("eq", loop.i, number(0, I64)), b.icmp("eq", loop.i, last)
            odd = b.icmp("ne", b.bits_and(loop.i, number(1, I64)), number(0, I64))
            row = b.sub(last, loop.i) if op.reverse else loop.i
            given: list[Reg | None] = []
            made: list[Reg | None] = []
            for k in range(carries):
                one, other = (frame.addresses[x] for x in self.pairs[k])
                before, after = b.select(odd, one, other), b.select(odd, other, one)
                begin = start[k]
                given.append(before if begin is None else b.select(first, begin, before))
                made.append(b.select(final, frame.addresses[self.results[k]], after) if k in self.results else after)
            scanned = range(carries, carries + op.scans)
            given += [along(b, start[k], row, op.step.inputs[k].type.nbytes) for k in scanned]
            given += start[carries + op.scans :]
            for k in range(carries, len(self.types)):
                taken = k in self.results
                place = frame.addresses[self.results[k] if taken else self.rows[k]]
                made.append(along(b, place, row, self.types[k].nbytes) if taken else place)
            self.call(frame, self.routines[0], [*given, *made])


class Whiling(Scanning):
    """The condition is asked of the carries, wherever they are."""

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        super().prepare(n, v, operands, results, shared)
        self.answer = self.space("answer", 1)

    @property
    def cycles(self) -> float:
        return inf  # as far as anybody knows: Ctrl-C has to stop it

    def write(self, frame: Frame) -> None:
        op, b = self.op, frame.b
        assert isinstance(op, While)
        step, condition = (self.routines[list(op.graphs).index(name)] for name in ("step", "condition"))
        start = [self.at(frame, place) for place in self.operands]
        places = [b.slot("ptr") for _ in range(op.carries)]
        for k, place in enumerate(places):
            b.store(start[k] or frame.addresses[self.pairs[k][0]], place, 8)
        n = b.fresh()
        turn = b.slot("i64")
        b.store(number(0, I64), turn, 8)
        b.do(f"br label %ask{n}")
        b.begin(f"ask{n}")
        now = [b.load(place, "ptr", 8) for place in places]
        self.call(frame, condition, [*now, *start[op.carries :], frame.addresses[self.answer]])
        answer = b.load(frame.addresses[self.answer], "i8", 1)
        b.do(f"br i1 {b.icmp('ne', answer, number(0, 'i8')).text}, label %step{n}, label %done{n}")
        b.begin(f"step{n}")
        frame.leave_if_stopped()
        count = b.load(turn, I64, 8)
        odd = b.icmp("ne", b.bits_and(count, number(1, I64)), number(0, I64))
        after = [b.select(odd, *(frame.addresses[x] for x in pair)) for pair in self.pairs]
        self.call(frame, step, [*now, *start[op.carries :], *after])
        for place, address in zip(places, after, strict=True):
            b.store(address, place, 8)
        b.store(b.add(count, number(1, I64)), turn, 8)
        b.do(f"br label %ask{n}")
        b.begin(f"done{n}")
        for k, place in enumerate(places):
            if k in self.results and self.types[k].size:
                move(b, frame.addresses[self.results[k]], b.load(place, "ptr", 8), self.types[k].nbytes)


class Switching(Around):
    """One of several routines, by an index that is held within them."""

    def prepare(self, n: int, v: Value, operands: list[Buffer | None], results: dict[int, Buffer], shared: Shared) -> None:
        super().prepare(n, v, operands, results, shared)
        assert isinstance(v.op, Switch)
        self.types = [x.type for x in v.op.branches[0].outputs]
        self.rows = {k: self.space(f"row{k}", t.nbytes) for k, t in enumerate(self.types) if k not in results}

    @property
    def cycles(self) -> float:
        return max(r.cycles for r in self.routines)

    def write(self, frame: Frame) -> None:
        b = frame.b
        index, *start = (self.at(frame, place) for place in self.operands)
        assert index is not None
        made = [frame.addresses[self.results.get(k) or self.rows[k]] for k in range(len(self.types))]
        chosen = b.load(index, I64, 8)
        low, high = number(0, I64), number(len(self.routines) - 1, I64)
        chosen = b.intrinsic("smin", b.intrinsic("smax", chosen, low), high)
        for k, routine in enumerate(self.routines):
            with b.when(b.icmp("eq", chosen, number(k, I64))):
                self.call(frame, routine, [*start, *made])


def along(b: Block, base: Reg | None, row: Reg, nbytes: int) -> Reg | None:
    """The address of a row."""
    return None if base is None else b.gep(base, b.mul(row, number(nbytes, I64)), "i8")


def move(b: Block, target: Reg, source: Reg | None, count: int) -> None:
    """Bytes between places that may be the same one."""
    if source is not None:
        b.module.declare("declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)")
        b.do(f"call void @llvm.memmove.p0.p0.i64({target}, {source}, i64 {count}, i1 false)")
