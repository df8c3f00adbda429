from __future__ import annotations

from math import erf, exp, inf, nan, pi, sqrt, tanh
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from clew.array import elementwise, functional, indexing, statistics
from clew.array.softmax import log_softmax, softmax
from clew.diff.forward import push_forward
from clew.diff.reverse import pull_back
from clew.errors import AxisError, UsageError
from clew.ir import Value, constant

from .oracle import check_gradients, check_traced, gradients, leaf, same


def by_definition(f: Any) -> Any:
    return lambda x: np.vectorize(f, otypes=[float])(x)


ACTIVATIONS = [
    (functional.relu, by_definition(lambda x: max(x, 0.0))),
    (functional.leaky_relu, by_definition(lambda x: x if x > 0 else 0.01 * x)),
    (lambda x: functional.leaky_relu(x, 0.3), by_definition(lambda x: x if x > 0 else 0.3 * x)),
    (functional.elu, by_definition(lambda x: x if x > 0 else exp(x) - 1)),
    (lambda x: functional.elu(x, 2), by_definition(lambda x: x if x > 0 else 2 * (exp(x) - 1))),
    (functional.silu, by_definition(lambda x: x / (1 + exp(-x)))),
    (functional.gelu, by_definition(lambda x: x * (1 + erf(x / sqrt(2))) / 2)),
    (
        lambda x: functional.gelu(x, approximate=True),
        by_definition(lambda x: x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2),
    ),
]


@pytest.mark.parametrize(("f", "definition"), ACTIVATIONS)
def test_activations(f: Any, definition: Any, rng: np.random.Generator) -> None:
    for shape in [(), (5,), (2, 3), (0, 2)]:
        x = rng.normal(size=shape) * 3
        same(f(x), definition(x), 1e-14)
        check_gradients(f, x, rng=rng)
        check_traced(f, x)
    for dtype in (np.float32, np.float16, ml_dtypes.bfloat16):
        x = rng.normal(size=4).astype(dtype)
        same(f(x), definition(x.astype(np.float64)).astype(dtype), 2 * float(ml_dtypes.finfo(dtype).eps))


@pytest.mark.parametrize(
    ("f", "x", "value", "gradient"),
    [
        (functional.relu, [-inf, -1, 0, 1, inf, nan], [0, 0, 0, 1, inf, nan], [0, 0, 0, 1, 1, 1]),
        (functional.leaky_relu, [0, 1], [0, 1], [0.01, 1]),
        (functional.elu, [-inf, 0, 1000], [-1, 0, 1000], [0, 1, 1]),
        (functional.silu, [-1000, 0, 1000], [0, 0, 1000], [0, 0.5, 1]),
        (functional.gelu, [-1000, 0, 1000], [0, 0, 1000], [0, 0.5, 1]),
    ],
)
def test_activations_at_singular_points(f: Any, x: list[float], value: list[float], gradient: list[float]) -> None:
    same(f(np.array(x, float)), np.array(value, float))
    (g,) = gradients(f, np.array(x, float))
    assert g.tolist() == gradient


def test_relu_keeps_integers() -> None:
    same(functional.relu(np.array([-1, 2], np.int8)), np.array([0, 2], np.int8))


def test_activations_are_one_gate() -> None:
    y = functional.gelu(leaf(np.ones(2)))
    assert y.op is not None
    assert y.op.name == "gelu"
    assert y.op is functional.gelu(leaf(np.ones(2))).op


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(("f", "log"), [(softmax, False), (log_softmax, True)])
def test_softmax(f: Any, log: bool, axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4)) * 3
    expected = np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)
    same(f(x, axis=axis), np.log(expected) if log else expected, 1e-14)
    check_gradients(lambda x: f(x, axis=axis), x, rng=rng)
    check_traced(lambda x: f(x, axis=axis), x)
    t = rng.normal(size=x.shape)
    v = leaf(x)
    y = f(v, axis=axis)
    moved = np.asarray(push_forward({v: leaf(t)}, [y])[y].data)
    np.testing.assert_allclose(moved, (f(x + 1e-6 * t, axis=axis).data - f(x - 1e-6 * t, axis=axis).data) / 2e-6, atol=1e-8)


