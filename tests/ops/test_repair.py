"""Unstable patterns become stable values, in value and in gradient, and say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clew.diff.reverse import known, pull_back
from clew.ir import DTYPES, Type, Value, constant, parameter
from clew.ops.arithmetic import add, div, mul, neg, reciprocal, sub
from clew.ops.broadcast import broadcast, sum
from clew.ops.elementwise import Elementwise
from clew.ops.exponential import exp, log, log1p, logaddexp, sigmoid, softplus, xlogy
from clew.ops.movement import reshape, slice
from clew.ops.reductions import logsumexp, max
from clew.ops.repair import RULES
from clew.ops.rounding import identity

Function = Callable[[Value], Value]


def softmax(x: Any) -> Any:
    e = exp(x)
    return div(e, broadcast(sum(e, (0,)), (0,), x.shape))


def shifted_softmax(x: Any) -> Any:
    return softmax(sub(x, broadcast(max(x, (0,)), (0,), x.shape)))


def kept_softmax(x: Any) -> Any:
    """As an array layer writes it: the summed axis is kept, with size one, then broadcast."""
    e = exp(x)
    return div(e, broadcast(reshape(reshape(sum(e, (0,)), (1,)), ()), (0,), x.shape))


CASES: list[tuple[str, Function, list[float], list[float], list[float]]] = [
    # the pattern, where, its value, and the gradient of its sum
    ("log(1 + exp)", lambda x: log(add(1.0, exp(x))), [1000.0, -1000.0], [1000.0, 0.0], [1.0, 0.0]),
    ("log(exp + 1)", lambda x: log(add(exp(x), 1.0)), [1000.0, 0.0], [1000.0, np.log(2)], [1.0, 0.5]),
    ("log1p(exp)", lambda x: log1p(exp(x)), [1000.0], [1000.0], [1.0]),
    ("log(sigmoid)", lambda x: log(sigmoid(x)), [-1000.0, 1000.0], [-1000.0, 0.0], [1.0, 0.0]),
    ("log(1 - sigmoid)", lambda x: log(sub(1.0, sigmoid(x))), [1000.0, -1000.0], [-1000.0, 0.0], [-1.0, 0.0]),
    ("log(1 - 1 / (1 + exp(-x)))", lambda x: log(sub(1.0, div(1.0, add(1.0, exp(neg(x)))))), [1000.0], [-1000.0], [-1.0]),
    ("log(1 - 1 / (1 + exp(x)))", lambda x: log(sub(1.0, reciprocal(add(exp(x), 1.0)))), [-1000.0], [-1000.0], [1.0]),
    ("log1p(-sigmoid)", lambda x: log1p(neg(sigmoid(x))), [1000.0], [-1000.0], [-1.0]),
    ("log(1 / (1 + exp(-x)))", lambda x: log(div(1.0, add(1.0, exp(neg(x))))), [-1000.0], [-1000.0], [1.0]),
    ("log(reciprocal)", lambda x: log(reciprocal(add(1.0, exp(neg(x))))), [-1000.0], [-1000.0], [1.0]),
    ("log(exp)", lambda x: log(exp(x)), [1000.0, -1000.0], [1000.0, -1000.0], [1.0, 1.0]),
    ("log(exp + exp)", lambda x: log(add(exp(x), exp(add(x, 1.0)))), [1000.0], [1001 + np.log1p(np.exp(-1))], [1.0]),
    ("log(sum(exp))", lambda x: log(sum(exp(x), (0,))), [0.0, 1000.0], [1000.0], [0.0, 1.0]),
    ("log(mean(exp))", lambda x: log(div(sum(exp(x), (0,)), 2.0)), [0.0, 1000.0], [1000 - np.log(2)], [0.0, 1.0]),
    ("log(softmax)", lambda x: slice(log(softmax(x)), (0,), (1,)), [0.0, 1000.0], [-1000.0], [1.0, -1.0]),
    ("log(softmax[0])", lambda x: log(slice(softmax(x), (0,), (1,))), [0.0, 1000.0], [-1000.0], [1.0, -1.0]),
    ("log(softmax), kept", lambda x: slice(log(kept_softmax(x)), (0,), (1,)), [0.0, 1000.0], [-1000.0], [1.0, -1.0]),
    ("log(softmax), shifted", lambda x: slice(log(shifted_softmax(x)), (0,), (1,)), [0.0, 1000.0], [-1000.0], [1.0, -1.0]),
    ("x * log(x)", lambda x: mul(x, log(x)), [0.0, 1.0], [0.0, 0.0], [0.0, 1.0]),
    ("log(x) * x", lambda x: mul(log(x), x), [0.0, 1.0], [0.0, 0.0], [0.0, 1.0]),
    ("p * log(p)", lambda x: mul(softmax(x), log(softmax(x))), [0.0, -np.inf], [0.0, 0.0], [0.0, 0.0]),
]
every_case = pytest.mark.parametrize(("f", "at", "value", "gradient"), [pytest.param(*c[1:], id=c[0]) for c in CASES])


@every_case
def test_value_and_gradient(f: Function, at: list[float], value: list[float], gradient: list[float]) -> None:
    x = parameter("x", Type(DTYPES["f64"], (len(at),)), np.array(at))
    y = f(x)
    np.testing.assert_allclose(np.reshape(y.data, -1), value, rtol=1e-15)
    by_arrays = pull_back({y: np.ones(y.shape)[()]}, known)[x]
    by_values = pull_back({y: constant(np.ones(y.shape))})[x].data
    np.testing.assert_allclose(by_arrays, gradient, rtol=1e-15)
    np.testing.assert_allclose(by_values, gradient, rtol=1e-15)


@every_case
def test_symbolic_values_are_repaired_as_known_ones_are(f: Function, at: list[float], value: Any, gradient: Any) -> None:
    type = Type(DTYPES["f64"], (len(at),))
    assert written(f(parameter("x", type))) == written(f(parameter("x", type, np.array(at))))


def written(v: Value) -> str:
    """The value as an expression, remarks included."""
    head = v.name or (str(v.op) if v.op is not None else "constant")
    inside = ", ".join(written(x) for x in v.operands)
    return f"{head}({inside})" + (f" [{v.note}]" if v.note else "")


X = parameter("x", Type(DTYPES["f32"], (2,)))


@pytest.mark.parametrize(
    ("v", "text"),
    [
        (log(add(1.0, exp(X))), "softplus(x()) [repaired: log(1 + exp(x)) is softplus(x)]"),
        (log(exp(X)), "identity(x()) [repaired: log(exp(a)) is a]"),
        (mul(X, log(X)), "xlogy(x(), x()) [repaired: x * log(x) is xlogy(x, x)]"),
        (log(sum(exp(X), (0,))), "log_sum_exp(x()) [repaired: log(sum(exp(a))) is logsumexp(a)]"),
        (
            log(softmax(X)),
            (
                "sub(x(), broadcast(log_sum_exp(x()) [repaired: log(sum(exp(a))) is logsumexp(a)])"
                " [repaired: the log of moved elements is moved, as it is repaired]) [repaired: log(exp(a) / b) is a - log(b)]"
            ),
        ),
    ],
)
def test_the_repaired_node_says_so(v: Value, text: str) -> None:
    assert written(v) == text


@pytest.mark.parametrize(
    ("v", "op"),
    [
        (log(add(X, 1.0)), log),
        (log(add(2.0, exp(X))), log),
        (log(sub(2.0, sigmoid(X))), log),
        (log(div(X, exp(X))), log),
        (log(sum(X, (0,))), log),
        (log(broadcast(X, (0,), (3,))), log),
        (log1p(X), log1p),
        (log1p(neg(X)), log1p),
        (mul(X, log(add(X, 1.0))), mul),
        (mul(X, sub(X, X)), mul),
    ],
)
def test_other_patterns_are_left_alone(v: Value, op: Elementwise) -> None:
    assert v.op is op
    assert v.note is None


def test_untracked_values_are_computed_as_written() -> None:
    assert log(add(1.0, exp(constant(np.float64(1000))))).data == np.inf


def test_a_long_chain_of_quotients_is_no_pattern() -> None:
    y = parameter("y", Type(DTYPES["f32"], ()))
    for _ in range(5000):
        y = div(1.0, y)
    z = log(y)
    assert z.type == y.type
    for _ in range(5000):
        z = div(z, 2.0)
    assert log(z).op is log


def test_each_rule_is_tried_where_it_is_said_to_be() -> None:
    for op, rules in RULES.items():
        assert {rule.name for tried in op.rules.values() for rule in tried} >= {rule.name for rule in rules}
    assert softplus.rules == logaddexp.rules == xlogy.rules == identity.rules == {}
    assert logsumexp(X, (0,)).note is None
