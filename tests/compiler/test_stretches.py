"""The stretches of loops in which conditions do not change, and what is computed there and at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.compiled import Compiled
from clew.compiler.kernel import Kernel
from clew.compiler.stretches import stretch
from clew.ir import Graph, Value, evaluate, f64, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.movement import Concat, pad
from clew.ops.movement import slice as sliced


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


def test_conditions_on_other_loops_are_not_known() -> None:
    x = parameter("x", f64(50, 60))
    made = kernel(x, pad(x, (2, 1), (0, 1), (1, 1)))
    outer, inner = (stretch([item.expr for item in made.items], v) for v in made.domain)
    assert outer is not None and (outer.start, outer.stop) == (2, 52)
    assert inner is not None and (inner.start, inner.stop) == (1, 61)
    assert not outer.facts.keys() & inner.facts.keys()


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
