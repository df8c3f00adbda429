"""Singular points through the public functions: the sensible answer, whatever the route."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan

import numpy as np
import pytest

import clew as cl

POINTS = {
    "norm at 0": (cl.norm, [0.0, 0.0], [0, 0]),
    "sqrt(sum(x*x)) at 0": (lambda x: cl.sqrt(cl.sum(x * x)), [0.0, 0.0], [0, 0]),
    "sqrt of the branch not taken": (lambda x: cl.where(x > 0, cl.sqrt(x), 0.0).sum(), [0.0], [0]),
    "NaN of the branch not taken": (lambda x: cl.where(x >= 0, x, cl.sqrt(-x)).sum(), [1.0], [1]),
    "abs at 0": (lambda x: cl.abs(x).sum(), [0.0], [0]),
    "relu at 0": (lambda x: cl.relu(x).sum(), [0.0], [0]),
    "max of ties": (cl.max, [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
    "maximum of ties": (lambda x: cl.maximum(x[0], x[1]), [2.0, 2.0], [0.5, 0.5]),
    "the largest of sorted ties": (lambda x: cl.sort(x)[-1], [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
    "the top of ties": (lambda x: cl.topk(x, 1)[0].sum(), [2.0, 2.0, 1.0], [0.5, 0.5, 0]),
    "logsumexp of -inf": (cl.logsumexp, [-inf, -inf], [0, 0]),
    "log(1 + exp(1000))": (lambda x: cl.log(1 + cl.exp(x)).sum(), [1000.0], [1]),
    "log(sigmoid(-1000))": (lambda x: cl.log(cl.sigmoid(x)).sum(), [-1000.0], [1]),
    "log of a hand-written sigmoid": (lambda x: cl.log(1 / (1 + cl.exp(-x))).sum(), [-1000.0], [1]),
    "log(softmax)": (lambda x: cl.log(cl.softmax(x))[0], [0.0, 1000.0], [1, -1]),
    "log of a hand-written softmax": (lambda x: cl.log(cl.exp(x) / cl.sum(cl.exp(x)))[0], [0.0, 1000.0], [1, -1]),
    "1/(1 + exp(-x)) at -1000": (lambda x: (1 / (1 + cl.exp(-x))).sum(), [-1000.0], [0]),
    "x**0 at 0": (lambda x: (x**0).sum(), [0.0], [0]),
    "prod with one 0": (cl.prod, [0.0, 2.0, 3.0], [6, 0, 0]),
    "std of equals": (cl.std, [1.0, 1.0, 1.0], [0, 0, 0]),
    "var of equals, by hand": (lambda x: cl.sqrt(cl.mean((x - cl.mean(x)) ** 2)), [1.0, 1.0, 1.0], [0, 0, 0]),
    "atan2(0, 0)": (lambda x: cl.atan2(x[0], x[1]), [0.0, 0.0], [0, 0]),
    "a masked softmax row": (lambda x: cl.sum(cl.softmax(x) * cl.asarray([1.0, 2.0])), [-inf, -inf], [0, 0]),
    "x*log(x) at 1": (lambda x: (x * cl.log(x)).sum(), [1.0], [1]),
}


@pytest.mark.parametrize("name", POINTS)
def test_gradient(name: str) -> None:
    f, point, expected = POINTS[name]
    np.testing.assert_array_equal(cl.grad(f)(cl.asarray(point)).tolist(), expected)
    x = cl.variable(point)
    f(x).backward()
    np.testing.assert_array_equal(x.grad.tolist(), expected)


def test_values_are_repaired_too_and_say_so() -> None:
    x = cl.variable(1000.0, name="x")
    y = cl.log(1 + cl.exp(x))
    assert y.item() == 1000 and cl.log(cl.sigmoid(-x)).item() == -1000
    assert "repaired: log(1 + exp(x)) is softplus(x)" in str(y.graph())
    assert "repaired" in y.graph().text
    zero = cl.variable(0.0)
    assert (zero * cl.log(zero)).item() == 0


def test_a_masked_softmax_row_is_zeros() -> None:
    assert cl.softmax([[-inf, -inf], [0.0, 0.0]]).tolist() == [[0, 0], [0.5, 0.5]]


@pytest.mark.parametrize(("f", "point", "why"), [(lambda x: cl.sin(x) / x, 0.0, "0/0"), (cl.sqrt, 0.0, "vertical")])
def test_what_has_no_finite_answer_says_so(f: Callable[[cl.Tensor], cl.Tensor], point: float, why: str) -> None:
    gradient = cl.grad(f)(point).item()
    assert isnan(gradient) if why == "0/0" else gradient == inf
