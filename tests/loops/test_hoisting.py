"""Hoisted graphs mean what they meant, and their steps do little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import clew as cl
from clew.ir import Graph, f64, parameter, parse, run, show, verify
from clew.loops import Scan, Switch, While
from clew.loops.hoisting import hoist
from clew.loops.taken import is_product
from clew.ops.arithmetic import add
from clew.ops.broadcast import sum as total_of
from clew.ops.comparison import less
from clew.ops.contraction import contract
from clew.ops.exponential import exp
from clew.ops.items import Item
from clew.ops.trigonometric import tanh
from clew.passes import optimise
from clew.passes.merge import merge
from clew.pytree import leaves_of

from ..graphs import makers
from ..graphs.generate import Sample, samples
from ..graphs.properties import all_ops, close, gradient_graph, gradients, roundoff, same
from .bodies import data, looped, number, random_body

Function = Callable[..., Any]


def arrays(x: Any) -> list[Any]:
    return [leaf.numpy() if isinstance(leaf, cl.Tensor) else np.asarray(leaf) for leaf in leaves_of(x)]


def hoisted(f: Function, *point: Any) -> Graph:
    """The graph of ``f`` without what its loops need not do in their steps, after seeing that it computes the same."""
    graph = optimise(merge(cl.trace(f)(*point).graph))
    light = optimise(verify(hoist(graph)))
    assert light.inputs == graph.inputs
    text = show(light, None)
    assert show(verify(parse(text, all_ops())), None) == text
    for a, b in zip(run(light, *arrays(point)), run(graph, *arrays(point)), strict=True):
        assert np.shape(a) == np.shape(b) and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10 * max(1.0, float(np.max(np.abs(b), initial=0))))
    return light


def scans(graph: Graph) -> list[Scan]:
    return [v.op for v in graph.values if isinstance(v.op, Scan)]


def products(graph: Graph) -> int:
    return sum(map(is_product, graph.values))


def counts(graph: Graph) -> list[tuple[int, int, int]]:
    """Of each scan: the products in its step, its carries, what it stacks."""
    return [(products(op.step), op.carries, len(op.parts.stacked)) for op in scans(graph)]


# --- random loops


@pytest.mark.parametrize("seed", range(10))
def test_random_bodies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body, point, reverse = random_body(rng), data(rng, int(rng.integers(0, 6))), bool(seed % 2)
    every = (0, 1, 2)

    def f(*p: Any) -> Any:
        return number(looped(body, *p, reverse))

    def length(*p: Any) -> Any:
        return sum(cl.sum(g * g) for g in leaves_of(cl.grad(f, every)(*p)))

    hoisted(f, *point)
    hoisted(cl.value_and_grad(f, every), *point)
    hoisted(lambda *p: cl.jvp(f, p, p)[1], *point)
    hoisted(cl.grad(length, every), *point)


def test_random_graphs() -> None:
    kinds = (makers.contracted, makers.reduced, makers.widened, makers.moved, makers.repeated, makers.branched)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(samples((*makers.ELEMENTWISE, *kinds, makers.scanned, makers.scanned, makers.scanned), most=25))
    def mean_the_same(s: Sample) -> None:
        light = hoist(s.graph)
        same(light, s, "hoisted")
        text = show(light, None)
        assert show(parse(text, all_ops()), None) == text
        gradient, (_, scale) = gradient_graph(s.graph), gradients(s.graph, s.point)
        expected = run(gradient, *s.point.values())
        for a, b in zip(run(verify(hoist(merge(gradient))), *s.point.values()), expected, strict=True):
            close(a, b, roundoff(s.graph) * scale, "hoisted gradient")

    mean_the_same()


# --- recurrent nets

B, T, D, H, V = 4, 5, 3, 6, 7


def drawn(*shapes: tuple[int, ...]) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    return [0.3 * rng.standard_normal(shape) for shape in shapes]


def zeros(*shape: int) -> Any:
    return cl.zeros(shape, dtype=cl.float64)


def rnn(p: Any, xs: Any) -> Any:
    h, _ = cl.scan(lambda h, x: (cl.tanh(x @ p[0] + h @ p[1] + p[2]), None), zeros(*xs.shape[1:-1], H), xs)
    return cl.sum(h * h)


def lstm(p: Any, xs: Any) -> Any:
    def cell(carry: Any, x: Any) -> Any:
        h, c = carry
        z = x @ p[0] + h @ p[1] + p[2]
        i, f, g, o = (z[:, k * H : (k + 1) * H] for k in range(4))
        c = cl.sigmoid(f) * c + cl.sigmoid(i) * cl.tanh(g)
        return (cl.sigmoid(o) * cl.tanh(c), c), None

    (h, _), _ = cl.scan(cell, (zeros(B, H), zeros(B, H)), xs)
    return cl.sum(h * h)


def gru(p: Any, xs: Any) -> Any:
    def cell(h: Any, x: Any) -> Any:
        gates = cl.sigmoid(x @ p[0] + h @ p[1] + p[2])
        z, r = gates[:, :H], gates[:, H:]
        return (1 - z) * h + z * cl.tanh(x @ p[3] + (r * h) @ p[4] + p[5]), None

    h, _ = cl.scan(cell, zeros(B, H), xs)
    return cl.sum(h * h)


def language_model(p: Any, xs: Any) -> Any:
    def cell(h: Any, x: Any) -> Any:
        h = cl.tanh(x @ p[0] + h @ p[1] + p[2])
        return h, cl.logsumexp(h @ p[3] + p[4], axis=1)

    _, ys = cl.scan(cell, zeros(B, H), xs)
    return cl.sum(ys * ys)


def totalled(p: Any, xs: Any) -> Any:
    """The same with its losses added up in a carry."""

    def cell(carry: Any, x: Any) -> Any:
        h, total = carry
        h = cl.tanh(x @ p[0] + h @ p[1] + p[2])
        return (h, total + cl.sum(cl.logsumexp(h @ p[3] + p[4], axis=1) ** 2)), None

    (_, total), _ = cl.scan(cell, (zeros(B, H), np.float64(0)), xs)
    return total


RNN = ((D, H), (H, H), (H,))
NETS = {
    "rnn": (rnn, RNN, 1),
    "lstm": (lstm, ((D, 4 * H), (H, 4 * H), (4 * H,)), 1),
    "gru": (gru, ((D, 2 * H), (H, 2 * H), (2 * H,), (D, H), (H, H), (H,)), 2),
    "language_model": (language_model, (*RNN, (H, V), (V,)), 1),
    "totalled": (totalled, (*RNN, (H, V), (V,)), 1),
}
BOTH = {"rnn": 3, "lstm": 3, "gru": 6, "language_model": 6, "totalled": 6}  # products beside the loops


@pytest.mark.parametrize("name", NETS)
def test_recurrent_nets(name: str) -> None:
    """A step multiplies the carry with its weights, forward; the gradient with them, backward: nothing else."""
    f, shapes, inside = NETS[name]
    p, (xs,) = drawn(*shapes), drawn((T, B, D))
    (forward,) = counts(hoisted(f, p, xs))
    assert forward[0] == inside
    both = hoisted(cl.value_and_grad(f), p, xs)
    carries = 2 if name == "lstm" else 1
    assert [c[:2] for c in counts(both)] == [(inside, carries)] * 2
    assert products(both) == BOTH[name]


def test_without_a_batch_the_outer_products_are_one_contraction() -> None:
    p, (xs,) = drawn(*RNN), drawn((T, D))
    both = hoisted(cl.value_and_grad(rnn), p, xs)
    assert counts(both) == [(1, 1, 1), (1, 1, 1)] and products(both) == 3


RNN_GRADIENT = """\
graph cell_saving(h: f64[1,2], x: f64[1,2], u: f64[2,2]) -> f64[1,2], f64[1,2]:
  %0: f64[1,2] = contract(h, u, spec='ij,jk->ik')
  %1: f64[1,2] = add(x, %0)
  %2: f64[1,2] = tanh(%1)
  return %2, %2

