"""Kernels to LLVM: functions ``void (context, begin, end)`` that run some of a kernel's tasks.

``context`` is an array of addresses, of the buffers in ``Layout.parameters`` and of the partial results. A task is a fixed
run of turns, so partial results do not depend on how tasks are shared among threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from ..ir import FLOATS, Value
from .block import I64, Block, Module, Reg, number, vector
from .contraction.lanes import counted
from .contraction.turn import turned
from .conversion import from_memory, memory_type, register_type, to_memory
from .evaluate import Evaluator
from .expression import Expr, flat, walk
from .folding import combine, horizontal, neutral
from .index import Ix, Var, variable
from .interleaving import interleaved
from .kernel import Fold, Kernel, Nest, Store
from .layout import Layout
from .scalar_functions import LONG
from .short import within
from .stretches import Stretch, facts, stretch

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

    def turn(self, items: list[Store | Fold], held: Mapping[Store, list[Reg]] = {}) -> None:
        """Everything is read before anything is written: an input may be written in place. What is ``held`` is written
        later."""
        stores: list[tuple[Store, Reg]] = []
        for item in items:
            if isinstance(item, Fold):
                self.accumulate(item)
                continue
            x = self.value(item.expr)
            self.scopes[-1][item.buffer] = x
            self.scopes[-1][self.own(item.buffer.value)] = x
            if item.place != "register":
                stores.append((item, x))
        for item, x in stores:
            held[item].append(x) if item in held else self.store(item, x)

    def turns(self, short: Sequence[Var], items: list[Store | Fold]) -> None:
        """The turns of short loops within the lanes, written out. What they store side by side is stored as whole vectors."""
        if not short:
            self.turn(items)
            return
        b, n = self.b, prod(v.size for v in short)
        self.prepare([x.expr.args[0] if isinstance(x, Fold) else x.expr for x in items])
        held: dict[Store, list[Reg]] = {}
        starts: dict[Store, Reg] = {}
        with self.scope():
            self.env.update(dict.fromkeys(short, 0))
            for item in items:
                if isinstance(item, Store) and item.place != "register" and self.mask is None:
                    start = self.first(item.buffer, tuple(map(variable, item.vars)), n)
                    if start is not None:
                        held[item], starts[item] = [], start
        for turn in np.ndindex(*(v.size for v in short)):
            with self.scope(again=True):
                self.env.update(zip(short, map(int, turn), strict=True))
                self.turn(items, held)
        for v in short:
            del self.env[v]
        for item, found in held.items():
            dtype = item.buffer.value.dtype
            vectors = [self.spread(to_memory(b, x, dtype), self.lanes) for x in found]
            for k, x in enumerate(interleaved(b, vectors)):
                b.store(x, b.gep(starts[item], number(k * self.lanes, I64), memory_type(dtype)), dtype.itemsize)

    def store(self, item: Store, x: Reg) -> None:
        index = tuple(Ix(0, ((v, 1),)) if v.size > 1 else 0 for v in item.vars)
        self.write(item.buffer, index, to_memory(self.b, x, item.buffer.value.dtype))

    def accumulate(self, x: Fold) -> None:
        b, e, function = self.b, x.expr, x.expr.attr[0]
        term = self.value(e.args[0])
        if self.vector is not None:
            term = self.spread(term, self.lanes)
            if self.mask is not None:
                term = b.select(self.mask, term, number(neutral(function, e.dtype), term.type))
        self.folds[x] = combine(b, function, e.dtype, self.folds[x], term)


def often(kernel: Kernel, module: Module) -> frozenset[str]:
    """The long functions that the kernel, or all of the module up to here, needs so often that code would be little else."""
    calls = [e for e in walk(x.expr for x in kernel.items) if e.kind == "call" and e.attr in LONG]
    times = Counter(e.attr for e in calls if e.dtype in FLOATS)
    module.uses.update(times)
    return frozenset(function for function, n in times.items() if n >= OFTEN or module.uses[function] > MANY)


class Loops(Items):
    """Writes the function of a kernel of loops."""

    def __init__(self, b: Block, layout: Layout, own: Callable[[Value], Expr]) -> None:
        super().__init__(b, layout.lanes, own)
        self.kernel = kernel = layout.kernel
        self.layout = layout
        self.rank = len(kernel.domain)
        self.wide_scratch = layout.vectors == "outer"
        self.aligned = True
        self.totals: dict[Fold, tuple[Reg, str]] = {}  # where each is, and its type
        self.row: Reg | None = None  # the number of the row, where rows have several loops
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
            type = vector(register_type(x.expr.dtype), wide)
            self.totals[x] = b.slot(type), type
        with b.loop(BEGIN, END, empty=True) as tasks, self.scope():
            for x in self.totals:
                self._go_on(x, self._neutral(x, wide))
            self._task(tasks.i)
            for x, to in zip(self.totals, partial, strict=True):
                dtype = x.expr.dtype
                total = to_memory(b, horizontal(b, x.expr.attr[0], dtype, self._so_far(x)), dtype)
                b.store(total, b.gep(to, tasks.i, memory_type(dtype)), dtype.itemsize)
        b.do("ret void")

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
            self.row = row = rows.i
            for v in reversed(layout.rows[1:]):
                self.env[v] = b.binary("urem", row, number(v.size, I64))
                row = b.binary("udiv", row, number(v.size, I64))
            self.env[layout.rows[0]] = row
            clear = stretch(self._exprs(), layout.rows[-1])
            if clear is None:
                self._row()
            else:
                self._either(layout.rows[-1], clear)

    def added(self, terms: tuple[tuple[Any, int], ...], first: bool) -> Reg:
        """Where rows lie one after another, the row's number says where, and nothing is to be divided."""
        steps = {atom: c for atom, c in terms if atom in self.layout.rows}
        if len(steps) > 1:
            *outer, (last, step) = [(v, steps.get(v, 0)) for v in self.layout.rows]
            apart = step * last.size
            for v, c in reversed(outer):
                if c != apart:
                    return super().added(terms, first)
                apart *= v.size
            terms = ((self.row, step), *(x for x in terms if x[0] not in steps))
        return super().added(terms, first)

    def _either(self, v: Var, clear: Stretch) -> None:
        """A row, by code for where the conditions on ``v`` are known, or by code for its edges."""
        b = self.b
        place = b.sub(self._atom(v, True), number(clear.start, I64))
        for self.rare in (False, True):
            here = b.when(b.icmp("uge" if self.rare else "ult", place, number(clear.stop - clear.start, I64)))
            with here, self.knowing(facts(clear, not self.rare)), self.scope():
                self._row()
        self.rare = False

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

        def squares() -> None:
            self._squares(v, nests)

        for merged in self.layout.merged:
            self.env[merged] = 0
        if start is None or stop is None:
            with self._totals_held():
                self.in_lanes(v, self.layout.length, self._exprs(), squares if self.layout.squares else nests)
        else:
            self.in_vectors(v, start, stop, self._exprs(), nests)

    def in_vectors(self, v: Var, start: Reg, stop: Reg, exprs: list[Expr], body: Callable[[], None]) -> None:
        """``body`` for ``v`` from start to stop, a vector of values at a time, then once more for the rest."""
        b, lanes = self.b, self.lanes
        self.vector = v
        whole_end = b.add(start, b.bits_and(b.sub(stop, start), number(-lanes, I64)))
        clear = stretch(exprs, v, lanes)
        cuts = [self._between(start, number(cut, I64), whole_end) for cut in (clear.start, clear.stop)] if clear else []
        with self._totals_held():
            for k, (low, high) in enumerate(pairwise([start, *cuts, whole_end])):
                self.whole(v, low, high, facts(clear, k == 1), body)
        if self.layout.length % lanes:
            with b.when(b.icmp("slt", whole_end, stop)), self.knowing(facts(clear, False)):
                self.last(v, whole_end, counted(b, b.sub(stop, whole_end), lanes), body)
        self.vector = None
        del self.env[v]

    def _squares(self, v: Var, body: Callable[[], None]) -> None:
        """``body`` for as many turns of a row's axis as there are lanes, and one vector of each: what lies along that axis is
        read first."""
        b, layout, lanes = self.b, self.layout, number(self.lanes, I64)
        assert layout.squares is not None
        u, reads, tiles = layout.squares
        self.prepare(self._exprs())
        start = b.mul(self._atom(tiles, True), lanes)
        end = b.intrinsic("smin", b.add(start, lanes), number(u.size, I64))
        beds = {e: b.slot(memory_type(e.dtype), self.lanes**2) for e in reads}
        with self.scope():
            self.env[u] = start
            for e, bed in beds.items():
                self._turn(e, u, v, bed)
        with self.looping(start, end) as i, self.scope():
            self.env[u] = i
            row = b.mul(b.sub(i, start), lanes)
            for e, bed in beds.items():
                type = memory_type(e.dtype)
                x = b.load(b.gep(bed, row, type), vector(type, self.lanes), e.dtype.itemsize)
                self.scopes[-1][e] = from_memory(b, x, e.dtype)
            body()
        del self.env[u]

    def _turn(self, e: Expr, u: Var, v: Var, bed: Reg) -> None:
        """A square of what is read: vectors along ``u`` become vectors along ``v``."""
        b, lanes, size = self.b, self.lanes, e.dtype.itemsize
        type = f"i{8 * size}"  # their bits alone: not all vectors of halves can be shuffled
        wide = vector(type, lanes)
        position = flat(*e.attr)
        assert isinstance(position, Ix)
        first, step = self._index(position, first=True), position.coefficient(v) or 0
        left = b.lanes_from(self._atom(u, True), lanes) if u.size % lanes else None
        mask = None if left is None else b.icmp("slt", left, b.splat(number(u.size, I64), lanes))
        rows = [Reg("poison", wide)] * lanes
        for k in range(lanes if self.mask is None else self.layout.length % lanes):
            address = b.gep(self.base[e.attr[0].memory], b.add(first, number(k * step, I64)), type)
            none = Reg("zeroinitializer", wide)
            rows[k] = b.load(address, wide, size) if mask is None else b.masked_load(address, mask, none, size)
        for k, x in enumerate(turned(b, rows)):
            b.store(x, b.gep(bed, number(k * lanes, I64), type), size)

    def _between(self, low: Reg, x: Reg, high: Reg) -> Reg:
        return self.b.intrinsic("smin", self.b.intrinsic("smax", x, low), high)

    def _nest(self, nest: Nest) -> None:
        b = self.b
        inner = self.layout.vectors == "inner" and bool(nest.vars)
        lanes = self.lanes if inner or self.vector is not None else 0
        folds = [x for x in nest.items if isinstance(x, Fold)]
        totals = [x for x in folds if x.total is not None and not inner]  # which go on in the lanes they are in
        around = self.folds
        self.folds = {x: self._neutral(x, lanes) for x in folds} | {x: self._so_far(x) for x in totals}
        exprs = [x.expr.args[0] if isinstance(x, Fold) else x.expr for x in nest.items]
        if inner:
            last = self.layout.along[nest]
            short = within(nest, last)

            def innermost() -> None:
                self.prepare(exprs)
                self.in_lanes(last, last.size, exprs, lambda: self.turns(short, nest.items))

            self.loops([v for v in nest.vars if v != last and v not in short], exprs, innermost)
        else:
            short = within(nest, None) if self.vector is not None else ()
            self.loops([v for v in nest.vars if v not in short], exprs, lambda: self.turns(short, nest.items))
        found, self.folds = self.folds, around
        for x in folds:
            if x in totals:
                self._go_on(x, found[x])
                continue
            one = horizontal(b, x.expr.attr[0], x.expr.dtype, found[x]) if inner else found[x]
            if x.total is None:
                self.scopes[-1][x.expr] = self.folded(x.expr, one)
            else:
                self._go_on(x, combine(b, x.expr.attr[0], x.expr.dtype, self._so_far(x), one))

    # Totals: on the stack, and in registers while nothing is done that may be left out

    def _neutral(self, x: Fold, lanes: int) -> Reg:
        return number(neutral(x.expr.attr[0], x.expr.dtype), vector(register_type(x.expr.dtype), lanes))

    def _so_far(self, x: Fold) -> Reg:
        found = self.folds.get(x)
        return found if found is not None else self.b.load(*self.totals[x], 64)

    def _go_on(self, x: Fold, so_far: Reg) -> None:
        if x in self.folds:
            self.folds[x] = so_far
        else:
            self.b.store(so_far, self.totals[x][0], 64)

    @contextmanager
    def _totals_held(self) -> Iterator[None]:
        self.folds = {x: self._so_far(x) for x in self.totals}
        yield
        found, self.folds = self.folds, {}
        for x in self.totals:
            self._go_on(x, found[x])
