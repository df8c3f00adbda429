"""Both passes in words."""

from __future__ import annotations

import numpy as np

import clew as cl


def texts(output: cl.Tensor, direction: str) -> list[str]:
    return [step.text for step in output.graph().steps() if step.direction == direction]


def test_the_expression() -> None:
    x, y, z = cl.variable(1.0, name="x"), cl.variable(3.0, name="y"), cl.variable(-3.0, name="z")
    g = ((x + y).named("p") * z).named("g")
    assert texts(g, "forward") == [
        "x = 1 (given)",
        "y = 3 (given)",
        "z = -3 (given)",
        "p = x + y = 1 + 3 = 4",
        "g = p * z = 4 * (-3) = -12",
    ]
    assert texts(g, "backward") == [
        "dg/dg = 1 (where it starts)",
        "dg/dp: upstream 1 (dg/dg) times local gradient -3 (dg/dp) = -3",
        "dg/dz: upstream 1 (dg/dg) times local gradient 4 (dg/dz) = 4",
        "dg/dx: upstream -3 (dg/dp) times local gradient 1 (dp/dx) = -3",
        "dg/dy: upstream -3 (dg/dp) times local gradient 1 (dp/dy) = -3",
    ]


def test_where_paths_meet_the_parts_add_up() -> None:
    x, y = cl.variable(2.0, name="x"), cl.variable(-3.0, name="y")
    p, q = (x * y).named("p"), (x + y).named("q")
    steps = (p - q).named("g").graph().steps()
    assert "x: -1 from q, -3 from p, together -4" in str(steps)
    assert next(step.result for step in steps if step.text.startswith("x: ")) == -4


def test_an_operand_that_is_read_twice() -> None:
    a = cl.variable(3.0, name="a")
    assert texts((a * a).named("f"), "backward")[1:] == [
        "df/da, over input 1 of f: upstream 1 (df/df) times local gradient 3 (df/da) = 3",
        "df/da, over input 2 of f: upstream 1 (df/df) times local gradient 3 (df/da) = 3",
        "a: 3 from f, 3 from f, together 6",
    ]


def test_formulas() -> None:
    a, b = cl.variable(-2.0, name="a"), cl.variable(3.0, name="b")
    formulas = {
        (-a).named("f"): "f = -a = -(-2) = 2",
        (-b).named("f"): "f = -b = -3",
        (a**2).named("f"): "f = a ** 2 = (-2) ** 2 = 4",
        cl.square(a).named("f"): "f = a ** 2 = (-2) ** 2 = 4",
        (b / a).named("f"): "f = b / a = 3 / (-2) = -1.5",
        (2 - b).named("f"): "f = 2 - b = 2 - 3 = -1",
        cl.maximum(a, b).named("f"): "f = maximum(a, b) = maximum(-2, 3) = 3",
        cl.log(1 + cl.exp(b)).named("f"): "f = softplus(b) = softplus(3) = 3.049 (repaired: log(1 + exp(x)) is softplus(x))",
    }
    for output, formula in formulas.items():
        assert texts(output, "forward")[-1] == formula


def test_arrays_are_told_by_their_shape_and_summary() -> None:
    w, x = cl.variable(np.array([[1.0, 2], [3, 4]]), name="w"), cl.variable(np.array([0.5, -1]), name="x")
    h = (w @ x).named("h")
    f = cl.sum(h).named("f")
    assert texts(f, "forward")[2:] == ["h = contract(w, x, spec='ij,j->i') = [-1.5, -2.5]", "f = sum(h, axes=(0,)) = -4"]
    assert texts(f, "backward")[2] == (
        "df/dw: upstream [1, 1] (df/dh) through the transpose of contract = -1 … -0.25 … 0.5, shape (2, 2)"
    )


def test_no_gradient_reaches_through_a_floor() -> None:
    x = cl.variable(1.5, name="x")
    assert texts(cl.floor(x).named("f"), "backward") == ["df/df = 1 (where it starts)", "df/dx = 0: no gradient reaches it"]


def test_without_a_scalar_result_there_is_no_backward_pass() -> None:
    assert texts(cl.variable([1.0, 2.0], name="x") * 2, "backward") == []


def test_printed_they_are_numbered_under_their_passes() -> None:
    text = str(cl.trace(lambda x: (x * x).named("f"))(3.0).steps())
    assert text.splitlines()[:4] == ["forward pass", "  1. x = 3 (given)", "  2. f = x * x = 3 * 3 = 9", "backward pass"]