graph cell_backward(g: f64[1,2], kept: f64[1,2], u: f64[2,2]) -> f64[1,2], f64[1,2]:
  %0: f64[1,2] = constant(1.0)
  %1: f64[1,2] = square(kept)
  %2: f64[1,2] = sub(%0, %1)
  %3: f64[1,2] = chain(g, %2)
  %4: f64[1,2] = contract(%3, u, spec='ik,jk->ij')
  return %4, %3

graph gradient(w: f64[2,2], u: f64[2,2], xs: f64[3,1,2]) -> f64[2,2], f64[2,2]:
  %0: f64[1,2] = constant(1.0)
  %1: f64[1,2] = constant(0.0)
  w_1: f64[2,2] = identity(w)
  %2: f64[3,1,2] = contract(xs, w_1, spec='aij,jk->aik')
  u_1: f64[2,2] = identity(u)
  %3: (f64[1,2], f64[3,1,2]) = scan(%1, %2, u_1, step=@cell_saving, carries=1, scans=1, length=3, reverse=False)
  %4: f64[3,1,2] = item(%3, k=1)
  %5: (f64[1,2], f64[3,1,2]) = scan(%0, %4, u_1, step=@cell_backward, carries=1, scans=1, length=3, reverse=True)
  %6: f64[3,1,2] = item(%5, k=1)
  %7: f64[2,2] = contract(xs, %6, spec='aij,aik->jk')
  %8: f64[1,1,2] = constant(0.0)
  %9: f64[2,1,2] = slice(%4, start=(0, 0, 0), stop=(2, 1, 2), step=(1, 1, 1))
  %10: f64[3,1,2] = concat(%8, %9, axis=0)
  %11: f64[2,2] = contract(%10, %6, spec='aij,aik->jk')
  return %7, %11
