"""Graphs as text: what is printed is read back, character for character."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clew.errors import ParseError
from clew.gates import composite
from clew.ir import DTYPES, FLOATS, Graph, Label, Type, Value, constant, f32, f64, parameter, parse, run, show, verify
from clew.ops.arithmetic import add, mul
from clew.ops.contraction import contract
from clew.ops.elementwise import filled
from clew.ops.exponential import exp, sigmoid
from clew.ops.movement import Pad, Slice
from clew.ops.rounding import cast

from ..graphs.properties import all_ops

OPS = all_ops()


def neuron() -> Graph:
    w, x, b = parameter("w", f32(8, 4)), parameter("x", f32(4)), parameter("b", f32(8))
    p = sigmoid(add(contract("ij,j->i", w, x), b))
    return Graph("neuron", (w, x, b), (Value(p.op, p.operands, p.type, None, Label("p", "repaired: so")),))


NEURON = """\
graph neuron(w: f32[8,4], x: f32[4], b: f32[8]) -> f32[8]:
  %0: f32[8] = contract(w, x, spec='ij,j->i')
  %1: f32[8] = add(%0, b)
  p: f32[8] = sigmoid(%1)  # repaired: so
  return p
"""


def test_how_a_graph_reads() -> None:
    assert show(neuron()) == str(neuron()) == NEURON


def test_it_is_read_back() -> None:
    again = parse(NEURON, OPS)
    assert show(verify(again)) == NEURON
    (p,) = again.outputs
    assert (p.name, p.note) == ("p", "repaired: so")


def test_names_that_mean_something_else_are_changed() -> None:
    values = [parameter(name, f64()) for name in ("lambda", "inf", "f32", "True", "\u00b5")]
    text = show(Graph("lambda", tuple(values), (values[0],)))
    head = "graph lambda(lambda_1: f64[], inf_1: f64[], f32_1: f64[], True_1: f64[], \u03bc: f64[]) -> f64[]:"
    assert text.splitlines()[0] == head and show(parse(text, OPS)) == text


def test_names_are_made_identifiers_and_told_apart() -> None:
    values = [parameter(name, f64()) for name in ("layer.0.w", "layer.0.w", "2x", "%0", "")]
    text = show(Graph("my graph!", tuple(values), (add(values[0], values[1]),)))
    assert text.splitlines()[0] == (
        "graph my_graph_(layer_0_w: f64[], layer_0_w_1: f64[], _2x: f64[], _0: f64[], input: f64[]) -> f64[]:"
    )
    assert show(parse(text, OPS)) == text


CONSTANTS: list[Any] = [
    np.float64(1.5),
    np.float32(0.1),
    np.float64(-0.0),
    np.float64(np.inf),
    np.float64(-np.inf),
    np.float64(np.nan),
    np.float64(1e-300),
    np.float32(3.4028235e38),
    np.int64(-(2**63)),
    np.uint64(2**64 - 1),
    np.uint8(255),
    np.bool_(True),
    np.array([1.0, -2.5, np.nan, np.inf]),
    np.array([[1, 2], [3, 4]], np.int8),
    np.array([0.0, -0.0]),
    np.array([-0.0, -0.0]),
    np.zeros((2, 3)),
    np.full((2, 2), 7.0, np.float32),
    np.array([False, False]),
    np.array([[True, False]]),
    np.zeros((0, 2)),
    np.zeros((2, 0, 3), np.int32),
    np.array([2**63 - 1, -(2**63)]),
    np.array([2**64 - 1, 0], np.uint64),
    np.array([0.1, 0.2, 65504.0], np.float16),
    np.array([0.1, 3e38]).astype(DTYPES["bf16"]),
]


@pytest.mark.parametrize("data", CONSTANTS, ids=lambda a: f"{a.dtype}{list(np.shape(a))}{np.ravel(a)[:2]}")
def test_constants_keep_every_bit(data: Any) -> None:
    text = show(Graph("g", (), (constant(data),)))
    (again,) = verify(parse(text, OPS)).outputs
    assert again.data.dtype == data.dtype and np.shape(again.data) == np.shape(data)
    assert np.asarray(again.data).tobytes() == np.asarray(data).tobytes(), text
    assert show(Graph("g", (), (again,))) == text


def test_large_constants_are_told_in_short() -> None:
    graph = Graph("g", (), (constant(np.arange(1001.0)),))
    assert "constant(<1001 elements>)" in show(graph)
    with pytest.raises(ParseError, match="line 2: cannot read the arguments"):
        parse(show(graph), OPS)
    assert show(parse(show(graph, None), OPS), None) == show(graph, None)
    assert "constant(1.0)" in show(Graph("g", (), (filled(1.0, f64(5000)),))), "one number says it all"


def test_attributes_of_all_kinds() -> None:
    x = parameter("x", f64(2, 3))
    values = [
        Pad((0, 1), (2, 0), (1, 1), -1.5)(x),
        Pad((0, 0), (1, 0), (1, 1), float("-inf"))(x),
        Slice((0, 1), (2, 3), (1, 2))(x),
        cast(x, DTYPES["bf16"]),
    ]
    text = show(Graph("g", (x,), tuple(values)))
    assert "pad(x, low=(0, 1), high=(2, 0), step=(1, 1), value=-1.5)" in text
    assert "value=-inf" in text and "dtype=bf16" in text
    again = parse(text, OPS)
    assert show(again) == text and [v.op for v in again.outputs] == [v.op for v in values]


def test_gates_and_gates_within() -> None:
    inner = composite("inner", (f64(),), lambda x: (exp(x), lambda g: mul(g, g)))
    outer = composite("outer", (f64(),), lambda x: add(inner(x), inner(x)))
    x = parameter("x", f64())
    text = show(Graph("g", (x,), (mul(outer(x), inner(x)),)))
    assert text.count("graph ") == 4, "inner, its backward, outer and g, each once"
    again = verify(parse(text, OPS))
    assert show(again) == text
    assert run(again, np.float64(0)) == (2.0,)


def test_deep_graphs_print_and_parse() -> None:
    x = parameter("x", f64())
    y = x
    for _ in range(5_000):
        y = add(y, x)
    text = show(Graph("deep", (x,), (y,)))
    assert show(parse(text, OPS)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text holds no graph"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f64[] = neg(x)\n", "the text ends before a graph's 'return' line"),
        ("nonsense", "line 1: expected 'graph name(...) -> ...:', got 'nonsense'"),
        ("graph g() -> f64[]\n  return x\n", "line 1: expected 'graph name(...) -> ...:'"),
        ("graph g(x: f65[]) -> f64[]:\n  return x\n", "line 1: not a type: 'f65[]'; a type is a dtype (bool i8"),
        ("graph g(x: f64[]) -> f64[]:\n  %0 = neg(x)\n", "line 2: expected '  %n: type = op(...)', got '  %0 = neg(x)'"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f64[] = nag(x)\n", "line 2: there is no op 'nag'"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f64[] = neg(%1)\n", "line 2: %1 is used before it is made"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f32[] = neg(x)\n", "line 2: %0 is declared f32[], but neg makes f64[]"),
        ("graph g(x: bool[]) -> bool[]:\n  %0: bool[] = neg(x)\n", "line 2: neg(bool[]): booleans have no arithmetic"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f64[] = neg(x))\n", "line 2: cannot read the arguments"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f64[] = neg(x + 1)\n", "line 2: cannot read 'x + 1'"),
        ("graph g(x: f64[]) -> f64[]:\n  return y\n", "line 2: y is returned but never made"),
        ("graph g(x: f64[1]) -> f64[2]:\n  %0: f64[2] = broadcast(x, axes=(0,))\n", "line 2: broadcast has other attributes"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f64[] = neg(3)\n", "line 2: the operands of neg must be values made before it"),
        ("graph g() -> f64[2]:\n  %0: f64[2] = constant([1, 2, 3])\n", "line 2: a constant of f64[2] needs 2 numbers"),
        ("graph g() -> i8[]:\n  %0: i8[] = constant(300)\n", "line 2: a constant of i8[] needs 1 numbers, or one for all"),
        ("graph g(x: f64[]) -> f64[]:\n  %0: f64[] = gate(x, body=@none)\n", "line 2: there is no graph @none before this"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text, OPS)
    assert message in str(caught.value)


def test_every_dtype_has_a_name_that_reads_back() -> None:
    for name, dtype in DTYPES.items():
        x = parameter("x", Type(dtype, (2, 1)))
        text = show(Graph("g", (x,), (x,)))
        assert f"x: {name}[2,1]" in text and parse(text, OPS).inputs[0].type is x.type
    assert len(FLOATS) == 4
