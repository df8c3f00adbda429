"""A graph as one native function, called from Python."""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import ClewError
from ..ir import Array, Graph, run
from .block import Block, Reg, number
from .evaluate import I64
from .native import Library, host
from .routine import PARAMETERS, Routine, Shared
from .threads import pool

LONG = 3_000_000  # cycles from which on Ctrl-C stops a call
Entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def _offset() -> int:
    """Where NumPy's array objects hold the address of their data."""
    probe = np.empty(1)
    words = (ctypes.c_size_t * 8).from_address(id(probe))
    return 8 * list(words).index(probe.ctypes.data)


DATA = _offset()
PACKED = {"f8": "d", "f4": "f", "f2": "e", "b1": "?"} | {f"i{n}": c for n, c in zip((1, 2, 4, 8), "bhiq", strict=True)}
PACKED |= {f"u{n}": c for n, c in zip((1, 2, 4, 8), "BHIQ", strict=True)}  # how numbers are given to native code
NUMBER = object.__basicsize__  # where NumPy's scalars hold theirs


class Compiled:
    """``compiled(inputs)`` returns the graph's outputs as new arrays.

    ``updates`` says which outputs take the place of which inputs: those are written into the input's array (contiguous,
    writable, of the graph's type), after everything that reads it, and returned as that array.
    """

    takes_floats = True  # an input of type f64[] may be a Python float

    def __init__(self, graph: Graph, updates: Mapping[int, int] | None = None) -> None:
        self.source = graph
        self.updates = dict(updates or {})
        self.shared = Shared(host().bits)
        self.routine = Routine(graph, self.shared, self.updates)
        self.graph = self.routine.graph
        module = self.shared.module
        module.function("main", "i32", PARAMETERS, self._main)
        self._pool = pool()
        self.library = Library(module.text, symbols=self._pool.symbols)
        self._entry = Entry(self.library.address("main"))
        self._lock = threading.Lock()
        self._running = 0  # the thread whose call it is
        self._prepare_call()

    def _main(self, b: Block) -> None:
        if self.routine.cycles > LONG:
            b.module.declare("declare void @clew_listen(ptr)")
            b.do("call void @clew_listen(ptr %view)")
        table = self._addresses(b)
        view, _, *rest = PARAMETERS
        names = ", ".join(map(str, (view, table, *rest)))
        b.do(f"ret {b.put(f'call i32 @{self.routine.name}({names})', 'i32')}")

    def _addresses(self, b: Block) -> Reg:
        """The routine's table. Python gives arrays as objects, which hold the address of their data, and numbers by address."""
        given = self.source.inputs
        made = [v for k, v in enumerate(self.source.outputs) if k not in self.updates]
        places = [*range(len(given)), *(len(given) + k for k in range(len(self.source.outputs)) if k not in self.updates)]
        table = b.slot("ptr", max(1, len(given) + len(self.source.outputs)))
        for k, v in zip(places, [*given, *made], strict=True):
            entry = b.load(b.gep(Reg("%table", "ptr"), number(k, I64), "ptr"), "ptr", 8)
            if v.shape:
                entry = b.load(b.gep(entry, number(DATA, I64), "i8"), "ptr", 8)
            b.store(entry, b.gep(table, number(k, I64), "ptr"), 8)
        return table

    @property
    def text(self) -> str:
        """The module in LLVM's language."""
        return self.shared.module.text

    # Running

    def _prepare_call(self) -> None:
        graph, shared = self.source, self.shared
        self._outputs = len(graph.outputs)
        env = (ctypes.c_void_p * (1 + len(shared.constants)))(
            shared.outside.address, *(x.ctypes.data for x in shared.constants)
        )
        arena = np.empty(self.routine.size + 64, np.uint8)
        count = len(graph.inputs)
        table = (ctypes.c_void_p * (count + self._outputs))()
        self._held = env, arena
        self._table = table
        self._rest = ctypes.addressof(table), arena.ctypes.data + (-arena.ctypes.data) % 64, ctypes.addressof(env)
        self._arrays = [k for k, v in enumerate(graph.inputs) if v.shape]
        self._objects = [k for k, v in enumerate(graph.inputs) if not v.shape and v.dtype.str[1:] not in PACKED]
        numbers = [k for k, v in enumerate(graph.inputs) if not v.shape and v.dtype.str[1:] in PACKED]
        packed: Any = np.zeros(8 * len(numbers), np.uint8)
        for n, k in enumerate(numbers):
            table[k] = packed.ctypes.data + 8 * n
        codes = [graph.inputs[k].dtype for k in numbers]
        packing = struct.Struct("=" + "".join(f"{PACKED[t.str[1:]]}{8 - t.itemsize}x" for t in codes))
        self._pack = partial(packing.pack_into, packed, 0)
        self._numbers = itemgetter(*numbers) if len(numbers) > 1 else None
        self._number = numbers[0] if len(numbers) == 1 else None
        made = [(k, v) for k, v in enumerate(self.source.outputs) if k not in self.updates]
        self._fresh = [(count + k, k, v.shape, v.dtype) for k, v in made if v.shape]
        # Numbers that come out have a place that stays; each call reads it into a scalar of NumPy's.
        self._scalars = []
        for k, v in made:
            if not v.shape:
                place = np.zeros((), v.dtype)
                table[count + k] = place.ctypes.data
                self._scalars.append((k, place))

    def __call__(self, inputs: Sequence[Array]) -> list[Any]:
        here = threading.get_ident()
        if self._running == here:  # a signal's handler calls what it interrupts
            return self._in_numpy(inputs)
        with self._lock:  # the table and the arena are one call's at a time
            self._running = here
            try:
                return self._call(inputs)
            finally:
                self._running = 0

    def _in_numpy(self, inputs: Sequence[Array]) -> list[Any]:
        """The same by the graph's NumPy program."""
        made = list(run(self.source, *inputs))
        for k, n in self.updates.items():
            inputs[n][...] = made[k]
            made[k] = inputs[n]
        return made

    def _call(self, inputs: Sequence[Array]) -> list[Any]:
        table = self._table
        held = []
        for k in self._arrays:
            x = inputs[k]
            flags = x.flags
            if not (flags.carray or (flags.c_contiguous and flags.aligned)):
                x = np.array(x, order="C")
                held.append(x)
            table[k] = id(x)
        try:
            if self._numbers is not None:
                self._pack(*self._numbers(inputs))
            elif self._number is not None:
                self._pack(inputs[self._number])
        except struct.error:
            for x in inputs:  # what is no number any more says why
                np.asarray(x)
            raise
        for k in self._objects:
            x = inputs[k]
            if x.__class__ is np.ndarray:
                x = x[()]
                held.append(x)
            table[k] = id(x) + NUMBER
        outputs: list[Any] = [None] * self._outputs
        for place, k, shape, dtype in self._fresh:
            y = outputs[k] = np.empty(shape, dtype)
            table[place] = id(y)
        while stopped := self._entry(self._pool.here(), *self._rest):
            self._stopped(stopped, inputs)
        for k, cell in self._scalars:
            outputs[k] = cell[()]
        for k, n in self.updates.items():
            outputs[k] = inputs[n]
        self.shared.outside.objects.clear()
        return outputs

    def _stopped(self, why: int, inputs: Sequence[Array]) -> None:
        """An error in Python is raised again; an interrupt lets Python's handlers run, and the call begins anew. Nothing has
        been written yet that others see, so the graph's own program can say what was wrong with a position."""
        outside = self.shared.outside
        failure, outside.failure = outside.failure, None
        outside.objects.clear()
        if failure is not None:
            raise failure
        if why == 3:
            run(self.source, *inputs)
            raise ClewError(f"{self.source.name}: compiled code found a position outside of its axis, its program did not")
        self._pool.interrupted()
