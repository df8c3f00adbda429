"""One function at different granularity: what it stores, what it takes, and that its gradients agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from ..diff.reverse import pull_back
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


@dataclass(frozen=True)
class Grain:
    """A function at one granularity.

    ``stored`` counts the values of the forward pass that the backward rules read (``stored_bytes`` of them): inputs and
    results, not constants. ``seconds`` is the median time of a forward and a backward pass. ``difference`` is the largest
    difference of a gradient from that of the function as written.
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
            (g.name, str(g.nodes), str(g.stored), str(g.stored_bytes), f"{1e3 * g.seconds:.3f}", f"{g.difference:.2g}")
            for g in self.grains
        ]
        return f"{self.title}\n{table(columns, rows)}"


def compare_grain(f: Function, *args: Any) -> GrainComparison:
    """``f`` as written, fine (every gate expanded into its parts) and as one gate, side by side.

    A coarse gate stores only its operands and result, and computes what is within again on the way back; a gate with a
    hand-made derivative of its own need not.

    >>> import clew as cl
    >>> @cl.gate
    ... def sigmoid(x):
    ...     s = 1 / (1 + cl.exp(-x))
    ...     return s, lambda g: g * s * (1 - s)
    >>> print(cl.compare_grain(lambda w, x: sigmoid(w * x), 2.0, -1.0))
    grain of <lambda>
    grain       nodes  stored  bytes stored  time (ms)  gradients differ by
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
    return GrainComparison(f"grain of {name_of(f)}", tuple(grains))


def _measure(name: str, graph: Graph, point: Mapping[Value, Array], expected: list[Array]) -> Grain:
    nodes = [v for v in graph.values if v.op is not None and v.op is not INPUT]
    kept = stored(graph)
    times: list[float] = []
    while sum(times) < SECONDS and len(times) < REPEATS:
        start = perf_counter()
        found = _gradients(graph, point)
        times.append(perf_counter() - start)
    pairs = zip(found, expected, strict=True)
    difference = max(float(np.max(np.abs(np.subtract(a, b, dtype=np.float64)), initial=0)) for a, b in pairs)
    return Grain(name, len(nodes), len(kept), sum(v.type.nbytes for v in kept), float(np.median(times)), difference)


def _seeded(graph: Graph) -> list[Value]:
    return list(dict.fromkeys(v for v in graph.outputs if v.type.differentiable))


def _gradients(graph: Graph, point: Mapping[Value, Array]) -> list[Array]:
    """One forward and one backward pass: the gradient of the sum of all results by each input."""
    arrays = evaluate(graph.outputs, point)
    seeds = {v: filled(1, v.type).data for v in _seeded(graph)}
    wanted = [x for x in graph.inputs if x.type.differentiable]
    found = pull_back(seeds, arrays.__getitem__, set(wanted))
    return [found[x] if x in found else np.zeros(x.shape, x.dtype) for x in wanted]
