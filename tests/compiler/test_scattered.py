"""Scatters of one update to a row are said element by element; others stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.compiled import Compiled
from clew.compiler.prepare import prepare
from clew.compiler.scattered import scattered
from clew.ir import Array, Graph, parameter, run, types
from clew.ops.broadcast import Sum
from clew.ops.indexing import ScatterAdd, scatter_add


def graph(
    shape: tuple[int, ...], axis: int, index: tuple[int, ...], dtype: str, total: bool = False
) -> tuple[Graph, list[Array]]:
    """The transpose of a gather in pairs along all axes before ``axis``."""
    draw = np.random.default_rng(3)
    updates = draw.normal(size=(*index, *shape[axis + 1 :])).astype(dtype)
    places = draw.integers(0, shape[axis], index)
    u, p = (parameter(name, types.Type(a.dtype, a.shape)) for name, a in (("u", updates), ("p", places)))
    made = scatter_add(u, p, shape=shape, axes=(axis,), paired=axis)
    return Graph("g", (u, p), (Sum((axis,)).apply(made) if total else made,)), [updates, places]


ONE = [
    ((5, 7), 1, (5, 1)),
    ((5, 7), 1, (5,)),
    ((3, 4, 9), 2, (3, 4, 1)),
    ((5, 7, 3), 1, (5, 1)),
    ((3, 4, 9, 2), 2, (3, 4, 1, 1)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize(("shape", "axis", "index"), ONE)
@pytest.mark.parametrize("total", [False, True])
def test_one_update_to_a_row(shape: tuple[int, ...], axis: int, index: tuple[int, ...], dtype: str, total: bool) -> None:
    g, inputs = graph(shape, axis, index, dtype, total)
    said = scattered(g)
    assert not any(isinstance(v.op, ScatterAdd) for v in said.values)
    assert not total or not any(isinstance(v.op, Sum) for v in said.values)
    want = run(g, *inputs)[0]
    np.testing.assert_allclose(run(said, *inputs)[0], want, rtol=1e-6)
    np.testing.assert_allclose(Compiled(g)(inputs)[0], want, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axis", "index"), [((5, 7), 1, (5, 2)), ((7, 3), 0, (1,)), ((7, 3), 0, ()), ((1, 7), 1, (1, 1))]
)
def test_others_stay(shape: tuple[int, ...], axis: int, index: tuple[int, ...]) -> None:
    g, inputs = graph(shape, axis, index, "float32")
    assert any(isinstance(v.op, ScatterAdd) for v in scattered(g).values)
    np.testing.assert_allclose(Compiled(g)(inputs)[0], run(g, *inputs)[0], rtol=1e-6)


def test_the_gradient_of_a_loss_by_class_numbers() -> None:
    draw = np.random.default_rng(0)
    logits, labels = draw.normal(size=(9, 33)).astype(np.float32), draw.integers(-33, 33, 9)

    def loss(z: Any, y: Any) -> Any:
        return cl.nn.cross_entropy(z, y)

    g = cl.trace(cl.grad(loss))(logits, labels).graph
    assert not any(isinstance(v.op, ScatterAdd) for v in prepare(g).values)
    np.testing.assert_allclose(Compiled(g)([logits, labels])[0], run(g, logits, labels)[0], rtol=1e-5, atol=1e-7)
