"""Views: a graph, and one run of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import GraphError, UsageError
from clew.ir import verify


def expression() -> cl.Graph:
    x, y, z = cl.variable(1.0, name="x"), cl.variable(3.0, name="y"), cl.variable(-3.0, name="z")
    return ((x + y).named("p") * z).named("g").graph("expression")


@cl.gate
def sigmoid(x: Any) -> Any:
    s = 1 / (1 + cl.exp(-x))
    return s, lambda ds: ds * s * (1 - s)


def neuron() -> cl.Graph:
    given = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    w0, x0, w1, x1, w2 = (cl.variable(np.float64(value), name=name) for name, value in given.items())
    return sigmoid(w0 * x0 + w1 * x1 + w2).named("f").graph("neuron")


def gradients(view: cl.Graph) -> list[float]:
    return [float(view[v.name or ""].gradient) for v in view.graph.inputs]


def test_nodes_are_found_by_their_names() -> None:
    p = expression()["p"]
    assert (p.op, p.inputs, p.value, p.gradient, p.local_gradients) == ("add", ("x", "y"), 4, -3, (1, 1))
    assert repr(p) == "<p = add(x, y): f32[], value 4.0, gradient -3.0>"
    assert list(expression().nodes) == ["x", "y", "z", "p", "g"]


def test_names_are_shown_as_they_were_given() -> None:
    w, b = cl.variable(2.0, name="layers.0.weight"), cl.variable(3.0, name="layers.0.weight")
    view = (w * b).graph()
    assert list(view.nodes) == ["layers.0.weight", "layers.0.weight_1", "%0"]
    assert view["layers.0.weight_1"].gradient == 2
    assert view["%0"].inputs == ("layers.0.weight", "layers.0.weight_1")


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(UsageError) as error:
        expression()["q"]
    assert str(error.value) == 'the graph expression has no node "q"; it has x, y, z, p, g'


def test_text_and_table_and_repr() -> None:
    view = expression()
    assert view.text == (
        "graph expression(x: f32[], y: f32[], z: f32[]) -> f32[]:\n  p: f32[] = add(x, y)\n  g: f32[] = mul(p, z)\n  return g\n"
    )
    assert str(view) == view.table()
    assert repr(view) == "<graph expression: 3 inputs, 5 nodes, returns g>"


def test_local_gradients() -> None:
    x = cl.variable(np.array([[1.0, -2.0], [3.0, 4.0]]), name="x")
    n = cl.asarray(np.array([0, 1]))
    view = cl.sum(cl.softmax(cl.maximum(x, 0.0))[n, n] * cl.exp(x.T)[0]).graph()
    local = {node.op: node.local_gradients for node in view.nodes.values()}
    np.testing.assert_array_equal(local["maximum"][0], [[1, 0], [1, 1]])
    assert local["maximum"][1] is None  # a constant does not move
    assert local["softmax"] == ("Jacobian",)
    assert local["permute"] == ("linear",)
    np.testing.assert_array_equal(local["sum"][0], [1, 1])


def test_local_gradients_of_gates_of_elementwise_parts_are_numbers() -> None:
    view = cl.sum(sigmoid(cl.variable(np.array([0.0, 100.0]), name="x"))).graph()
    (node,) = [node for node in view.nodes.values() if node.op == "sigmoid"]
    np.testing.assert_allclose(node.local_gradients[0], [0.25, 0], atol=1e-15)


def test_opened_gates_give_the_same_gradients() -> None:
    view = neuron()
    assert view.gates == {"sigmoid"}
    opened = view.open("sigmoid")
    verify(opened.graph)
    assert opened.gates == set()
    np.testing.assert_allclose(gradients(opened), gradients(view), rtol=1e-14)
    np.testing.assert_allclose(gradients(view), [-0.1966, 0.3932, -0.3932, -0.5898, 0.1966], atol=5e-5)
    assert view.open().text == opened.text


def test_opening_what_is_not_there() -> None:
    with pytest.raises(UsageError, match=r'^the graph neuron has no gate "tanh" to open; it has sigmoid$'):
        neuron().open("tanh")
    with pytest.raises(UsageError, match=r'^the graph expression has no gate "tanh" to fold; it has none$'):
        expression().table(fold="tanh")


def test_collapsed_regions_are_gates() -> None:
    view = expression().collapse(["p", "g"], "both")
    verify(view.graph)
    assert [(node.name, node.op) for node in view.nodes.values()] == [
        ("x", "input"),
        ("y", "input"),
        ("z", "input"),
        ("g", "both"),
    ]
    assert view["g"].local_gradients == (-3, -3, 4)
    assert gradients(view) == [-3, -3, 4]
    assert gradients(view.open()) == [-3, -3, 4]


def test_a_region_that_is_not_convex() -> None:
    x = cl.variable(1.0, name="x")
    a = cl.exp(x).named("a")
    view = (a * cl.sin(a).named("b")).named("c").graph()
    with pytest.raises(GraphError, match="the region is not convex"):
        view.collapse(["a", "c"], "part")


def test_with_respect_to_some_nodes_only() -> None:
    view = expression().wrt("x")
    assert {name for name, node in view.nodes.items() if node.gradient is not None} == {"x", "p", "g"}
    assert view["x"].gradient == -3
    assert [step.name for step in view.steps() if step.direction == "backward"] == ["g", "p", "x"]


def test_what_does_not_move_the_result_has_gradient_zero() -> None:
    view = cl.trace(lambda x, y: x * 2)(1.0, np.ones(3))
    np.testing.assert_array_equal(view["y"].gradient, np.zeros(3))


def test_as_plain_data() -> None:
    data = json.loads(json.dumps(expression().to_dict(), allow_nan=False))
    assert (data["name"], data["inputs"], data["outputs"]) == ("expression", ["x", "y", "z"], ["g"])
    assert data["nodes"][3] == {
        "name": "p",
        "op": "add",
        "attributes": {},
        "inputs": ["x", "y"],
        "dtype": "f32",
        "shape": [],
        "value": 4.0,
        "local_gradients": [1.0, 1.0],
        "gradient": -3.0,
        "note": None,
    }


def test_as_plain_data_arrays_are_lists_or_summaries_and_nan_is_text() -> None:
    x = cl.variable(np.array([np.nan, -np.inf, 2]), name="x")
    y = cl.variable(np.where(np.arange(1001) < 500, 0, 2.0), name="y", dtype=cl.bfloat16)
    nodes = {n["name"]: n for n in (cl.sum(x) + cl.sum(y)).graph().to_dict()["nodes"]}
    assert nodes["x"]["value"] == ["nan", "-inf", 2.0]
    assert nodes["y"]["value"] == {"min": 0, "mean": 1002 / 1001, "max": 2, "zeros": 500, "nan": 0, "infinite": 0}
    assert nodes["y"]["dtype"] == "bf16"
    json.dumps(nodes, allow_nan=False)


def test_pictures(tmp_path: Path) -> None:
    view = expression()
    svg = view.draw(tmp_path / "g.svg")
    assert svg == (tmp_path / "g.svg").read_text(encoding="utf-8")
    assert view._repr_svg_() == view.draw()
    assert len(view.frames()) > 4
    assert "-12" in view.draw(passes="forward")
    assert view.draw(passes="forward").count("<text") < svg.count("<text")


def test_a_graph_without_inputs() -> None:
    view = cl.trace(lambda: cl.asarray(2.0) * 3)()
    assert [node.value for node in view.nodes.values()] == [6]
    assert not view.gradients


def test_a_long_chain() -> None:
    y = cl.variable(1.0, name="x")
    for _ in range(20_000):
        y = y * 0.9999
    view = y.graph()
    assert view["x"].gradient == pytest.approx(0.9999**20_000, rel=1e-2)
    assert len(str(view).splitlines()) == 2 + len(view.nodes)
