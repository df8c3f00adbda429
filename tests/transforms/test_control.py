"""scan, fori_loop, while_loop, cond, switch, map and associative_scan as users call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import clew as cl
from clew.errors import ClewError, TypeRuleError, UsageError


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclass
class Point:
    x: Any
    y: Any


def told(f: Any) -> str:
    with pytest.raises(ClewError) as caught:
        f()
    return str(caught.value).split("\n  at ")[0]


# --- containers


def test_carries_and_rows_are_containers() -> None:
    init = {"p": Point(0.0, cl.zeros(2)), "q": Pair(1.0, None)}
    xs = [cl.asarray([1.0, 2.0, 3.0]), (cl.ones((3, 2)),)]

    def f(c: Any, x: Any) -> Any:
        p, q = c["p"], c["q"]
        new = {"p": Point(p.x + x[0], p.y + x[1][0]), "q": Pair(q.a * 2, None)}
        return new, Pair(p.x, {"q": q.a})

    last, ys = cl.scan(f, init, xs)
    assert (last["p"].x.item(), last["p"].y.tolist(), last["q"].a.item(), last["q"].b) == (6.0, [3.0, 3.0], 8.0, None)
    assert isinstance(ys, Pair) and ys.a.tolist() == [0.0, 1.0, 3.0] and ys.b["q"].tolist() == [1.0, 2.0, 4.0]


def test_no_carry_no_rows_no_results() -> None:
    assert cl.scan(lambda c, x: (c, x * 2), None, cl.asarray([1.0, 2.0]))[1].tolist() == [2.0, 4.0]
    assert cl.scan(lambda c, _: (c + 1, None), 0, length=4)[0].item() == 4
    assert cl.scan(lambda c, _: (None, None), None, length=4) == (None, None)


def test_a_python_number_takes_the_dtype_that_a_step_gives_it() -> None:
    last, _ = cl.scan(lambda c, x: (c + x, None), 0, np.ones(3))
    assert last.dtype == np.float64 and last.item() == 3.0
    assert cl.while_loop(lambda s: s < 3, lambda s: s + np.float64(1.5), 0.0).dtype == np.float64
    assert cl.fori_loop(0, 3, lambda i, s: s + i, 0).dtype == np.int64


# --- unrolling


@pytest.mark.parametrize("n", [0, 1, 2, 5, 6, 7])
@pytest.mark.parametrize("unroll", [1, 2, 3, 10, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_unrolled_steps_are_the_same_steps(n: int, unroll: int | bool, reverse: bool) -> None:
    xs = np.linspace(-1, 1, n), np.arange(2 * n).reshape(n, 2) / 7

    def f(c: Any, x: Any) -> Any:
        a, b = x
        new = cl.sin(c * a) + cl.sum(b)
        return new, {"new": new, "both": b * c}

    def total(c: Any, xs: Any, **options: Any) -> Any:
        last, ys = cl.scan(f, c, xs, reverse=reverse, **options)
        parts = cl.pytree.leaves_of(ys)
        return last * 2 + sum((cl.sum(y * y) for y in parts), start=0.0)

    c = np.float64(0.3)
    plain, slopes = cl.value_and_grad(total, (0, 1))(c, xs)
    value, found = cl.value_and_grad(lambda c, xs: total(c, xs, unroll=unroll), (0, 1))(c, xs)
    assert value.item() == pytest.approx(plain.item(), rel=1e-13)
    for a, b in zip(cl.pytree.leaves_of(found), cl.pytree.leaves_of(slopes), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-14)


def test_unrolled_there_is_no_loop() -> None:
    def f(unroll: Any) -> str:
        return cl.trace(lambda x: cl.scan(lambda c, _: (c * x, None), 1.0, length=3, unroll=unroll)[0])(2.0).text

    assert "scan(" in f(1) and "scan(" not in f(True) and f(True).count("mul(") == 3


# --- what comes from outside


def test_what_comes_from_outside_is_shared_by_all_steps() -> None:
    w, unused = cl.variable(2.0, name="w"), cl.variable(1.0, name="unused")
    y, _ = cl.scan(lambda c, x: (c * cl.exp(w) * x, None), 1.0, cl.asarray([1.0, 2.0]))
    text = y.graph().text
    assert text.count("exp(") == 1 and "free0" in text, "what needs no step is computed once, outside"
    (y + 0 * unused).backward()
    assert w.grad.item() == pytest.approx(2 * 2 * np.exp(4.0), rel=1e-6)


def test_under_no_grad_nothing_is_recorded() -> None:
    w = cl.variable(2.0)
    with cl.no_grad():
        assert not cl.scan(lambda c, _: (c * w, None), 1.0, length=2)[0].tracked
        assert not cl.cond(cl.asarray(True), lambda: w * 2, lambda: w).tracked


def test_a_loop_inside_a_gate_and_a_trace() -> None:
    @cl.gate
    def power(x: Any) -> Any:
        return cl.scan(lambda c, _: (c * x, None), 1.0, length=3)[0]

    assert cl.grad(power)(2.0).item() == 12.0
    view = cl.trace(power)(2.0)
    assert "gate(" in view.text and "scan(" in view.text and "scan(" in view.open().text


def test_random_numbers_of_one_key_are_the_same_in_each_step() -> None:
    _, ys = cl.scan(lambda c, _: (c, cl.random.uniform(key=3)), 0.0, length=3)
    assert len(set(ys.tolist())) == 1
    _, ys = cl.scan(
        lambda key, _: (cl.random.split(key)[0], cl.random.uniform(key=cl.random.split(key)[1])), cl.random.key(3), length=3
    )
    assert len(set(ys.tolist())) == 3


# --- the others


def test_fori_loop() -> None:
    assert cl.fori_loop(2, 5, lambda i, s: s * i, 1).item() == 24
    assert cl.fori_loop(5, 2, lambda i, s: s * i, 1).item() == 1
    assert cl.grad(lambda x: cl.fori_loop(0, 3, lambda i, s: s * x + i, 1.0))(2.0).item() == 3 * 4 + 1
    traced = cl.trace(lambda n: cl.fori_loop(0, n, lambda i, s: s + i, 0))(cl.asarray(4))
    assert "while(" in traced.text and traced.values[traced.graph.outputs[0]] == 6
    assert "scan(" in cl.trace(lambda x: cl.fori_loop(0, 4, lambda i, s: s + x, 0.0))(1.0).text


def test_map() -> None:
    xs = np.arange(6.0).reshape(3, 2)
    assert cl.map(lambda x: {"sum": cl.sum(x)}, xs)["sum"].tolist() == [1.0, 5.0, 9.0]
    np.testing.assert_array_equal(cl.grad(lambda xs: cl.sum(cl.map(cl.square, xs)))(xs).numpy(), 2 * xs)


def test_cond_on_a_traced_predicate() -> None:
    def f(x: Any) -> Any:
        return cl.cond(cl.sum(x) > 0, lambda x: (x * 2, 1.0), lambda x: (-x, 0.0), x)

    view = cl.trace(f)(np.ones(2))
    assert "switch(" in view.text and [view.values[v].tolist() for v in view.graph.outputs] == [[2.0, 2.0], 1.0]
    assert cl.grad(lambda x: cl.sum(f(x)[0]))(np.array([-1.0, 0.5])).tolist() == [-1.0, -1.0]


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(n: int, reverse: bool, rng: np.random.Generator) -> None:
    """Affine maps under composition: associative, and not commutative."""
    a, b = rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, (n, 2))

    def compose(first: Any, then: Any) -> Any:
        return then[0] * first[0], then[0] * first[1] + then[1]

    order = list(range(n))[::-1] if reverse else list(range(n))
    expected: list[Any] = [None] * n
    total = None
    for k in order:
        total = (a[k], b[k]) if total is None else compose(total, (a[k], b[k]))
        expected[k] = total
    found = cl.associative_scan(compose, (a, b), reverse=reverse)
    for part in range(2):
        np.testing.assert_allclose(found[part].numpy(), [e[part] for e in expected], rtol=1e-13)
    across = cl.associative_scan(compose, (a.T, b.T), axis=-1, reverse=reverse)
    np.testing.assert_allclose(across[1].numpy(), found[1].numpy().T, rtol=1e-15)
    cl.check_gradients(lambda a, b: cl.associative_scan(compose, (a, b), reverse=reverse)[1], a, b, order=1)


# --- wrong use


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (
            lambda: cl.scan(lambda c, x: c, 0.0, cl.ones(3)),
            "scan: <lambda> must return a pair (carry, y), it returned Tensor(f32[], name='c')",
        ),
        (lambda: cl.scan(lambda c, x: (c, x), 0.0), "scan: without xs, length says how many steps there are"),
        (
            lambda: cl.scan(lambda c, x: (c, x), 0.0, (cl.ones(3), cl.ones(4))),
            "scan: the first axes must be equal; xs are (xs[0]: f32[3], xs[1]: f32[4])",
        ),
        (
            lambda: cl.scan(lambda c, x: (c, x), 0.0, cl.ones(3), 2),
            "scan: the first axes must be equal; xs are (xs: f32[3]), and length=2",
        ),
        (
            lambda: cl.scan(lambda c, x: (c, x), 0.0, {"a": cl.asarray(1.0)}),
            "scan: every array in xs needs a first axis to go along; they are (xs['a']: f32[])",
        ),
        (
            lambda: cl.scan(lambda c, x: ((c, c), x), cl.ones(2), cl.ones(3)),
            (
                "scan: the carry must keep its structure; <lambda> was given one with the leaves (itself) and returned one "
                "with ([0], [1])"
            ),
        ),
        (
            lambda: cl.scan(lambda c, x: ({"h": c["h"] * np.float64(1) + np.ones(2)}, x), {"h": cl.ones(2)}, cl.ones(3)),
            (
                "scan: <lambda> was given the carry['h'] as f32[2] and returned f64[2]; start with f64[2], or cast what is "
                "returned"
            ),
        ),
        (
            lambda: cl.scan(lambda c, x: (cl.concat([c, c]), x), cl.ones(2), cl.ones(3)),
            "scan: <lambda> was given the carry as f32[2] and returned f32[4]; a carry keeps its shape",
        ),
        (lambda: cl.scan(lambda c, x: (c, x), 0.0, cl.ones(3), unroll=0), "scan: unroll=0 is no number of steps to write out"),
        (
            lambda: cl.while_loop(lambda s: s, lambda s: s, 1.0),
            "while_loop: <lambda> must be one boolean, it is f32[]; compare, or use cl.any or cl.all",
        ),
        (
            lambda: cl.while_loop(lambda s: s > 0, lambda s: s, cl.ones(2)),
            "while_loop: <lambda> must be one boolean, it is bool[2]; compare, or use cl.any or cl.all",
        ),
        (
            lambda: cl.while_loop(lambda s: True, lambda s: s, None),
            "while_loop: the state holds no array that could change the condition",
        ),
        (
            lambda: cl.cond(cl.asarray(1.0), lambda: 1.0, lambda: 2.0),
            "cond: the predicate must be one boolean, it is f32[]; compare, or use cl.any or cl.all",
        ),
        (
            lambda: cl.cond(cl.asarray(True), lambda x: x, lambda x: (x, x), 1.0),
            (
                "cond: the branches must return the same structure and types; <lambda> returns ([0]: f32[], [1]: f32[]), "
                "<lambda> returns (result: f32[])"
            ),
        ),
        (lambda: cl.switch(1.0, [cl.sin]), "switch: the index must be an integer, it is f32[]"),
        (lambda: cl.switch(1, []), "switch: there are no branches to choose from"),
        (lambda: cl.fori_loop(0, 2.5, lambda i, s: s, 0.0), "fori_loop: upper must be an integer, it is f32[]"),
        (
            lambda: cl.associative_scan(cl.add, (cl.ones(3), cl.ones(4))),
            "associative_scan: xs differ along axis 0: ([0]: f32[3], [1]: f32[4])",
        ),
        (
            lambda: cl.associative_scan(lambda a, b: (a, b), cl.ones(3)),
            "associative_scan: <lambda> must return a container like xs",
        ),
    ],
)
def test_errors(f: Any, text: str) -> None:
    assert told(f) == text


def test_errors_name_the_users_line() -> None:
    with pytest.raises(
        TypeRuleError, match=r"at test_control.py:\d+: cl.scan\(lambda c, x: \(c, x\), cl.ones\(2\), cl.asarray\(1.0\)\)"
    ):
        cl.scan(lambda c, x: (c, x), cl.ones(2), cl.asarray(1.0))
    with pytest.raises(UsageError, match=r"at test_control.py:\d+: cl.switch\(0, \[\]\)"):
        cl.switch(0, [])
