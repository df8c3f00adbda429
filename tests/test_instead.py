"""Python's control flow on traced values: the error shows the line, and the form to use written out for it."""

from __future__ import annotations

from typing import Any

import pytest

import clew as cl
from clew.errors import ConcretizationError


def told(f: Any, *args: Any) -> str:
    with pytest.raises(ConcretizationError) as caught:
        cl.trace(f)(*args)
    return str(caught.value)


def chooses(x: Any) -> Any:
    if x > 0:  # noqa: SIM108 - the long form is what is tested
        y = x * 2
    else:
        y = -cl.sin(x)
    return y


def returns(x: Any, limit: Any) -> Any:
    if x > limit:
        return limit
    else:  # noqa: RET505 - likewise
        return x


def only_if(x: Any) -> Any:
    if x > 0:
        x = x / 2
    return x


def long_branches(x: Any) -> Any:
    if x > 0:
        y = x + 1
        z = y * y
    else:
        y, z = x, x
    return y + z


def halves(x: Any) -> Any:
    n = 0
    while cl.sum(x) > 1:
        x = x / 2
        n = n + 1
    return x, n


def adds(xs: Any) -> Any:
    total = 0.0
    for row in xs:
        total = total + row
    return total


def products(xs: Any, ys: Any) -> Any:
    total = 0.0
    for x, y in zip(xs, ys, strict=True):
        total = total + x * y
    return total


def counts(n: Any, x: Any) -> Any:
    for i in range(2, n):
        x = x * i
    return x


def test_an_assignment_by_condition() -> None:
    text = told(chooses, 1.0)
    assert "if x > 0:" in text and "  at test_instead.py:" in text
    assert text.endswith("write\n    y = cl.cond(x > 0, lambda x: x * 2, lambda x: -cl.sin(x), x)")


def test_a_return_by_condition() -> None:
    assert told(returns, 1.0, 2.0).endswith(
        "    return cl.cond(x > limit, lambda limit, x: limit, lambda limit, x: x, limit, x)"
    )


def test_an_assignment_or_nothing() -> None:
    assert told(only_if, 1.0).endswith("    x = cl.cond(x > 0, lambda x: x / 2, lambda x: x, x)")


def test_long_branches_are_functions() -> None:
    assert told(long_branches, 1.0).endswith(
        "write both branches as functions that return (y, z), and\n    y, z = cl.cond(x > 0, then, otherwise, ...)\n"
        "or choose element by element with cl.where(x > 0, ..., ...)"
    )


def test_a_conditional_expression() -> None:
    def magnitude(x: Any) -> Any:
        return x if x > 0 else -x

    assert told(magnitude, 1.0).endswith("write cl.where(x > 0, x, -x), or cl.cond, which runs only one of them")


def test_while() -> None:
    assert told(halves, cl.ones(3)).endswith(
        "write\n    def body(state):\n        (x, n) = state\n        ...\n        return (x, n)\n"
        "    (x, n) = cl.while_loop(lambda state: cl.sum(state[0]) > 1, body, (x, n))"
    )


def test_a_loop_over_a_traced_tensor() -> None:
    text = told(adds, cl.ones(3))
    assert text.startswith(
        "a Python loop over xs: f32[3], which is traced, would write out every step of it in the graph\n  at "
    )
    assert text.endswith(
        "write\n    def body(state, row):\n        total = state\n        ...\n        return total, None\n"
        "    total, _ = cl.scan(body, total, xs)\nor, to write every step out in the graph, loop over cl.unstack of it"
    )
    assert "cl.scan(body, total, (xs, ys))" in told(products, cl.ones(3), cl.ones(3))


def test_a_loop_over_a_traced_range() -> None:
    assert told(counts, cl.asarray(3), 1.0).endswith("    x = cl.fori_loop(2, n, body, x)")


def test_unpacking_and_unstacking_write_out() -> None:
    def f(xs: Any) -> Any:
        a, b = xs
        total = a * b
        for row in cl.unstack(xs):
            total = total + row
        return total

    assert cl.trace(f)(cl.ones(2)).text.count("slice(") == 4
    assert cl.grad(f)([1.0, 2.0][0:2] and cl.asarray([1.0, 2.0])).tolist() == [3.0, 2.0]


def test_the_forms_do_what_the_statements_do() -> None:
    for x in (1.5, -0.5):
        assert cl.cond(x > 0, lambda x: x * 2, lambda x: -cl.sin(x), x).item() == pytest.approx(float(chooses(cl.asarray(x))))

    def body(state: Any) -> Any:
        (x, n) = state
        return (x / 2, n + 1)

    x, n = cl.ones(3), 0
    (y, m) = cl.while_loop(lambda state: cl.sum(state[0]) > 1, body, (x, n))
    expected, count = halves(x)
    assert y.tolist() == expected.tolist() and m.item() == count


def test_without_source_the_general_advice() -> None:
    space: dict[str, Any] = {}
    exec("def f(x):\n    if x > 0:\n        return x\n    return -x\n", space)
    assert told(space["f"], 1.0).endswith("keep it a tensor (cl.where chooses by a condition), or compute it outside")
