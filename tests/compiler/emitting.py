"""Loop trees made by hand, compiled and run on arrays: what the tests of the emission share."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from clew.compiler.block import Module
from clew.compiler.emit import BEGIN, CONTEXT, END, Loops
from clew.compiler.expression import Buffer, Expr, Recorder
from clew.compiler.index import Component, Var, variable
from clew.compiler.kernel import Fold, Kernel, Nest, Store
from clew.compiler.layout import Layout
from clew.compiler.native import Library, host
from clew.ir import DTYPES, Array, Type, Value, parameter
from clew.ops.reductions import neutral

GUARD = 64  # bytes before and after each array
CHANGED = 0xA5


class Making:
    """Buffers and expressions of one kernel, by name. Axes are loop variables: ``making.axes(3, 5)`` are i0 and i1."""

    def __init__(self, **types: str | tuple[str, tuple[int, ...]]) -> None:
        self.values = {
            name: parameter(name, Type(DTYPES[t[0]], t[1]) if isinstance(t, tuple) else Type(DTYPES[t], ()))
            for name, t in types.items()
        }
        self.buffers = {name: Buffer(v, name) for name, v in self.values.items()}
        self.e = Recorder({self.values[name]: buffer for name, buffer in self.buffers.items()})

    def load(self, name: str, *index: Component | Var) -> Expr:
        return self.e.read(self.values[name])(tuple(variable(c) if isinstance(c, Var) else c for c in index))

    def store(self, name: str, expr: Expr, *vars: Var, place: str = "memory") -> Store:
        return Store(self.buffers[name], expr, vars, place)

    def fold(self, function: str, term: Expr, *loops: Var, total: str | None = None) -> Fold:
        first = {"add": 0, "mul": 1, "logical_and": 1, "logical_or": 0}.get(function)
        start = self.e.const(neutral(function, term.dtype) if first is None else first, term.dtype)
        vars = frozenset((term.vars | start.vars) - set(loops))
        expr = Expr("reduce", (term, start), (function, loops), term.dtype, vars)
        return Fold(expr, None if total is None else self.buffers[total])


def kernel(domain: Sequence[Var], *nests: Nest) -> Kernel:
    return Kernel("k", tuple(domain), list(nests), [])


class Run:
    """A kernel's function for vectors of so many bits, and its layout."""

    def __init__(self, made: Making, k: Kernel, bits: int) -> None:
        self.made = made
        self.layout = Layout(k, bits)
        module = Module()
        own: Callable[[Value], Expr] = made.e.own
        module.function("run", "void", (CONTEXT, BEGIN, END), lambda b: Loops(b, self.layout, own).function())
        self.text = module.text
        self.library = Library(module.text, host().limited(bits))
        kinds = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
        self.function = ctypes.CFUNCTYPE(None, *kinds)(self.library.address("run"))

    def on(self, addresses: Sequence[int], begin: int, end: int) -> None:
        """Run the tasks from ``begin`` to ``end``."""
        context = (ctypes.c_void_p * len(addresses))(*addresses)
        self.function(ctypes.addressof(context), begin, end)

    def __call__(
        self, cuts: Sequence[int] = (), tasks: Sequence[int] = (), same: Mapping[str, str] | None = None, **arrays: Array
    ) -> dict[str, Array]:
        """All buffers in memory afterwards, and partial results as ``total0`` and on. ``cuts`` share the tasks out among
        calls, the last ones first; ``tasks`` are the first and the end of those that run; ``same`` are buffers that lie in
        another's memory."""
        layout, same = self.layout, same or {}
        types = {b.name: b.value.type for b in layout.parameters}
        types |= {f"total{k}": Type(x.expr.dtype, (layout.tasks,)) for k, x in enumerate(layout.totals)}
        held = {name: guarded(type, arrays.get(name)) for name, type in types.items() if name not in same}
        addresses = [held[same.get(name, name)].ctypes.data + GUARD for name in types]
        for begin, end in reversed(list(pairwise(tasks or [0, *cuts, layout.tasks]))):
            self.on(addresses, begin, end)
        for raw in held.values():
            assert (raw[:GUARD] == CHANGED).all() and (raw[-GUARD:] == CHANGED).all(), "written beside an array"
        return {name: raw[GUARD:-GUARD].view(types[name].dtype).reshape(types[name].shape) for name, raw in held.items()}


def guarded(type: Type, data: Array | None) -> Array:
    """The bytes of an array between others."""
    raw = np.full(type.nbytes + 2 * GUARD, CHANGED, np.uint8)
    if data is not None:
        assert data.shape == type.shape and data.dtype == type.dtype
        raw[GUARD : GUARD + type.nbytes] = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    return raw
