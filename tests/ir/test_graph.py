"""Types, values, graphs: what they are and what breaks their rules."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

from clew.errors import GraphError, TypeRuleError
from clew.ir import (
    DTYPES,
    INPUT,
    Graph,
    Label,
    Type,
    Value,
    constant,
    evaluate,
    f32,
    f64,
    graph_of,
    parameter,
    run,
    scope,
    substitute,
    toposort,
    verify,
)
from clew.ops.arithmetic import add, mul, neg, square
from clew.ops.contraction import contract
from clew.ops.exponential import exp, log
from clew.ops.movement import Iota

# --- types


def test_equal_types_are_one_object() -> None:
    assert f32(8, 3) is f32(8, 3) is Type(np.dtype("float32"), (8, 3)) is f64(8, 3).with_dtype(DTYPES["f32"])
    assert f32(8, 3) is not f32(3, 8) and f32() != f64()
    assert {f32(2): 1}[f32(2)] == 1


def test_types_survive_pickling_and_copying() -> None:
    for type in (f32(8, 3), Type(DTYPES["bf16"], ()), Type(DTYPES["bool"], (0,))):
        assert pickle.loads(pickle.dumps(type)) is type
        assert copy.deepcopy(type) is copy.copy(type) is type


def test_types_are_freed() -> None:
    reference = weakref.ref(f32(123, 457))
    gc.collect()
    assert reference() is None


def test_what_a_type_knows() -> None:
    type = f32(8, 3)
    assert (str(type), type.ndim, type.size, type.nbytes) == ("f32[8,3]", 2, 24, 96)
    assert (str(f64()), f64().size, f64(0, 3).size) == ("f64[]", 1, 0)
    assert f32().differentiable and not Type(DTYPES["i8"], ()).differentiable


# --- walks


def test_order_puts_operands_first_and_everything_once() -> None:
    x = parameter("x", f64())
    a = neg(x)
    b = mul(a, a)
    c = add(b, x)
    assert toposort([c, a]) == [x, a, b, c]


def test_a_million_values_deep() -> None:
    y = x = parameter("x", f64())
    for _ in range(1_000_000):
        y = Value(neg, (y,), y.type)
    order = toposort([y])
    assert len(order) == 1_000_001 and order[0] is x and order[-1] is y
    del order, y  # freed without recursion


def test_wide_sharing_is_walked_once() -> None:
    y = parameter("x", f64())
    for _ in range(200):  # 2**200 paths
        y = add(y, y)
    assert len(toposort([y])) == 201


# --- graphs


def test_a_graph_lists_its_inputs() -> None:
    x, y = parameter("x", f64()), parameter("y", f64(2))
    with pytest.raises(GraphError) as caught:
        Graph("g", (x,), (neg(y),))
    assert str(caught.value) == (
        "graph g: an output needs the input y: f64[2], which is not among the graph's inputs (x); list it, or make it a "
        "constant"
    )
    assert graph_of("g", (neg(y), neg(x))).inputs == (y, x)


def test_run_and_evaluate() -> None:
    x, y = parameter("x", f64()), parameter("y", f64(), np.float64(5))
    graph = Graph("g", (x, y), (add(x, y), y))
    assert run(graph, np.float64(1), np.float64(2)) == (3.0, 2.0)
    assert evaluate([y])[y] == 5.0, "data that is known serves where nothing is given"
    with pytest.raises(GraphError, match="graph g has 2 inputs, 1 were given"):
        run(graph, np.float64(1))
    with pytest.raises(GraphError, match=r"the input x: f64\[\] has no value; give it one"):
        evaluate([add(x, y)])


def test_stale_data_is_not_used() -> None:
    y = parameter("y", f64(), np.float64(5))
    double = add(y, y)
    assert double.data == 10
    assert evaluate([double], {y: np.float64(1)})[double] == 2


def test_substitute_shares_what_does_not_change() -> None:
    x, y = parameter("x", f64()), parameter("y", f64())
    left, right = exp(x), neg(y)
    named = add(left, right)
    named = Value(named.op, named.operands, named.type, None, Label("sum"), named.place)
    (new,) = substitute((named,), {y: constant(np.float64(2))})
    assert new.operands[0] is left and new.operands[1].data == -2.0 and new.name == "sum" and new.place == named.place
    assert substitute((named,), {}) == (named,)


# --- the verifier


def broken(**changes: Any) -> Value:
    x = parameter("x", f64(2))
    fields = {"op": neg, "operands": (x,), "type": f64(2), "data": None} | changes
    return Value(**fields)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (broken(type=f64(3)), "%0: f64[3]: neg infers f64[2]"),
        (broken(data=np.zeros(3)), "%0: f64[2]: its data is float64[3]"),
        (broken(data=np.zeros(2, np.float32)), "%0: f64[2]: its data is float32[2]"),
        (broken(op=None, operands=()), "%0: f64[2]: a constant has no data"),
        (broken(op=None, data=np.zeros(2)), "%0: f64[2]: a constant has operands"),
        (broken(op=INPUT), "an input has operands"),
        (broken(op=add, operands=(parameter("x", f64(2)), constant(np.zeros(3)))), "operands must have equal types"),
    ],
)
def test_malformed_values_are_named(value: Value, why: str) -> None:
    leaves = tuple(v for v in toposort([value]) if v.op is INPUT)
    with pytest.raises(GraphError) as caught:
        verify(Graph("g", leaves, (value,)))
    assert str(caught.value).startswith("graph g: ") and why in str(caught.value)


def test_an_input_listed_twice() -> None:
    x = parameter("x", f64())
    with pytest.raises(GraphError, match="graph g: an input is listed twice"):
        verify(Graph("g", (x, x), (x,)))


def test_a_good_graph_is_returned() -> None:
    graph = Graph("g", (), (Value(Iota((3,), 0, DTYPES["i64"]), (), Type(DTYPES["i64"], (3,))),))
    assert verify(graph) is graph


# --- errors that say where


def test_an_error_names_the_line_and_the_operands() -> None:
    w = parameter("w", f64(2, 3))
    hidden = exp(w)
    seen = Value(parameter("v", f64(4)).op, (), f64(4), np.zeros(4), Label("v", variable=True))
    with pytest.raises(TypeRuleError) as caught:
        contract("ij,j->i", hidden, seen)
    lines = str(caught.value).splitlines()
    assert lines[0] == "contract(f64[2,3], f64[4]): 'j' in 'ij,j->i' is 3 on the left, 4 on the right; they must be equal"
    assert lines[1].startswith("  at test_graph.py:") and lines[1].endswith(': contract("ij,j->i", hidden, seen)')
    assert lines[2].startswith("  operand 0: f64[2,3], made by exp at test_graph.py:") and lines[2].endswith("hidden = exp(w)")
    assert lines[3] == "  operand 1: v: f64[4], a variable"


def test_a_constant_operand() -> None:
    with pytest.raises(TypeRuleError, match=r"operand 1: bool\[\], a constant"):
        add(parameter("x", f64()), constant(True))


def test_values_know_their_line_and_scope() -> None:
    x = parameter("x", f64())
    with scope("layer"), scope("norm"):
        y = log(x)
    assert y.site is not None and y.site.source == "y = log(x)" and y.site.scope == "layer.norm"
    z = square(y)
    assert z.site is not None and z.site.scope == ""
    assert str(z.site).startswith("test_graph.py:") and str(z.site).endswith("z = square(y)")
