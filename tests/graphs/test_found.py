"""What random graphs have found, each made small: a bug becomes a test before it is mended."""

from __future__ import annotations

import numpy as np

from clew.compiler.compiled import Compiled
from clew.diff.reverse import pull_back
from clew.gates import collapse, expand
from clew.ir import DTYPES, Graph, Type, Value, constant, f64, parameter, parse, run, show, verify
from clew.ops.arithmetic import add, neg
from clew.ops.broadcast import sum
from clew.ops.comparison import equal, logical_and, where
from clew.ops.contraction import contract
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


def test_positions_that_are_one_for_all_lanes_are_gathered_from() -> None:
    """Each lane asks on its own whether it lies in a window; where it reads is then one position, which was found."""
    graph = parse(
        """graph sample(x1: f64[1,2], x2: i64[1], x3: f64[2]) -> f64[]:
  %0: f64[1,1] = gather(x1, x2, axes=(1,), paired=0)
  %1: f64[1,1] = exp(%0)
  %2: f64[2] = fold(%1, window=(1,), stride=(2,), dilation=(2,), sizes=(2,))
  %3: f64[2] = neg(%2)
  %4: f64[] = contract(%3, x3, spec='a,a->')
  return %4
""",
        all_ops(),
    )
    point = np.array([[1.4, -1.9]]), np.array([1]), np.array([-0.6, 0.7])
    np.testing.assert_allclose(Compiled(graph)(point), run(graph, *point), rtol=1e-14)


def test_what_an_expression_does_not_read_after_all_is_not_computed() -> None:
    """``x != x`` and False is False, whatever x is: the product before it is in the graph, and nobody asks for it."""
    x, y = parameter("x", f64(2, 3)), parameter("y", f64(3))
    product = contract("ij,j->i", x, y)
    never = logical_and(equal(product, filled(0, product.type)), filled(False, Type(DTYPES["bool"], (2,))))
    graph = Graph("g", (x, y), (contract("i,ij->j", where(never, filled(2, product.type), filled(3, product.type)), x),))
    compiled = Compiled(graph)
    assert compiled([np.ones((2, 3)), np.ones(3)])[0].tolist() == [6.0, 6.0, 6.0]
