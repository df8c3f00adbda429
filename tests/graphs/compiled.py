"""What holds of every graph once it is compiled: it computes what the ops' references do.

Each property takes a sample and fails with an assertion. ``python -m tests.graphs.run --compiled`` checks as many as one
likes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from clew.gates.gate import batched_graph
from clew.ir import FLOATS, Array, Graph, Tuple, Value, evaluate
from clew.jit.compiled import Compiled

from .generate import Sample
from .properties import gradient_graph, gradients, roundoff, varied, wide

SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 0.0, np.nan, 1e200, -1e200)


def agree(graph: Graph, point: dict[Value, Array], scale: float, what: str) -> None:
    """The compiled graph's results are the references', but for roundings relative to ``scale``."""
    expected = evaluate(graph.outputs, point)
    actual = Compiled(graph)([point[x] for x in graph.inputs])
    tolerance = 20 * roundoff(graph)
    for k, (a, v) in enumerate(zip(actual, graph.outputs, strict=True)):
        e, name = expected[v], f"{what}, result {k}"
        assert np.shape(a) == v.shape and a.dtype == v.dtype, f"{name}: {a.dtype}{np.shape(a)}, not {v.type}"
        if v.dtype in FLOATS:
            np.testing.assert_allclose(wide(a), wide(e), rtol=tolerance, atol=tolerance * scale, err_msg=name)
        else:
            np.testing.assert_array_equal(a, e, err_msg=name)


def largest(graph: Graph, point: dict[Value, Array]) -> float:
    """The largest number on the way to the results."""
    arrays = evaluate(graph.outputs, point)
    found = [np.abs(wide(a)) for v, a in arrays.items() if not isinstance(v.type, Tuple)]
    return float(max((np.max(x, initial=1, where=np.isfinite(x)) for x in found), default=1.0))


def value_is_compiled(s: Sample) -> None:
    agree(s.graph, s.point, largest(s.graph, s.point), "value")


def gradient_is_compiled(s: Sample) -> None:
    if s.moving:
        _, scale = gradients(s.graph, s.point)
        agree(gradient_graph(s.graph), s.point, scale, "gradient")


def many_results_are_compiled(s: Sample) -> None:
    """Values on the way are results too: inputs, constants, some twice."""
    rng = s.rng()
    values = [v for v in s.graph.values if not isinstance(v.type, Tuple)]
    chosen = tuple(values[k] for k in rng.integers(0, len(values), 1 + int(rng.integers(0, len(values)))))
    graph = Graph("many", s.graph.inputs, chosen)
    agree(graph, s.point, max(1.0, largest(graph, s.point)), "many")


def batch_is_compiled(s: Sample) -> None:
    """The batched gradient, in batches that no vector fits."""
    size = (1, 3, 17, 9)[s.seed % 4]
    if not s.moving or sum(v.type.size for v in s.graph.values if not isinstance(v.type, Tuple)) * size > 100_000:
        return
    rng = s.rng()
    _, scale = gradients(s.graph, s.point)
    graph = batched_graph(gradient_graph(s.graph), size)
    many = [np.stack([varied(s.point[x], n, rng) for n in range(size)]) for x in s.graph.inputs]
    agree(graph, dict(zip(graph.inputs, many, strict=True)), 2 * scale, "batched gradient")


def special_numbers_are_compiled(s: Sample) -> None:
    """NaN, infinities, signed zeros and huge numbers among the inputs: they come out where the references have them."""
    if not s.precise:
        return
    rng = s.rng()
    point = {x: sprinkled(a, rng) for x, a in s.point.items()}
    agree(s.graph, point, largest(s.graph, point), "special")


def sprinkled(data: Array, rng: np.random.Generator) -> Array:
    """Floats, some of which are special."""
    array = np.array(data)
    if array.dtype in FLOATS:
        chosen = rng.random(array.shape) < 0.2
        array[chosen] = rng.choice(SPECIAL, int(chosen.sum()))
    return array[()]


PROPERTIES: Sequence[Callable[[Sample], None]] = (
    value_is_compiled,
    gradient_is_compiled,
    many_results_are_compiled,
    batch_is_compiled,
    special_numbers_are_compiled,
)


def check(s: Sample) -> None:
    """Every property."""
    for holds in PROPERTIES:
        holds(s)
