"""Reductions: refusals, ties, zeros, infinities and NaN."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, nan

import numpy as np
import pytest

from clew.diff.reverse import pull_back
from clew.errors import AxisError, TypeRuleError
from clew.ir import DTYPES, Op, Type, constant, f32, f64, parameter
from clew.ops.interpreter import interpret
from clew.ops.reductions import All, Any, ArgMax, ArgMin, LogSumExp, Max, Min, Prod, argmax, argmin, logsumexp, max, min, prod


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def boolean(*shape: int) -> Type:
    return Type(DTYPES["bool"], shape)


REFUSED: list[tuple[Op, tuple[Type, ...], type[Exception], str]] = [
    (Max((0, 0)), (f32(2, 3),), AxisError, "max(f32[2,3]): axes (0, 0) must be different axes of the operand, which has 2"),
    (
        Max((1,)),
        (f32(2, 0),),
        TypeRuleError,
        "max(f32[2,0]): axis 1 has no elements, and there is no extreme one of none; check for size 0 first",
    ),
    (
        Min((0,)),
        (boolean(2),),
        TypeRuleError,
        "min(bool[2]): booleans have no order and no product; use any or all, or cast to an integer",
    ),
    (
        Prod((0,)),
        (boolean(2),),
        TypeRuleError,
        "prod(bool[2]): booleans have no order and no product; use any or all, or cast to an integer",
    ),
    (
        LogSumExp((0,)),
        (Type(DTYPES["i32"], (2,)),),
        TypeRuleError,
        "log_sum_exp(i32[2]): needs a floating-point operand; cast first",
    ),
    (ArgMax(1), (f32(2),), AxisError, "arg_max(f32[2]): axes (1,) must be different axes of the operand, which has 1"),
    (
        ArgMin(0),
        (f32(0, 2),),
        TypeRuleError,
        "arg_min(f32[0,2]): axis 0 has no elements, and there is no extreme one of none; check for size 0 first",
    ),
    (Any((0,)), (f32(2),), TypeRuleError, "any(f32[2]): needs booleans; compare with zero first"),
    (All((1,)), (boolean(2),), AxisError, "all(bool[2]): axes (1,) must be different axes of the operand, which has 1"),
]


@pytest.mark.parametrize(("op", "types", "error", "text"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(op: Op, types: tuple[Type, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        op.infer(*types)
    assert str(caught.value) == text


def derivatives(op: Op, x: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of a reduction to one number, and the gradient of the sum of that gradient."""
    leaf = parameter("x", f64(len(x)), np.array(x, float))
    first = pull_back({op(leaf): constant(1.0)})[leaf]
    second = pull_back({first: constant(np.ones(len(x)))}).get(leaf)
    return first.data, np.zeros(len(x)) if second is None else second.data


def test_ties_share() -> None:
    np.testing.assert_array_equal(derivatives(Max((0,)), [1, 3, 3, 2])[0], [0, 0.5, 0.5, 0])
    np.testing.assert_array_equal(derivatives(Min((0,)), [0, -0.0, 0, 2])[0], [1 / 3, 1 / 3, 1 / 3, 0])
    np.testing.assert_array_equal(derivatives(Max((0,)), [-inf, -inf])[0], [0.5, 0.5])
    np.testing.assert_array_equal(derivatives(Max((0,)), [1, 3, 3, 2])[1], [0, 0, 0, 0])


def test_nan_wins() -> None:
    x = np.array([1, nan, 3.0, nan])
    for function in (max, min):
        assert np.isnan(function(x, (0,)))
    assert argmax(x, 0) == argmin(x, 0) == 1
    assert np.isnan(derivatives(Max((0,)), [1, nan])[0]).all()


def test_product_at_zeros() -> None:
    assert prod(np.zeros((2, 0)), (1,)).tolist() == [1, 1]
    first, second = derivatives(Prod((0,)), [0, 2, 3])
    np.testing.assert_array_equal(first, [6, 0, 0])
    # the sum of the gradient is x1 x2 + x0 x2 + x0 x1
    np.testing.assert_array_equal(second, [5, 3, 2])
    np.testing.assert_array_equal(derivatives(Prod((0,)), [0, 0, 3])[0], [0, 0, 0])
    np.testing.assert_array_equal(derivatives(Prod((0,)), [0, 0, 3])[1], [3, 3, 0])


def test_logsumexp_of_nothing_and_of_infinities() -> None:
    assert logsumexp(np.zeros(0), (0,)) == -inf
    first, second = derivatives(LogSumExp((0,)), [-inf, -inf])
    np.testing.assert_array_equal(first, [0, 0])
    np.testing.assert_array_equal(second, [0, 0])
    np.testing.assert_array_equal(derivatives(LogSumExp((0,)), [-inf, 2.0])[0], [0, 1])
    assert logsumexp(np.array([inf, -inf, 1.0]), (0,)) == inf
    np.testing.assert_array_equal(derivatives(LogSumExp((0,)), [inf, 1.0])[0], [nan, 0])


def test_logsumexp_is_stable() -> None:
    x = np.array([1000.0, 1000.0], np.float32)
    np.testing.assert_allclose(logsumexp(x, (0,)), 1000 + np.log(2), rtol=1e-7)
    np.testing.assert_allclose(logsumexp(-x, (0,)), -1000 + np.log(2), rtol=1e-7)
    np.testing.assert_array_equal(derivatives(LogSumExp((0,)), [0, 1000])[0], [0, 1])


@pytest.mark.parametrize("x", [[nan, 1.0], [inf, -inf], [inf, nan], [-inf, -inf], [-0.0, 0.0]])
def test_pull_forms_agree_at_special_numbers(x: list[float]) -> None:
    for op in (Max((0,)), Min((0,)), LogSumExp((0,)), ArgMax(0), ArgMin(0)):
        np.testing.assert_array_equal(interpret(op, np.array(x)), op.reference(np.array(x)), err_msg=op.name)


def test_the_local_gradient_is_the_weight_of_each_element() -> None:
    x = np.array([[0.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(Prod((1,)).local(0, prod(x, (1,)), x), [[6, 0, 0], [1, 1, 1]])


def test_half_precision_accumulates_in_single() -> None:
    many = np.full(4096, 0.0, np.float16)
    np.testing.assert_allclose(logsumexp(many, (0,)).astype(float), np.log(4096), rtol=1e-3)
    assert prod(np.array([256, 256, 1 / 256], np.float16), (0,)) == 256  # 256 * 256 overflows half precision


def test_no_axes_is_no_node() -> None:
    x = parameter("x", f32(2))
    assert max(x, ()) is x
    assert prod(x, ()) is x
