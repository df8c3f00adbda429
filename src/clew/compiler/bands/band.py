"""A band: a stretch of a graph that is run slice by slice, so that what lives only within it never exists as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...ir import Array, Graph, Type
from ...ops.items import several_of
from ...ops.kinds import Flat, Whole


class Way(NamedTuple):
    """Where the slices of one operand or result begin in its memory, in elements: ``start + sum(place * steps)``."""

    start: int
    steps: tuple[int, ...]

    def at(self, place: Sequence[int]) -> int:
        return self.start + sum(p * s for p, s in zip(place, self.steps, strict=True))


@dataclass(frozen=True)
class Cells:
    """Slices of one shape: as many along each axis of a grid, and the ways of all operands and results through them."""

    grid: tuple[int, ...]
    operands: tuple[Way, ...]
    results: tuple[Way, ...]

    @property
    def count(self) -> int:
        return prod(self.grid)


@dataclass(frozen=True, eq=False)
class Body(Graph):
    """The graph of a slice. Its inputs have the operands' types, though they begin at the slice: it reads no more of them than
    the slice is. Its results are dense stretches of the band's. The last ``sums`` results are totals: what the inputs in
    their places, the last ones, come to with this slice."""

    sums: int = 0

    @property
    def updates(self) -> dict[int, int]:
        """Which results take the place of which inputs."""
        return {len(self.outputs) - k: len(self.inputs) - k for k in range(self.sums, 0, -1)}


@dataclass(frozen=True, eq=False, repr=False)
class Band(Whole, Flat):
    """``bodies[n]`` once for each of ``cells[n]``; the results are of ``types``. In any order, or one after the other where the
    last ``sums`` results are totals."""

    bodies: tuple[Body, ...]
    cells: tuple[Cells, ...]
    types: tuple[Type, ...]
    sums: int = 0

    def infer(self, *operands: Type) -> Type:
        for body in self.bodies:
            if tuple(v.type for v in body.inputs) != (*operands, *self.totals):
                raise self.refuse(f"its body was made for ({', '.join(str(v.type) for v in body.inputs)})", *operands)
        return several_of(self.types)

    def reference(self, *operands: Array) -> Any:
        results = [np.zeros(t.size, t.dtype) for t in self.types]
        own = len(results) - self.sums
        flat = [np.ascontiguousarray(x).reshape(-1) for x in operands]
        for body, cells in zip(self.bodies, self.cells, strict=True):
            for place in np.ndindex(*cells.grid):
                given = [
                    np.roll(x, -way.at(place)).reshape(v.shape)
                    for x, way, v in zip(flat, cells.operands, body.inputs, strict=False)
                ]
                given += [y.reshape(t.shape) for y, t in zip(results[own:], self.totals, strict=True)]
                for y, way, made in zip(results, cells.results, body.program(given), strict=True):
                    y[way.at(place) : way.at(place) + np.size(made)] = np.ravel(made)
        shaped = tuple(y.reshape(t.shape) for y, t in zip(results, self.types, strict=True))
        return shaped if len(shaped) > 1 else shaped[0]

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        raise self.refuse("is made by the compiler, after all batching")

    @property
    def totals(self) -> tuple[Type, ...]:
        """The types of the totals."""
        return self.types[len(self.types) - self.sums :]

    @property
    def count(self) -> int:
        """How many slices there are."""
        return sum(cells.count for cells in self.cells)
