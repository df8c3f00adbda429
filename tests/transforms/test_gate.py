"""``@gate``: one node, with the derivative of its parts or one of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.diff.reverse import pull_back
from clew.errors import GradientError
from clew.gates import Gate, expand
from clew.ir import evaluate, graph_of, verify
from clew.ops.elementwise import filled


@cl.gate
def sigmoid(x: Any) -> Any:
    s = 1 / (1 + cl.exp(-x))
    return s, lambda ds: ds * s * (1 - s)


@cl.gate
def neuron(w: Any, x: Any, b: float = 0.0) -> Any:
    return sigmoid(cl.vecdot(w, x) + b)


def test_gate_by_gate_and_as_one_gate_agree() -> None:
    def fine(x: Any) -> Any:
        return 1 / (1 + cl.exp(-x))

    for x in (-3.0, 0.0, 1.0, 2.5):
        assert sigmoid(x).item() == pytest.approx(fine(x).item())
        assert cl.grad(sigmoid)(x).item() == pytest.approx(cl.grad(fine)(x).item())
        assert cl.grad(cl.grad(sigmoid))(x).item() == pytest.approx(cl.grad(cl.grad(fine))(x).item(), rel=1e-5)


def test_it_is_one_node_that_can_be_opened() -> None:
    w = cl.variable(np.array([2.0, -3.0]), name="w")
    y = neuron(w, np.array([-1.0, -2.0]), b=-3.0)
    assert isinstance(y.value.op, Gate) and y.value.op.name == "neuron"
    graph = graph_of("g", (y.value,))
    opened = verify(expand(graph))
    assert not any(isinstance(v.op, Gate) for v in opened.values), "nested gates open too"
    only_outer = verify(expand(graph, ["neuron"]))
    assert [v.op.name for v in only_outer.values if isinstance(v.op, Gate)] == ["sigmoid"]
    for grain in (opened, only_outer):
        assert evaluate(grain.outputs)[grain.outputs[0]] == pytest.approx(y.item())


def test_a_hand_made_rule_is_used() -> None:
    @cl.gate
    def straight_through(x: Any) -> Any:
        return cl.round(x), lambda g: g

    assert cl.grad(lambda x: cl.sum(straight_through(x) * 3))(np.array([0.2, 1.7])).tolist() == [3.0, 3.0]


def test_a_forward_rule_is_used() -> None:
    @cl.gate
    def product(a: Any, b: Any) -> Any:
        return a * b, lambda g: (g * b, g * a), lambda da, db: 10 * (da * b + a * db)

    assert cl.jvp(product, (2.0, 3.0), (1.0, 0.0))[1].item() == 30.0
    assert cl.jvp(product, (2.0, 3.0), (1.0, 1.0))[1].item() == 50.0
    assert cl.grad(product, (0, 1))(2.0, 3.0)[1].item() == 2.0


def test_several_results_and_containers() -> None:
    @cl.gate
    def both(pair: Any) -> Any:
        return pair["a"] * pair["b"], cl.sin(pair["a"])

    x = {"a": np.float64(2.0), "b": np.float64(3.0)}
    product, sine = both(x)
    assert product.item() == 6.0 and sine.item() == pytest.approx(np.sin(2.0))
    found = cl.grad(lambda p: both(p)[0] * both(p)[1])(x)
    assert found["a"].item() == pytest.approx(3 * np.sin(2) + 6 * np.cos(2))
    assert found["b"].item() == pytest.approx(2 * np.sin(2))


def test_what_it_uses_from_outside_is_differentiated_too() -> None:
    w = cl.variable(3.0, name="w")

    @cl.gate
    def scaled(x: Any) -> Any:
        return w * x

    scaled(np.float32(2.0)).backward()
    assert w.grad is not None and w.grad.item() == 2.0


def test_another_name_and_no_unknown_operands() -> None:
    @cl.gate(name="logistic")
    def f(x: Any, power: int) -> Any:
        return x**power

    y = f(cl.variable(2.0), 3)
    assert y.value.op is not None and y.value.op.name == "logistic" and len(y.value.operands) == 1


def test_work_is_shared_between_operands() -> None:
    """The backward pass of a gate makes each of its parts once, however many operands ask."""

    @cl.gate
    def gate(*xs: Any) -> Any:
        total = xs[0]
        for x in xs[1:]:
            total = total * cl.exp(x)
        return total

    xs = [np.float64(0.1 * k) for k in range(1, 6)]
    graph = graph_of("g", (cl.sum(gate(*[cl.variable(x) for x in xs])).value,))
    (output,) = graph.outputs
    found = pull_back({output: filled(1, output.type)})
    gradients = tuple(found[x] for x in graph.inputs)
    made = graph_of("gradient", (*gradients,))
    exponentials = [v for v in made.values if v.op is not None and v.op.name == "exp"]
    assert len(exponentials) == 4, "one for each of the four exponents"


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x, y: (x * y, lambda g: g), "its rule returned 1 gradients for 2 operands; return one for each"),
        (lambda x, y: (cl.sum(x * y), lambda g: (g, g)), "the gradient 0 that its rule returned is f64[], it must be f64[2]"),
        (lambda x, y: (x * y, lambda g: "text"), "its backward rule returned 'text', which is no array of numbers"),
        (lambda x, y: (x * y, lambda g: None), "its rule returned 1 gradients for 2 operands; return one for each"),
        (lambda x, y: ((x, y), lambda g: (g, g)), "its backward rule is called with a gradient for each result, 2 here"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(function: Any, text: str) -> None:
    with pytest.raises(GradientError) as caught:
        cl.gate(name="odd")(function)(np.ones(2), np.ones(2))
    assert str(caught.value).startswith("gate odd: ") and text in str(caught.value)


def test_a_rule_cannot_reach_outside() -> None:
    w = cl.variable(3.0, name="w")

    @cl.gate
    def scaled(x: Any) -> Any:
        return w * x, lambda g: g * w

    with pytest.raises(GradientError, match=r"cannot reach what it uses from outside \(w: f32\[\], a variable\); pass that in"):
        scaled(np.float32(2.0))


def test_a_rule_of_several_results_is_given_a_gradient_of_each() -> None:
    @cl.gate
    def polar(r: Any, t: Any) -> Any:
        def backward(dx: Any, dy: Any) -> Any:
            return dx * cl.cos(t) + dy * cl.sin(t), r * (dy * cl.cos(t) - dx * cl.sin(t))

        return (r * cl.cos(t), r * cl.sin(t)), backward

    def f(r: Any, t: Any) -> Any:
        x, y = polar(r, t)
        return 3 * x + x * y

    r, t = np.float64(1.5), np.float64(0.4)
    dr, dt = cl.grad(f, (0, 1))(r, t)
    assert dr.item() == pytest.approx(3 * np.cos(t) + 2 * r * np.cos(t) * np.sin(t))
    assert dt.item() == pytest.approx(-3 * r * np.sin(t) + r * r * np.cos(2 * t))
    assert cl.grad(lambda r, t: polar(r, t)[0])(r, t).item() == pytest.approx(np.cos(t)), "one result unused"
    cl.check_gradients(f, r, t)
    cl.check_gate(polar, r, t)


def test_a_gate_of_several_results_is_computed_once() -> None:
    runs = []
    square = cl.gate(lambda x: (cl.square(x), -x), name="both")

    x = cl.variable(3.0, name="x")
    a, b = square(x)
    runs.append(a.value.operands[0] is b.value.operands[0])
    assert runs == [True], "both are items of one node"
    (a + b).backward()
    assert x.grad.item() == 5.0
