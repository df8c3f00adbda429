"""A graph as one native function, called from Python."""

from __future__ import annotations

import ctypes
import gc
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ClewError
from ..ir import Array, Graph, run
from .fingerprint import fingerprint
from .native import Library, Part, host, recalled, remember
from .needs import Needs
from .sources import sources
from .threads import pool

if TYPE_CHECKING:
    from .outside import Outside
    from .routine import Routine
    from .writing import Written

LARGE = 1 << 14  # elements from which on kernels probably are shared among threads
empty = np.empty  # found quicker so
Entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)


def _offset() -> int:
    """Where NumPy's array objects hold the address of their data."""
    probe = np.empty(1)
    words = (ctypes.c_size_t * 8).from_address(id(probe))
    return 8 * list(words).index(probe.ctypes.data)


DATA = _offset()
PACKED = {"f8": "d", "f4": "f", "f2": "e", "b1": "?"} | {f"i{n}": c for n, c in zip((1, 2, 4, 8), "bhiq", strict=True)}
PACKED |= {f"u{n}": c for n, c in zip((1, 2, 4, 8), "BHIQ", strict=True)}  # how numbers are given to native code


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made inside stays as long as it is made: looking for garbage in between would take a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Compiled:
    """``compiled(inputs)`` returns the graph's outputs as new arrays.

    ``updates`` says which outputs take the place of which inputs: those are written into the input's array (contiguous,
    writable, of the graph's type), after everything that reads it, and returned as that array.
    """

    takes_floats = True  # an input of type f64[] may be a Python float

    def __init__(self, graph: Graph, updates: Mapping[int, int] | None = None) -> None:
        self.source = graph
        self.updates = dict(updates or {})
        self._pool = pool()
        self._outside: Outside | None = None  # where ops run outside of native code
        self.library, self._needs = self._made()
        self._entry = Entry(self.library.address("main"))
        self._lock = threading.Lock()
        self._running = 0  # the thread whose call it is
        self._prepare_call()

    def _made(self) -> tuple[Library, Needs]:
        """The code and what else a call needs: from the cache, if the same graph was compiled before."""
        same = fingerprint(self.source, self.updates)
        key = None if same is None else sources("call", same, str(DATA))
        found = recalled(key, self._pool.symbols)
        if found is not None:
            return found[0], Needs.unpacked(found[1])
        made = self._compiled()
        if self._outside is None:  # ops are objects of this process
            remember(key, made[0], made[1].packed())
            del self.written  # calls need none of it; who asks is given it anew
        return made

    def _compiled(self) -> tuple[Library, Needs]:
        from .parts import Parts  # here, not above: what is loaded need not be compiled

        if any(v.type.size >= LARGE for v in self.source.values):
            self._pool.symbols.prepare()
        with Parts(host()) as parts:
            self.written = self._write(parts.add)
            shared = self.written.shared
            self._outside = shared.outside if shared.outside.steps else None
            return parts.library(shared.module.rest(), self._pool.symbols), Needs(self.routine.size, shared.constants)

    def _write(self, sink: Callable[[Part], object] | None = None) -> Written:
        """The module, before LLVM; ``sink`` is given its parts."""
        from .writing import Written  # here, not above: what is loaded need not be written

        with uncollected():
            return Written(self.source, self.updates, DATA, sink)

    # How it was written: made when first asked for, if code from the cache is all that was needed

    @cached_property
    def written(self) -> Written:
        """The module, before LLVM."""
        return self._write()

    @property
    def routine(self) -> Routine:
        """The steps of a call."""
        return self.written.routine

    @property
    def graph(self) -> Graph:
        """The graph after all passes."""
        return self.routine.graph

    @property
    def text(self) -> str:
        """The module in LLVM's language."""
        return self.written.text

    # Running

    def _prepare_call(self) -> None:
        graph, constants = self.source, self._needs.constants
        self._outputs = len(graph.outputs)
        callback = 0 if self._outside is None else self._outside.address
        env = (ctypes.c_void_p * (1 + len(constants)))(callback, *(x.ctypes.data for x in constants))
        arena = empty(self._needs.arena + 64, np.uint8)
        count = len(graph.inputs)
        table = (ctypes.c_void_p * (count + self._outputs + 3))()  # the last one says whether inputs have been updated
        packed: Any = np.zeros(8 * len(graph.inputs) + 8, np.uint8)
        places = [packed[8 * k :] for k in range(len(graph.inputs) + 1)]
        table[:] = [id(places[-1])] * len(table)  # the inputs that are updated are given once
        table[-3:] = [arena.ctypes.data + (-arena.ctypes.data) % 64, ctypes.addressof(env), 0]
        self._held = env, arena, places
        self._table = table
        self._place = ctypes.addressof(table)
        self._arrays = [k for k, v in enumerate(graph.inputs) if v.shape]
        self._objects = [k for k, v in enumerate(graph.inputs) if not v.shape and v.dtype.str[1:] not in PACKED]
        numbers = [k for k, v in enumerate(graph.inputs) if not v.shape and v.dtype.str[1:] in PACKED]
        for n, k in enumerate(numbers):
            table[k] = id(places[n])
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
                table[count + k] = id(place)
                self._scalars.append((k, place))

    def __call__(self, inputs: Sequence[Array], made: list[Any] | None = None) -> list[Any]:
        """The outputs; in the list ``made``, which is empty before, for who wants to ask whether it is ``done``."""
        here = threading.get_ident()
        if self._running == here:  # a signal's handler calls what it interrupts
            return self._in_numpy(inputs)
        with self._lock:  # the table and the arena are one call's at a time
            self._running = here
            try:
                return self._call(inputs, [] if made is None else made)
            finally:
                self._running = 0

    def _in_numpy(self, inputs: Sequence[Array]) -> list[Any]:
        """The same by the graph's NumPy program."""
        made = list(run(self.source, *inputs))
        for k, n in self.updates.items():
            inputs[n][...] = made[k]
            made[k] = inputs[n]
        return made

    def done(self, inputs: Sequence[Array], made: list[Any]) -> bool:
        """Whether a call that raised has updated its inputs before: a signal's handler may raise when native code has returned.
        If so, ``made`` is complete."""
        if not made or not self._table[-1]:
            return False
        self._collect(inputs, made)
        return True

    def _call(self, inputs: Sequence[Array], outputs: list[Any]) -> list[Any]:
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
            x = np.asarray(inputs[k])
            held.append(x)
            table[k] = id(x)
        if self.updates:
            table[-1] = 0
        outputs += [None] * self._outputs
        for place, k, shape, dtype in self._fresh:
            y = outputs[k] = empty(shape, dtype)
            table[place] = id(y)
        while stopped := self._entry(self._pool.here(), self._place):
            self._stopped(stopped, inputs)
        self._collect(inputs, outputs)
        return outputs

    def _collect(self, inputs: Sequence[Array], outputs: list[Any]) -> None:
        """What native code has left elsewhere."""
        for k, cell in self._scalars:
            outputs[k] = cell[()]
        for k, n in self.updates.items():
            outputs[k] = inputs[n]
        if self._outside is not None:
            self._outside.objects.clear()

    def _stopped(self, why: int, inputs: Sequence[Array]) -> None:
        """An error in Python is raised again; an interrupt lets Python's handlers run, and the call begins anew. Nothing has
        been written yet that others see, so the graph's own program can say what was wrong with a position."""
        outside = self._outside
        if outside is not None:
            failure, outside.failure = outside.failure, None
            outside.objects.clear()
            if why == 2:
                raise failure or KeyboardInterrupt()
        if why == 3:
            run(self.source, *inputs)
            raise ClewError(f"{self.source.name}: compiled code found a position outside of its axis, its program did not")
        self._pool.interrupted()
