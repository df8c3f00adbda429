"""Branches: only the chosen one runs; in a batch each example takes its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import TypeRuleError
from clew.ir import DTYPES, Graph, Type, f64, parameter, parse, show, verify
from clew.loops import Switch
from clew.ops.arithmetic import mul, neg
from clew.ops.items import Item, items

BRANCHES = [cl.sin, lambda x: x * x * x, lambda x: 2.0 / x]


def chosen(k: Any, x: Any) -> Any:
    return cl.switch(k, BRANCHES, x)


@pytest.mark.parametrize("k", [0, 1, 2, -3, 9])
def test_values_and_derivatives(k: int) -> None:
    f = BRANCHES[min(max(k, 0), 2)]
    x = np.float64(0.7)
    assert chosen(k, x).item() == f(cl.asarray(x)).item()
    assert cl.grad(chosen, 1)(k, x).item() == pytest.approx(cl.grad(f)(x).item(), rel=1e-14)
    assert cl.jvp(lambda x: chosen(k, x), (x,), (2.0,))[1].item() == pytest.approx(2 * cl.grad(f)(x).item(), rel=1e-14)
    assert cl.hessian(chosen, 1)(k, x).item() == pytest.approx(cl.hessian(f)(x).item(), rel=1e-13)
    cl.check_gradients(lambda x: chosen(k, x), x)


def test_batches_of_indices_and_of_operands() -> None:
    ks, xs = np.array([0, 1, 2, 7, -1]), np.array([0.5, -1.0, 2.0, 3.0, 0.1])
    alone = [chosen(int(k), x).item() for k, x in zip(ks, xs, strict=True)]
    slopes = [cl.grad(chosen, 1)(int(k), x).item() for k, x in zip(ks, xs, strict=True)]
    np.testing.assert_allclose(cl.vmap(chosen)(ks, xs).numpy(), alone, rtol=1e-14)
    np.testing.assert_allclose(cl.vmap(cl.grad(chosen, 1))(ks, xs).numpy(), slopes, rtol=1e-14)
    np.testing.assert_allclose(cl.grad(lambda xs: cl.sum(cl.vmap(chosen)(ks, xs)))(xs).numpy(), slopes, rtol=1e-14)
    np.testing.assert_allclose(cl.vmap(chosen, in_axes=(None, 0))(1, xs).numpy(), xs**3, rtol=1e-14)
    np.testing.assert_allclose(
        cl.vmap(chosen, in_axes=(0, None))(ks, 0.5).numpy(), np.array([np.sin(0.5), 0.125, 4, 4, np.sin(0.5)]), rtol=1e-6
    )


def test_the_branch_not_taken_leaks_nothing() -> None:
    def f(x: Any) -> Any:
        return cl.cond(x > 0, lambda x: cl.sqrt(x), lambda x: x * 0.0, x)

    xs = np.array([4.0, -1.0, 0.0])
    np.testing.assert_array_equal(cl.vmap(cl.grad(f))(xs).numpy(), [0.25, 0.0, 0.0])
    assert [cl.grad(f)(x).item() for x in xs] == [0.25, 0.0, 0.0]


def test_only_the_chosen_branch_runs() -> None:
    ran: list[str] = []
    graphs = []
    for name, op in (("first", neg), ("second", mul)):
        x = parameter("x", f64())
        graphs.append(Graph(name, (x,), (op(x, x) if op is mul else op(x),)))
    switch = Switch(tuple(graphs))
    for graph in graphs:
        program = graph.program
        graph.__dict__["program"] = lambda inputs, graph=graph, program=program: ran.append(graph.name) or program(inputs)
    assert switch(np.int64(1), np.float64(3.0)) == (9.0,) and ran == ["second"]


def test_text_and_types() -> None:
    index, x = parameter("index", Type(DTYPES["i64"], ())), parameter("x", f64())
    a, b = parameter("a", f64()), parameter("b", f64())
    switch = Switch((Graph("minus", (a,), (neg(a),)), Graph("square", (b,), (mul(b, b),))))
    graph = verify(Graph("g", (index, x), items(switch(index, x))))
    text = show(graph)
    assert "= switch(index, x, branches=(@minus, @square))" in text
    assert show(parse(text, {op.opcode: op for op in (Switch, Item, type(neg), type(mul))})) == text
    with pytest.raises(TypeRuleError, match=r"the index must be i64\[\]"):
        switch(x, x)
    with pytest.raises(TypeRuleError, match=r"its branches were made for \(f64\[\]\)"):
        switch(index, parameter("x", f64(2)))
    c = parameter("c", f64())
    with pytest.raises(TypeRuleError, match=r"branch 0 returns \(f64\[\]\), branch 1 returns \(f64\[\], f64\[\]\)"):
        Switch((Graph("one", (a,), (a,)), Graph("two", (c,), (c, c))))(index, x)
