"""Steps that free memory run as soon as they can, and no step before what it reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.compiled import Compiled
from clew.compiler.expression import Buffer
from clew.compiler.order import gradients, ordered
from clew.compiler.prepare import prepare
from clew.compiler.steps import Step
from clew.ir import UNKNOWN, Graph, parameter, run, types

F32 = np.dtype(np.float32)


def steps(*told: str) -> tuple[list[Step], dict[Buffer, int]]:
    """Steps such as ``c = a b``; a capital letter is ten times as large."""
    buffers: dict[str, Buffer] = {}

    def named(letter: str) -> Buffer:
        size = 100 if letter.isupper() else 10
        return buffers.setdefault(letter, Buffer(parameter(letter, types.Type(F32, (size,))), letter))

    found = []
    for text in told:
        made, _, read = text.partition("=")
        found.append(Step([], [named(x) for x in read.split()], [named(x) for x in made.split()]))
    return found, {x: x.value.type.nbytes for name, x in buffers.items() if name not in "xy"}


def order(*told: str) -> str:
    made, sizes = steps(*told)
    return " ".join("".join(x.name for x in step.writes) for step in ordered(made, sizes))


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (["A=x", "b=A", "c=b", "d=c", "e=A"], "A b e c d"),  # the last that reads A frees it
        (["A=x", "b=x", "c=b", "D=A"], "A b c D"),  # nothing is gained
        (["A=x", "B=x", "c=B", "d=A c", "e=A B"], "A B c e d"),
        (["A=x", "B=x", "c=x", "d=A", "e=B", "f=d e"], "A d B e f c"),
        (["a=x", "b=a", "c=b"], "a b c"),
        (["A=x", "A=y", "b=A"], "A A b"),  # written by two, read after both
    ],
)
def test_what_frees_memory_is_done_at_once(told: list[str], found: str) -> None:
    assert order(*told) == found


@pytest.mark.parametrize("seed", range(30))
def test_nothing_runs_before_what_it_reads(seed: int) -> None:
    draw = np.random.default_rng(seed)
    letters = "abcdEFGHijklMNOP"
    told = [f"{x}={' '.join(draw.choice(list('xy' + letters[:k]), 2))}" for k, x in enumerate(letters)]
    made, sizes = steps(*told)
    there = {"x", "y"}
    result = ordered(made, sizes)
    assert sorted(map(id, result)) == sorted(map(id, made))
    for step in result:
        assert {x.name for x in step.reads} <= there
        there |= {x.name for x in step.writes}


def layers(depth: int) -> tuple[Graph, dict[int, int], list[Any]]:
    """A step of gradient descent through some layers of 64 units, with 2,048 examples."""
    draw = np.random.default_rng(0)
    inputs = [draw.normal(size=(2048, 64)).astype(F32), *(draw.normal(size=(64, 64)).astype(F32) / 8 for _ in range(depth))]

    def loss(x: Any, *weights: Any) -> Any:
        for w in weights:
            x = cl.tanh(x @ w)
        return cl.mean(x * x)

    def step(x: Any, *weights: Any) -> Any:
        value, slopes = cl.value_and_grad(loss, argnums=tuple(range(1, depth + 1)))(x, *weights)
        return (value, *(w - 0.1 * g for w, g in zip(weights, slopes, strict=True)))

    return cl.trace(step)(*inputs).graph, {k: k for k in range(1, depth + 1)}, inputs


def test_gradients_are_computed_before_updates() -> None:
    graph, updates, _ = layers(3)
    prepared = prepare(graph)
    found = gradients(prepared, updates)
    assert [v.shape for v in found] == [(64, 64)] * 3
    assert not gradients(prepared, {})


def test_small_operands_are_kept_for_updates() -> None:
    def step(x: Any, w: Any) -> Any:
        return w - cl.grad(lambda w: cl.sum(cl.tanh(x @ w)))(w)

    graph = cl.trace(step)(np.zeros((8, 64), F32), np.zeros((64, 32), F32)).graph
    assert not gradients(prepare(graph), {0: 1})


def test_memory_and_numbers_of_a_deep_step() -> None:
    graph, updates, inputs = layers(6)
    compiled = Compiled(graph, updates)
    whole = 2048 * 64 * 4
    assert compiled.routine.size < 9 * whole  # six activations, and what one layer takes on its way back
    want = run(graph, *inputs)
    made = compiled([x.copy() for x in inputs])
    for x, y in zip(made, want, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


def test_what_has_no_size_yet_is_waited_for() -> None:
    """The way back of a while loop reads stacks that only the run sizes: they have no memory, and are made before."""

    def f(x: Any, y: Any) -> Any:
        large = cl.exp(y)
        halved = cl.while_loop(lambda z: cl.sum(z * z) > 1, lambda z: cl.sin(z) / 2, x)
        return cl.sum(large * large) * cl.sum(halved * x)

    inputs = np.full(3, 4.0), np.ones(300)
    graph = cl.trace(cl.grad(f, argnums=(0, 1)))(*inputs).graph
    compiled = Compiled(graph)
    written: set[Buffer] = set()
    for step in compiled.routine.steps:
        assert all(x in written for x in step.reads if x.value.op is not None and x.value in compiled.routine.grouping.roots)
        written |= {x.memory for x in step.writes}
    assert any(UNKNOWN in x.value.shape for x in written)
    for made, expected in zip(compiled(list(inputs)), run(graph, *inputs), strict=True):
        np.testing.assert_allclose(made, expected, rtol=1e-12)
