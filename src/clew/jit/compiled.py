"""A graph as one native function."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ClewError
from ..ir import UNKNOWN, Array, Graph, Value, quiet
from ..ops.items import Item
from .block import Block, Module, Reg, number
from .expression import Buffer, Place, Space, identity, walk
from .group import Grouping
from .memory import Life, arrange
from .native import Library, host
from .prepare import prepare
from .steps import Step, combine_totals, steps
from .threads import pool

PARALLEL = 40_000  # cycles from which on a call is shared among threads
LONG = 3_000_000  # cycles from which on Ctrl-C stops it
Callback = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64)
Entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)


def _offset() -> int:
    """Where NumPy's array objects hold the address of their data."""
    probe = np.empty(1)
    words = (ctypes.c_size_t * 8).from_address(id(probe))
    return 8 * list(words).index(probe.ctypes.data)


DATA = _offset()
NUMBER = object.__basicsize__  # where NumPy's scalars hold theirs


class Compiled:
    """``compiled(inputs)`` returns the graph's outputs as new arrays.

    ``updates`` says which outputs take the place of which inputs: those are written into the input's array (contiguous,
    writable, of the graph's type), after everything that reads it, and returned as that array.
    """

    def __init__(self, graph: Graph, updates: Mapping[int, int] | None = None) -> None:
        self.source = graph
        self.updates = dict(updates or {})
        self.graph = prepare(graph)
        self.grouping = Grouping(self.graph)
        module = Module()
        self.steps = steps(module, self.grouping, self.graph, host().bits)
        self._settle_updates()
        self._place()
        module.function("main", "i32", [Reg("%view", "ptr"), Reg("%table", "ptr")], self._main)
        for declaration in ("void @clew_parallel(ptr, ptr, ptr, i64)", "void @clew_listen(ptr)"):
            module.declare(f"declare {declaration}")
        self.text = module.text
        self._pool = pool()
        self.library = Library(self.text, symbols=self._pool.symbols)
        self._entry = Entry(self.library.address("main"))
        self._prepare_call()

    # Building

    def _settle_updates(self) -> None:
        """Updates are written last, and into the inputs themselves where nothing else of those is read then or later."""
        buffers, outputs = self.grouping.buffers, self.graph.outputs
        wanted = {outputs[k]: self.graph.inputs[n] for k, n in self.updates.items() if outputs[k] in self.grouping.roots}
        last = {buffers[v] for v in wanted}
        read = {x for step in self.steps for x in step.reads}
        late = [step for step in self.steps if step.writes and all(x in last and x not in read for x in step.writes)]
        self.steps = [step for step in self.steps if step not in late] + late
        self.late = len(self.steps) - len(late)
        self.in_place: dict[Buffer, Buffer] = {}
        for n, step in enumerate(self.steps):
            for x in step.writes if n >= self.late else ():
                source = buffers.get(wanted[x.value])
                if source is not None and not any(source in s.reads for s in self.steps[n + 1 :]) and _own(step, source, x):
                    self.in_place[x] = source

    def _place(self) -> None:
        """Where each buffer lives: in the caller's arrays, in constants, in outputs, or in the arena."""
        buffers, graph = self.grouping.buffers, self.graph
        self.slots: dict[Buffer, int] = {}
        self.inputs = [(k, buffers[v]) for k, v in enumerate(graph.inputs) if v in buffers and v.type.size]
        self.constants = [buffer for v, buffer in buffers.items() if v.op is None]
        fresh = [v for v in dict.fromkeys(graph.outputs) if v in self.grouping.roots]
        updated = {graph.outputs[k] for k in self.updates}
        self.results = [buffers[v] for v in fresh if v not in updated]
        for buffer in (*(x for _, x in self.inputs), *self.constants, *self.results):
            self.slots[buffer] = len(self.slots)
        times: dict[Place, list[int]] = {}
        for n, step in enumerate(self.steps):
            for place in (*step.reads, *step.writes, *step.spaces):
                times.setdefault(place, []).append(n)
        lives = {
            x: Life(t[0], len(self.steps) if isinstance(x, Buffer) and x.value in updated else t[-1], nbytes(x))
            for x, t in times.items()
            if x not in self.slots and x not in self.in_place
        }
        self.offsets, size = arrange(lives)
        self.arena = np.empty(size + 64, np.uint8)
        self.size = len(self.slots) + 2

    def _main(self, b: Block) -> None:
        i64 = "i64"
        count = len(self.slots)
        slots = [b.load(b.gep(Reg("%table", "ptr"), number(k, i64), "ptr"), "ptr", 8) for k in range(count + 2)]
        arena, callback = slots[count:]
        for k, x in self.inputs:
            if x.value.shape:
                slots[self.slots[x]] = b.load(b.gep(slots[self.slots[x]], number(DATA, i64), "i8"), "ptr", 8)
            del k
        addresses = {x: slots[k] for x, k in self.slots.items()}
        addresses |= {x: b.gep(arena, number(offset, i64), "i8") for x, offset in self.offsets.items()}  # type: ignore[misc]
        addresses |= {x: addresses[source] for x, source in self.in_place.items()}
        context = b.slot("ptr", max((len(call.context) for step in self.steps for call in step.calls), default=1))
        if sum(call.cycles for step in self.steps for call in step.calls) > LONG:
            b.do("call void @clew_listen(ptr %view)")
        view = Reg("%view", "ptr")
        for n, step in enumerate(self.steps):
            if n == self.late and n:
                view = b.load(b.gep(view, number(16, i64), "i8"), "ptr", 8)
            elif n and n < self.late:
                self._leave_if_stopped(b, view)
            if not step.calls:
                failed = b.put(f"call i32 {callback.text}(i64 {n})", "i32")
                self._leave_if(b, failed)
            for call in step.calls:
                if not call.tasks:
                    continue
                for k, key in enumerate(call.context):
                    b.store(addresses[key], b.gep(context, number(k, i64), "ptr"), 8)
                if call.cycles > PARALLEL and call.tasks > 1:
                    b.do(f"call void @clew_parallel(ptr {view.text}, ptr @{call.name}, ptr {context.text}, i64 {call.tasks})")
                else:
                    b.do(f"call void @{call.name}(ptr {context.text}, i64 0, i64 {call.tasks})")
            combine_totals(b, step, addresses)
        for k, n in self.updates.items():
            made, target = (self.grouping.buffers.get(x) for x in (self.graph.outputs[k], self.graph.inputs[n]))
            if made in addresses and made not in self.in_place and target in addresses:
                size = made.value.type.nbytes
                b.module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
                b.do(f"call void @llvm.memcpy.p0.p0.i64({addresses[target]}, {addresses[made]}, i64 {size}, i1 false)")
        b.do("ret i32 0")

    def _leave_if_stopped(self, b: Block, view: Reg) -> None:
        self._leave_if(b, b.put(f"load atomic i32, ptr {view.text} monotonic, align 4", "i32"))

    def _leave_if(self, b: Block, flag: Reg) -> None:
        n = b.fresh()
        stopped = b.icmp("ne", flag, number(0, "i32"))
        b.do(f"br i1 {stopped.text}, label %leave{n}, label %stay{n}")
        b.begin(f"leave{n}")
        b.do(f"ret {flag}")
        b.begin(f"stay{n}")

    # Running

    def _prepare_call(self) -> None:
        self._table = (ctypes.c_void_p * self.size)()
        self._address = ctypes.addressof(self._table)
        self._kept = [np.ascontiguousarray(x.value.data) for x in self.constants]
        first = len(self.inputs)
        for k, data in enumerate(self._kept):
            self._table[first + k] = data.ctypes.data
        self._first_result = first + len(self._kept)
        self._table[self.size - 2] = self.arena.ctypes.data + (-self.arena.ctypes.data) % 64
        self._callback = Callback(self._reference)
        self._table[self.size - 1] = ctypes.cast(self._callback, ctypes.c_void_p).value
        self._objects: dict[Value, Any] = {}
        self._failure: BaseException | None = None
        places = {x.value: n for n, x in enumerate(self.results)}
        given = {v: k for k, v in enumerate(self.graph.inputs)}
        self._outputs: list[tuple[str, Any]] = []
        for k, v in enumerate(self.graph.outputs):
            if k in self.updates and v in self.grouping.roots:
                self._outputs.append(("input", self.updates[k]))
            elif v in places:
                self._outputs.append(("made", places[v]))
            else:
                self._outputs.append(("input", given[v]) if v in given else ("constant", v.data))
        self._copies = [
            (self.graph.outputs[k], n) for k, n in self.updates.items() if self.graph.outputs[k] not in self.grouping.roots
        ]

    def __call__(self, inputs: Sequence[Array]) -> list[Any]:
        table = self._table
        held = []
        for place, (k, buffer) in enumerate(self.inputs):
            x = inputs[k]
            if buffer.value.shape:
                if not (x.flags.c_contiguous and x.flags.aligned):
                    x = np.array(x, order="C")
                    held.append(x)
                table[place] = id(x)
            else:
                if x.__class__ is np.ndarray:
                    x = x[()]
                held.append(x)
                table[place] = id(x) + NUMBER
        made = [np.empty(x.value.shape, x.value.dtype) for x in self.results]
        for place, y in enumerate(made, self._first_result):
            table[place] = y.ctypes.data
        while stopped := self._entry(self._pool.here(), self._address):
            if self._failure is not None:
                failure, self._failure = self._failure, None
                self._objects.clear()
                raise failure
            if stopped != 1:
                raise ClewError(f"the compiled function ended with {stopped}")
            self._pool.interrupted()
        outputs = []
        for (kind, what), v in zip(self._outputs, self.graph.outputs, strict=True):
            x = made[what] if kind == "made" else inputs[what] if kind == "input" else what
            outputs.append(x if v.shape or x.__class__ is not np.ndarray else x[()])
        self._objects.clear()
        return outputs

    # Ops without native code

    def _reference(self, n: int) -> int:
        (v,) = self.steps[n].group.members
        assert v.op is not None
        try:
            made = quiet.run(v.op.reference, *[self._read(x) for x in v.operands])
            if isinstance(made, tuple):
                self._objects[v] = made
            for buffer in self.steps[n].writes:
                w = buffer.value
                result = made[w.op.k] if isinstance(w.op, Item) else made
                if UNKNOWN in w.shape:
                    self._objects[w] = np.array(result)
                elif w.type.size and w is not v or not isinstance(made, tuple):
                    self._view(w)[...] = result
        except BaseException as error:
            self._failure = error
            return 2
        return 0

    def _read(self, v: Value) -> Any:
        if v in self._objects:
            return self._objects[v]
        if v.op is None or not v.type.size:
            return v.data if v.op is None else np.empty(v.shape, v.dtype)
        data = self._view(v)
        return data if v.shape else data[()]

    def _view(self, v: Value) -> Any:
        """The memory of a value as an array."""
        buffer = self.grouping.buffers[v]
        if buffer in self.in_place:
            buffer = self.in_place[buffer]
        if buffer in self.slots:
            start = self._table[self.slots[buffer]]
            if buffer in dict(zip((x for _, x in self.inputs), range(len(self.inputs)), strict=True)) and v.shape:
                start = ctypes.c_void_p.from_address(start + DATA).value
        else:
            start = self._table[self.size - 2] + self.offsets[buffer]
        raw = (ctypes.c_uint8 * v.type.nbytes).from_address(start)
        return np.ndarray(v.shape, v.dtype, raw)


def nbytes(place: Place) -> int:
    return place.nbytes if isinstance(place, Space) else place.value.type.nbytes


def _own(step: Step, source: Buffer, x: Buffer) -> bool:
    """Whether a step reads of an input only the element that it then writes."""

    if step.kernel is None or source.value.shape != x.value.shape or len(step.kernel.nests) != 1:
        return False
    if step.made is not None and source.value in (step.made.left.base, step.made.right.base):
        return False
    loads = [e for e in walk(i.expr for i in step.kernel.items) if e.kind == "load" and e.attr[0] is source]
    return all(identity(e.attr[1], source.value.shape) == source.value.ndim for e in loads)
