"""How Python calls a compiled function: as code that is written out for what it takes and returns, as a caller would by hand.

A call of few gates takes less time than to walk the lists of its inputs and outputs.
"""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .._source import code, function
from ..errors import ClewError
from ..ir import Array, Graph, run
from .native import Library
from .needs import Needs
from .spare import LARGE, Spare
from .threads import pool

if TYPE_CHECKING:
    from .outside import Outside

empty = np.empty  # where a call's memory comes from
WRITTEN = 8  # inputs up to which each has lines of its own
Entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
# Python's other threads wait meanwhile. They would let go after 5 ms only, while a short call takes microseconds.
Short = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
PACKED = {"f8": "d", "f4": "f", "f2": "e", "b1": "?"} | {f"i{n}": c for n, c in zip((1, 2, 4, 8), "bhiq", strict=True)}
PACKED |= {f"u{n}": c for n, c in zip((1, 2, 4, 8), "BHIQ", strict=True)}  # how numbers are given to native code


class Calling:
    """``call(inputs, made=None)`` of a native function. That is given a table of arrays, in which numbers have a place that
    stays."""

    def __init__(
        self, graph: Graph, updates: Mapping[int, int], needs: Needs, library: Library, outside: Outside | None
    ) -> None:
        self.graph, self.updates, self.library, self.outside = graph, updates, library, outside
        callback = 0 if outside is None else outside.address
        count, outputs, constants = len(graph.inputs), len(graph.outputs), needs.constants
        self.table = table = (ctypes.c_void_p * (count + outputs + 3))()  # the last: whether inputs have been updated
        env = (ctypes.c_void_p * (1 + len(constants)))(callback, *(x.ctypes.data for x in constants))
        arena = empty(needs.arena + 64, np.uint8)
        packed: Any = np.zeros(8 * count + 8, np.uint8)
        places = [packed[8 * k :] for k in range(count + 1)]
        table[:] = [id(places[-1])] * len(table)  # the inputs that are updated are given once
        table[-3:] = [arena.ctypes.data + (-arena.ctypes.data) % 64, ctypes.addressof(env), 0]
        self.names: dict[str, Any] = {
            "held": (library, needs, env, arena, places),
            "table": table,
            "place": ctypes.addressof(table),
            "entry": (Short if needs.short else Entry)(library.address("main")),
            "packed": packed,
            "views": pool().views,
            "own": threading.get_ident,
            "lock": threading.Lock(),  # the table and the arena are one call's at a time
            "running": [0],  # the thread whose call it is
            "again": partial(in_numpy, graph, updates),
            "stop": partial(stop, graph, outside),
            "empty": empty,
            "dense": dense,
            "ids": ids,
            "asarray": np.asarray,
            "unpackable": unpackable,
            "struct_error": struct.error,
        }
        numbers = [k for k, v in enumerate(graph.inputs) if not v.shape and v.dtype.str[1:] in PACKED]
        for n, k in enumerate(numbers):
            table[k] = id(places[n])
        codes = [graph.inputs[k].dtype for k in numbers]
        packing = struct.Struct("=" + "".join(f"{PACKED[t.str[1:]]}{8 - t.itemsize}x" for t in codes))
        self.names["pack"] = packing.pack_into
        self.cells = self._cells()
        lines = self._calling(numbers)  # and the names in them
        written = needs.call or code("\n".join(lines))
        self.needs = needs._replace(call=written)
        self.call = function("call", written, self.names)

    def _cells(self) -> dict[int, Array]:
        """Where native code leaves results that are numbers, each call anew."""
        found = {k: np.zeros((), v.dtype) for k, v in enumerate(self.graph.outputs) if not v.shape and k not in self.updates}
        for k, cell in found.items():
            self.names[f"cell{k}"] = cell
            self.table[len(self.graph.inputs) + k] = id(cell)
        return found

    def _calling(self, numbers: list[int]) -> list[str]:
        """The lines of ``call``."""
        lines = ["def call(inputs, made=None):", "    me = own()"]
        lines += ["    if me == running[0]:", "        return again(inputs)"]  # a signal's handler calls what it interrupts
        lines += ["    with lock:", "        running[0] = me", "        try:"]
        lines += ["    " * 3 + line for line in (*self._giving(numbers), *self._running())]
        return [*lines, "        finally:", "            running[0] = 0"]

    def _giving(self, numbers: list[int]) -> list[str]:
        """Inputs into the table: those that are updated are dense, the others are made so."""
        targets = set(self.updates.values())
        arrays = [k for k, v in enumerate(self.graph.inputs) if v.shape]
        lines = []
        for start, stop in runs([k for k in arrays if k in targets]):
            lines.append(self._put(start, [f"inputs[{k}]" for k in range(start, stop)], f"inputs[{start}:{stop}]"))
        for start, stop in runs([k for k in arrays if k not in targets]):
            names = [f"x{k}" for k in range(start, stop)]
            if len(names) > WRITTEN:
                lines.append(f"x{start} = [x if x.flags.carray else dense(x) for x in inputs[{start}:{stop}]]")
            else:
                for k, x in enumerate(names, start):
                    lines += [f"{x} = inputs[{k}]", f"if not {x}.flags.carray:", f"    {x} = dense({x})"]
            lines.append(self._put(start, names, f"x{start}"))
        if numbers:
            given = ", ".join(f"inputs[{k}]" for k in numbers)
            lines += ["try:", f"    pack(packed, 0, {given})", "except struct_error:", "    unpackable(inputs)", "    raise"]
        for k, v in enumerate(self.graph.inputs):
            if not v.shape and k not in numbers:
                lines += [f"x{k} = asarray(inputs[{k}])", f"table[{k}] = id(x{k})"]
        return lines

    def _put(self, start: int, arrays: list[str], together: str) -> str:
        """A line that puts arrays into the table, each by its name; many by the name that they have ``together``."""
        if len(arrays) > WRITTEN:
            return f"table[{start}:{start + len(arrays)}] = ids({together})"
        if len(arrays) == 1:
            return f"table[{start}] = id({arrays[0]})"
        self.names[f"put{start}"] = struct.Struct(f"{len(arrays)}P").pack_into
        return f"put{start}(table, {8 * start}, {', '.join(f'id({x})' for x in arrays)})"

    def _running(self) -> list[str]:
        """Room for the results, of which updated inputs are some, and native code. Where inputs are updated, ``made`` has the
        arrays before, for who asks whether it is ``done``."""
        results, lines = {}, []
        for k, v in enumerate(self.graph.outputs):
            results[k] = f"inputs[{self.updates[k]}]" if k in self.updates else f"y{k}" if v.shape else f"cell{k}[()]"
            if v.shape and k not in self.updates:
                if v.type.nbytes < LARGE:
                    self.names[f"shape{k}"], self.names[f"dtype{k}"] = v.shape, v.dtype
                    lines.append(f"y{k} = empty(shape{k}, dtype{k})")
                else:
                    self.names[f"spare{k}"] = Spare(v.shape, v.dtype)
                    lines.append(f"y{k} = spare{k}()")
                lines.append(f"table[{len(self.graph.inputs) + k}] = id(y{k})")
        if self.updates:
            before = ", ".join("None" if k in self.cells else x for k, x in results.items())
            lines += ["if made is None:", "    made = []", "table[-1] = 0", f"made += ({before},)"]
        lines += ["while why := entry(views[me], place):", "    stop(why, inputs)"]
        if self.outside is not None:
            self.names["objects"] = self.outside.objects
            lines.append("objects.clear()")
        if self.updates:
            return [*lines, *(f"made[{k}] = {results[k]}" for k in self.cells), "return made"]
        return [*lines, f"return [{', '.join(results.values())}]"]

    def done(self, made: list[Any]) -> bool:
        """Whether a call that raised has updated its inputs before: a signal's handler may raise when native code has returned.
        If so, ``made`` is complete."""
        if not made or not self.table[-1]:
            return False
        for k, cell in self.cells.items():
            made[k] = cell[()]
        return True


def runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Places in order as stretches of neighbours, from where to where.

    >>> runs([0, 1, 2, 5, 7, 8])
    [(0, 3), (5, 6), (7, 9)]
    """
    found: list[tuple[int, int]] = []
    for k in places:
        if found and found[-1][1] == k:
            found[-1] = found[-1][0], k + 1
        else:
            found.append((k, k + 1))
    return found


def dense(x: Array) -> Array:
    """The array, or a copy of it in order."""
    flags = x.flags
    return x if flags.c_contiguous and flags.aligned else np.array(x, order="C")


def ids(arrays: Sequence[Array]) -> list[int]:
    return [id(x) for x in arrays]


def in_numpy(graph: Graph, updates: Mapping[int, int], inputs: Sequence[Array]) -> list[Any]:
    """The same by the graph's NumPy program."""
    made = list(run(graph, *inputs))
    for k, n in updates.items():
        inputs[n][...] = made[k]
        made[k] = inputs[n]
    return made


def stop(graph: Graph, outside: Outside | None, why: int, inputs: Sequence[Array]) -> None:
    """An error in Python is raised again; an interrupt lets Python's handlers run, and the call begins anew. Nothing has
    been written yet that others see, so the graph's own program can say what was wrong with a position."""
    if outside is not None:
        failure, outside.failure = outside.failure, None
        outside.objects.clear()
        if why == 2:
            raise failure or KeyboardInterrupt()
    if why == 3:
        run(graph, *inputs)
        raise ClewError(f"{graph.name}: compiled code found a position outside of its axis, its program did not")
    pool().interrupted()


def unpackable(inputs: Sequence[Any]) -> None:
    """What is no number any more says why."""
    for x in inputs:
        np.asarray(x)
