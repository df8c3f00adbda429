"""What grows with a graph: counted, since times say nothing on a busy machine."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler import emit
from clew.compiler.compiled import Compiled
from clew.compiler.expression import walk
from clew.compiler.group import LONGEST
from clew.config import config
from clew.ir import Graph, constant, f64, parameter, run
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import broadcast
from clew.ops.broadcast import sum as summed
from clew.ops.contraction import contract
from clew.ops.exponential import exp
from clew.ops.movement import Flip, Reshape, Slice
from clew.ops.trigonometric import sin

from .models import traced


def lengths(step: Compiled) -> list[int]:
    """The lines of each function."""
    return [len(function.splitlines()) for function in re.split(r"\n(?=define)", step.text)[1:]]


def expressions(step: Compiled) -> list[int]:
    """How much each kernel computes."""
    kernels = [s.kernel for s in step.routine.steps if s.kernel is not None]
    return [len(walk(x.expr for x in kernel.items)) for kernel in kernels]


# Long chains


def chain(n: int, folds: bool = False) -> Any:
    """All steps are different ones."""

    def f(x: Any) -> Any:
        for k in range(n):
            c = 1 + 1e-6 * k
            x = (x * c, x + c, x / c, cl.maximum(x, -c), x - c)[k % 5]
            if folds and k % 10 == 9:
                x = x - cl.mean(x)
        return cl.sum(x)

    return f


@pytest.mark.parametrize(
    "what", ["value", "gradient", "value with folds", "gradient with folds", "value of a number", "gradient of a number"]
)
def test_functions_stay_short_however_long_a_chain_is(what: str) -> None:
    made: list[Compiled] = []
    x = np.float64(0.7) if "number" in what else np.linspace(0.5, 1.5, 100)
    for n in (300, 600):
        f = chain(n, "folds" in what)
        graph, inputs = traced(f if "value" in what else cl.grad(f), x)
        made.append(Compiled(graph))
        for a, b in zip(made[-1](inputs), run(graph, *inputs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    short, long = made
    assert max(expressions(long)) <= 2 * LONGEST  # a gate may be several steps
    assert max(lengths(long)[:-2]) <= 1.2 * max(lengths(short)[:-2])  # the last two call the others
    assert len(long.text) <= 2.1 * len(short.text)


def test_values_that_others_read_are_computed_once_where_a_kernel_ends() -> None:
    """Cut into kernels, a chain is not computed anew from its beginning."""
    f = chain(1000)
    graph, _ = traced(cl.value_and_grad(f), np.linspace(0.5, 1.5, 100))
    step = Compiled(graph)
    assert sum(expressions(step)) < 3 * len(step.graph.values)


# Layers that are alike


def kernels_of(layers: int, optimiser: Any) -> tuple[int, float]:
    """How many functions the kernels of a training step are, and the loss."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 16, 32)).astype(np.float32)
    weights = [
        {
            "gain": cl.variable(np.ones(32, np.float32)),
            "up": cl.variable((0.1 * rng.standard_normal((32, 48))).astype(np.float32)),
            "bias": cl.variable(np.zeros(48, np.float32)),
            "down": cl.variable((0.1 * rng.standard_normal((48, 32))).astype(np.float32)),
        }
        for _ in range(layers)
    ]
    trained = optimiser([v for w in weights for v in w.values()], lr=1e-3)

    @cl.jit
    def step(x: Any) -> Any:
        h = x
        for w in weights:
            centred = h - cl.mean(h, axis=-1, keepdims=True)
            normal = centred * cl.rsqrt(cl.mean(centred * centred, axis=-1, keepdims=True) + 1e-5) * w["gain"]
            h = h + cl.gelu(normal @ w["up"] + w["bias"]) @ w["down"]
        loss = cl.mean(h * h)
        loss.backward()
        trained.step()
        return loss

    loss = step(x).item()
    return len(step.compiled(x).written.shared.module.bodies), loss