def test_second_derivatives_of_softmax(rng: np.random.Generator) -> None:
    x, w, u = rng.normal(size=(3, 4))

    def slope(x: Value) -> Value:
        y = softmax(x)
        return elementwise.multiply(pull_back({y: constant(w)}, wanted={x})[x], u)

    check_gradients(lambda x: slope(x if isinstance(x, Value) else leaf(x)), x, rng=rng)


def test_softmax_does_not_overflow() -> None:
    same(softmax([1000.0, 0.0, -1000.0]), np.array([1, 0, 0], np.float32))
    same(log_softmax([1000.0, 0.0]), np.array([0, -1000], np.float32))
    large = np.array([1e4, 1e4 + 1], np.float32)
    same(softmax(large), softmax(large - np.float32(1e4)).data)
    with np.errstate(all="raise"):
        same(softmax(np.array([1, 2], np.int64)), softmax(np.array([1, 2], np.float32)).data)


def test_a_row_that_is_fully_masked_gives_zeros_and_no_nan() -> None:
    x = np.array([[-inf, -inf], [-inf, 3.0], [1.0, 1.0]])
    expected = [[0, 0], [0, 1], [0.5, 0.5]]
    same(softmax(x), np.array(expected, float))
    same(log_softmax(x), np.array([[-inf, -inf], [-inf, 0], [np.log(0.5)] * 2]))
    for seed in ([[1.0, 2.0]] * 3, [[1.0, inf]] * 3):
        (g,) = gradients(softmax, x, seed=seed)
        assert g[0].tolist() == [0, 0]
    v = leaf(x)
    y = softmax(v)
    assert push_forward({v: leaf(np.ones(x.shape))}, [y])[y].data.tolist() == [[0, 0]] * 3


def test_the_log_of_softmax_is_stable() -> None:
    x = np.array([0.0, 1000.0])
    y = elementwise.log(softmax(leaf(x)))
    assert y.note == "repaired: log(softmax(x)) is log_softmax(x)"
    assert y.data.tolist() == [-1000, 0]
    (g,) = gradients(lambda x: indexing.getitem(elementwise.log(softmax(x)), 0), x)
    assert g.tolist() == [1, -1]
    (g,) = gradients(lambda x: elementwise.log(indexing.getitem(softmax(x), 0)), x)
    assert g.tolist() == [1, -1]
    (g,) = gradients(lambda x: elementwise.log(indexing.getitem(softmax(x, axis=0), (0, 0))), x[:, None])
    assert g.tolist() == [[1], [-1]]


def test_the_entropy_of_a_masked_softmax_has_no_nan() -> None:
    def entropy(x: Value) -> Value:
        p = softmax(x)
        return elementwise.negative(statistics.sum(elementwise.multiply(p, elementwise.log(p))))

    x = np.array([0.0, 0.0, -inf])
    same(entropy(leaf(x)), np.log(2.0), 1e-15)
    (g,) = gradients(entropy, x)
    np.testing.assert_allclose(g, [0, 0, 0], atol=1e-15)


def test_dropout(rng: np.random.Generator) -> None:
    x = rng.normal(size=(100, 100)) + 10
    y = np.asarray(functional.dropout(x, 0.25, key=5).data)
    kept = y != 0
    assert abs(kept.mean() - 0.75) < 0.02
    np.testing.assert_allclose(y[kept], (x / 0.75)[kept])
    same(functional.dropout(x, 0.25, key=5), y)
    assert (np.asarray(functional.dropout(x, 0.25, key=6).data) != y).any()
    (g,) = gradients(lambda x: functional.dropout(x, 0.25, key=5), x)
    np.testing.assert_allclose(g, kept / 0.75)
    v = leaf(x)
    assert functional.dropout(v, 0) is v


def test_errors() -> None:
    with pytest.raises(AxisError, match=r"softmax\(i64\[2\]\): axis 1 is out of range for 1 axes|softmax\(f32\[2\]\): axis 1"):
        softmax([1, 2], axis=1)
    with pytest.raises(UsageError, match=r"dropout\(f32\[2\]\): rate is 1; it must be from \[0, 1\)"):
        functional.dropout([1.0, 2.0], 1)
