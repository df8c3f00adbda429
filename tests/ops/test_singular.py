"""Where a derivative does not exist, or its formula divides by zero, the ops give the answer that their docstrings state."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, pi
from typing import Any

import numpy as np
import pytest

from clew.diff.reverse import known, pull_back
from clew.ir import DTYPES, Type, Value, constant, parameter
from clew.ops.arithmetic import (
    abs,
    add,
    copysign,
    div,
    floor_divide,
    hypot,
    maximum,
    minimum,
    mul,
    neg,
    reciprocal,
    remainder,
    sqrt,
    square,
    sub,
)
from clew.ops.broadcast import sum
from clew.ops.comparison import greater, greater_equal, where
from clew.ops.exponential import exp, log, logaddexp, sigmoid, softplus, xlogy
from clew.ops.power import pow
from clew.ops.rounding import floor, sign
from clew.ops.trigonometric import atan2

Route = Callable[..., list[Any]]


def arrays(f: Callable[..., Value], *xs: Any) -> list[Any]:
    """The gradients of the sum of ``f``, with rules given arrays."""
    leaves = [parameter("x", Type(DTYPES["f64"], np.shape(x)), np.asarray(x, np.float64)[()]) for x in xs]
    y = f(*leaves)
    gradients = pull_back({y: np.ones(y.shape)[()]}, known)
    return [np.asarray(gradients.get(x, np.zeros(x.shape))).tolist() for x in leaves]


def graphs(f: Callable[..., Value], *xs: Any) -> list[Any]:
    """The same, with rules given values."""
    leaves = [parameter("x", Type(DTYPES["f64"], np.shape(x)), np.asarray(x, np.float64)[()]) for x in xs]
    y = f(*leaves)
    gradients = pull_back({y: constant(np.ones(y.shape))})
    return [np.asarray(gradients[x].data if x in gradients else np.zeros(x.shape)).tolist() for x in leaves]


either_route = pytest.mark.parametrize("gradient", [arrays, graphs])

CASES: list[tuple[str, Callable[..., Any], tuple[Any, ...], list[Any]]] = [
    ("sqrt at 0", sqrt, (0.0,), [inf]),
    ("norm at 0", lambda x: sqrt(sum(mul(x, x), (0,))), ([0.0, 0.0],), [[0.0, 0.0]]),
    ("norm by squares at 0", lambda x: sqrt(sum(square(x), (0,))), ([0.0, 0.0],), [[0.0, 0.0]]),
    ("norm by powers at 0", lambda x: sqrt(sum(pow(x, 2.0), (0,))), ([0.0, 0.0],), [[0.0, 0.0]]),
    ("root of the branch not taken", lambda x: where(greater(x, 0.0), sqrt(x), 0.0), ([-1.0, 0.0, 4.0],), [[0.0, 0.0, 0.25]]),
    ("either root", lambda x: where(greater_equal(x, 0.0), x, sqrt(neg(x))), ([1.0, -4.0],), [[1.0, -0.25]]),
    ("log of the branch not taken", lambda x: where(greater(x, 0.0), log(x), x), ([0.0, -1.0],), [[1.0, 1.0]]),
    ("quotient of the branch not taken", lambda x: where(greater(x, 0.0), div(x, x), 0.0), ([0.0],), [[0.0]]),
    ("abs at 0", abs, ([-2.0, 0.0, -0.0, 2.0],), [[-1.0, 0.0, 0.0, 1.0]]),
    ("sign", lambda x: mul(x, sign(x)), ([-2.0, 0.0],), [[-1.0, 0.0]]),
    ("floor", lambda x: mul(x, floor(x)), ([2.5],), [[2.0]]),
    ("relu by maximum", lambda x: maximum(x, 0.0), ([-1.0, 0.0, 1.0],), [[0.0, 0.5, 1.0]]),
    ("relu by where", lambda x: where(greater(x, 0.0), x, 0.0), ([-1.0, 0.0, 1.0],), [[0.0, 0.0, 1.0]]),
    ("maximum", maximum, ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), [[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]),
    ("minimum", minimum, ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]),
    ("maximum of one operand", lambda x: maximum(x, x), (3.0,), [1.0]),
    ("x**0", lambda x: pow(x, 0.0), ([0.0, 2.0],), [[0.0, 0.0]]),
    ("x**1 at 0", lambda x: pow(x, 1.0), ([0.0],), [[1.0]]),
    ("x**2 at 0", lambda x: pow(x, 2.0), ([0.0],), [[0.0]]),
    ("x**0.5 at 0", lambda x: pow(x, 0.5), ([0.0],), [[inf]]),
    ("0**y", pow, ([0.0, 0.0, 0.0], [0.0, 1.0, 2.0]), [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
    ("whole power of a negative", lambda x: pow(x, 3.0), ([-2.0],), [[12.0]]),
    ("atan2 at (0, 0)", atan2, ([0.0], [0.0]), [[0.0], [0.0]]),
    ("atan2 beyond the square's range", atan2, ([1e200], [1e200]), [[5e-201], [-5e-201]]),
    ("hypot at (0, 0)", hypot, ([0.0, 3.0], [0.0, 4.0]), [[0.0, 0.6], [0.0, 0.8]]),
    ("copysign", copysign, ([2.0, -2.0, 0.0], [-1.0, -1.0, 1.0]), [[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
    ("remainder at a jump", remainder, ([4.0], [2.0]), [[1.0], [-2.0]]),
    ("sigmoid from parts", lambda x: div(1.0, add(exp(neg(x)), 1.0)), ([-1000.0, 1000.0],), [[0.0, 0.0]]),
    ("sigmoid by reciprocal", lambda x: reciprocal(add(exp(neg(x)), 1.0)), ([-1000.0, 1000.0],), [[0.0, 0.0]]),
    ("sigmoid", sigmoid, ([-1000.0, 0.0, 1000.0],), [[0.0, 0.25, 0.0]]),
    ("softplus", softplus, ([-1000.0, 0.0, 1000.0, -inf, inf],), [[0.0, 0.5, 1.0, 0.0, 1.0]]),
    ("logaddexp", logaddexp, ([-inf, -inf, inf, inf], [-inf, 0.0, 0.0, inf]), [[0.0, 0.0, 1.0, 0.5], [0.0, 1.0, 0.0, 0.5]]),
    ("xlogy", xlogy, ([0.0, 0.0, 2.0], [0.0, 1.0, 1.0]), [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]),
    ("x / x at 0 has no value", lambda x: div(x, x), ([0.0],), [[nan]]),
]


@either_route
@pytest.mark.parametrize(("f", "at", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_gradient(gradient: Route, f: Callable[..., Value], at: tuple[Any, ...], expected: list[Any]) -> None:
    for got, want in zip(gradient(f, *at), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-15)


@pytest.mark.parametrize(("power", "expected"), [(2.0, [2.0, 0.0]), (3.0, [0.0, 6.0]), (1.0, [0.0, 0.0])])
def test_higher_derivatives_of_whole_powers_at_0(power: float, expected: list[float]) -> None:
    x = parameter("x", Type(DTYPES["f64"], ()), np.float64(0))
    y = pow(x, power)
    derivatives = []
    for _ in range(3):
        y = pull_back({y: constant(np.float64(1))}).get(x, constant(np.float64(0)))
        derivatives.append(float(y.data))
    assert derivatives[1:] == expected


def test_second_derivative_of_logaddexp_where_the_operands_are_equal() -> None:
    a, b = (parameter(n, Type(DTYPES["f64"], ()), np.float64(1.5)) for n in "ab")
    first = pull_back({logaddexp(a, b): constant(np.float64(1))})[a]
    second = pull_back({first: constant(np.float64(1))})
    assert (float(second[a].data), float(second[b].data)) == (0.25, -0.25)


def test_no_gradient_passes_a_piecewise_constant() -> None:
    assert arrays(lambda a, b: floor_divide(a, b), 5.0, 2.0) == [0.0, 0.0]
    assert floor.pull(0, np.float64(1), np.float64(2), np.float64(2.5)) is None


def test_nan_comes_through() -> None:
    for op in (maximum, minimum):
        assert np.isnan(op(np.array([nan, 1.0]), np.array([1.0, nan]))).all()
    assert np.isnan(xlogy(np.float64(0), np.float64(nan)))


def test_value_at_the_edges() -> None:
    zero, one = np.float64(0), np.float64(1)
    assert pow(zero, zero) == 1
    assert div(one, zero) == inf
    assert log(zero) == -inf
    assert atan2(zero, zero) == 0
    assert atan2(zero, -one) == pi
    assert hypot(np.float64(1e300), np.float64(1e300)) < inf
    assert np.isnan(sqrt(-one))
    assert sub(np.uint8(1), np.uint8(2)) == 255
    assert floor_divide(np.int32(5), np.int32(0)) == 0
    assert remainder(np.int32(5), np.int32(0)) == 0
    assert remainder(np.int32(-5), np.int32(3)) == 1
