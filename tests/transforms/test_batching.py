"""vmap is a loop over the examples, whatever it is applied to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import ClewError, ConcretizationError


def dot(x: Any, y: Any) -> Any:
    return cl.sum(x * cl.sin(y))


X, Y = np.arange(12.0).reshape(3, 4) / 7, np.arange(20.0).reshape(4, 5) / 9


def test_axes() -> None:
    a, b = np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(4, 3) + 1
    expected = [np.sum(a[k] * np.sin(b[:, k])) for k in range(3)]
    for axes in ((0, 1), (-2, -1), [0, -1]):
        np.testing.assert_allclose(cl.vmap(dot, in_axes=axes)(a, b).numpy(), expected)
    shared = cl.vmap(dot, in_axes=(0, None))(a, b[:, 0])
    np.testing.assert_allclose(shared.numpy(), [np.sum(r * np.sin(b[:, 0])) for r in a])
    assert cl.vmap(lambda x: cl.outer(x, x), out_axes=1)(a).shape == (4, 3, 4)
    assert cl.vmap(lambda x: cl.outer(x, x), out_axes=-1)(a).shape == (4, 4, 3)
    assert cl.vmap(lambda *, x: x * 2)(x=a).shape == (3, 4), "arguments by keyword along their first axis"


def test_containers() -> None:
    batch = {"x": X, "w": (np.ones(4), 2.0)}
    axes = {"x": 0, "w": None}

    def f(p: Any) -> Any:
        return {"a": cl.sum(p["x"] * p["w"][0]) * p["w"][1], "b": (p["x"], p["w"][1])}

    other_order = {"w": None, "x": 0}
    for given in (axes, other_order):
        found = cl.vmap(f, in_axes=(given,), out_axes={"b": (1, None), "a": 0})(batch)
        np.testing.assert_allclose(found["a"].numpy(), 2 * X.sum(1))
        assert found["b"][0].shape == (4, 3) and found["b"][1] == 2.0


def test_nesting_multiplies_the_axes() -> None:
    table = cl.vmap(cl.vmap(lambda x, y: x * y, in_axes=(None, 0)), in_axes=(0, None))(X[:, 0], Y[0])
    np.testing.assert_allclose(table.numpy(), np.outer(X[:, 0], Y[0]))
    deep = cl.vmap(cl.vmap(cl.vmap(cl.sin)))(np.ones((2, 3, 4, 5)))
    np.testing.assert_allclose(deep.numpy(), np.sin(np.ones((2, 3, 4, 5))))


def test_gradients_of_examples() -> None:
    w = np.array([0.5, -0.2, 0.1, 0.3])

    def loss(w: Any, x: Any) -> Any:
        return cl.tanh(cl.sum(w * x)) ** 2

    each = cl.vmap(cl.grad(loss), in_axes=(None, 0))(w, X)
    np.testing.assert_allclose(each.numpy(), [cl.grad(loss)(w, x).numpy() for x in X], rtol=1e-13)
    of_sum = cl.grad(lambda w: cl.sum(cl.vmap(loss, in_axes=(None, 0))(w, X)))(w)
    np.testing.assert_allclose(of_sum.numpy(), each.numpy().sum(0), rtol=1e-13)


def test_variables_from_outside_receive_their_gradient() -> None:
    w = cl.variable(2.0, name="w")
    cl.sum(cl.vmap(lambda x: x * w * w)(X[:, 0])).backward()
    assert w.grad.item() == pytest.approx(2 * 2 * X[:, 0].sum(), rel=1e-6)
    with cl.no_grad():
        assert not cl.vmap(lambda x: x * w)(X).tracked


def test_results_that_are_the_same_for_all() -> None:
    doubled, fixed = cl.vmap(lambda x: (x * 2, cl.asarray(1.0)))(X[:, 0])
    assert doubled.shape == (3,) and fixed.tolist() == [1.0, 1.0, 1.0]
    assert cl.vmap(lambda: cl.asarray(3.0), axis_size=2)().tolist() == [3.0, 3.0]
    assert cl.vmap(lambda x: cl.asarray(1.0), out_axes=None)(X).shape == ()


def test_random_numbers_follow_their_key() -> None:
    same = cl.vmap(lambda x: x * 0 + cl.random.uniform(key=5))(np.ones(4))
    assert len(set(same.tolist())) == 1
    keys = cl.random.split(cl.random.key(5), 4)
    own = cl.vmap(lambda key: cl.random.uniform(key=key))(keys)
    assert len(set(own.tolist())) == 4
    assert own.tolist() == [cl.random.uniform(key=keys[k]).item() for k in range(4)]
    folded = cl.vmap(lambda n: cl.random.fold_in(keys[0], n))(np.array([3, 1, 2]))
    assert folded.tolist() == [cl.random.fold_in(keys[0], n).tolist() for n in (3, 1, 2)]
    chances = np.array([0.1, 0.5, 0.9])
    drawn = cl.vmap(lambda key, p: cl.random.bernoulli(p, (50,), key=key))(keys[:3], chances).numpy()
    for k, p in enumerate(chances):
        np.testing.assert_array_equal(drawn[k], cl.random.bernoulli(p, (50,), key=keys[k]).numpy())
    assert len(set(cl.vmap(lambda x: x * 0 + cl.random.uniform())(np.ones(4)).tolist())) == 1, "a default generator's, too"


def test_a_gate_with_a_batching_rule_of_its_own() -> None:
    calls: list[tuple[int, tuple[bool, ...]]] = []

    @cl.gate
    def scaled(x: Any, w: Any) -> tuple[Any, Any]:
        return x * w, x + w

    @scaled.batching
    def _(size: int, batched: tuple[bool, ...], x: Any, w: Any) -> Any:
        calls.append((size, batched))
        w = cl.broadcast_to(w, x.shape) if not batched[1] else w
        return x * w, x + w

    xs = np.arange(6.0).reshape(3, 2)
    product, total = cl.vmap(scaled, in_axes=(0, None))(xs, np.array([2.0, 3.0]))
    np.testing.assert_array_equal(product.numpy(), xs * [2.0, 3.0])
    np.testing.assert_array_equal(total.numpy(), np.add(xs, [2.0, 3.0]))
    assert calls == [(3, (True, False))]
    slope = cl.grad(lambda xs: cl.sum(cl.vmap(scaled, in_axes=(0, None))(xs, np.array([2.0, 3.0]))[0]))(xs)
    np.testing.assert_array_equal(slope.numpy(), np.tile([2.0, 3.0], (3, 1)))


def test_a_batching_rule_beside_a_hand_made_derivative() -> None:
    """The order of grad and vmap does not matter: the derivative stays the gate's own."""

    @cl.gate
    def through(x: Any, w: Any) -> Any:
        return cl.round(x) * w, lambda g: (g * w, g * 10.0), lambda dx, dw: dx * w + dw * 10.0

    @through.batching
    def _(size: int, batched: tuple[bool, ...], x: Any, w: Any) -> Any:
        return cl.round(x) * w

    xs, w = np.array([0.2, 1.4, 2.6]), np.float64(3.0)
    for axes, ws in (((0, None), w), ((0, 0), np.full(3, w))):
        many = cl.vmap(through, in_axes=axes)
        inside = cl.vmap(cl.grad(through, (0, 1)), in_axes=axes)(xs, ws)
        outside = cl.grad(lambda x, w, many=many: cl.sum(many(x, w)), (0, 1))(xs, ws)
        np.testing.assert_array_equal(inside[0].numpy(), [3.0] * 3)
        np.testing.assert_array_equal(outside[0].numpy(), inside[0].numpy())
        np.testing.assert_array_equal(outside[1].numpy(), [10.0] * 3 if axes[1] == 0 else 30.0)
        moved = cl.jvp(many, (xs, ws), (np.ones(3), np.ones_like(ws)))[1]
        np.testing.assert_array_equal(moved.numpy(), [13.0] * 3)


