from __future__ import annotations

from math import inf, nan
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from clew.array import elementwise, statistics
from clew.errors import AxisError, TypeRuleError
from clew.ir import DTYPES, Value

from .oracle import check_gradients, check_traced, gradients, same

AXES = [None, 0, 1, -1, (0, 2), (-1, 0), (), (0, 1, 2)]
SHAPE = (2, 3, 4)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "var", "std", "any", "all", "count_nonzero"])
def test_reductions(name: str, axis: Any, keepdims: bool, rng: np.random.Generator) -> None:
    ours, theirs = getattr(statistics, name), getattr(np, name)
    x = rng.normal(size=SHAPE)
    if name in ("any", "all", "count_nonzero"):
        x = rng.integers(0, 2, SHAPE).astype(float)
    same(ours(x, axis=axis, keepdims=keepdims), theirs(x, axis=axis, keepdims=keepdims), 1e-14)
    check_traced(lambda x: ours(x, axis=axis, keepdims=keepdims), x)
    if name not in ("any", "all", "count_nonzero") and not (name == "std" and axis == ()):
        check_gradients(lambda x: ours(x, axis=axis, keepdims=keepdims), x, rng=rng)


@pytest.mark.parametrize("name", ["sum", "prod", "cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.int64, np.uint8, np.uint64, np.float16, np.float32, np.float64])
def test_what_adds_up_in_which_dtype(name: str, dtype: Any, rng: np.random.Generator) -> None:
    x = rng.integers(0, 3, (5,)).astype(dtype)
    ours, theirs = getattr(statistics, name), getattr(np, name)
    same(ours(x), theirs(x))
    same(ours(x, dtype=DTYPES["f32"]), theirs(x, dtype=np.float32))


def test_half_precision_keeps_its_dtype_and_does_not_overflow_on_the_way() -> None:
    x = np.full(1000, 300, np.float16)
    same(statistics.mean(x), np.float16(300))
    same(statistics.std(x), np.float16(0))
    same(statistics.vector_norm(np.array([300, 400], np.float16)), np.float16(500))
    same(statistics.mean(x.astype(ml_dtypes.bfloat16)), ml_dtypes.bfloat16(300))


@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_means_of_integers_are_float32(name: str) -> None:
    x = np.array([1, 2, 5], np.int16)
    same(getattr(statistics, name)(x), getattr(np, name)(x.astype(np.float32)), 1e-6)


@pytest.mark.parametrize("correction", [0, 1, 0.5])
@pytest.mark.parametrize("name", ["var", "std"])
def test_correction(name: str, correction: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    expected = getattr(np, name)(x, axis=1, correction=correction)
    same(getattr(statistics, name)(x, axis=1, correction=correction), expected, 1e-14)
    check_gradients(lambda x: getattr(statistics, name)(x, axis=1, correction=correction), x, rng=rng)


def test_of_no_elements() -> None:
    x = np.zeros((0, 2))
    same(statistics.sum(x, axis=0), np.zeros(2))
    same(statistics.prod(x, axis=0), np.ones(2))
    same(statistics.mean(x, axis=0), np.full(2, nan))
    same(statistics.any(x), np.False_)
    same(statistics.all(x), np.True_)
    same(statistics.logsumexp(x, axis=0), np.full(2, -inf))
    same(statistics.var([1.0], correction=1), np.float32(nan))
    with pytest.raises(TypeRuleError, match=r"max\(f64\[0,2\]\): axis 0 has no elements"):
        statistics.max(x, axis=0)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_positions(name: str, axis: int | None, keepdims: bool, rng: np.random.Generator) -> None:
    x = rng.integers(0, 3, SHAPE)
    expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
    same(getattr(statistics, name)(x, axis=axis, keepdims=keepdims), expected)
    same(getattr(statistics, name)(np.where(x == 1, nan, x)), getattr(np, name)(np.where(x == 1, nan, x)))


@pytest.mark.parametrize("include_initial", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_running(name: str, axis: int, include_initial: bool, rng: np.random.Generator) -> None:
    ours, theirs = getattr(statistics, name), getattr(np, name)
    x = rng.normal(size=(3, 4))
    options = {"axis": axis, "include_initial": include_initial}
    same(ours(x, **options), theirs(x, **options), 1e-14)
    check_gradients(lambda x: ours(x, **options), x, rng=rng)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_diff(n: int, axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    same(statistics.diff(x, n=n, axis=axis), np.diff(x, n=n, axis=axis), 1e-14)
    ends = {"prepend": x.take([0, 2], axis=axis), "append": 7.0}
    same(statistics.diff(x, n=n, axis=axis, **ends), np.diff(x, n=n, axis=axis, **ends), 1e-13)
    check_gradients(lambda x, p: statistics.diff(x, n=n, axis=axis, prepend=p), x, ends["prepend"], rng=rng)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES[:-2])
def test_logsumexp(axis: Any, keepdims: bool, rng: np.random.Generator) -> None:
    x = rng.normal(size=SHAPE)
    expected = np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))
    same(statistics.logsumexp(x, axis=axis, keepdims=keepdims), expected, 1e-14)
    check_gradients(lambda x: statistics.logsumexp(x, axis=axis, keepdims=keepdims), x, rng=rng)


@pytest.mark.parametrize("order", [2, 1, inf, -inf, 0, 3, 2.5, -1])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_vector_norm(order: float, axis: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=SHAPE)
    expected = np.linalg.vector_norm(x, axis=axis, ord=order, keepdims=True)
    same(statistics.vector_norm(x, axis=axis, ord=order, keepdims=True), expected, 1e-13)
    check_gradients(lambda x: statistics.vector_norm(x, axis=axis, ord=order), x, rng=rng)


def test_norm_of_all() -> None:
    same(statistics.norm([[3.0], [4.0]]), np.float32(5))


def _rooted_sum_of_squares(x: Value) -> Value:
    return elementwise.sqrt(statistics.sum(elementwise.multiply(x, x)))


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (statistics.norm, [0, 0], [0, 0]),
        (_rooted_sum_of_squares, [0, 0], [0, 0]),
        (lambda x: statistics.vector_norm(x, ord=1), [0, 2], [0, 1]),
        (lambda x: statistics.vector_norm(x, ord=3), [0, 0], [0, 0]),
        (lambda x: statistics.vector_norm(x, ord=inf), [0, 0], [0, 0]),
        (statistics.std, [1, 1, 1], [0, 0, 0]),
        (statistics.prod, [0, 2, 3], [6, 0, 0]),
        (statistics.prod, [0, 0, 3], [0, 0, 0]),
        (statistics.max, [1, 3, 3], [0, 0.5, 0.5]),
        (statistics.min, [1, 1, 1, 1, 2], [0.25] * 4 + [0]),
        (statistics.logsumexp, [-inf, -inf], [0, 0]),
        (statistics.logsumexp, [-inf, 0], [0, 1]),
        (statistics.logsumexp, [1000, 1000], [0.5, 0.5]),
    ],
)
def test_singular_points(f: Any, x: list[float], expected: list[float]) -> None:
    (g,) = gradients(f, np.array(x, float))
    np.testing.assert_allclose(g, expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: statistics.sum([[1]], axis=2),
            AxisError,
            r"sum\(i64\[1,1\]\): axis 2 is out of range for 2 axes; use -2 to 1",
        ),
        (lambda: statistics.mean([[1.0]], axis=(0, -2)), AxisError, r"axes \(0, -2\) name one axis twice; name each once"),
        (lambda: statistics.max([True]), TypeRuleError, r"max\(bool\[1\]\): booleans have no order"),
        (lambda: statistics.cumulative_sum([[1]]), TypeRuleError, "needs an axis, as the array has 2"),
        (lambda: statistics.argmax([[1]], axis=(0, 1)), AxisError, "axis must be one integer"),
        (lambda: statistics.diff([1], n=-1), TypeRuleError, "n is -1; it must not be negative"),
        (lambda: statistics.sum([1], dtype="f8"), TypeRuleError, "no dtype 'f8'; clew knows"),
    ],
)
def test_errors(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text) as error:
        call()
    assert "\n  at test_statistics.py:" in str(error.value)
