"""What holds of every graph once it is compiled: it computes what the ops' references do.

Each property takes a sample and fails with an assertion. ``python -m tests.graphs.run --compiled`` checks as many as one
likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from clew.compiler import calling as calls
from clew.compiler.compiled import Compiled
from clew.gates.gate import batched_graph
from clew.ir import FLOATS, Array, Dtype, Graph, Tuple, Value, evaluate
from clew.ops.contraction import Contract
from clew.ops.convolution import Convolve
from clew.ops.reductions import Prod
from clew.ops.rounding import Cast

from .generate import Sample
from .properties import gradient_graph, gradients, roundoff, varied, wide

GUARD, GUARDED = 128, 0xA5
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 0.0)


def agree(graph: Graph, point: dict[Value, Array], scale: float, what: str) -> None:
    """The compiled graph's results are the references', but for roundings relative to ``scale``."""
    expected = evaluate(graph.outputs, point)
    if any(isinstance(v.op, Prod) and overflows(v, expected[v.operands[0]]) for v in graph.values):
        return
    with guarded():
        actual = Compiled(graph)([point[x] for x in graph.inputs])
    tolerance = 20 * roundoff(graph)
    for k, (a, v) in enumerate(zip(actual, graph.outputs, strict=True)):
        e, name = expected[v], f"{what}, result {k}"
        assert np.shape(a) == v.shape and a.dtype == v.dtype, f"{name}: {a.dtype}{np.shape(a)}, not {v.type}"
        if v.dtype in FLOATS:
            np.testing.assert_allclose(wide(a), wide(e), rtol=tolerance, atol=tolerance * scale, err_msg=name)
        else:
            np.testing.assert_array_equal(a, e, err_msg=name)


@contextmanager
def guarded() -> Iterator[None]:
    """Whatever compiled code is given to write to lies between bytes that have to stay as they are."""
    made: list[tuple[Array, int]] = []

    def empty(shape: int | Sequence[int], dtype: Dtype) -> Array:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = np.full(size + 2 * GUARD, GUARDED, np.uint8)
        made.append((memory, size))
        return memory[GUARD : GUARD + size].view(dtype).reshape(shape)

    usual, calls.empty = calls.empty, empty
    try:
        yield
    finally:
        calls.empty = usual
    for memory, size in made:
        assert (memory[:GUARD] == GUARDED).all(), f"written before an array of {size} bytes"
        assert (memory[GUARD + size :] == GUARDED).all(), f"written behind an array of {size} bytes"


def overflows(v: Value, x: Array) -> bool:
    """Whether a part of a product may be infinite: its order is free, and the whole may yet be 0."""
    assert isinstance(v.op, Prod)
    limit = np.finfo(np.float64 if v.dtype.itemsize == 8 else np.float32).max
    with np.errstate(over="ignore"):
        return v.dtype in FLOATS and bool((np.prod(np.maximum(np.abs(wide(x)), 1), v.op.axes) > limit).any())


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
    agree(many(s), s.point, largest(s.graph, s.point), "many")


def many(s: Sample) -> Graph:
    """The graph with values on the way for results: inputs and constants too, some twice."""
    rng = s.rng()
    values = [v for v in s.graph.values if not isinstance(v.type, Tuple)]
    chosen = rng.integers(0, len(values), 1 + int(rng.integers(0, len(values))))
    return Graph("many", s.graph.inputs, tuple(values[k] for k in chosen))


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
    """NaN, infinities and signed zeros among the inputs: they come out where the references have them.

    Not of contractions, whose terms are added up in another order, nor of convolutions, where infinities of the kernel meet
    zeros around the input or are left out, nor of casts to integers, which have no number for them.
    """
    loose = (
        isinstance(v.op, Contract | Convolve) or (isinstance(v.op, Cast) and v.dtype not in FLOATS) for v in s.graph.values
    )
    if not s.precise or any(loose):
        return
    rng = s.rng()
    point = {x: sprinkled(a, rng) for x, a in s.point.items()}
    agree(many(s), point, largest(s.graph, point), "special")


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


def check_one(s: Sample) -> None:
    """One of the properties, and another one of each graph: compiling takes most of the time."""
    PROPERTIES[(s.seed + len(s.graph.values)) % len(PROPERTIES)](s)
