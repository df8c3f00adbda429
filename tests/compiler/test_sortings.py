"""What is sorted, and whose order is asked for too, is sorted once."""

from __future__ import annotations

import numpy as np
import pytest

import clew as cl
from clew.compiler.compiled import Compiled
from clew.compiler.sortings import sorted_once
from clew.ir import Graph, f64, parameter, run
from clew.ops.sorting import ArgSort, Sort, argsort, sort


def kinds(graph: Graph) -> list[type]:
    return [type(v.op) for v in graph.values if isinstance(v.op, ArgSort | Sort)]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("descending", [False, True])
def test_elements_are_read_in_the_order_that_is_there(axis: int, descending: bool) -> None:
    x = parameter("x", f64(4, 9, 3))
    graph = Graph("g", (x,), (sort(x, axis, descending), argsort(x, axis, descending, stable=False)))
    assert kinds(Compiled(graph).graph) == [ArgSort]
    given = np.random.default_rng(0).integers(0, 5, (4, 9, 3)).astype(float)
    values, places = Compiled(graph)(given)
    np.testing.assert_array_equal(values, run(graph, given)[0])
    np.testing.assert_array_equal(np.take_along_axis(given, places, axis), values)


def test_other_orders_stay() -> None:
    x, y = parameter("x", f64(4, 9)), parameter("y", f64(4, 9))
    graph = Graph("g", (x, y), (sort(x, 0), argsort(x, 1), argsort(x, 0, True), argsort(y, 0)))
    assert sorted_once(graph) is graph
    alone = Graph("g", (x,), (sort(x, 1),))
    assert sorted_once(alone) is alone


def test_the_gradient_of_the_largest_needs_one_order() -> None:
    """Positions, values and what goes back to where they came from; equal elements share."""

    def f(x: cl.Tensor) -> cl.Tensor:
        values, places = cl.topk(x, 3)
        return cl.sum(values * values * (1 + cl.astype(places, cl.float64)))

    x = np.array([[1.0, 5.0, 5.0, 2.0, 5.0, 5.0], [3.0, -1.0, 2.0, 7.0, 0.0, 2.0]])
    step = cl.jit(cl.grad(f))
    np.testing.assert_allclose(step(x).numpy(), cl.grad(f)(cl.asarray(x)).numpy(), rtol=1e-14)
    assert kinds(step.compiled(x).graph) == [ArgSort]
