"""Random graphs: valid ones over all kinds of ops, with a point to run them at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clew.ir import INPUT, Array, Graph, Type, Value, show, toposort
from clew.ops.arithmetic import add
from clew.ops.broadcast import Sum
from clew.ops.contraction import Contract
from clew.ops.rounding import Cast

from . import makers
from .builder import F64, Builder
from .makers import Maker

MIXED = ("f32", "f64", "f16", "bf16")


@dataclass(frozen=True, eq=False)
class Sample:
    """A graph of some inputs to one scalar, and a point."""

    graph: Graph
    point: dict[Value, Array]
    intended: dict[Value, Array]  # what the references gave while it was built, before any repair
    smooth: bool  # no kink is near the point
    precise: bool  # all floats are f64
    seed: int  # for whatever else a property draws

    @property
    def output(self) -> Value:
        return self.graph.outputs[0]

    @property
    def moving(self) -> list[Value]:
        """The inputs that a derivative can be taken with respect to."""
        return [x for x in self.graph.inputs if x.type.differentiable]

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # what hypothesis shows
        printer.text(repr(self))

    def __repr__(self) -> str:
        lines = [f"{x.name} = np.array({np.asarray(a).tolist()}, {str(a.dtype)!r})" for x, a in self.point.items()]
        return "\n".join(["", show(self.graph, None), *lines, f"smooth={self.smooth} precise={self.precise} seed={self.seed}"])


@st.composite
def samples(
    draw: Callable[[st.SearchStrategy[Any]], Any],
    kinds: tuple[Maker, ...] = makers.ALL,
    most: int = 20,
    mixed: bool = True,
    builder: type[Builder] = Builder,
) -> Sample:
    """Graphs of up to ``most`` drawn steps (a step may take a few nodes), in f64, or in all float dtypes if ``mixed``."""
    b = builder(draw, ("f64",))
    if mixed and b.chance(4):
        b.floats = [makers.DTYPES[name] for name in b.subset(MIXED) or MIXED]
    for _ in range(b.integer(1, 3)):
        b.input(Type(b.choose(b.floats), b.shape()))
    for _ in range(b.integer(1, most)):
        b.choose(kinds)(b)
    output = scalar(b, kinds)
    reached = toposort([output])
    inputs = tuple(x for x in b.inputs if x in reached or b.chance(2))  # some stand idle
    graph = Graph("sample", inputs, (output,))
    precise = all(v.dtype == F64 for v in graph.values if v.type.differentiable)
    return Sample(graph, {x: b.arrays[x] for x in inputs}, b.arrays, b.smooth, precise, b.integer(0, 2**16))


def scalar(b: Builder, kinds: tuple[Maker, ...]) -> Value:
    """The sum of every loose end, each reduced in a way of its own."""
    used = {x for v in b.values for x in v.operands}
    total: Value | None = None
    dtype = b.choose(b.floats)
    for v in [x for x in b.values if x not in used and x.op is not None and x.op is not INPUT]:
        part = lone(b, v, kinds)
        if part is None or not part.type.differentiable:
            continue
        same = part if part.dtype == dtype else b.make(Cast(dtype), part)
        if same is not None:
            total = same if total is None else b.make(add, total, same) or total
    if total is None:
        first = b.inputs[0]
        total = b.make(Sum(tuple(range(first.ndim))), first) if first.ndim else first
        total = total if total is not None else b.full(0.0, Type(first.dtype, ()))
    return total


def lone(b: Builder, v: Value, kinds: tuple[Maker, ...]) -> Value | None:
    """One number of an array."""
    if not v.type.differentiable:
        cast = b.make(Cast(b.floats[0]), v, exact=True)
        if cast is None:
            return None
        v = cast
    axes = tuple(range(v.ndim))
    if not axes:
        return v
    how = b.integer(0, 2)
    if how == 0:
        letters = "abcdefgh"[: v.ndim]
        weights = b.input(v.type, -1, 1)
        return b.make(Contract(f"{letters},{letters}->"), v, weights)
    if how == 1 and kinds is makers.ALL:
        return makers.reduce_along(b, v, axes)
    return b.make(Sum(axes), v)
