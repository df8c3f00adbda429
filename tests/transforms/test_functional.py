"""grad, value_and_grad, vjp, jvp, hvp and gradients: values against closed forms, structure, composition, errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import DetachError, GradientError, UsageError


def test_value_and_gradient_of_the_neuron() -> None:
    def neuron(w: Any, x: Any) -> Any:
        return 1 / (1 + cl.exp(-(w[0] * x[0] + w[1] * x[1] + w[2])))

    value, (dw, dx) = cl.value_and_grad(neuron, argnums=(0, 1))(np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0]))
    assert value.item() == pytest.approx(0.7310586)
    np.testing.assert_allclose(dw.numpy(), [-0.1966119, -0.3932239, 0.1966119], rtol=1e-6)
    np.testing.assert_allclose(dx.numpy(), [0.3932239, -0.5898358], rtol=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_gradients_of_any_order(order: int) -> None:
    f = cl.sin
    for _ in range(order):
        f = cl.grad(f)
    x = np.float64(0.7)
    expected = [np.sin, np.cos, lambda a: -np.sin(a), lambda a: -np.cos(a)][order % 4](x)
    assert f(x).item() == pytest.approx(expected, rel=1e-12)


def test_containers_keep_their_structure_and_dtypes() -> None:
    @dataclass
    class Layer:
        weight: Any
        bias: Any

    def loss(p: Any) -> Any:
        return cl.sum(p["layers"][0].weight * 2) + cl.sum(p["layers"][0].bias) + cl.sum(p["scale"][1]) ** 2

    tree = {
        "layers": [Layer(np.ones((2, 3)), np.ones(3, np.float32))],
        "scale": (np.float16(2.0), np.array([1.0, 2.0])),
    }
    found = cl.grad(loss)(tree)
    layer = found["layers"][0]
    assert isinstance(layer, Layer) and isinstance(found["scale"], tuple)
    np.testing.assert_array_equal(layer.weight.numpy(), np.full((2, 3), 2.0))
    assert layer.bias.dtype == np.float32 and found["scale"][0].dtype == np.float16
    assert found["scale"][0].item() == 0.0, "what does not move the result has gradient zero"
    np.testing.assert_array_equal(found["scale"][1].numpy(), [6.0, 6.0])


def test_keyword_and_other_arguments_are_left_alone() -> None:
    def f(x: Any, power: int, *, scale: float, mode: str) -> Any:
        return scale * x**power if mode == "up" else x

    assert cl.grad(f)(3.0, 2, scale=0.5, mode="up").item() == 3.0
    assert cl.grad(f, argnums=-2)(3.0, 2, scale=1.0, mode="down").item() == 1.0


def test_inner_and_outer_variables_do_not_mix() -> None:
    """The classic trap of nested derivatives: d/dx (x * d/dy (x + y)) is 1."""
    assert cl.grad(lambda x: x * cl.grad(lambda y: x + y)(1.0))(2.0).item() == 1.0
    assert cl.grad(lambda x: x * cl.grad(lambda y: x * y * y)(x))(3.0).item() == 2 * 3 * 3.0**2


def test_backward_through_a_gradient_reaches_variables() -> None:
    w = cl.variable(2.0, name="w")
    slope = cl.grad(lambda x: w * x * x)(3.0)
    assert slope.item() == 12.0
    slope.backward()
    assert w.grad is not None and w.grad.item() == 6.0


def test_nothing_is_recorded_where_nobody_differentiates() -> None:
    assert not cl.grad(lambda x: x * x)(3.0).tracked
    assert not cl.vjp(lambda x: x * x, 3.0)[0].tracked
    with cl.no_grad():
        assert cl.grad(lambda x: x * x)(3.0).item() == 6.0


def test_vjp_and_jvp_are_transposes(rng: np.random.Generator) -> None:
    def f(a: Any, b: Any) -> Any:
        return {"product": a @ b, "sines": (cl.sin(a), cl.sum(b))}

    a, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    da, db = rng.normal(size=a.shape), rng.normal(size=b.shape)
    result, moved = cl.jvp(f, (a, b), (da, db))
    again, pullback = cl.vjp(f, a, b)
    np.testing.assert_array_equal(result["product"].numpy(), again["product"].numpy())
    gradient = {
        "product": rng.normal(size=(3, 2)),
        "sines": (rng.normal(size=(3, 4)), rng.normal()),
    }
    ga, gb = pullback(gradient)
    left = (ga.numpy() * da).sum() + (gb.numpy() * db).sum()
    right = (gradient["product"] * moved["product"].numpy()).sum() + (gradient["sines"][0] * moved["sines"][0].numpy()).sum()
    right += gradient["sines"][1] * moved["sines"][1].item()
    assert left == pytest.approx(right, rel=1e-12)


def test_tangents_and_gradients_may_list_a_dict_in_another_order() -> None:
    def f(p: Any) -> Any:
        return {"x": p["x"] * p["w"], "w": p["w"]}

    _, moved = cl.jvp(f, ({"x": 2.0, "w": 3.0},), ({"w": 1.0, "x": 0.0},))
    assert list(moved) == ["x", "w"] and [moved[k].item() for k in moved] == [2.0, 1.0]
    (slope,) = cl.vjp(f, {"x": 2.0, "w": 3.0})[1]({"w": 1.0, "x": 0.0})
    assert slope["x"].item() == 0.0 and slope["w"].item() == 1.0


def test_a_pullback_can_be_called_again_and_differentiated() -> None:
    _, pullback = cl.vjp(lambda x: x * x * x, 2.0)
    assert pullback(1.0)[0].item() == 12.0 and pullback(10.0)[0].item() == 120.0
    assert cl.grad(lambda g: cl.vjp(lambda x: x**3, 2.0)[1](g)[0])(1.0).item() == 12.0


def test_hessian_times_vector(rng: np.random.Generator) -> None:
    matrix = rng.normal(size=(4, 4))
    x, v = rng.normal(size=4), rng.normal(size=4)
    found = cl.hvp(lambda x: 0.5 * cl.vecdot(x, matrix @ x), (x,), (v,))
    np.testing.assert_allclose(found.numpy(), 0.5 * (matrix + matrix.T) @ v, rtol=1e-12)
    first, second = cl.hvp(lambda a, b: a * a * b, (2.0, 3.0), (1.0, 0.0))
    assert (first.item(), second.item()) == (6.0, 4.0)


def test_gradients_with_respect_to_any_node() -> None:
    x = cl.variable(2.0, name="x")
    p = x * x
    g = p * 3.0
    dp, dx, dg, still = cl.gradients(g, [p, x, g, cl.variable(1.0)])
    assert [t.item() for t in (dp, dx, dg, still)] == [3.0, 12.0, 1.0, 0.0]
    (second,) = cl.gradients(dx, [x])
    assert second.item() == 6.0
    (weighted,) = cl.gradients(x * np.array([1.0, 2.0]), [x], gradient=np.array([10.0, 100.0]))
    assert weighted.item() == 210.0


def test_a_function_of_nothing_that_moves_is_flat() -> None:
    assert cl.grad(lambda x: cl.asarray(3.0))(2.0).item() == 0.0
    assert cl.grad(lambda x: x)(2.0).item() == 1.0
    _, t = cl.jvp(lambda x: cl.asarray([1.0, 2.0]), (3.0,), (1.0,))
    np.testing.assert_array_equal(t.numpy(), [0.0, 0.0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: cl.grad(lambda x: x)(np.ones(3)), "must return one floating-point scalar, it returned f64[3]; reduce it"),
        (lambda: cl.grad(lambda x: (x, x))(1.0), "it returned f32[], f32[]"),
        (lambda: cl.grad(lambda x: cl.argmax(x))(np.ones(3)), "it returned i64[]"),
        (lambda: cl.grad(lambda x: x, argnums=1)(1.0), "grad: argnums=1, but <lambda> was called with 1 arguments"),
        (lambda: cl.grad(lambda x: x, argnums=(0, -1))(1.0), "grad: argnums=(0, -1) names an argument of <lambda> twice"),
        (lambda: cl.grad(lambda x: x, argnums="x")(1.0), "grad: argnums counts positional arguments from 0; it is 'x'"),
        (lambda: cl.grad(lambda x: cl.sum(x))(np.arange(3)), "is i64[3], and only floating-point numbers have gradients"),
        (lambda: cl.vjp(cl.sin, np.ones(3))[1](np.ones(2)), "has shape (2,), it must be that of f64[3]"),
        (lambda: cl.jvp(cl.sin, (1.0,), ({"a": 1.0},)), "jvp: the tangents must have leaves at ['[0]'], it has them at"),
        (lambda: cl.gradients(cl.variable(np.ones(2)) * 2, []), "the output is f64[2]; reduce it to a scalar"),
    ],
    ids=lambda x: x[:40] if isinstance(x, str) else "",
)
def test_errors_tell_the_mend(call: Any, text: str) -> None:
    with pytest.raises(GradientError) as caught:
        call()
    assert text in str(caught.value)


def test_a_cut_gradient_path_is_an_error() -> None:
    with pytest.raises(DetachError, match=r"float\(\) inside a differentiated function would silently cut"):
        cl.grad(lambda x: x * float(x))(2.0)
    assert cl.grad(lambda x: x * float(x.detach()))(2.0).item() == 2.0


# --- auxiliary results, linearize, stop_gradient


def test_auxiliary_results_come_back_untouched() -> None:
    def f(x: Any) -> Any:
        return x * x, {"half": x / 2, "text": "told"}

    gradient, aux = cl.grad(f, has_aux=True)(3.0)
    assert gradient.item() == 6.0 and aux["half"].item() == 1.5 and aux["text"] == "told" and not aux["half"].tracked
    value, pullback, aux = cl.vjp(f, 3.0, has_aux=True)
    assert (value.item(), pullback(1.0)[0].item(), aux["half"].item()) == (9.0, 6.0, 1.5)
    value, tangent, aux = cl.jvp(f, (3.0,), (2.0,), has_aux=True)
    assert (value.item(), tangent.item(), aux["half"].item()) == (9.0, 12.0, 1.5)
    value, push, aux = cl.linearize(f, 3.0, has_aux=True)
    assert (value.item(), push(2.0).item(), aux["half"].item()) == (9.0, 12.0, 1.5)
    with pytest.raises(UsageError, match=r"grad: with has_aux, <lambda> must return \(result, aux\)"):
        cl.grad(lambda x: x, has_aux=True)(1.0)


def test_what_comes_beside_can_be_differentiated_outside() -> None:
    def outer(x: Any) -> Any:
        gradient, aux = cl.grad(lambda y: (y**3, y * x), has_aux=True)(x)
        return gradient + aux

    assert cl.grad(outer)(2.0).item() == 6 * 2.0 + 2 * 2.0


def test_linearize_runs_the_function_once() -> None:
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(1)
        return cl.sin(x) * x

    _, push = cl.linearize(f, 0.5)
    first, second = push(1.0), push(2.0)
    assert calls == [1] and second.item() == pytest.approx(2 * first.item())
    assert cl.grad(lambda x: cl.linearize(lambda y: y**3, x)[1](1.0))(2.0).item() == 12.0
    with pytest.raises(GradientError, match=r"the tangents must have leaves at \['\[0\]'\]"):
        push(1.0, 2.0)


def test_stop_gradient() -> None:
    assert cl.grad(lambda x: x * cl.stop_gradient(x))(3.0).item() == 3.0
    assert cl.jvp(lambda x: cl.stop_gradient({"x": x, "n": 1})["x"], (3.0,), (1.0,))[1].item() == 0.0
    assert cl.grad(lambda x: cl.grad(lambda y: y * cl.stop_gradient(y))(x))(3.0).item() == 0.0
