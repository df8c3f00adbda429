"""Kernels to LLVM: functions ``void (context, begin, end)`` that run some of a kernel's tasks.

``context`` is an array of addresses, of the buffers in ``Layout.parameters`` and of the partial results. A task is a fixed
run of turns, so partial results do not depend on how tasks are shared among threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from math import prod

from ..ir import FLOATS, Value
from .block import Block, Module, Reg, number, vector
from .conversion import memory_type, register_type, to_memory
from .evaluate import I64, Evaluator
from .expression import Expr, walk
from .folding import combine, horizontal, neutral
from .index import Ix, Var
from .kernel import Fold, Kernel, Nest, Store
from .layout import Layout
from .scalar_functions import LONG
from .stretches import stretch

CONTEXT, BEGIN, END = Reg("%context", "ptr"), Reg("%begin", I64), Reg("%end", I64)
OFTEN, MANY = 16, 256  # uses of a long function in a kernel, and in a module, from which on it is called


def parameter(b: Block, k: int) -> Reg:
    """An address of the context."""
    return b.load(b.gep(CONTEXT, number(k, I64), "ptr"), "ptr", 8)


class Items(Evaluator):
    """Writes what a nest does in one turn."""

    def __init__(self, b: Block, lanes: int, own: Callable[[Value], Expr]) -> None:
        super().__init__(b, lanes)
        self.own = own  # a member's read of itself

    def turn(self, items: list[Store | Fold], places: dict[Fold, Reg]) -> None:
        """Everything is read before anything is written: an input may be written in place."""
        stores: list[tuple[Store, Reg]] = []
        for item in items:
            if isinstance(item, Fold):
                self.accumulate(item.expr, places[item])
                continue
            x = self.value(item.expr)
            self.scopes[-1][item.buffer] = x
            self.scopes[-1][self.own(item.buffer.value)] = x
            if item.place == "scratch":
                self.store(item, x)
            elif item.place == "memory":
                stores.append((item, x))
        for item, x in stores:
            self.store(item, x)

    def store(self, item: Store, x: Reg) -> None:
        index = tuple(Ix(0, ((v, 1),)) if v.size > 1 else 0 for v in item.vars)
        self.write(item.buffer, index, to_memory(self.b, x, item.buffer.value.dtype))

    def accumulate(self, e: Expr, place: Reg) -> None:
        b, function = self.b, e.attr[0]
        term = self.value(e.args[0])
        if self.vector is not None:
            term = self.spread(term, self.lanes)
            if self.mask is not None:
                term = b.select(self.mask, term, number(neutral(function, e.dtype), term.type))
        type = vector(register_type(e.dtype), self.lanes if self.vector is not None else 0)
        b.store(combine(b, function, e.dtype, b.load(place, type, 64), term), place, 64)


def often(kernel: Kernel, module: Module) -> frozenset[str]:
    """The long functions that the kernel, or all of the module up to here, needs so often that code would be little else."""
    calls = [e for e in walk(x.expr for x in kernel.items) if e.kind == "call" and e.attr in LONG]
    times = Counter(e.attr for e in calls if e.dtype in FLOATS)
    module.uses.update(times)
    return frozenset(function for function, n in times.items() if n >= OFTEN or module.uses[function] > MANY)


class Loops(Items):
    """Writes the function of a kernel of loops."""

    def __init__(self, b: Block, kernel: Kernel, layout: Layout, own: Callable[[Value], Expr]) -> None:
        super().__init__(b, layout.lanes, own)
        self.kernel = kernel
        self.layout = layout
        self.rank = len(kernel.domain)
        self.wide_scratch = layout.vectors == "outer"
        self.aligned = True
        self.totals: dict[Fold, Reg] = {}
        self.shared = often(kernel, b.module)

    def function(self) -> None:
        b, layout = self.b, self.layout
        for k, buffer in enumerate(layout.parameters):
            self.base[buffer] = parameter(b, k)
        partial = [parameter(b, len(layout.parameters) + k) for k in range(len(layout.totals))]
        for item in self.kernel.items:
            if isinstance(item, Store) and item.place == "scratch":
                count = prod(v.size for v in item.vars[self.rank :]) * (self.lanes if self.wide_scratch else 1)
                self.scratch[item.buffer] = b.slot(memory_type(item.buffer.value.dtype), count + self.lanes)
        wide = self.lanes if layout.vectors == "outer" else 0
        for x in layout.totals:
            self.totals[x] = b.slot(vector(register_type(x.expr.dtype), wide))
        with b.loop(BEGIN, END, empty=True) as tasks, self.scope():
            for x, place in self.totals.items():
                self._begin(x, place, wide)
            self._task(tasks.i)
            for (x, place), to in zip(self.totals.items(), partial, strict=True):
                dtype = x.expr.dtype
                found = b.load(place, vector(register_type(dtype), wide), 64)
                total = to_memory(b, horizontal(b, x.expr.attr[0], dtype, found), dtype)
                b.store(total, b.gep(to, tasks.i, memory_type(dtype)), dtype.itemsize)
        b.do("ret void")

    def _begin(self, x: Fold, place: Reg, lanes: int) -> None:
        function, dtype = x.expr.attr[0], x.expr.dtype
        self.b.store(number(neutral(function, dtype), vector(register_type(dtype), lanes)), place, 64)

    def _task(self, task: Reg) -> None:
        b, layout = self.b, self.layout
        if not layout.split and not layout.rows:
            self._row()
            return
        start = b.mul(task, number(layout.chunk, I64))
        end = b.add(start, number(layout.chunk, I64))
        limit = number(layout.length if layout.split else layout.turns, I64)
        stop = b.select(b.icmp("slt", end, limit), end, limit)
        if layout.split:
            assert layout.across is not None
            self.prepare(self._exprs())
            self._vectors(layout.across, start, stop)
            return
        with b.loop(start, stop) as rows, self.scope():
            row = rows.i
            for v in reversed(layout.rows[1:]):
                self.env[v] = b.binary("urem", row, number(v.size, I64))
                row = b.binary("udiv", row, number(v.size, I64))
            self.env[layout.rows[0]] = row
            self._row()

    def _exprs(self) -> list[Expr]:
        return [x.expr for x in self.kernel.items]

    def _row(self) -> None:
        """All nests, for one row or, with lanes along the row, for all of it."""
        across = self.layout.across
        if across is None:
            for nest in self.kernel.nests:
                self._nest(nest)
        else:
            self.prepare(self._exprs())
            self._vectors(across, None, None)

    def _vectors(self, v: Var, start: Reg | None, stop: Reg | None) -> None:
        def nests() -> None:
            for nest in self.kernel.nests:
                self._nest(nest)

        for merged in self.layout.merged:
            self.env[merged] = 0
        if start is None or stop is None:
            self.in_lanes(v, self.layout.length, self._exprs(), nests)
        else:
            self.in_vectors(v, start, stop, self._exprs(), nests)

    def in_vectors(self, v: Var, start: Reg, stop: Reg, exprs: list[Expr], body: Callable[[], None]) -> None:
        """``body`` for ``v`` from start to stop, a vector of values at a time, then once more for the rest."""
        b, lanes = self.b, self.lanes
        self.vector = v
        whole_end = b.add(start, b.bits_and(b.sub(stop, start), number(-lanes, I64)))
        clear = stretch(exprs, v, lanes)
        cuts = [self._between(start, number(cut, I64), whole_end) for cut in (clear.start, clear.stop)] if clear else []
        for k, (low, high) in enumerate(pairwise([start, *cuts, whole_end])):
            self.whole(v, low, high, clear if k == 1 else None, body)
        if self.layout.length % lanes:
            with b.when(b.icmp("slt", whole_end, stop)):
                steps = b.lanes_from(number(0, I64), lanes)
                self.last(v, whole_end, b.icmp("slt", steps, b.splat(b.sub(stop, whole_end), lanes)), body)
        self.vector = None
        del self.env[v]

    def _between(self, low: Reg, x: Reg, high: Reg) -> Reg:
        return self.b.intrinsic("smin", self.b.intrinsic("smax", x, low), high)

    def _nest(self, nest: Nest) -> None:
        b = self.b
        inner = self.layout.vectors == "inner" and bool(nest.vars)
        lanes = self.lanes if inner or self.vector is not None else 0
        places: dict[Fold, Reg] = {}
        for x in nest.items:
            if not isinstance(x, Fold):
                continue
            if x.total is not None and not inner:
                places[x] = self.totals[x]
            else:
                places[x] = b.slot(vector(register_type(x.expr.dtype), lanes))
                self._begin(x, places[x], lanes)
        exprs = [x.expr.args[0] if isinstance(x, Fold) else x.expr for x in nest.items]
        if inner:
            *outer, last = nest.vars

            def innermost() -> None:
                self.prepare(exprs)
                self.in_lanes(last, last.size, exprs, lambda: self.turn(nest.items, places))

            self.loops(outer, exprs, innermost)
        else:
            self.loops(nest.vars, exprs, lambda: self.turn(nest.items, places))
        for x, place in places.items():
            if place is self.totals.get(x):
                continue
            function, dtype = x.expr.attr[0], x.expr.dtype
            found = b.load(place, vector(register_type(dtype), lanes), 64)
            if inner:
                found = horizontal(b, function, dtype, found)
            if x.total is None:
                self.scopes[-1][x.expr] = self.folded(x.expr, found)
            else:
                so_far = self.totals[x]
                b.store(combine(b, function, dtype, b.load(so_far, found.type, 64), found), so_far, 64)
