"""What random graphs have found, each made small: a bug becomes a test before it is mended."""

from __future__ import annotations

import numpy as np

from clew.diff.reverse import pull_back
from clew.gates import collapse, expand
from clew.ir import DTYPES, Graph, Value, constant, f64, parameter, parse, run, show, verify
from clew.ops.arithmetic import add, neg
from clew.ops.broadcast import sum
from clew.ops.comparison import where
from clew.ops.elementwise import filled
from clew.ops.exponential import xlogy
from clew.ops.movement import Iota

from .properties import all_ops


def test_constants_of_booleans_print() -> None:
    condition, x = constant(np.zeros((2, 2), bool)), parameter("x", f64(2, 2))
    text = show(Graph("g", (x,), (where(condition, x, x),)))
    assert "constant(False)" in text and show(parse(text, all_ops())) == text


def test_constants_without_elements_read_back() -> None:
    text = show(Graph("g", (), (constant(np.zeros((0, 2))),)))
    assert parse(text, all_ops()).outputs[0].data.shape == (0, 2)


def test_collapse_where_an_operand_comes_after_a_result() -> None:
    x = parameter("x", f64(3))
    count = Value(Iota((3,), 0, DTYPES["f64"]), (), f64(3))
    first = neg(x)
    second = add(first, count)
    graph = Graph("g", (x,), (add(sum(first, (0,)), sum(second, (0,))),))
    for region in ([first, second], [first, second, graph.outputs[0].operands[0]]):
        coarse = verify(collapse(graph, region, "region"))
        assert run(coarse, np.ones(3)) == run(verify(expand(coarse)), np.ones(3)) == run(graph, np.ones(3))


def test_collapse_of_constants_alone() -> None:
    squared = Value(neg, (constant(np.float64(2)),), f64())
    graph = Graph("g", (), (neg(squared),))
    assert run(verify(collapse(graph, [squared], "region"))) == (2.0,)


def test_second_derivative_of_xlogy_where_the_factor_is_zero() -> None:
    """The mixed derivative of ``a * log(b)`` is ``1 / b``, at a = 0 too."""
    a, b = parameter("a", f64()), parameter("b", f64())
    by_b = pull_back({xlogy(a, b): filled(1.0, f64())})[b]
    by_both = pull_back({by_b: filled(1.0, f64())})[a]
    assert run(Graph("g", (a, b), (by_both,)), np.float64(0), np.float64(4)) == (0.25,)