"""


def test_what_is_left_of_a_recurrent_net() -> None:
    def gradient(w: Any, u: Any, xs: Any) -> Any:
        def cell(h: Any, x: Any) -> Any:
            return cl.tanh(x @ w + h @ u), None

        return cl.sum(cl.scan(cell, zeros(1, 2), xs)[0])

    assert str(hoisted(cl.grad(gradient, (0, 1)), *drawn((2, 2), (2, 2), (3, 1, 2)))) == RNN_GRADIENT


# --- one by one


def pieces(step: Function, *point: Any, reverse: bool = False) -> Graph:
    """A scan of ``carry, y = step(carry, x, w)`` from ``c`` over ``xs``: its last carry and stacks, hoisted."""

    def f(c: Any, xs: Any, w: Any) -> Any:
        return leaves_of(cl.scan(lambda c, x: step(c, x, w), c, xs, reverse=reverse))

    return hoisted(f, *point)


CXW = drawn((B, H), (T, B, H), (H, H))


def test_what_follows_from_fixed_operands_is_computed_once() -> None:
    (op,) = scans(pieces(lambda c, x, w: (cl.tanh(c * x + cl.sum(cl.exp(w @ w))), None), *CXW))
    assert len(op.parts.fixed) == 1 and op.parts.fixed[0].shape == ()
    assert [v.op.opcode for v in op.step.values if v.op and v.operands] == ["mul", "broadcast", "add", "tanh"]


def test_a_while_loop_asks_for_what_was_computed_before() -> None:
    s, w = parameter("s", f64(H, H)), parameter("w", f64(H, H))
    total = total_of(exp(w), (0, 1))
    step = Graph("step", (s, w), (add(s, contract("ij,jk->ik", w, w)),))
    condition = Graph("condition", (s, w), (less(total_of(s, (0, 1)), total),))
    outer = parameter("s", f64(H, H)), parameter("w", f64(H, H))
    graph = Graph("g", outer, (Item(0)(While(step, condition, 1)(*outer)),))
    light = verify(hoist(graph))
    point = drawn((H, H), (H, H))
    np.testing.assert_allclose(run(light, *point), run(graph, *point), rtol=1e-12)
    (loop,) = [v.op for v in light.values if isinstance(v.op, While)]
    assert (products(graph), products(light), products(loop.step)) == (0, 1, 0)
    assert "exp" in str(light) and "exp" not in str(loop.condition)


def test_functions_of_rows_are_computed_of_all_at_once() -> None:
    light = pieces(lambda c, x, w: (c * cl.exp(x) + c * (1 - x), None), *CXW)
    assert ["exp" in str(op.step) for op in scans(light)] == [False] and "exp" in str(light)
    assert "sub" in str(scans(light)[0].step), "what is cheap stays"


@pytest.mark.parametrize(("size", "inside"), [(10**3, 0), (10**6, 1)])
def test_no_more_is_kept_than_there_is_room_for(size: int, inside: int) -> None:
    """Of few rows, products that take a hundred times a million numbers."""
    c, x, w = parameter("c", f64(size)), parameter("x", f64(2)), parameter("w", f64(2, size))
    step = Graph("step", (c, x, w), (tanh(add(c, contract("i,ij->j", x, w))),))
    outer = parameter("c", f64(size)), parameter("xs", f64(100, 2)), parameter("w", f64(2, size))
    (op,) = scans(verify(hoist(Graph("g", outer, (Item(0)(Scan(step, 1, 1, 100)(*outer)),)))))
    assert products(op.step) == inside


def test_products_that_only_add_up_are_one_contraction() -> None:
    def step(c: Any, x: Any, w: Any) -> Any:
        h, total = c
        h = cl.tanh(h @ w + x)
        return (h, total + (h.T @ (h * x)) + cl.sin(h[0, 0])), None

    c, xs, w = CXW
    light = pieces(step, (c, w), xs, w)
    assert counts(light) == [(1, 2, 2)], "the sine adds up in the loop"
    assert products(light) == 1


def test_sums_of_what_is_there_anyway() -> None:
    def step(c: Any, x: Any, w: Any) -> Any:
        h, total, count = c
        h = cl.tanh(h + x)
        return (h, total + cl.sum(h, axis=0) + x[0] * 2, count + 1), h

    c, xs, w = CXW
    light = pieces(step, (c, c[0], np.int64(3)), xs, w)
    assert counts(light) == [(0, 2, 1)], "the state and the count"


def test_a_sum_of_products_with_weights_is_a_product_of_the_sum() -> None:
    def step(c: Any, x: Any, w: Any) -> Any:
        h, total = c
        h = cl.tanh(h + x)
        return (h, total + h @ w), None

    c, xs, w = CXW
    light = pieces(step, (c, c), xs, w)
    assert counts(light) == [(0, 1, 1)]
    (product,) = [v for v in light.values if is_product(v)]
    assert product.shape == (B, H), "of one step, not of all"


def test_a_running_sum_stays() -> None:
    assert counts(pieces(lambda c, x, w: (c + x @ w, c), *CXW)) == [(0, 1, 1)]


def test_what_is_stacked_and_not_needed_is_computed_afterwards() -> None:
    (op,) = scans(light := pieces(lambda c, x, w: (cl.tanh(c + x), cl.exp(cl.tanh(c + x) @ w[:, :2]) * 3), *CXW))
    assert products(op.step) == 0 and products(light) == 1
    assert op.step.outputs[1] is op.step.outputs[0], "the smaller thing is stacked"


@pytest.mark.parametrize("reverse", [False, True])
def test_the_carries_before_are_those_after_moved(reverse: bool) -> None:
    light = pieces(lambda c, x, w: (cl.tanh(c + x), (cl.tanh(c + x), c @ w)), *CXW, reverse=reverse)
    assert counts(light) == [(0, 1, 1)] and "concat" in str(light)


def test_what_nobody_takes_is_not_computed() -> None:
    def f(c: Any, xs: Any, w: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            a, b, still, lost = carry
            a = cl.tanh(a @ still + x)
            return (a, b @ w + lost, still, cl.sin(b + lost)), (a, a, b, x, cl.cos(a))

        (a, _, still, _), ys = cl.scan(step, (c, c, w, c), xs)
        return a, still, ys[0], ys[1], ys[3]

    light = hoisted(f, *CXW)
    (op,) = scans(light)
    assert counts(light) == [(1, 1, 1)] and len(op.step.inputs) == 3
    assert light.outputs[1] is light.inputs[2] and light.outputs[4] is light.inputs[1], "operands that are results"
    assert light.outputs[2] is light.outputs[3]


def test_operands_that_repeat_are_repeated_in_the_step() -> None:
    def f(c: Any, b: Any, w: Any) -> Any:
        xs = cl.broadcast_to(b, (T, B, H))
        return cl.scan(lambda c, x: (cl.tanh(c * x[0] + x[1] + x[2] + x[3]), None), c, (xs, xs, cl.ones((T, 1)), xs + 0))[0]

    (op,) = scans(hoisted(f, CXW[0], CXW[2][0], CXW[2]))
    assert [v.shape for v in op.step.inputs] == [(B, H), (H,)]


@pytest.mark.parametrize("n", [0, 1])
def test_short_loops(n: int) -> None:
    p, (xs,) = drawn(*RNN), drawn((n, B, D))
    light = hoisted(cl.value_and_grad(rnn), p, xs)
    assert len(scans(light)) == 2 * n
    hoisted(lambda c, xs: cl.scan(lambda c, x: (c + x, c * x), c, xs), np.ones(3), np.ones((n, 3)))


def test_loops_in_loops_and_branches() -> None:
    def f(c: Any, xs: Any, w: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            def inner(d: Any, _: Any) -> Any:
                return cl.tanh(d + x @ w + cl.exp(w @ w)[:B] * c), None

            c, _ = cl.scan(inner, c, length=2)
            return cl.cond(cl.sum(c) > 0, lambda c: cl.scan(inner, c, length=3)[0], lambda c: c, c), None

        return cl.sum(cl.scan(step, c, xs)[0])

    for g in (f, cl.value_and_grad(f, (0, 1, 2))):
        light = hoisted(g, *CXW)
        forward = scans(light)[0]
        (inner,) = scans(forward.step)
        (branch,) = [v.op for v in forward.step.values if isinstance(v.op, Switch)]
        assert products(forward.step) == 0 == products(inner.step), "before both loops"
        assert products(scans(branch.branches[1])[0].step) == 0


def test_gates_in_steps_are_opened() -> None:
    @cl.gate
    def dense(x: Any, w: Any) -> Any:
        return cl.tanh(x @ w)

    assert counts(pieces(lambda c, x, w: (cl.sin(c + dense(x, w)), None), *CXW)) == [(0, 1, 0)]
