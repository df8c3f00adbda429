"""``trace``: graphs of functions."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import ConcretizationError, DetachError, GraphError
from clew.ir import verify


def test_inputs_are_the_parameters() -> None:
    def f(x: Any, y: Any) -> Any:
        return (x + y) ** 2

    view = cl.trace(f)(1, 2.0)
    verify(view.graph)
    assert view.graph.name == "f"
    assert [v.name for v in view.graph.inputs] == ["x", "y"]
    assert view.graph.outputs[0].data is None  # nothing was computed while tracing
    assert [node.value for node in view.nodes.values()] == [1, 2, 3, 2, 9]
    assert (view["x"].gradient, view["y"].gradient) == (6, 6)


def test_containers_keyword_arguments_and_variadic_ones() -> None:
    def f(model: dict[str, Any], *xs: Any, scale: Any) -> Any:
        return (model["w"] * xs[0] + model["b"] * xs[1]) * scale

    view = cl.trace(f)({"w": np.ones(3), "b": np.zeros(3)}, np.arange(3.0), 2.0, scale=3.0)
    assert [v.name for v in view.graph.inputs] == ["model['w']", "model['b']", "xs0", "xs1", "scale"]
    np.testing.assert_array_equal(view.values[view.graph.outputs[0]], [0, 3, 6])


def test_other_arguments_are_passed_as_they_are() -> None:
    def f(x: Any, double: bool, kind: str | None = None) -> Any:
        return x * 2 if double and kind is None else x

    assert [v.name for v in cl.trace(f)(1.0, True).graph.inputs] == ["x"]
    assert cl.trace(f)(1.0, True)["x"].gradient == 2
    assert cl.trace(f)(1.0, False)["x"].gradient == 1


def test_tracked_tensors_from_outside_become_inputs() -> None:
    w = cl.variable(5.0, name="w")
    view = cl.trace(lambda x: x * w + 1)(2.0)
    assert [v.name for v in view.graph.inputs] == ["x", "w"]
    assert (view["x"].gradient, view["w"].gradient) == (5, 2)
    assert w.grad is None


def test_several_results() -> None:
    view = cl.trace(lambda x: {"a": x + 1, "b": [x * 2, 3.0]})(1.0)
    assert [float(view.values[v]) for v in view.graph.outputs] == [2, 2, 3]
    assert not view.gradients


def test_it_records_even_where_recording_is_off() -> None:
    with cl.no_grad():
        view = cl.trace(lambda x: x * x)(3.0)
    assert view["x"].gradient == 6


def test_types_are_kept() -> None:
    view = cl.trace(lambda x, n, b: cl.where(b, x, n))(np.float64(1), np.int32(2), np.array([True, False]))
    assert [str(v.type) for v in (*view.graph.inputs, *view.graph.outputs)] == ["f64[]", "i32[]", "bool[2]", "f64[2]"]


def test_control_flow_on_a_traced_value() -> None:
    def f(x: Any) -> Any:
        return x if x > 0 else -x

    with pytest.raises(ConcretizationError) as error:
        cl.trace(f)(2.0)
    lines = re.sub(r"\.py:\d+", ".py:LINE", str(error.value)).splitlines()
    assert lines == [
        (
            "bool() of a tensor: bool[] asks for its value, which is not known while its function is traced, made at "
            "test_trace.py:LINE: return x if x > 0 else -x"
        ),
        "  at test_trace.py:LINE: return x if x > 0 else -x",
        "  write cl.where(x > 0, x, -x), or cl.cond, which runs only one of them",
    ]


@pytest.mark.parametrize("ask", [float, int, np.asarray, lambda x: x.item(), lambda x: x.numpy(), lambda x: range(x)])
def test_a_value_asked_of_a_traced_tensor(ask: Any) -> None:
    with pytest.raises((ConcretizationError, DetachError, ValueError)) as error:
        cl.trace(lambda x: cl.asarray(ask(x)))(2.0)
    assert "x" in str(error.value)


def test_a_value_of_a_variable_outside_is_not_cut_off_silently() -> None:
    w = cl.variable(5.0, name="w")
    with pytest.raises(
        DetachError, match=r"float\(\) inside a differentiated function would silently cut the gradient path through w"
    ):
        cl.trace(lambda x: x * float(w))(2.0)


def test_nothing_returned() -> None:
    def nothing(x: Any) -> None:
        pass

    with pytest.raises(GraphError, match=r"^trace: nothing returned nothing that could be traced; return a tensor$"):
        cl.trace(nothing)(1.0)


def test_traced_within_a_trace() -> None:
    with pytest.raises(GraphError, match=r"^trace: y of <lambda> is traced itself and has no value; trace from outside$"):
        cl.trace(lambda x: cl.trace(lambda y: y * 2)(x).values)(1.0)
