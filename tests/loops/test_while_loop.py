"""While loops against Python's, by every route; in batches each example ends when it ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.diff.reverse import pull_back
from clew.errors import TypeRuleError
from clew.ir import Graph, constant, f64, parameter, parse, run, show, verify
from clew.loops import Scan, While
from clew.ops.arithmetic import add, mul
from clew.ops.comparison import less
from clew.ops.elementwise import filled
from clew.ops.items import Item, items


def collatz_like(x: Any, a: Any) -> Any:
    """Halve or stretch until small: how many steps depends on where it starts."""
    return cl.while_loop(lambda s: s[0] > 0.2, lambda s: (s[0] * a * 0.5, s[1] + cl.sin(s[0] * a)), (x, 0.0))[1]


def in_python(x: Any, a: Any) -> Any:
    total = x * 0.0
    while float(x.detach() if isinstance(x, cl.Tensor) else x) > 0.2:
        x, total = x * a * 0.5, total + cl.sin(x * a)
    return total


STARTS = np.array([0.1, 0.3, 1.0, 5.0, 40.0])


def taped(x: float, a: float) -> tuple[float, list[float]]:
    """The value and the gradients of the loop written out."""
    u, v = cl.variable(np.float64(x)), cl.variable(np.float64(a))
    y = in_python(u, v)
    y.backward()
    return y.item(), [0.0 if t.grad is None else t.grad.item() for t in (u, v)]


@pytest.mark.parametrize("x", STARTS)
def test_values_and_gradients(x: float) -> None:
    y, slopes = taped(x, 0.9)
    found, gradient = cl.value_and_grad(collatz_like, (0, 1))(np.float64(x), np.float64(0.9))
    assert found.item() == pytest.approx(y, rel=1e-14, abs=1e-15)
    assert [g.item() for g in gradient] == pytest.approx(slopes, rel=1e-12, abs=1e-15)
    cl.check_gradients(collatz_like, np.float64(x), np.float64(0.9))


def test_each_example_of_a_batch_ends_when_it_ends() -> None:
    a = np.float64(0.9)
    both = cl.value_and_grad(collatz_like, (0, 1))
    one_by_one = [both(x, a) for x in STARTS]
    value, (by_x, by_a) = cl.vmap(both, in_axes=(0, None))(STARTS, a)
    np.testing.assert_allclose(value.numpy(), [v.item() for v, _ in one_by_one], rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(by_x.numpy(), [g[0].item() for _, g in one_by_one], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(by_a.numpy(), [g[1].item() for _, g in one_by_one], rtol=1e-12, atol=1e-15)
    slopes = cl.grad(lambda xs, a: cl.sum(cl.vmap(collatz_like, in_axes=(0, None))(xs, a)), (0, 1))(STARTS, a)
    np.testing.assert_allclose(slopes[0].numpy(), by_x.numpy(), rtol=1e-12, atol=1e-15)
    assert slopes[1].item() == pytest.approx(by_a.numpy().sum(), rel=1e-12)
    curved = cl.vmap(cl.hessian(collatz_like), in_axes=(0, None))(STARTS, a)
    np.testing.assert_allclose(curved.numpy(), [cl.hessian(collatz_like)(x, a).item() for x in STARTS], rtol=1e-11, atol=1e-13)


def test_a_finished_example_does_not_spoil_the_others() -> None:
    """Going on with it would divide by zero."""

    def f(x: Any) -> Any:
        return cl.while_loop(lambda s: s[0] > 0, lambda s: (s[0] - 1.0, s[1] + 1.0 / s[0]), (x, 0.0))[1]

    xs = np.array([1.0, 3.0, 2.0])
    slopes = cl.vmap(cl.grad(f))(xs).numpy()
    np.testing.assert_allclose(slopes, [-1.0, -(1 + 1 / 4 + 1 / 9), -(1 + 1 / 4)], rtol=1e-12)
    np.testing.assert_allclose(cl.grad(lambda xs: cl.sum(cl.vmap(f)(xs)))(xs).numpy(), slopes, rtol=1e-12)


def test_no_steps_at_all() -> None:
    def f(x: Any) -> Any:
        return cl.while_loop(lambda x: x > 1, lambda x: x * x, x)

    assert cl.value_and_grad(f)(0.5)[1].item() == 1.0 and cl.jvp(f, (0.5,), (3.0,))[1].item() == 3.0


def test_states_of_integers_and_containers() -> None:
    state = cl.while_loop(
        lambda s: (s["n"] < 10) & ~s["stop"],
        lambda s: {"n": s["n"] + 1, "stop": s["x"][0] > 100, "x": (s["x"][0] * 2, None)},
        {"n": 0, "stop": cl.asarray(False), "x": (cl.asarray(3), None)},
    )
    assert (state["n"].item(), state["stop"].item(), state["x"][0].item()) == (7, True, 384)


def test_text_of_a_loop_and_of_its_way_back() -> None:
    x, w = parameter("x", f64()), parameter("w", f64())
    state, limit = parameter("s", f64()), parameter("w", f64())
    step = Graph("step", (state, limit), (mul(state, limit),))
    condition = Graph("condition", (state, limit), (less(state, filled(100.0, f64())),))
    (last,) = items(While(step, condition, 1)(x, w))
    graph = verify(Graph("powers", (x, w), (last,)))
    text = show(graph)
    assert "while_loop" not in text.splitlines()[0] and "= while(x, w, step=@step, condition=@condition, carries=1)" in text
    found = pull_back({last: filled(1, f64())})
    gradient = verify(Graph("gradient", (x, w), (found[x], found[w])))
    assert "f64[?]" in show(gradient), "what it saves has as many rows as it takes steps"
    value, slopes = run(graph, np.float64(3.0), np.float64(2.0)), run(gradient, np.float64(3.0), np.float64(2.0))
    assert value == (192.0,) and slopes == (64.0, 6 * 3.0 * 2.0**5)
    ops = {op.opcode: op for op in (While, Scan, Item, type(mul), type(less), type(add))}
    assert show(parse(text, ops)) == text


def test_types_are_checked() -> None:
    state = parameter("s", f64())
    keeps = Graph("condition", (state,), (less(state, filled(1.0, f64())),))
    widened = Graph("step", (state,), (constant(np.float32(1.0)),))
    with pytest.raises(TypeRuleError, match=r"carry 0 is f64\[\] before a step and f32\[\] after it"):
        While(widened, keeps, 1)(parameter("x", f64()))
