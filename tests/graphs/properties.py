"""What holds of every graph. Each property takes a sample and fails with an assertion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import assume

import clew.ops as ops_package
from clew.diff.batching import batch_forward, stacked_or_repeated
from clew.diff.forward import push_forward
from clew.diff.reverse import known, pull_back
from clew.gates import collapse, expand
from clew.gates.gate import batched_graph
from clew.ir import (
    DTYPES,
    FLOATS,
    INPUT,
    Array,
    Graph,
    Op,
    Tuple,
    Value,
    evaluate,
    parameter,
    parse,
    run,
    show,
    substitute,
    verify,
)
from clew.ir.text import nested
from clew.ir.value import toposort
from clew.ops.elementwise import filled
from clew.ops.interpreter import interpret
from clew.ops.items import Item, items
from clew.passes import PASSES, fold, optimise

from .generate import Sample

Point = dict[Value, Array]
STEP = 1e-4
HALVES = (DTYPES["f16"], DTYPES["bf16"])


def all_ops() -> dict[str, type[Op]]:
    """Every op by its name in text."""
    assert ops_package
    found: dict[str, type[Op]] = {}
    frontier: list[type[Op]] = [Op]
    while frontier:
        kinds = frontier.pop().__subclasses__()
        frontier += kinds
        found |= {kind.opcode: kind for kind in kinds}
    return found


# --- comparing


def wide(x: Any) -> Any:
    return np.asarray(x).astype(np.float64)


def roundoff(graph: Graph) -> float:
    """How much a result may differ between two routes, relative to the largest number on the way."""
    dtypes = {v.dtype for g in nested(graph) for v in g.values if v.dtype in FLOATS}
    return 0.15 if dtypes & set(HALVES) else 1e-3 if DTYPES["f32"] in dtypes else 1e-9


def close(actual: Array, expected: Array, tolerance: float, what: str) -> None:
    a, e = np.asarray(actual), np.asarray(expected)
    assert a.shape == e.shape and a.dtype == e.dtype, f"{what}: {a.dtype}{a.shape}, not {e.dtype}{e.shape}"
    np.testing.assert_allclose(wide(a), wide(e), rtol=tolerance, atol=tolerance, err_msg=what)


def gradients(graph: Graph, point: Point) -> tuple[dict[Value, Array], float]:
    """The gradient of each input that has one, and the largest number that flows back on the way."""
    arrays = evaluate(graph.outputs, point)
    (output,) = graph.outputs
    edges: dict[tuple[Value, int], Any] = {}
    found: dict[Value, Array] = {}
    if output.op is not None:
        found = pull_back({output: output.dtype.type(1)}, arrays.__getitem__, set(graph.inputs), edges)
    flowing = [g for over_edge in edges.values() for g in items(over_edge) if g is not None]
    largest = max((float(np.max(np.abs(wide(g)), initial=0)) for g in flowing), default=0.0)
    assume(roundoff(graph) < 0.1 or largest < 1000)  # in half precision more may overflow on another route
    wanted = [x for x in graph.inputs if x.type.differentiable]
    return {x: found[x] if x in found else np.zeros(x.shape, x.dtype)[()] for x in wanted}, max(1.0, largest)


def same(after: Graph, sample: Sample, what: str) -> None:
    """The values and gradients of a graph that the sample's was rewritten into."""
    verify(after)
    assert after.inputs == sample.graph.inputs, what
    expected, scale = gradients(sample.graph, sample.point)
    tolerance = roundoff(sample.graph)
    close(run(after, *sample.point.values())[0], run(sample.graph, *sample.point.values())[0], 20 * tolerance, f"value, {what}")
    actual, _ = gradients(after, sample.point)
    for x, g in expected.items():
        close(actual[x], g, tolerance * scale, f"gradient of {x.name}, {what}")


# --- properties


def references_agree(s: Sample) -> None:
    """Evaluating gives what the references gave one at a time (so no repair changed a value), and what each ``at`` says."""
    arrays = evaluate(s.graph.outputs, s.point)
    tolerance = roundoff(s.graph)
    for v, data in arrays.items():
        if isinstance(v.type, Tuple):  # looked at item by item
            continue
        assert np.shape(data) == v.shape and data.dtype == v.dtype, f"{v!r} computed {data.dtype}{np.shape(data)}"
        if v in s.intended:
            close(data, s.intended[v], 20 * tolerance, f"{v!r} as built")
        if v.op is not None and v.op is not INPUT and v.op.pulls:
            operands = [arrays[x] for x in v.operands]
            largest = max([float(np.max(np.abs(wide(x)), initial=1)) for x in (*operands, data)])
            low = tolerance if v.dtype not in FLOATS or v.dtype.itemsize < 8 else 1e-11
            close(interpret(v.op, *operands), data, low * largest, f"at of {v!r}")


