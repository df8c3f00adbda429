"""A scan is the unrolled graph: its values, gradients, second derivatives and batches, and what it stores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.diff.reverse import pull_back
from clew.errors import TypeRuleError
from clew.gates import Gate, expand
from clew.ir import Graph, Value, f64, parameter, parse, run, show, toposort, verify
from clew.loops import Scan, Switch, While
from clew.ops.arithmetic import add, mul
from clew.ops.elementwise import filled
from clew.ops.items import Item, items
from clew.ops.trigonometric import tanh
from clew.passes import optimise
from clew.passes.merge import merge
from clew.pytree import leaves_of

from .bodies import data, looped, number, random_body, written_out

SEEDS = range(30)


def array(x: Any) -> Any:
    return x.numpy() if isinstance(x, cl.Tensor) else np.asarray(x)


def close(actual: Any, expected: Any, scale: float = 1.0) -> None:
    for a, e in zip(leaves_of(actual), leaves_of(expected), strict=True):
        np.testing.assert_allclose(array(a), array(e), rtol=1e-11, atol=1e-12 * scale)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("reverse", [False, True])
def test_values_and_gradients(seed: int, reverse: bool) -> None:
    rng = np.random.default_rng(seed)
    body, (init, xs, weights) = random_body(rng), data(rng, int(rng.integers(1, 6)))
    close(looped(body, init, xs, weights, reverse), written_out(body, init, xs, weights, reverse))
    loop = cl.value_and_grad(lambda *p: number(looped(body, *p, reverse)), (0, 1, 2))(init, xs, weights)
    plain = cl.value_and_grad(lambda *p: number(written_out(body, *p, reverse)), (0, 1, 2))(init, xs, weights)
    close(loop, plain)


@pytest.mark.parametrize("seed", SEEDS)
def test_forward_mode_and_second_derivatives(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    body, point = random_body(rng), data(rng, int(rng.integers(1, 5)))
    tangents = cl.pytree.tree_map(lambda x: np.asarray(rng.uniform(-1, 1, np.shape(x)))[()], point)

    def f(*p: Any) -> Any:
        return number(looped(body, *p))

    def g(*p: Any) -> Any:
        return number(written_out(body, *p))

    close(cl.jvp(f, point, tangents), cl.jvp(g, point, tangents))
    close(cl.hvp(f, point, tangents), cl.hvp(g, point, tangents), 10)  # forward over reverse

    def along(h: Any) -> Any:
        return lambda *p: cl.jvp(h, p, tangents)[1]

    close(cl.grad(along(f), (0, 1, 2))(*point), cl.grad(along(g), (0, 1, 2))(*point), 10)  # reverse over forward

    def squared(h: Any) -> Any:
        return lambda *p: sum(cl.sum(x * x) for x in leaves_of(cl.grad(h, (0, 1, 2))(*p)))

    close(cl.grad(squared(f), (0, 1, 2))(*point), cl.grad(squared(g), (0, 1, 2))(*point), 100)  # reverse over reverse


@pytest.mark.parametrize("seed", range(12))
def test_batches(seed: int) -> None:
    """Of every choice of batched operands, values and gradients."""
    rng = np.random.default_rng(200 + seed)
    body = random_body(rng)
    n, size = int(rng.integers(1, 4)), 3
    many = [data(rng, n) for _ in range(size)]
    for flags in ((0, None, None), (None, 0, None), (None, None, 0), (0, 0, None), (0, 0, 0)):
        given = [
            many[0][k] if axis is None else cl.pytree.tree_map(lambda *x: np.stack(x), *(m[k] for m in many))
            for k, axis in enumerate(flags)
        ]
        alone = [[many[0][k] if axis is None else many[e][k] for k, axis in enumerate(flags)] for e in range(size)]

        def f(*p: Any) -> Any:
            return number(looped(body, *p))

        def gradients(*p: Any) -> Any:
            return cl.value_and_grad(f, (0, 1, 2))(*p)

        batched = cl.vmap(gradients, in_axes=flags)(*given)
        expected = [gradients(*p) for p in alone]
        close(batched, cl.pytree.tree_map(lambda *x: cl.stack(list(x)), *expected))

        batch = cl.vmap(f, in_axes=flags)
        summed = cl.grad(lambda *p, batch=batch: cl.sum(batch(*p)), (0, 1, 2))(*given)  # the gradient of a batch
        slopes = [e[1] for e in expected]
        for k, axis in enumerate(flags):
            combine = (lambda *x: cl.stack(list(x))) if axis == 0 else lambda *x: sum(x[1:], x[0])
            close(summed[k], cl.pytree.tree_map(combine, *(s[k] for s in slopes)), 10)


@pytest.mark.parametrize("n", [0, 1])
def test_short_scans(n: int) -> None:
    def f(c: Any, xs: Any) -> Any:
        last, ys = cl.scan(lambda c, x: (c * x, c + x), c, xs)
        return last + cl.sum(ys)

    xs = np.full(n, 2.0)
    slope, rows = cl.grad(f, (0, 1))(np.float64(3.0), xs)
    assert slope.item() == 1.0 + 2.0 * n and rows.tolist() == [4.0] * n
    assert cl.grad(cl.grad(f))(np.float64(3.0), xs).item() == 0.0


def test_eager_backward_through_variables() -> None:
    w, h = cl.variable(np.array([[0.5, 0.1], [0.2, -0.3]]), name="w"), cl.variable(np.array([1.0, -1.0]), name="h")

    def loss(written: bool) -> Any:
        def body(carry: Any, x: Any, _: Any) -> Any:
            new = cl.tanh(carry @ w + x)
            return new, new

        run_it = written_out if written else looped
        last, ys = run_it(body, h, np.ones((4, 2)), None)
        return cl.sum(last) + cl.sum(ys * ys)

    loss(False).backward()
    found = w.grad.numpy().copy(), h.grad.numpy().copy()
    loss(True).backward()
    np.testing.assert_allclose(found[0], w.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(found[1], h.grad.numpy(), rtol=1e-12)


def rnn(w: Value, h0: Value, xs: Value) -> tuple[Value, Value]:
    """``h = tanh(h * w + x)``, stacked."""
    h, x, weight = parameter("h", f64(2)), parameter("x", f64(2)), parameter("w", f64(2))
    new = tanh(add(mul(h, weight), x))
    loop = Scan(Graph("cell", (h, x, weight), (new, new)), 1, 1, xs.shape[0])
    last, ys = items(loop(h0, xs, w))
    return last, ys


def test_text_and_verification_of_the_gradient() -> None:
    w, h0, xs = parameter("w", f64(2)), parameter("h0", f64(2)), parameter("xs", f64(3, 2))
    last, ys = rnn(w, h0, xs)
    graph = verify(Graph("rnn", (w, h0, xs), (last, ys)))
    found = pull_back({last: filled(1, last.type), ys: ys})
    gradient = verify(Graph("gradient", (w, h0, xs), (found[w], found[h0], found[xs])))
    ops = {op.opcode: op for op in (Scan, Item, type(tanh), type(add), type(mul), While, Switch, Gate)}
    names = {v.op.opcode: type(v.op) for g in (gradient,) for v in toposort(every(g)) if v.op is not None}
    for g in (graph, gradient, merge(gradient), optimise(gradient)):
        text = show(verify(g), None)
        assert show(parse(text, ops | names), None) == text
    data = np.array([0.5, -0.5]), np.array([0.1, 0.2]), np.ones((3, 2))
    for a, b in zip(run(gradient, *data), run(merge(gradient), *data), strict=True):
        np.testing.assert_array_equal(a, b)
    assert expand(graph).outputs == graph.outputs


def every(graph: Graph) -> list[Value]:
    """The outputs of a graph and of all graphs that its ops hold."""
    found = list(graph.outputs)
    for v in graph.values:
        if v.op is not None:
            for held in v.op.graphs.values():
                found += every(held)
    return found


def test_no_loop_is_run_twice_after_merging() -> None:
    w, h0, xs = parameter("w", f64(2)), parameter("h0", f64(2)), parameter("xs", f64(3, 2))
    h, x = parameter("h", f64(2)), parameter("x", f64(2))
    weight = parameter("w", f64(2))
    loop = Scan(Graph("cell", (h, x, weight), (tanh(add(mul(h, weight), x)),)), 1, 1, 3)  # saves, for nothing is stacked
    (last,) = items(loop(h0, xs, w))
    found = pull_back({last: filled(1, last.type)})
    both = Graph("both", (w, h0, xs), (last, found[w]))

    def forward_loops(graph: Graph) -> int:
        return sum(isinstance(v.op, Scan) and not v.op.reverse for v in graph.values)

    assert forward_loops(both) == 2 and forward_loops(merge(both)) == 1
    data = np.array([0.5, -0.5]), np.array([0.1, 0.2]), np.ones((3, 2))
    for a, b in zip(run(both, *data), run(merge(both), *data), strict=True):
        np.testing.assert_array_equal(a, b)


# --- what is stored


def saved_bytes(y: Any) -> int:
    (loop,) = [v for v in toposort([y.value]) if isinstance(v.op, Scan)]
    return int(loop.data.saved.nbytes)


def test_what_a_scan_saves() -> None:
    n, size = 100, 8
    w = cl.variable(np.full((size, size), 0.1), name="w")
    xs, h0 = np.ones((n, size)), np.zeros(size)
    row = 8 * size

    def total(step: Any) -> Any:
        last, ys = cl.scan(step, h0, xs)
        return cl.sum(last) if ys is None else cl.sum(last) + cl.sum(ys)

    def stacked(h: Any, x: Any) -> Any:
        h = cl.tanh(h @ w + x)
        return h, h

    assert saved_bytes(total(stacked)) == 0, "the way back reads the ys themselves, and the carries are these, one row before"
    assert saved_bytes(total(lambda h, x: (cl.tanh(h @ w + x), None))) == n * row, "the carries"
    assert saved_bytes(total(lambda h, x: (h * 0.5 + x @ w, None))) == 0, "linear: the scanned rows are there anyway"
    assert saved_bytes(total(lambda h, x: (h + cl.exp(cl.sum(x * w)), None))) == 8 * n, "of a broadcast number, the number"
    inside = cl.checkpoint(lambda h, x, w: cl.tanh(cl.sin(cl.exp(h @ w + x))))
    kept = saved_bytes(total(lambda h, x: (cl.tanh(cl.sin(cl.exp(h @ w + x))), None)))
    again = saved_bytes(total(lambda h, x: (inside(h, x, w), None)))
    assert (again, kept) == (n * row, 2 * n * row), "inside a checkpoint nothing: the carry; else the exponential, and the tanh"
    with cl.no_grad():
        y, _ = cl.scan(stacked, h0, xs)
        assert not y.tracked


def test_a_gradient_reads_no_loop_twice_in_eager_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[bool] = []
    reference = Scan.reference

    def counted(self: Scan, *operands: Any) -> Any:
        runs.append(self.reverse)
        return reference(self, *operands)

    monkeypatch.setattr(Scan, "reference", counted)
    cl.grad(lambda x: cl.scan(lambda c, _: (cl.sin(c * x), None), x, length=5)[0])(0.5)
    assert runs == [False, True], "once forward, once back"


# --- nesting


def test_nested_loops_and_gates() -> None:
    @cl.gate
    def squash(x: Any) -> Any:
        s = 1 / (1 + cl.exp(-x))
        return s, lambda g: g * s * (1 - s)

    def inner(c: Any, x: Any, loops: bool) -> Any:
        def step(c: Any, _: Any) -> Any:
            return squash(c * x), c

        if loops:
            return cl.scan(step, c, length=3)
        c, ys = c, []
        for _ in range(3):
            c, y = step(c, None)
            ys.append(y)
        return c, cl.stack(ys)

    def branch(c: Any, loops: bool) -> Any:
        if loops:
            return cl.cond(c > 0.55, lambda c: c * c, lambda c: cl.sin(c), c)
        return cl.where(c > 0.55, c * c, cl.sin(c))

    def halve(c: Any, loops: bool) -> Any:
        if loops:
            return cl.while_loop(lambda v: v > 0.3, lambda v: v * 0.5, c)
        with cl.no_grad():
            steps = 0
            v = float(cl.asarray(c).detach().item())
            while v > 0.3:
                v, steps = v * 0.5, steps + 1
        return c * 0.5**steps

    def f(c: Any, xs: Any, loops: bool) -> Any:
        def step(c: Any, x: Any) -> Any:
            c, ys = inner(c, x, loops)
            c = branch(c, loops) + 0.1
            c = halve(c, loops) + 0.4
            return c, cl.sum(ys * ys)

        if loops:
            c, ys = cl.scan(step, c, xs)
        else:
            rows = []
            for k in range(len(xs)):
                c, y = step(c, xs[k])
                rows.append(y)
            ys = cl.stack(rows)
        return c + cl.sum(ys)

    point = np.float64(0.3), np.array([0.5, -1.0, 2.0, 0.7])
    loop, plain = ((lambda *p, flag=flag: f(*p, flag)) for flag in (True, False))
    close(cl.value_and_grad(loop, (0, 1))(*point), cl.value_and_grad(plain, (0, 1))(*point))
    close(cl.hessian(loop, (0, 1))(*point), cl.hessian(plain, (0, 1))(*point), 10)
    cl.check_gradients(loop, *point)


def test_a_step_of_other_types_is_refused() -> None:
    h, x = parameter("h", f64(2)), parameter("x", f64(2))
    loop = Scan(Graph("cell", (h, x), (add(h, x),)), 1, 1, 3)
    with pytest.raises(TypeRuleError) as caught:
        loop(parameter("h", f64(2)), parameter("xs", f64(4, 2)))
    assert str(caught.value).startswith("scan(f64[2], f64[4,2]): its step was made for (f64[2], f64[3,2])")
