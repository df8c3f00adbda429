"""A band while it is found: what its slices compute themselves, and what they read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod
from operator import or_
from typing import NamedTuple

import numpy as np

from ...ir import INPUT, Graph, Shape, Value, parameter
from ...ops.arithmetic import add
from ...ops.movement import Slice
from ...passes import share, simplify
from ..expression import filling
from ..products import is_product
from ..views import chain, view
from .band import Band, Body, Cells, Way
from .cutting import Cut, of_operands, of_sum, sizes, sliced


class Refused(Exception):
    """A value that would have to be there before its band has run."""


class Read(NamedTuple):
    """What slices read: a value that is there before, and how it is cut."""

    value: Value
    cut: Cut


@dataclass(frozen=True)
class Zone:
    """The parts of a graph that bands are about: ``wide`` values, which are not to exist as wholes, and of every value the
    exits that it is computed from, as bits."""

    wide: Collection[Value]
    exits: dict[Value, int]  # values that are made of wide ones and are not wide: their bit
    above: dict[Value, int]
    bases: dict[Value, Value] = field(default_factory=dict)

    def base(self, v: Value) -> Value:
        """The value that ``v`` is a view of."""
        if v not in self.bases:
            self.bases[v] = view(v).base
        return self.bases[v]


class Draft:
    """What computes some exits in slices along their first ``depth`` axes, and ``sums`` of what such slices make."""

    def __init__(self, zone: Zone, exits: Sequence[Value], depth: int, sums: Sequence[Value] = ()) -> None:
        self.zone = zone
        self.sums = list(sums)
        self.exits = [*(v for v in exits if v not in sums), *sums]
        self.depth = depth
        shapes = {v.shape[:depth] for v in exits if v not in sums} | {self._summed(v) for v in sums}
        if not depth or len(shapes) > 1:
            raise Refused
        (self.shape,) = shapes
        self.mask = sum(zone.exits[v] for v in exits)
        self.cuts: dict[Value, Cut] = {}  # of what is computed
        self.reads: dict[Read, None] = {}
        self.order: list[Value] = []
        self._settle()
        self.wide = {v for v in self.order if v in zone.wide}
        self.needs = reduce(or_, (zone.above[zone.base(x.value)] for x in self.reads), 0)  # exits that are there before
        self.products = [v for v in self.order if v in self.wide and is_product(v)]

    def _settle(self) -> None:
        stack: list[tuple[Value, Cut, bool]] = [(v, self._own(v), False) for v in reversed(self.exits)]
        while stack:
            v, cut, done = stack.pop()
            if done:
                self.order.append(v)
            elif v in self.cuts:
                if self.cuts[v] != cut:
                    raise Refused
            elif self.within(v):
                needed = self._needed(v, cut)
                if needed is None:
                    self.reads[Read(v, cut)] = None
                    continue
                if any(x in self.sums for x in v.operands):
                    raise Refused  # it is there when all slices are done
                self.cuts[v] = cut
                stack.append((v, cut, True))
                stack += [(x, c, False) for x, c in reversed(list(zip(v.operands, needed, strict=True)))]
            elif filling(v) is None:
                self.reads[Read(v, cut)] = None

    def _own(self, v: Value) -> Cut:
        """How an exit is cut."""
        depth = 0 if v in self.sums else self.depth
        return (*range(depth), *(None for _ in range(v.ndim - depth)))

    def _summed(self, v: Value) -> Shape:
        """The axes that a sum is made of."""
        cuts = self._operands(v, ())
        if cuts is None:
            raise Refused
        sizes = {k: n for x, cut in zip(v.operands, cuts, strict=True) for n, k in zip(x.shape, cut, strict=True)}
        return tuple(sizes[k] for k in range(self.depth))

    def _operands(self, v: Value, cut: Cut) -> list[Cut] | None:
        """How the operands are cut of which a slice computes ``v``, or its share of ``v``."""
        if v in self.sums:
            return of_sum(v, next(k for k, x in enumerate(v.operands) if x in self.zone.wide), self.depth)
        return of_operands(v, cut)

    def within(self, v: Value) -> bool:
        """Whether slices compute it: what is wide, and what lies between their exits."""
        if v.op is None or v.op is INPUT:
            return False
        if v not in self.zone.wide and not self.zone.above[v] & self.mask:
            return False
        base = self.zone.base(v)
        return base is v or self.within(base)

    def _needed(self, v: Value, cut: Cut) -> list[Cut] | None:
        """How its operands are cut; None where it is read instead."""
        if v in self.zone.exits and cut != self._own(v):
            raise Refused
        if is_product(v) and v not in self.zone.wide and v not in self.exits:
            raise Refused  # it would be computed here, and elsewhere too
        whole = v in self.zone.wide and set(cut) - {None} != set(range(self.depth))
        needed = None if whole else self._operands(v, cut)
        if needed is None and (whole or self.zone.above[v] & self.mask):
            raise Refused
        return needed

    # What it takes

    @property
    def cell(self) -> float:
        """Bytes of what one cell of the finest grid has at a time."""
        return (len(self.products) + 1) * max(v.type.nbytes for v in self.wide) / prod(self.shape)

    @property
    def rows(self) -> float:
        """How many rows a product has in one cell, beside the longest axis that is whole."""
        cells = prod(self.shape)

        def rows_of(v: Value) -> float:
            whole = max((n for n, k in zip(v.shape, self.cuts[v], strict=True) if k is None), default=1)
            return v.type.size / cells / whole

        return min(map(rows_of, self.products), default=1.0)

    # The band

    def band(self, blocks: Sequence[int], exits: Sequence[Value]) -> Band:
        """In slices of so many cells along each axis of the grid. Its operands are the bases of what it reads."""
        counts = [n // m for n, m in zip(self.shape, blocks, strict=True)]
        rests = [n % m for n, m in zip(self.shape, blocks, strict=True)]
        bodies, cells = [self._body(blocks, exits)], [self._cells(blocks, exits, counts, [0] * self.depth)]
        for k, rest in enumerate(rests):
            if rest:
                bodies.append(self._body([*blocks[:k], rest, *blocks[k + 1 :]], exits))
                first = [c if a == k else 0 for a, c in enumerate(counts)]
                cells.append(self._cells(blocks, exits, [*counts[:k], 1, *counts[k + 1 :]], first))
        return Band(tuple(bodies), tuple(cells), tuple(v.type for v in exits), bodies[0].sums)

    def _cells(self, blocks: Sequence[int], exits: Sequence[Value], grid: Sequence[int], first: Sequence[int]) -> Cells:
        """Where so many slices are, from the first one on."""

        def way(strides: Sequence[int], cut: Cut) -> Way:
            along = [sum(s for s, c in zip(strides, cut, strict=True) if c == k) * m for k, m in enumerate(blocks)]
            return Way(sum(f * s for f, s in zip(first, along, strict=True)), tuple(along))

        operands = tuple(way(view(x.value).strides, x.cut) for x in self.reads)
        results = tuple(way([prod(v.shape[k + 1 :]) for k in range(v.ndim)], self._own(v)) for v in exits)
        return Cells(tuple(grid), operands, results)

    def _body(self, blocks: Sequence[int], exits: Sequence[Value]) -> Body:
        """The graph of one slice."""
        inputs: list[Value] = []
        given: dict[Read, Value] = {}
        for k, read in enumerate(self.reads):
            base, *steps = chain(read.value)
            inputs.append(x := parameter(f"x{k}", base.type))
            for step in steps:
                x = Value(step.op, (x,), step.type, None, None, step.place)
            shape = sizes(x.shape, read.cut, blocks)
            if shape != x.shape:
                x = Slice((0,) * len(shape), shape, (1,) * len(shape)).apply(x)
            given[read] = x
        made: dict[Value, Value] = {}

        def slice_of(v: Value, cut: Cut) -> Value:
            if v in made:
                return made[v]
            number = filling(v)
            if number is not None:
                shape = sizes(v.shape, cut, blocks)
                return Value(None, (), v.type.with_shape(shape), np.broadcast_to(np.asarray(number, v.dtype), shape))
            return given[Read(v, cut)]

        for v in self.order:
            needed = self._operands(v, self.cuts[v])
            assert needed is not None
            operands = tuple(slice_of(x, c) for x, c in zip(v.operands, needed, strict=True))
            made[v] = sliced(v, operands, sizes(v.shape, self.cuts[v], blocks))
        sums = [v for v in exits if v in self.sums]
        totals = [parameter(f"total{k}", v.type) for k, v in enumerate(sums)]
        made |= {v: add(total, made[v]) for v, total in zip(sums, totals, strict=True)}
        body = share(simplify(Graph("slice", (*inputs, *totals), tuple(made[v] for v in exits))))
        return Body(body.name, body.inputs, body.outputs, len(sums))
