"""Several results at once: their type, taking one out, and what flows back."""

from __future__ import annotations

import numpy as np
import pytest

from clew.diff.forward import push_forward
from clew.diff.reverse import known, pull_back
from clew.errors import GraphError, TypeRuleError
from clew.gates import Gate
from clew.ir import DTYPES, UNKNOWN, Graph, Tuple, Type, Value, f32, f64, parameter, parse, run, show, verify
from clew.ir.parse import parse_type
from clew.ops.arithmetic import add, mul, neg
from clew.ops.items import Item, items

OPS = {"gate": Gate, "item": Item, "neg": type(neg), "mul": type(mul)}


def both() -> Gate:
    """``(x * y, -x)``"""
    x, y = parameter("x", f64(2)), parameter("y", f64(2))
    return Gate("both", Graph("both", (x, y), (mul(x, y), neg(x))))


def test_types_of_several_results() -> None:
    several = Tuple((f32(3), f64()))
    assert several is Tuple((f32(3), f64())) and str(several) == "(f32[3], f64[])" and str(Tuple((f32(),))) == "(f32[],)"
    assert parse_type(str(several)) is several and parse_type("(f32[],)") is Tuple((f32(),))
    assert several.nbytes == 20 and several.differentiable
    assert not Tuple((Type(DTYPES["i64"], ()),)).differentiable


def test_an_unknown_axis_is_a_question_mark() -> None:
    unknown = f64(UNKNOWN, 3)
    assert str(unknown) == "f64[?,3]" and parse_type("f64[?,3]") is unknown
    assert verify(Graph("g", (), (Value(None, (), unknown, np.zeros((5, 3))),)))
    with pytest.raises(GraphError, match=r"its data is float64\[5, 4\]"):
        verify(Graph("g", (), (Value(None, (), unknown, np.zeros((5, 4))),)))


def test_items_are_one_node_apart() -> None:
    x, y = parameter("x", f64(2)), parameter("y", f64(2))
    product, minus = items(both()(x, y))
    graph = verify(Graph("g", (x, y), (add(product, minus),)))
    (value,) = run(graph, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    np.testing.assert_array_equal(value, [2.0, 6.0])
    text = show(Graph("g", (x, y), (product,)))
    assert "%0: (f64[2], f64[2]) = gate(x, y" in text and "%1: f64[2] = item(%0, k=0)" in text
    assert show(parse(text, OPS)) == text


def test_gradients_and_tangents_of_items() -> None:
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    x, y = parameter("x", f64(2), a), parameter("y", f64(2), b)
    product, minus = items(both()(x, y))
    ones = np.ones(2)
    for outputs, by_x in (([product], b), ([minus], -ones), ([product, minus], b - 1), ([product, product], 2 * b)):
        total = outputs[0] if len(outputs) == 1 else add(*outputs)
        np.testing.assert_array_equal(pull_back({total: ones}, known)[x], by_x)
        np.testing.assert_array_equal(push_forward({x: ones}, [total], known)[total], by_x)
    assert y not in pull_back({minus: ones}, known) or not pull_back({minus: ones}, known)[y].any()


def test_there_is_no_such_item() -> None:
    x = parameter("x", f64(2))
    with pytest.raises(TypeRuleError, match="there is no item 2"):
        Item(2)(both()(x, x))
    with pytest.raises(TypeRuleError, match="there is no item 0"):
        Item(0)(x)