@pytest.mark.parametrize("optimiser", [cl.optim.SGD, cl.optim.Adam])
def test_layers_that_are_alike_share_their_kernels(optimiser: Any) -> None:
    """The first layers differ: what they add up is not stored until it is as dear as eight additions."""
    (few, _), (many, loss) = kernels_of(12, optimiser), kernels_of(20, optimiser)
    assert many <= few + 1
    assert np.isfinite(loss)


def test_kernels_that_read_different_elements_are_one() -> None:
    """As the numbers of steps that an optimiser keeps of all parameters in one array."""
    counts = parameter("counts", f64(40))
    x = y = parameter("x", f64(24, 24))
    for k in range(10):
        scale = Reshape(())(Slice((3 * k,), (3 * k + 1,), (1,))(counts))
        y = exp(mul(contract("ij,jk->ik", y, x), broadcast(scale, (0, 1), (24, 24))))
    step = Compiled(Graph("g", (counts, x), (y,)))
    (name,) = {call.name for s in step.routine.steps for call in s.calls}
    assert [[call.name for call in s.calls] for s in step.routine.steps] == 10 * [[name]]
    rng = np.random.default_rng(0)
    given = [-rng.random(40), rng.random((24, 24))]
    np.testing.assert_allclose(step(given)[0], run(step.source, *given)[0], rtol=1e-11)


def test_products_with_parts_of_one_array_are_one() -> None:
    """As of layers whose weights lie in one array; a part may also be read backwards, from its end."""
    weights = parameter("weights", f64(10, 24, 24))
    x = y = parameter("x", f64(24, 24))
    for k in range(10):
        part = Reshape((24, 24))(Slice((k, 0, 0), (k + 1, 24, 24), (1, 1, 1))(weights))
        y = sin(contract("ij,jk->ik", y, part))
    last = contract("ij,jk->ik", y, Flip((0,))(part))
    step = Compiled(Graph("g", (weights, x), (last,)))
    names = [call.name for s in step.routine.steps for call in s.calls]
    assert len(set(names)) == 2 and len(set(names[:-1])) == 1
    rng = np.random.default_rng(0)
    given = [rng.standard_normal((10, 24, 24)) * 0.1, rng.standard_normal((24, 24))]
    np.testing.assert_allclose(step(given)[0], run(step.source, *given)[0], rtol=1e-11, atol=1e-11)


def test_a_kernel_that_writes_what_it_reads_an_element_of() -> None:
    x = parameter("x", f64(40))
    last = Reshape(())(Slice((39,), (40,), (1,))(x))
    graph = Graph("g", (x,), (add(x, broadcast(last, (0,), (40,))),))
    step = Compiled(graph, {0: 0})
    given = np.arange(40.0)
    step([given])
    np.testing.assert_array_equal(given, np.arange(40.0) + 39)


# Long functions


def waves(n: int) -> Graph:
    x = parameter("x", f64(50))
    y = x
    for k in range(n):
        y = sin(add(y, constant(np.full(50, 0.1 * k))))
    return Graph("g", (x,), (y,))


def test_functions_that_are_used_often_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = Compiled(waves(emit.OFTEN - 1)), Compiled(waves(4 * emit.OFTEN))
    assert "@clew.sin" not in few.text
    assert many.text.count("call <") > 2 * emit.OFTEN and many.text.count("@clew.sin") > 2 * emit.OFTEN
    assert len(many.text) < 2 * len(few.text)
    given = [np.linspace(-3, 3, 50)]
    called = many(given)[0]
    with config(cache_size=0):
        monkeypatch.setattr(emit, "OFTEN", 10**9)
        written = Compiled(waves(64))
    assert "@clew.sin" not in written.text
    np.testing.assert_array_equal(called, written(given)[0])
    np.testing.assert_allclose(called, run(many.source, *given)[0], rtol=1e-12)


def test_many_kernels_that_use_a_function_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emit, "MANY", 20)
    with config(cache_size=0):
        x = parameter("x", f64(50))
        y = x
        for _ in range(40):
            y = sin(add(y, broadcast(summed(y, (0,)), (0,), (50,))))
        step = Compiled(Graph("g", (x,), (y,)))
    assert "@clew.sin" in step.text
