"""expand and collapse change the grain of a graph and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from clew.errors import GraphError
from clew.gates import Gate, collapse, expand
from clew.ir import DTYPES, Graph, Label, Value, constant, f64, parameter, run, show, verify
from clew.ops.arithmetic import add, mul, neg, square
from clew.ops.broadcast import sum
from clew.ops.movement import Iota


def example() -> tuple[Graph, dict[str, Value]]:
    x, y = parameter("x", f64()), parameter("y", f64())
    p = add(x, y)
    q = mul(p, p)
    r = neg(q)
    s = add(p, r)
    return Graph("example", (x, y), (s,)), {"p": p, "q": q, "r": r, "s": s}


def gates(graph: Graph) -> list[Gate]:
    return [v.op for v in graph.values if isinstance(v.op, Gate)]


def test_a_region_becomes_one_gate_and_opens_again() -> None:
    graph, v = example()
    coarse = verify(collapse(graph, [v["q"], v["r"]], "inner"))
    assert [gate.title for gate in gates(coarse)] == ["inner"] and len(coarse.values) == len(graph.values) - 1
    assert show(verify(expand(coarse))) == show(graph)
    assert run(coarse, np.float64(1), np.float64(2)) == run(graph, np.float64(1), np.float64(2))


def test_a_region_with_several_results() -> None:
    graph, v = example()
    coarse = verify(collapse(graph, [v["p"], v["q"]], "both"))
    assert [(gate.title, len(gate.body.outputs)) for gate in gates(coarse)] == [("both", 2)]
    assert run(coarse, np.float64(1), np.float64(2)) == run(graph, np.float64(1), np.float64(2))


def test_gates_of_gates_and_opening_by_name() -> None:
    graph, v = example()
    coarse = collapse(graph, [v["q"], v["r"]], "inner")
    whole = verify(collapse(coarse, [w for w in coarse.values if w.operands], "outer"))
    assert [gate.title for gate in gates(whole)] == ["outer"]
    assert [gate.title for gate in gates(verify(expand(whole, ["outer"])))] == ["inner"]
    assert [gate.title for gate in gates(verify(expand(whole, ["inner"])))] == ["outer"]
    assert gates(expand(whole)) == []


def test_a_region_must_be_convex() -> None:
    graph, v = example()
    with pytest.raises(GraphError) as caught:
        collapse(graph, [v["p"], v["s"]], "holed")
    assert str(caught.value) == (
        "collapse holed: the region is not convex: <neg: f64[]> lies outside, but depends on the region and feeds it; "
        "take it in"
    )
    for region in ([], [graph.inputs[0]], [neg(v["p"])]):
        with pytest.raises(GraphError, match="a region is a choice of computed values of the graph example"):
            collapse(graph, region, "odd")


def test_operands_that_come_after_a_result_of_the_region() -> None:
    """A result may be used before another operand of the region is computed; the gate still comes after both."""
    x = parameter("x", f64(3))
    first = neg(x)
    late = Value(Iota((3,), 0, DTYPES["f64"]), (), f64(3))
    second = add(first, late)
    graph = Graph("g", (x,), (sum(first, (0,)), sum(second, (0,))))
    coarse = verify(collapse(graph, [first, second], "both"))
    assert run(coarse, np.ones(3)) == run(graph, np.ones(3)) == (-3.0, 0.0)


def test_a_region_of_constants() -> None:
    two = constant(np.float64(2))
    squared = Value(square, (two,), f64())
    graph = Graph("g", (), (neg(squared),))
    coarse = verify(collapse(graph, [squared], "constant"))
    assert run(coarse) == run(graph) == (-4.0,)


def test_names_survive() -> None:
    x = parameter("x", f64())
    p = square(x)
    named = Value(p.op, p.operands, p.type, None, Label("p"))
    graph = Graph("g", (x,), (neg(named),))
    coarse = collapse(graph, [named], "gate")
    assert "p: f64[] = gate(x" in show(coarse)
    assert "p: f64[] = square(x)" in show(expand(coarse))
