"""The gradient is cheap: with the value it costs at most five times what the value costs."""

from __future__ import annotations

from hypothesis import given, settings

from clew.ir import Graph, f64, parameter
from clew.ops.contraction import contract
from clew.ops.cost import cost
from clew.ops.movement import reshape
from clew.passes import optimise

from . import makers
from .generate import Sample, samples
from .properties import gradient_graph

MOST = 5


def both(graph: Graph) -> Graph:
    """The value and every gradient."""
    return Graph("both", graph.inputs, (*graph.outputs, *gradient_graph(graph).outputs))


@settings(max_examples=300)
@given(samples((*makers.ELEMENTWISE, *makers.CONTRACTION, makers.widened), most=25, mixed=False))
def test_value_and_gradient_cost_at_most_five_times_the_value(sample: Sample) -> None:
    value = optimise(sample.graph)
    assert cost(optimise(both(value)).values) <= MOST * cost(value.values)


def test_what_is_counted() -> None:
    a, b = parameter("a", f64(3, 4)), parameter("b", f64(4, 5))
    product = contract("ij,jk->ik", a, b)
    assert cost(Graph("product", (a, b), (product,)).values) == 3 * 5 * (4 + 3)
    assert cost(Graph("moved", (a,), (reshape(a, (12,)),)).values) == 0
