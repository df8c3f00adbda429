"""Gates as ops: made of functions on values, called in every way that ops are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clew.diff.forward import push_forward
from clew.diff.reverse import known, pull_back
from clew.errors import GradientError, TypeRuleError
from clew.gates import Gate, composite, make_gate
from clew.gates.gate import batched_graph
from clew.ir import Graph, Value, f32, f64, parameter, run, show, verify
from clew.ops.arithmetic import add, mul, square
from clew.ops.exponential import exp
from clew.ops.trigonometric import sin


def bell(x: Value) -> Any:
    return exp(square(x))


def test_composites_are_made_once_for_each_signature() -> None:
    first, again = composite("bell", (f64(3),), bell), composite("bell", (f64(3),), bell)
    assert first is again and first is not composite("bell", (f64(4),), bell)
    x = parameter("x", f64(3))
    assert first(x).type is f64(3)


def test_arrays_values_and_symbols_agree() -> None:
    gate = composite("bell", (f64(3),), bell)
    data = np.array([0.1, 0.2, -0.3])
    expected, slope = np.exp(data**2), 2 * data * np.exp(data**2)
    np.testing.assert_allclose(gate(data), expected)
    leaf = parameter("x", f64(3), data)
    y = gate(leaf)
    np.testing.assert_allclose(y.data, expected)
    ones = np.ones(3)
    np.testing.assert_allclose(pull_back({y: ones}, known)[leaf], slope)
    np.testing.assert_allclose(push_forward({leaf: ones}, [y], known)[y], slope)
    symbol = parameter("x", f64(3))
    seed = parameter("g", f64(3))
    back = pull_back({gate(symbol): seed})[symbol]
    np.testing.assert_allclose(run(verify(Graph("g", (symbol, seed), (back,))), data, ones)[0], slope)


def test_the_result_is_not_computed_again_on_the_way_back() -> None:
    gate = composite("bell", (f64(),), bell)
    assert [v.op.name for v in gate.reverse_rule().values if v.op is not None and v.op.name == "exp"] == []


def test_tracked_values_from_outside_become_operands() -> None:
    x, w = parameter("x", f64()), parameter("w", f64(), np.float64(2.0))
    free, apply = make_gate("scale", [x], [mul(x, w)])
    assert free == [w]
    (y,) = apply(parameter("a", f64(), np.float64(3.0)), *free)
    assert y.data == 6.0 and y.operands[1] is w
    u = add(w, w)
    u = Value(u.op, u.operands, u.type, u.data, w.label)
    with pytest.raises(GradientError, match=r"gate scale: its hand-made rule cannot reach .* \(w: f64\[\], made"):
        make_gate("scale", [x], [mul(x, u)], lambda g: g)


def test_operands_of_other_types_are_refused() -> None:
    gate = composite("bell", (f64(3),), bell)
    with pytest.raises(TypeRuleError) as caught:
        gate(parameter("x", f32(3)))
    assert str(caught.value).startswith("bell(f32[3]): the gate bell was made for (f64[3])\n  at test_gate_op.py:")


def test_batches_of_gates_keep_their_own_rules() -> None:
    x = parameter("x", f64(2))
    _, apply = make_gate("odd", [x], [sin(x)], lambda g: mul(g, x), lambda t: mul(t, x))
    graph = Graph("g", (x,), tuple(apply(x)))
    many = verify(batched_graph(graph, 3))
    op = many.outputs[0].op
    assert isinstance(op, Gate) and op.backward is not None and op.forward is not None
    data = np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(run(many, data)[0], np.sin(data))
    leaf = parameter("x", f64(3, 2), data)
    y = op(leaf)
    np.testing.assert_allclose(pull_back({y: np.ones((3, 2))}, known)[leaf], data)
    np.testing.assert_allclose(push_forward({leaf: np.ones((3, 2))}, [y], known)[y], data)


def test_text_of_a_gate_shows_its_body_first() -> None:
    x = parameter("x", f64())
    gate = composite("bell", (f64(),), bell)
    assert show(Graph("g", (x,), (gate(x),))).splitlines() == [
        "graph bell(x0: f64[]) -> f64[]:",
        "  %0: f64[] = square(x0)",
        "  %1: f64[] = exp(%0)",
        "  return %1",
        "",
        "graph g(x: f64[]) -> f64[]:",
        "  %0: f64[] = gate(x, title='bell', body=@bell, backward=None, forward=None)",
        "  return %0",
    ]
