"""One function at different granularity: what it stores, what it takes, and that its gradients agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from ..config import config
from ..diff.reverse import itself, pull_back
from ..diff.stored import stored
from ..errors import GradientError
from ..gates import collapse, expand
from ..ir import INPUT, Array, Graph, Value, evaluate
from ..ops.elementwise import filled
from .report import table
from .run import Function, name_of
from .trace import trace

SECONDS = 0.2  # for timing each grain, or REPEATS runs if that is less
REPEATS = 50
COMPILED = "compiled"


@dataclass(frozen=True)
class Grain:
    """A function at one granularity.

    ``stored`` counts the values of the forward pass that the backward rules read (``stored_bytes`` of them): inputs and
    results, not constants. ``seconds`` is the median time of a forward and a backward pass. ``difference`` is the largest
    difference of a gradient from that of the function as written.

    Compiled, ``nodes`` are kernels, and ``stored`` are those inputs and what lies in memory between kernels, where values that
    are not needed at the same time share a place.
    """

    name: str
    nodes: int
    stored: int
    stored_bytes: int
    seconds: float
    difference: float


@dataclass(frozen=True)
class GrainComparison:
    """A function at each granularity. Print it for a table."""

    title: str
    grains: tuple[Grain, ...]

    def __getitem__(self, name: str) -> Grain:
        return next(grain for grain in self.grains if grain.name == name)

    def __str__(self) -> str:
        columns = ("grain", "nodes", "stored", "bytes stored", "time (ms)", "gradients differ by")
        rows = [
            (g.name, counted(g), str(g.stored), str(g.stored_bytes), f"{1e3 * g.seconds:.3f}", f"{g.difference:.2g}")
            for g in self.grains
        ]
        return f"{self.title}\n{table(columns, rows)}"


def counted(g: Grain) -> str:
    return f"{g.nodes} kernel{'s' * (g.nodes != 1)}" if g.name == COMPILED else str(g.nodes)


def compare_grain(f: Function, *args: Any) -> GrainComparison:
    """``f`` as written, fine (every gate expanded into its parts), as one gate, and compiled, side by side.

    A coarse gate stores only its operands and result, and computes what is within again on the way back; a gate with a
    hand-made derivative of its own need not. Compiled, gates of any size become a few kernels that store what they must.

    >>> import clew as cl
    >>> @cl.gate
    ... def sigmoid(x):
    ...     s = 1 / (1 + cl.exp(-x))
    ...     return s, lambda g: g * s * (1 - s)
    >>> print(cl.compare_grain(lambda w, x: sigmoid(w * x), 2.0, -1.0))
    grain of <lambda>
    grain ... nodes  stored  bytes stored  time (ms)  gradients differ by
    ...
    """
    viewed = trace(f)(*args)
    written = viewed.graph
    if not any(v.type.differentiable for v in written.outputs) or not any(x.type.differentiable for x in written.inputs):
        raise GradientError(f"compare_grain: {name_of(f)} has no floating-point argument and result to differentiate")
    point = {x: viewed.values[x] for x in written.inputs}
    computed = [v for v in written.values if v.op is not None and v.op is not INPUT]
    graphs = {"as written": written, "fine": expand(written)}
    if computed:
        graphs["one gate"] = collapse(written, computed, written.name)
    expected = _gradients(written, point)
    grains = [_measure(name, graph, point, expected) for name, graph in graphs.items()]
    if computed and config.jit:
        grains.append(_compiled(written, point, expected))
    return GrainComparison(f"grain of {name_of(f)}", tuple(grains))


def _measure(name: str, graph: Graph, point: Mapping[Value, Array], expected: list[Array]) -> Grain:
    nodes = [v for v in graph.values if v.op is not None and v.op is not INPUT]
    kept = stored(graph)
    seconds, found = _timed(lambda: _gradients(graph, point))
    return Grain(name, len(nodes), len(kept), sum(v.type.nbytes for v in kept), seconds, _difference(found, expected))


def _compiled(graph: Graph, point: Mapping[Value, Array], expected: list[Array]) -> Grain:
    """The results and gradients as one native function."""
    found = pull_back({v: filled(1, v.type) for v in _seeded(graph)}, itself, set(graph.inputs))
    gradients = tuple(found[x] if x in found else filled(0, x.type) for x in graph.inputs if x.type.differentiable)
    compiler: Any = import_module("clew.compiler.compiled")  # it loads LLVM, which takes longer than all the rest of clew
    compiled = compiler.Compiled(Graph(graph.name, graph.inputs, (*graph.outputs, *gradients)))
    inputs = [np.asarray(point[x]) for x in graph.inputs]
    seconds, made = _timed(lambda: compiled(inputs))
    routine = compiled.routine
    difference = _difference(made[len(graph.outputs) :], expected)
    kept = [v for v in stored(graph) if v.op is INPUT]
    count, size = len(kept) + len(routine.offsets), sum(v.type.nbytes for v in kept) + routine.size
    return Grain(COMPILED, len(routine.steps), count, size, seconds, difference)


def _timed(run: Callable[[], list[Array]]) -> tuple[float, list[Array]]:
    """The median time of some runs, in seconds, and the result."""
    times: list[float] = []
    while sum(times) < SECONDS and len(times) < REPEATS:
        start = perf_counter()
        found = run()
        times.append(perf_counter() - start)
    return float(np.median(times)), found


def _difference(found: list[Array], expected: list[Array]) -> float:
    pairs = zip(found, expected, strict=True)
    return max(float(np.max(np.abs(np.subtract(a, b, dtype=np.float64)), initial=0)) for a, b in pairs)


def _seeded(graph: Graph) -> list[Value]:
    return list(dict.fromkeys(v for v in graph.outputs if v.type.differentiable))


def _gradients(graph: Graph, point: Mapping[Value, Array]) -> list[Array]:
    """One forward and one backward pass: the gradient of the sum of all results by each input."""
    arrays = evaluate(graph.outputs, point)
    seeds = {v: filled(1, v.type).data for v in _seeded(graph)}
    wanted = [x for x in graph.inputs if x.type.differentiable]
    found = pull_back(seeds, arrays.__getitem__, set(wanted))
    return [found[x] if x in found else np.zeros(x.shape, x.dtype) for x in wanted]
