"""The stretches of loops in which conditions do not change, and what is computed there and at the edges."""

from __future__ import annotations

import re

import numpy as np
import pytest

from clew.compiler.compiled import Compiled
from clew.compiler.index import Var, variable
from clew.compiler.kernel import Kernel, Nest
from clew.compiler.native import host
from clew.compiler.stretches import stretch
from clew.ir import DTYPES, Graph, Value, evaluate, f64, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import sum
from clew.ops.exponential import exp
from clew.ops.movement import Concat, flip, pad
from clew.ops.movement import slice as sliced

from .emitting import Making, Run
from .emitting import kernel as nests


def concat(*parts: Value, axis: int = 0) -> Value:
    return Concat(axis).apply(*parts)


def kernel(x: Value, y: Value) -> Kernel:
    (step,) = Compiled(Graph("g", (x,), (y,))).routine.steps
    assert step.kernel is not None
    return step.kernel


def found(x: Value, y: Value) -> tuple[int, int, list[bool]] | None:
    made = kernel(x, y)
    clear = stretch([item.expr for item in made.items], made.domain[-1])
    return None if clear is None else (clear.start, clear.stop, sorted(clear.facts.values()))


def test_the_longest_one() -> None:
    x = parameter("x", f64(100))
    assert found(x, mul(x, x)) is None
    assert found(x, pad(x, (3,), (5,), (1,))) == (3, 103, [True])
    assert found(x, pad(x, (3,), (500,), (1,))) == (103, 603, [False])
    left, right = pad(x, (0,), (1,), (1,)), pad(x, (1,), (0,), (1,))
    assert found(x, add(left, right)) == (1, 100, [True, True])


def test_indices_that_fall() -> None:
    x = parameter("x", f64(100))
    assert found(x, flip(pad(x, (3,), (5,), (1,)), (0,))) == (5, 105, [True])
    assert found(x, add(flip(pad(x, (3,), (5,), (1,)), (0,)), pad(x, (0,), (8,), (1,)))) == (5, 100, [True, True])
    every_other = pad(x, (0,), (0,), (2,))
    assert found(x, flip(pad(every_other, (3,), (5,), (1,)), (0,))) == (5, 204, [True])


def test_what_is_known_elsewhere() -> None:
    """What holds in none of the other turns, or in all of them; of a condition that changes there, nothing."""
    x = parameter("x", f64(100))
    for y, known in (
        (pad(x, (3,), (5,), (1,)), [False]),
        (pad(x, (3,), (500,), (1,)), []),  # it holds from 3 to 103, before the longest stretch
        (pad(x, (0,), (500,), (1,)), [True]),
        (pad(x, (500,), (5,), (1,)), []),
    ):
        made = kernel(x, y)
        clear = stretch([item.expr for item in made.items], made.domain[-1])
        assert clear is not None and sorted(clear.elsewhere.values()) == known


def test_conditions_on_other_loops_are_not_known() -> None:
    x = parameter("x", f64(50, 60))
    made = kernel(x, pad(x, (2, 1), (0, 1), (1, 1)))
    outer, inner = (stretch([item.expr for item in made.items], v) for v in made.domain)
    assert outer is not None and (outer.start, outer.stop) == (2, 52)
    assert inner is not None and (inner.start, inner.stop) == (1, 61)
    assert not outer.facts.keys() & inner.facts.keys()


def test_rows_within_the_edges_ask_nothing() -> None:
    """Where lanes follow the columns, and only rows are padded, most rows are read as they are, and the others not at all."""
    made, i, j = Making(x=("f64", (20, 64)), y=("f64", (23, 64))), Var(0, 23), Var(1, 64)
    row = variable(i) + -1
    zero = made.e.const(0, DTYPES["f64"])
    padded = made.e.guard(made.e.inside(row, 0, 20), lambda: made.load("x", row, variable(j)), zero)
    run = Run(made, nests([i, j], Nest((), [made.store("y", padded, i, j)])), host().bits)
    assert re.search(r"= load <\d+ x double>", run.text) and "masked.load" not in run.text
    x = np.random.default_rng(0).normal(size=(20, 64))
    np.testing.assert_array_equal(run(x=x)["y"], np.pad(x, ((1, 2), (0, 0))))


def reflected(x: Value, n: int, axis: int) -> Value:
    def part(start: int, stop: int) -> Value:
        cuts = [(start, stop) if k == axis else (0, size) for k, size in enumerate(x.shape)]
        return sliced(x, tuple(a for a, _ in cuts), tuple(b for _, b in cuts))

    size = x.shape[axis]
    return concat(flip(part(1, n + 1), (axis,)), x, flip(part(size - n - 1, size - 1), (axis,)), axis=axis)


@pytest.mark.parametrize("shape", [(5, 7), (2, 9, 40), (3, 2, 30, 33), (4, 70, 6)])
def test_edges_of_rows_and_of_columns(shape: tuple[int, ...]) -> None:
    x = parameter("x", f64(*shape))
    padded = reflected(reflected(x, 2, x.ndim - 1), 3, x.ndim - 2)
    outputs = (mul(padded, padded), sum(exp(padded), tuple(range(x.ndim))), sum(exp(padded), (x.ndim - 1,)))
    data = np.random.default_rng(0).normal(size=shape)
    expected = evaluate(outputs, {x: data})
    for made, y in zip(Compiled(Graph("g", (x,), outputs))([data]), outputs, strict=True):
        np.testing.assert_allclose(made, expected[y], rtol=1e-13)


def stencil(x: Value) -> Value:
    n = x.shape[-1]
    left, middle, right = (sliced(x, (0,) * (x.ndim - 1) + (k,), (*x.shape[:-1], n - 2 + k)) for k in range(3))
    first = sliced(x, (0,) * x.ndim, (*x.shape[:-1], 1))
    last = sliced(x, (0,) * (x.ndim - 1) + (n - 1,), x.shape)
    inner = add(mul(left, right), middle)
    return concat(first, inner, last, axis=x.ndim - 1)


@pytest.mark.parametrize("n", [3, 9, 33, 34, 40, 63, 64, 65, 1000, 50_001])
@pytest.mark.parametrize("rows", [0, 3])
def test_edges_and_what_lies_between(n: int, rows: int) -> None:
    x = parameter("x", f64(*([rows] if rows else []), n))
    few = (1,) * (x.ndim - 1)
    outputs = (stencil(x), pad(stencil(x), (*few, 2), (*few, n // 2 + 1), (*few, 1)))
    graph = Graph("g", (x,), outputs)
    data = np.random.default_rng(n).normal(size=x.shape)
    expected = evaluate(outputs, {x: data})
    for made, y in zip(Compiled(graph)([data]), outputs, strict=True):
        np.testing.assert_allclose(made, expected[y], rtol=1e-14)
