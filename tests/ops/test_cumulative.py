"""Running sums and products: refusals, zeros, and rounding."""

from __future__ import annotations

import numpy as np
import pytest

from clew.diff.reverse import pull_back
from clew.errors import AxisError, TypeRuleError
from clew.ir import DTYPES, Op, Type, constant, f32, f64, parameter
from clew.ops.cumulative import (
    CumulativeProd,
    CumulativeSum,
    LinearRecurrence,
    cumulative_prod,
    cumulative_sum,
    linear_recurrence,
)

REFUSED: list[tuple[Op, tuple[Type, ...], type[Exception], str]] = [
    (
        CumulativeSum(0),
        (f32(),),
        AxisError,
        "cumulative_sum(f32[]): axes (0,) must be different axes of the operand, which has 0",
    ),
    (
        CumulativeProd(0),
        (Type(DTYPES["bool"], (2,)),),
        TypeRuleError,
        "cumulative_prod(bool[2]): booleans have no arithmetic; cast to an integer first",
    ),
    (
        LinearRecurrence(0),
        (f32(2), f32(3)),
        TypeRuleError,
        "linear_recurrence(f32[2], f32[3]): operands must have equal types; cast or broadcast them first",
    ),
    (
        LinearRecurrence(0),
        (Type(DTYPES["i8"], (2,)),) * 2,
        TypeRuleError,
        "linear_recurrence(i8[2], i8[2]): needs floating-point operands; cast first",
    ),
    (
        LinearRecurrence(1),
        (f32(2), f32(2)),
        AxisError,
        "linear_recurrence(f32[2]): axes (1,) must be different axes of the operand, which has 1",
    ),
]


@pytest.mark.parametrize(("op", "types", "error", "text"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(op: Op, types: tuple[Type, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        op.infer(*types)
    assert str(caught.value) == text


def test_both_directions() -> None:
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(cumulative_sum(x, 0), [1, 3, 6])
    np.testing.assert_array_equal(cumulative_sum(x, 0, reverse=True), [6, 5, 3])
    np.testing.assert_array_equal(cumulative_prod(x, 0, reverse=True), [6, 6, 3])
    np.testing.assert_array_equal(linear_recurrence(x, np.ones(3), 0), [1, 3, 10])
    np.testing.assert_array_equal(linear_recurrence(x, np.ones(3), 0, reverse=True), [4, 3, 1])


def test_product_at_zeros_has_exact_derivatives() -> None:
    x = parameter("x", f64(4), np.array([2.0, 0.0, 3.0, 0.0]))
    y = cumulative_prod(x, 0)  # 2, 0, 0, 0: derivatives of the sum are
    # d/dx0: 1 + x1 + x1 x2 + x1 x2 x3, d/dx1: x0 + x0 x2 + x0 x2 x3, d/dx2: x0 x1 + x0 x1 x3, d/dx3: x0 x1 x2
    first = pull_back({y: constant(np.ones(4))})[x]
    np.testing.assert_array_equal(first.data, [1, 8, 0, 0])
    second = pull_back({first: constant(np.array([0.0, 1.0, 0.0, 0.0]))})[x]
    # d/dx of x0 + x0 x2 + x0 x2 x3
    np.testing.assert_array_equal(second.data, [1 + 3 + 0, 0, 2 + 0, 6])


def test_half_precision_accumulates_in_single() -> None:
    y = cumulative_sum(np.ones(4096, np.float16), 0)
    assert y.dtype == np.float16
    assert y[-1] == 4096  # in half precision it would stop at 2048


def test_no_pull_form() -> None:
    with pytest.raises(
        TypeRuleError, match=r"^cumulative_sum\(\): has no pull form; run its reference, or a kernel of its own$"
    ):
        CumulativeSum(0).at(None, (0,), None)