def forward_is_reverse(s: Sample) -> None:
    """``<gradient, t>`` is the tangent of the output along ``t``."""
    found, scale = gradients(s.graph, s.point)
    arrays, rng = evaluate(s.graph.outputs, s.point), s.rng()
    tangents = {x: rng.uniform(-1, 1, x.shape).astype(x.dtype) if x.shape else x.dtype.type(0.7) for x in found}
    moved = wide(push_forward(dict(tangents), [s.output], arrays.__getitem__).get(s.output, 0.0))
    pulled = sum(float(np.sum(wide(g) * wide(tangents[x]))) for x, g in found.items())
    scale *= 1 + sum(float(np.sum(np.abs(wide(g) * wide(tangents[x])))) for x, g in found.items())
    np.testing.assert_allclose(moved, pulled, rtol=0, atol=roundoff(s.graph) * scale)


def reverse_is_finite_differences(s: Sample) -> None:
    """Along a direction, by central differences of two steps, whose own disagreement says how far they can be trusted."""
    if not (s.smooth and s.precise and s.moving):
        return
    found, scale = gradients(s.graph, s.point)
    rng = s.rng()
    tangents = {x: np.asarray(rng.uniform(-1, 1, x.shape))[()] for x in found}

    def f(step: float) -> float:
        moved = {x: a + step * tangents[x] if x in tangents else a for x, a in s.point.items()}
        return float(run(s.graph, *moved.values())[0])

    expected = sum(float(np.sum(g * tangents[x])) for x, g in found.items())
    for step in (STEP, STEP / 16):  # the shorter one, if a kink lies within reach of the longer
        once, twice = ((f(h) - f(-h)) / (2 * h) for h in (step, 2 * step))
        trusted = abs(once - twice) + 1e-6 * (1 + abs(expected)) + 1e-14 * scale / step
        if abs((4 * once - twice) / 3 - expected) <= trusted:
            return
    raise AssertionError(f"gradient along a direction is {expected}, differences give {once} and {twice}")


def text_round_trip(s: Sample) -> None:
    text = show(s.graph, None)
    again = verify(parse(text, all_ops()))
    assert show(again, None) == text
    np.testing.assert_array_equal(run(again, *s.point.values())[0], run(s.graph, *s.point.values())[0])


def passes_keep_meaning(s: Sample) -> None:
    for rewrite in (*PASSES, optimise):
        after = rewrite(s.graph)
        same(after, s, rewrite.__name__)
    assert show(optimise(after), None) == show(after, None), "a second round finds more"


def random_regions(s: Sample) -> list[Graph]:
    """The graph with regions made gates, and gates of gates."""
    rng, graph, made = s.rng(), s.graph, []
    for n in range(2):
        computed = [v for v in graph.values if v.op is not None and v.op is not INPUT]
        if not computed:
            break
        first, last = sorted(rng.integers(0, len(computed), 2))
        region = computed[first : last + 1]
        if all(isinstance(v.op, Item) for v in region):  # which go with what they are items of
            break
        graph = verify(collapse(graph, region, f"region{n}"))
        made.append(graph)
    return made


def grain_keeps_meaning(s: Sample) -> None:
    for coarse in random_regions(s):
        same(coarse, s, "collapsed")
        same(expand(coarse), s, "expanded")
        text = show(coarse, None)
        assert show(parse(text, all_ops()), None) == text
        push = Sample(coarse, s.point, s.intended, s.smooth, s.precise, s.seed)
        forward_is_reverse(push)


def batching_is_stacking(s: Sample) -> None:
    """The batched graph of some examples computes what the graph computes of each, in values and gradients."""
    rng, size = s.rng(), 1 + s.seed % 3
    flags = {x: bool(rng.random() < 0.7) for x in s.graph.inputs}
    if not any(flags.values()):
        return
    many = {x: np.stack([varied(a, n, rng) for n in range(size)]) if flags[x] else a for x, a in s.point.items()}
    stand_ins = {x: parameter(f"many_{x.name}", x.type.with_shape(a.shape)) for x, a in many.items() if flags[x]}
    stacked = batch_forward(stand_ins, size, s.graph.outputs)
    output = stacked_or_repeated(stacked, s.output, size)
    inputs = tuple(stand_ins.get(x, x) for x in many)
    batched = verify(Graph("batched", inputs, (output,)))
    alone = [run(s.graph, *(a[n] if flags[x] else a for x, a in many.items()))[0] for n in range(size)]
    tolerance = roundoff(s.graph)
    close(run(batched, *many.values())[0], np.stack(alone), 20 * tolerance, "batched value")
    if size < 3 and s.output.op is not None:
        gradient = gradient_graph(s.graph)
        wholly = verify(batched_graph(gradient, size))
        whole = {x: a if flags[x] else np.stack([a] * size) for x, a in many.items()}
        results = run(wholly, *whole.values())
        for n in range(size):
            expected, scale = gradients(s.graph, {x: whole[x][n] for x in s.graph.inputs})
            for (x, g), y in zip(expected.items(), results, strict=True):
                close(y[n], g, tolerance * scale, f"batched gradient of {x.name}")


