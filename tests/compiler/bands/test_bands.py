"""What is computed slice by slice is the same as what is computed whole, and takes less memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler import compiled
from clew.compiler.bands import choosing
from clew.compiler.bands.band import Band
from clew.compiler.compiled import Compiled
from clew.compiler.prepare import prepare
from clew.config import config
from clew.errors import AxisError
from clew.ir import Array, Graph, run
from clew.ops.contraction import Contract


def attention(q: Any, k: Any, v: Any, causal: bool = True) -> Any:
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if causal:
        mask = cl.tril(cl.ones((q.shape[-2], k.shape[-2]), dtype=cl.bool))
        scores = cl.where(mask, scores, -cl.inf)
    return cl.softmax(scores, axis=-1) @ v


def classifier(h: Any, w: Any, labels: Any) -> Any:
    return cl.nn.cross_entropy(h @ w, labels)


def perceptron(x: Any, a: Any, b: Any) -> Any:
    return cl.gelu(x @ a) @ b


def layer(x: Any, w: Any, b: Any, scale: Any) -> Any:
    return cl.logsumexp(cl.tanh(x @ w.mT + b) * scale, axis=-1)


def normalised(x: Any, a: Any) -> Any:
    """Reductions of a product that is centred first: two kinds of rows between the exits."""
    y = x @ a
    centred = y - cl.mean(y, axis=-1, keepdims=True)
    return cl.sum(centred * cl.rsqrt(cl.mean(centred * centred, axis=-1, keepdims=True) + 1e-3), axis=-1)


def gradients(f: Callable[..., Any], count: int) -> Callable[..., Any]:
    return cl.value_and_grad(lambda *a: cl.sum(cl.square(f(*a))), argnums=tuple(range(count)))


def arrays(seed: int, *shapes: tuple[int, ...], dtype: str = "float32") -> list[Array]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=shape).astype(dtype) for shape in shapes]


def graph_of(f: Callable[..., Any], inputs: list[Array]) -> Graph:
    return cl.trace(f)(*inputs).graph


def bands(graph: Graph) -> list[Band]:
    return [v.op for v in prepare(graph).values if isinstance(v.op, Band)]


@pytest.fixture(params=[200, 3_000])
def small_slices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Every stretch that can be a band is one, in slices of so many bytes; no code is taken from the cache."""
    monkeypatch.setattr(compiled, "fingerprint", lambda *_: None)
    monkeypatch.setattr(choosing, "WIDE", 0)
    for name, number in {"SLICE": request.param, "TURN": request.param, "SLICES": 1, "TURNS": 1}.items():
        monkeypatch.setattr(choosing, name, number)
    monkeypatch.setattr(choosing, "ROWS", 1)
    monkeypatch.setattr(choosing, "again", lambda *_: 0.0)
    monkeypatch.setattr(choosing, "worth", lambda draft: choosing.blocks(draft) != list(draft.shape))


CASES: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "attention": (attention, [(2, 3, 19, 5)] * 3),
    "one head": (attention, [(37, 7)] * 3),
    "other lengths": (lambda q, k, v: attention(q, k, v, causal=False), [(2, 13, 4), (2, 31, 4), (2, 31, 3)]),
    "attention backward": (gradients(attention, 3), [(2, 2, 19, 5)] * 3),
    "one row": (attention, [(1, 4, 1, 5), (1, 4, 23, 5), (1, 4, 23, 5)]),
    "perceptron": (perceptron, [(33, 3), (3, 41), (41, 2)]),
    "perceptron backward": (gradients(perceptron, 3), [(33, 3), (3, 41), (41, 2)]),
    "normalised": (normalised, [(29, 3), (3, 47)]),
    "normalised backward": (gradients(normalised, 2), [(29, 3), (3, 47)]),
    "a layer with a bias": (gradients(layer, 4), [(29, 3), (41, 3), (41,), (1, 41)]),
    "layers of batches": (gradients(layer, 4), [(3, 9, 3), (41, 3), (41,), (1, 41)]),
    "less its mean over all rows": (
        lambda x, a: cl.sum(cl.square((z := x @ a) - cl.mean(z, axis=0)), axis=0),
        [(33, 3), (3, 41)],
    ),
    "sums of everything": (lambda x, a: (cl.sum(cl.tanh(x @ a)), cl.sum(cl.exp(x @ a), axis=0)), [(33, 3), (3, 41)]),
    "shared scores": (lambda x, y: (x @ y.mT).sum(axis=0) + (x @ y.mT).max(axis=1), [(23, 3), (23, 3)]),
    "scores against themselves": (lambda x: cl.softmax(x @ x.mT, axis=-1) @ cl.tanh(x @ x.mT) @ x, [(23, 3)]),
    "scores that are a result": (lambda x, y: (cl.softmax(x @ y.mT, axis=-1), cl.exp(x @ y.mT) @ y), [(23, 3), (29, 3)]),
}