def test_what_all_examples_share_is_not_repeated_for_a_gate() -> None:
    dense = cl.gate(lambda x, w: cl.tanh(x @ w), name="dense")
    w = np.linspace(-1, 1, 16).reshape(4, 4)
    graph = cl.trace(cl.vmap(dense, in_axes=(0, None)))(X, w).graph
    assert [v.op.name for v in graph.values if v.op is not None] == ["input", "input", "dense"]
    assert [v.shape for v in graph.values] == [(3, 4), (4, 4), (3, 4)]
    matrix = cl.trace(cl.jacobian(cl.checkpoint(lambda x: cl.tanh(w @ cl.sin(x))), mode="reverse"))(X[0]).graph
    (back,) = [v.op.body for v in matrix.values if v.op is not None and v.op.name.endswith("_backward")]
    assert [v.shape for v in back.values if v.op is not None and v.op.name == "cos"] == [(4,)], "once, not for each row"


def twice_with(rule: Any) -> Any:
    gate = cl.gate(lambda x: x * 2, name="twice")
    gate.batching(rule)
    return gate


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (
            lambda: cl.vmap(dot)(np.ones((3, 2)), np.ones((4, 2))),
            "vmap: the arguments of dot differ in the number of examples: x has 3, y has 4",
        ),
        (
            lambda: cl.vmap(dot, axis_size=5)(np.ones((3, 2)), np.ones((3, 2))),
            "vmap: the arguments of dot differ in the number of examples: x has 3, y has 3, axis_size is 5",
        ),
        (lambda: cl.vmap(dot)(np.ones(3), 1.0), "vmap: the argument y is f32[]; it has no axis 0 to map"),
        (
            lambda: cl.vmap(dot, in_axes=(0, 2))(np.ones(3), np.ones((3, 3))),
            "vmap: the argument y is f64[3,3]; it has no axis 2 to map",
        ),
        (
            lambda: cl.vmap(dot, in_axes=None)(1.0, 2.0),
            "vmap: no argument of dot is mapped; axis_size says how many examples there are",
        ),
        (lambda: cl.vmap(dot, in_axes=(0,))(1.0, 2.0), "vmap: in_axes has 1 entries for 2 arguments"),
        (
            lambda: cl.vmap(lambda p: p["a"], in_axes=({"b": 0},))({"a": np.ones(2)}),
            "vmap: in_axes[0] does not follow the containers it stands for: {'b': 0}, while that has (['a'])",
        ),
        (
            lambda: cl.vmap(lambda p: p["a"])({"a": "text"}),
            "vmap: the argument p['a'] is 'text', which has no axis to map; its in_axes must be None",
        ),
        (
            lambda: cl.vmap(lambda x: (x, x), out_axes=(0, None))(np.ones(2)),
            "vmap: the result[1] of <lambda> differs from example to example; out_axes needs an axis for it",
        ),
        (
            lambda: cl.vmap(lambda x: {"x": x, "s": "text"})(np.ones(2)),
            "vmap: the result['s'] of <lambda> is 'text', which is no array of numbers",
        ),
        (lambda: cl.vmap(cl.sin, out_axes=2)(np.ones(2)), "vmap: the result is f64[2]; it has no axis 2 to map"),
        (
            lambda: cl.vmap(twice_with(lambda size, batched, x: x[0] * 2))(np.ones((3, 2))),
            "gate twice: its batching rule returned (f64[2]), for 3 examples it must be (f64[3,2])",
        ),
        (
            lambda: cl.vmap(twice_with(lambda size, batched, x: "text"))(np.ones((3, 2))),
            "gate twice: its batching rule returned 'text', which is no array of numbers",
        ),
        (
            lambda: cl.vmap(twice_with(lambda x: x))(np.ones((3, 2))),
            "gate twice: its batching rule is called with size, flags and operands, 3 here: too many positional arguments",
        ),
    ],
)
def test_errors(f: Any, text: str) -> None:
    with pytest.raises(ClewError) as caught:
        f()
    assert str(caught.value).split("\n  at ")[0] == text


def test_control_flow_cannot_depend_on_an_example() -> None:
    with pytest.raises(ConcretizationError, match=r"write cl.where\(x > 0, x, -x\)"):
        cl.vmap(lambda x: x if x > 0 else -x)(np.ones(3))