def varied(data: Array, n: int, rng: np.random.Generator) -> Array:
    """Data near ``data``: floats a little moved, the others in another order."""
    array = np.asarray(data)
    if array.dtype in FLOATS:
        return (array * (1 + 1e-3 * rng.uniform(-1, 1, array.shape))).astype(array.dtype)
    return np.roll(array, n)


def gradient_graph(graph: Graph) -> Graph:
    """The symbolic gradient with respect to every input that has one."""
    (output,) = graph.outputs
    found = pull_back({output: filled(1, output.type)}, wanted=set(graph.inputs)) if output.op is not None else {}
    wanted = [x for x in graph.inputs if x.type.differentiable]
    return Graph("gradient", graph.inputs, tuple(found.get(x) or filled(0, x.type) for x in wanted))


def eager_is_symbolic(s: Sample) -> None:
    """Rules run on arrays, rules run on known values, and symbolic rules evaluated: one gradient."""
    expected, scale = gradients(s.graph, s.point)
    tolerance = roundoff(s.graph)
    symbolic = run(verify(gradient_graph(s.graph)), *s.point.values())
    for (x, g), y in zip(expected.items(), symbolic, strict=True):
        close(y, g, tolerance * scale, f"symbolic gradient of {x.name}")
    leaves = {x: parameter(x.name or "x", x.type, a) for x, a in s.point.items()}
    (output,) = substitute(fold(s.graph).outputs, leaves)
    assert output.data is not None
    close(output.data, run(s.graph, *s.point.values())[0], 20 * tolerance, "eager value")
    if output.op is None:
        return
    for read, seed in ((known, output.dtype.type(1)), (lambda v: v, filled(1, output.type))):
        found = pull_back({output: seed}, read, set(leaves.values()))
        for x, g in expected.items():
            eager = found.get(leaves[x])
            data = eager.data if isinstance(eager, Value) else eager
            close(np.zeros(x.shape, x.dtype)[()] if data is None else data, g, tolerance * scale, f"eager gradient of {x.name}")


def second_derivatives_agree(s: Sample) -> None:
    """The Hessian times a vector: the gradient of ``<gradient, t>``, the tangent of the gradient along ``t``, differences."""
    if not s.precise or not s.moving or len(s.graph.values) > 25:
        return
    gradient = gradient_graph(s.graph)
    rng = s.rng()
    tangents = {x: np.asarray(rng.uniform(-1, 1, x.shape))[()] for x in s.moving}
    arrays = evaluate(gradient.outputs, s.point)
    forward = push_forward(dict(tangents), gradient.outputs, arrays.__getitem__)
    seeds: dict[Value, Any] = {}
    for x, g in zip(s.moving, gradient.outputs, strict=True):
        seeds[g] = seeds[g] + tangents[x] if g in seeds else tangents[x]
    edges: dict[tuple[Value, int], Any] = {}
    back = pull_back(seeds, arrays.__getitem__, set(s.graph.inputs), edges)
    flowing = [g for over_edge in edges.values() for g in items(over_edge) if g is not None]
    scale = max((float(np.max(np.abs(wide(g)), initial=0)) for g in flowing), default=1.0)
    assert np.isfinite(scale)
    for x, g in zip(s.moving, gradient.outputs, strict=True):
        zero = np.zeros(x.shape)[()]
        close(back.get(x, zero), forward.get(g, zero) if g is not x else tangents[x], 1e-8 * (1 + scale), f"second, {x.name}")
    if not s.smooth:
        return
    along = sum(float(np.sum(back[x] * t)) for x, t in tangents.items() if x in back)

    def slope(step: float) -> float:
        moved = {x: a + step * tangents[x] if x in tangents else a for x, a in s.point.items()}
        return sum(float(np.sum(g * tangents[x])) for x, g in zip(s.moving, run(gradient, *moved.values()), strict=True))

    for step in (STEP, STEP / 16):
        once, twice = ((slope(h) - slope(-h)) / (2 * h) for h in (step, 2 * step))
        if abs((4 * once - twice) / 3 - along) <= abs(once - twice) + 1e-6 * (1 + abs(along)) + 1e-13 * (1 + scale) / step:
            return
    raise AssertionError(f"the second derivative along a direction is {along}, differences give {once} and {twice}")


PROPERTIES: Sequence[Callable[[Sample], None]] = (
    references_agree,
    forward_is_reverse,
    reverse_is_finite_differences,
    text_round_trip,
    passes_keep_meaning,
    grain_keeps_meaning,
    batching_is_stacking,
    eager_is_symbolic,
    second_derivatives_agree,
)


def check(s: Sample) -> None:
    """Every property."""
    verify(s.graph)
    for v in toposort(s.graph.outputs):
        assert v in s.graph.values
    for holds in PROPERTIES:
        holds(s)
