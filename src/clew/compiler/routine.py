"""A graph as one native function, ``i32 (view, table, arena, env)``, that others may call.

``table`` has the addresses of the inputs, then those of the outputs; all are dense. ``arena`` is the function's own memory.
It returns 0, or what stopped it: 1 for an interrupt, 2 for an error in Python, 3 for a position outside of its axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..ir import UNKNOWN, Array, Graph, Tuple, Value
from ..ops.items import Item
from .bands import Body, banding
from .block import I64, Block, Module, Reg, number
from .expression import Buffer, Place, Space
from .group import Group, Grouping
from .heirs import heirs, own
from .looping import looping
from .memory import Life, arrange
from .native import Part
from .order import gradients, ordered
from .outside import Outside, reference
from .prepare import prepare
from .steps import Addresses, Frame, Step, entry, kept, loops_step, product_step, whole_step

PARAMETERS = [Reg("%view", "ptr"), Reg("%table", "ptr"), Reg("%arena", "ptr"), Reg("%env", "ptr")]
CONSTANTS = 1  # the place of the first constant in ``env``; before it stands the callback


class Shared:
    """What the routines of one compiled function have in common."""

    def __init__(self, bits: int, sink: Callable[[Part], object] | None = None) -> None:
        self.module = Module(sink)
        self.bits = bits
        self.outside = Outside()
        self.constants: list[Array] = []
        self.routines: dict[Graph, Routine] = {}

    def routine(self, graph: Graph) -> Routine:
        """The routine of a graph that an op holds, once for all who call it."""
        if graph not in self.routines:
            self.routines[graph] = Routine(graph, self, graph.updates if isinstance(graph, Body) else None)
        return self.routines[graph]


class Routine:
    """``updates``: outputs that take the place of inputs. They are written last, in place where nothing else reads the input
    then, and have no address of their own."""

    def __init__(self, graph: Graph, shared: Shared, updates: Mapping[int, int] | None = None) -> None:
        self.shared = shared
        self.updates = dict(updates or {})
        self.graph = graph if isinstance(graph, Body) else prepare(graph)  # a band's has been through the passes
        self.count = len(graph.outputs)
        checks = self.graph.outputs[self.count :]
        self.wrong = checks[0] if checks and checks[0].op is not None else None
        early = set() if isinstance(graph, Body) else gradients(self.graph, self.updates)
        self.grouping = Grouping(self.graph, shared.bits, early)
        self.late = 0
        self.steps = self._steps()
        self.in_place = self._settle_updates()
        self._arrange()
        self.name = f"routine{len(shared.module.functions)}"
        shared.module.function(self.name, "i32", PARAMETERS, self._write, "internal", calls=True)

    @property
    def cycles(self) -> float:
        return sum(step.cycles for step in self.steps)

    def _steps(self) -> list[Step]:
        grouping, shared = self.grouping, self.shared
        wanted = kept(grouping, self.graph)
        found: list[Step] = []
        for group in grouping.groups:
            n = len(found)
            if wanted.isdisjoint(group.members):
                continue
            if group.kind == "loops":
                found.append(loops_step(n, shared.module, group, grouping, wanted, shared.bits))
            elif group.kind == "product":
                found.append(product_step(n, shared.module, group, grouping, wanted, shared.bits))
            elif group.kind == "whole" and not isinstance(group.members[0].op, Item):
                found.append(self._whole(n, group))
        return found

    def _whole(self, n: int, group: Group) -> Step:
        (v,) = group.members
        buffers = self.grouping.buffers
        made = [w for w in self.grouping.roots if isinstance(w.op, Item) and w.operands[0] is v]
        if not isinstance(v.type, Tuple):
            made = [v]
        step = whole_step(n, self.shared.module, v, buffers, self.shared.bits) or looping(n, v, made, buffers, self.shared)
        step = step or banding(n, v, made, buffers, self.shared)
        return reference(v, made, buffers, self.shared.outside) if step is None else step

    def _settle_updates(self) -> dict[Buffer, Buffer]:
        """Updates are written last, and into the inputs themselves where nothing else of those is read then or later."""
        buffers, graph = self.grouping.buffers, self.graph
        wanted = {graph.outputs[k]: graph.inputs[n] for k, n in self.updates.items() if graph.outputs[k] in self.grouping.roots}
        others = {v for k, v in enumerate(graph.outputs) if k not in self.updates}
        last = {buffers[v] for v in wanted if v not in others}
        read = {x for step in self.steps for x in step.reads}
        kernels = [step for step in self.steps if step.kernel is not None and step.writes]  # which cannot fail halfway
        late = [step for step in kernels if all(x in last and x not in read for x in step.writes)]
        early = [step for step in self.steps if step not in late]
        made = (x for step in early for x in step.writes if UNKNOWN not in x.value.shape)
        sizes = {x: nbytes(x) for x in made if x.value not in graph.outputs}
        self.steps = ordered(early, sizes) + late
        self.late = len(early)
        found: dict[Buffer, Buffer] = {}
        for n, step in enumerate(self.steps[self.late :], self.late):
            for x in step.writes:
                source = buffers.get(wanted[x.value])
                if source is not None and not any(source in s.reads for s in self.steps[n + 1 :]) and own(step, source, x):
                    found[x] = source
        return found

    def _arrange(self) -> None:
        """Where each buffer lives: with the caller, among the constants, or in the arena."""
        buffers, graph = self.grouping.buffers, self.graph
        self.inputs = {buffers[v]: k for k, v in enumerate(graph.inputs) if v in buffers}
        self.constants: dict[Buffer, int] = {}
        for v, buffer in buffers.items():
            if v.op is None:
                self.constants[buffer] = len(self.shared.constants)
                self.shared.constants.append(np.ascontiguousarray(v.data))
        self.outputs: dict[Buffer, int] = {}
        self.copies: list[int] = []  # outputs that something else holds
        self.saved: dict[int, Space] = {}  # inputs that become others' values, and have new ones themselves
        targets = {graph.inputs[n] for n in self.updates.values()}
        for k, v in enumerate(graph.outputs[: self.count]):
            if not v.type.size:
                continue
            if k in self.updates:
                self._hold(v)
                if v in targets and v is not graph.inputs[self.updates[k]]:
                    self.saved[k] = Space(self.late, f"old{k}", v.type.nbytes)
            elif v in self.grouping.roots and buffers[v] not in self.outputs:
                self.outputs[buffers[v]] = len(graph.inputs) + k
            else:
                self.copies.append(k)
                self._hold(v)
        until_end = {*(graph.outputs[k] for k in self.updates), self.wrong}
        times: dict[Place, list[int]] = {}
        for n, step in enumerate(self.steps):
            places: list[Place] = [*step.reads, *step.writes, *step.spaces]
            for place in places:
                times.setdefault(place, []).append(n)
        elsewhere = (self.inputs, self.constants, self.outputs, self.in_place)
        lives = {
            x: Life(t[0], len(self.steps) if isinstance(x, Buffer) and x.value in until_end else t[-1], nbytes(x))
            for x, t in times.items()
            if not any(x in held for held in elsewhere) and not (isinstance(x, Buffer) and UNKNOWN in x.value.shape)
        }
        self.heirs = heirs(self.steps, lives)
        self.in_place |= self.heirs
        lives |= {x: Life(self.late, len(self.steps), x.nbytes) for x in self.saved.values()}
        self.offsets, self.size = arrange(lives)

    def _hold(self, v: Value) -> None:
        """A constant that is a result has memory, filled or not."""
        if v.op is None and v not in self.grouping.buffers:
            buffer = self.grouping.buffers[v] = Buffer(v, "result")
            self.constants[buffer] = len(self.shared.constants)
            self.shared.constants.append(np.ascontiguousarray(v.data))

    def _write(self, b: Block) -> None:
        self.write(b, lambda n: None)

    def write(self, b: Block, before: Callable[[int], None], table: Reg = PARAMETERS[1]) -> None:
        """The function's body. ``before(n)`` may write what happens before each step, and at the end."""
        view, _, arena, env = PARAMETERS
        entries: dict[Place, tuple[Reg, int]] = {x: (table, k) for x, k in (*self.inputs.items(), *self.outputs.items())}
        entries |= {x: (env, CONSTANTS + k) for x, k in self.constants.items()}
        frame = Frame(b, view, env, Addresses(b, entries, arena, self.offsets, self.in_place))
        for n, step in enumerate(self.steps):
            before(n)
            if n and n <= self.late:  # what was shared among threads may have been left half done
                frame.leave_if_stopped()
            if n == self.late:
                self._refuse(frame)
                self._copy_inputs(frame, table)
            if n == self.late and n:
                frame.view = b.load(b.gep(view, number(16, I64), "i8"), "ptr", 8)
            step.write(frame)
        before(len(self.steps))
        if self.late == len(self.steps):
            if self.steps:
                frame.leave_if_stopped()
            self._refuse(frame)
            self._copy_inputs(frame, table)
        self._copy_made(frame, table)
        b.do("ret i32 0")

    def _copy_inputs(self, frame: Frame, table: Reg) -> None:
        """Results that are inputs, and inputs that become others' new values, before anything is written in place."""
        buffers, graph = self.grouping.buffers, self.graph
        for k in self.copies:
            if graph.outputs[k] in graph.inputs:
                self._copy_out(frame, table, k)
        for k, space in self.saved.items():
            copy(frame.b, frame.addresses[space], frame.addresses[buffers[graph.outputs[k]]], space.nbytes)

    def _copy_made(self, frame: Frame, table: Reg) -> None:
        """Results that stand elsewhere, and updates that were not made in place."""
        buffers, graph = self.grouping.buffers, self.graph
        for k in self.copies:
            if graph.outputs[k] not in graph.inputs:
                self._copy_out(frame, table, k)
        for k, n in self.updates.items():
            made: Place | None = self.saved.get(k) or buffers.get(graph.outputs[k])
            target = buffers.get(graph.inputs[n])
            if made not in frame.addresses or target not in frame.addresses:
                continue
            assert made is not None and target is not None
            if made is not target and not (isinstance(made, Buffer) and self.in_place.get(made) is target):
                copy(frame.b, frame.addresses[target], frame.addresses[made], nbytes(target))

    def _copy_out(self, frame: Frame, table: Reg, k: int) -> None:
        v = self.graph.outputs[k]
        place = entry(frame.b, table, len(self.graph.inputs) + k)
        copy(frame.b, place, frame.addresses[self.grouping.buffers[v]], v.type.nbytes)

    def _refuse(self, frame: Frame) -> None:
        """Leave where a position lies outside of its axis."""
        if self.wrong is not None:
            b = frame.b
            flag = b.load(frame.addresses[self.grouping.buffers[self.wrong]], "i8", 1)
            frame.leave_if(b.select(b.icmp("ne", flag, number(0, "i8")), number(3, "i32"), number(0, "i32")))


def copy(b: Block, target: Reg, source: Reg, count: int) -> None:
    """Bytes from one place to another."""
    b.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    b.do(f"call void @llvm.memcpy.p0.p0.i64({target}, {source}, i64 {count}, i1 false)")


def nbytes(place: Place) -> int:
    return place.value.type.nbytes if isinstance(place, Buffer) else place.nbytes