@pytest.mark.parametrize("name", CASES)
def test_slices_make_what_the_whole_makes(name: str, small_slices: None) -> None:
    f, shapes = CASES[name]
    inputs = arrays(3, *shapes)
    graph = graph_of(f, inputs)
    want = run(graph, *inputs)
    for made in (run(prepare(graph), *inputs), Compiled(graph)(inputs)):
        for x, y in zip(made, want, strict=True):
            np.testing.assert_allclose(x, y, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["attention", "other lengths", "perceptron", "normalised", "attention backward"])
def test_what_is_wide_is_in_bands(name: str, small_slices: None) -> None:
    f, shapes = CASES[name]
    graph = graph_of(f, arrays(0, *shapes))
    widest = max(v.type.size for v in graph.values if v.op is not None)
    assert bands(graph)
    assert all(v.type.size < widest for v in prepare(graph).values if v.op is not None and v.op.pulls)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["attention", "attention backward", "normalised backward", "a layer with a bias"])
def test_any_number_of_threads_gives_the_same_bits(name: str, dtype: str, small_slices: None) -> None:
    f, shapes = CASES[name]
    inputs = arrays(5, *shapes, dtype=dtype)
    step = Compiled(graph_of(f, inputs))
    found = []
    for threads in (1, 2, 3, 7):
        with config(threads=threads):
            found += [step(inputs) for _ in range(3)]
    for other in found[1:]:
        assert all(x.dtype == dtype and x.tobytes() == y.tobytes() for x, y in zip(found[0], other, strict=True))


@pytest.mark.parametrize("low", [0, -97])
@pytest.mark.parametrize("backward", [False, True])
def test_a_classifier_in_slices(low: int, backward: bool, small_slices: None) -> None:
    inputs = [*arrays(1, (29, 3), (3, 97)), np.random.default_rng(2).integers(low, 97, 29)]
    f = cl.value_and_grad(classifier, argnums=(0, 1)) if backward else classifier
    graph = graph_of(f, inputs)
    assert bands(graph)
    for x, y in zip(Compiled(graph)(inputs), run(graph, *inputs), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


def test_a_label_outside_is_found(small_slices: None) -> None:
    h, w, labels = *arrays(1, (29, 3), (3, 97)), np.arange(29)
    loss = Compiled(graph_of(classifier, [h, w, labels]))
    loss([h, w, labels])
    labels[13] = 97
    with pytest.raises(AxisError, match="97"):
        loss([h, w, labels])


def test_rows_that_see_nothing_and_infinities(small_slices: None) -> None:
    q, k, v = arrays(2, (11, 4), (17, 4), (17, 3))
    q[3], k[5, 0], v[2, 1] = np.nan, np.inf, -np.inf
    mask = np.random.default_rng(0).random((11, 17)) < 0.3
    mask[7] = False

    def masked(q: Any, k: Any, v: Any) -> Any:
        return cl.softmax(cl.where(mask, q @ k.T, -cl.inf), axis=-1) @ v

    graph = graph_of(masked, [q, k, v])
    np.testing.assert_allclose(Compiled(graph)([q, k, v])[0], run(graph, q, k, v)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shapes", [[(0, 5, 3)] * 3, [(2, 0, 3), (2, 7, 3), (2, 7, 3)], [(2, 7, 0), (2, 9, 0), (2, 9, 4)]])
def test_empty_axes(shapes: list[tuple[int, ...]], small_slices: None) -> None:
    inputs = arrays(0, *shapes)
    graph = graph_of(lambda q, k, v: cl.softmax(q @ k.mT, axis=-1) @ v, inputs)
    np.testing.assert_allclose(Compiled(graph)(inputs)[0], run(graph, *inputs)[0], rtol=1e-5)


def test_one_array_in_all_roles(small_slices: None) -> None:
    (x,) = arrays(4, (2, 21, 5))
    graph = graph_of(gradients(attention, 3), [x, x, x])
    for made, want in zip(Compiled(graph)([x, x, x]), run(graph, x, x, x), strict=True):
        np.testing.assert_allclose(made, want, rtol=2e-4, atol=2e-5)


def test_a_training_step_in_slices(small_slices: None) -> None:
    (x,) = arrays(6, (3, 13, 8))

    def losses(compiled: bool) -> list[float]:
        weights = [cl.variable(a / 3, name=f"w{k}") for k, a in enumerate(arrays(7, (8, 8), (8, 8), (8, 8)))]
        optimiser = cl.optim.Adam(weights, lr=0.01)

        def step(x: Any) -> Any:
            q, k, v = (x @ w for w in weights)
            loss = cl.mean(cl.square(attention(q, k, v) - x))
            loss.backward()
            optimiser.step()
            return loss

        step = cl.jit(step) if compiled else step
        return [step(x).item() for _ in range(4)]

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-4)


def arena(f: Callable[..., Any], *inputs: Array) -> int:
    return Compiled(graph_of(f, list(inputs))).routine.size


def test_memory_of_attention_does_not_grow_with_the_square_of_its_length() -> None:
    sizes = {n: arena(lambda q, k, v: attention(q, k, v, causal=False), *arrays(0, *[(n, 16)] * 3)) for n in (1024, 2048)}
    assert sizes[2048] <= 2.5 * sizes[1024]
    backward = {
        n: arena(gradients(lambda q, k, v: attention(q, k, v, causal=False), 3), *arrays(0, *[(n, 16)] * 3)) for n in sizes
    }
    assert backward[2048] <= 2.5 * backward[1024]
    assert backward[2048] < 2048 * 2048 * 4


def test_a_classifier_has_no_logits() -> None:
    inputs = [*arrays(0, (2048, 16), (16, 4000)), np.zeros(2048, np.int64)]
    assert arena(classifier, *inputs) < 2048 * 4000 * 4 / 4


def test_a_step_of_a_classifier_has_no_logits_and_no_gradient_of_them() -> None:
    """Each slice makes its logits once, and adds to the gradient of the weights."""
    inputs = [*arrays(0, (4096, 128), (128, 4000)), np.zeros(4096, np.int64)]
    step = cl.value_and_grad(classifier, argnums=(0, 1))
    assert arena(step, *inputs) < 4096 * 4000 * 4 / 3
    (band,) = bands(graph_of(step, inputs))
    assert [t.shape for t in band.totals] == [(128, 4000)]
    assert sum(isinstance(v.op, Contract) for v in band.bodies[0].values) == 3


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("rows", [(29,), (3, 11), (0,)])
def test_a_step_of_a_classifier_in_slices(rows: tuple[int, ...], transposed: bool, small_slices: None) -> None:
    draw = np.random.default_rng(0)
    h, w, labels = *arrays(3, (*rows, 5), (61, 5) if transposed else (5, 61)), draw.integers(0, 61, rows)

    def squared(h: Any, w: Any, labels: Any) -> Any:
        """What the way back begins with is known only when all rows are."""
        return classifier(h, w.mT if transposed else w, labels) ** 2

    def mean(h: Any, w: Any, labels: Any) -> Any:
        return cl.nn.cross_entropy(h @ (w.mT if transposed else w), labels, reduction="sum")

    for f in (squared, mean):
        graph = graph_of(cl.value_and_grad(f, argnums=(0, 1)), [h, w, labels])
        assert not rows[0] or any(band.sums for band in bands(graph))
        for x, y in zip(Compiled(graph)([h, w, labels]), run(graph, h, w, labels), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)


def test_totals_are_explained() -> None:
    draw = np.random.default_rng(0)
    step = cl.jit(cl.value_and_grad(classifier, argnums=(0, 1)))
    found = step.explain(*arrays(0, (4096, 128), (128, 4000)), draw.integers(0, 4000, 4096))
    (row,) = [x for x in found.kernels if x.kind == "band"]
    assert row.turns is not None and row.turns >= 4
    assert [x.kind for x in row.inner].count("product") == 3
    assert row.flops == pytest.approx(3 * 2 * 4096 * 128 * 4000, rel=0.1)


def test_long_sums_are_not_computed_again() -> None:
    """Scores of narrow heads are computed again on the way back, those of wide ones are kept."""
    for width, again in ((32, True), (400, False)):
        graph = graph_of(gradients(lambda q, k, v: attention(q, k, v, causal=False), 3), arrays(0, *[(1, 1024, width)] * 3))
        prepared = prepare(graph)
        held = [prepared, *(band.bodies[0] for band in bands(graph))]
        products = [v for g in held for v in g.values if isinstance(v.op, Contract) and width not in v.shape]
        assert (len(products) > 2) == again


def test_what_is_compared_exactly_is_computed_once(small_slices: None) -> None:
    """The way back of a maximum asks which elements it is equal to: sums of another order would not be."""
    inputs = arrays(0, (4, 33, 7), (4, 65, 7))

    def largest(x: Any, y: Any) -> Any:
        return cl.max(cl.tanh(x @ y.mT), axis=-1)

    graph = graph_of(lambda *a: cl.value_and_grad(lambda *b: cl.sum(cl.log1p(largest(*b)) ** 2), argnums=(0, 1))(*a), inputs)
    for x, y in zip(Compiled(graph)(inputs), run(graph, *inputs), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-5)


def test_small_things_stay_whole() -> None:
    assert not bands(graph_of(attention, arrays(0, *[(2, 2, 19, 5)] * 3)))


def test_explain_says_what_is_in_a_band() -> None:
    def mixed(q: Any, k: Any, v: Any) -> Any:
        return cl.softmax(q @ k.mT, axis=-1) @ v

    found = cl.jit(mixed).explain(*arrays(0, *[(4, 301, 16)] * 3))
    (row,) = found.kernels
    assert row.kind == "band"
    assert row.gates == ("matmul", "softmax")
    assert [x.gates for x in row.inner[:3]] == [("matmul",), ("softmax",), ("matmul",)]
    assert row.flops == pytest.approx(2 * 2 * 4 * 301 * 301 * 16, rel=2)
    assert f"{row.turns} slices of" in str(found)
