"""Sorting: refusals, NaN, stability, and how equal elements share their gradient."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from clew.errors import AxisError, TypeRuleError
from clew.ir import DTYPES, Op, Type, f32
from clew.ops.sorting import ArgSort, ShareTies, Sort, argsort, share_ties, sort

REFUSED: list[tuple[Op, tuple[Type, ...], type[Exception], str]] = [
    (Sort(0), (f32(),), AxisError, "sort(f32[]): axes (0,) must be different axes of the operand, which has 0"),
    (ArgSort(2), (f32(2, 3),), AxisError, "arg_sort(f32[2,3]): axes (2,) must be different axes of the operand, which has 2"),
    (Sort(1, True, 4), (f32(2, 3),), TypeRuleError, "sort(f32[2,3]): there are no 4 elements along axis 1 of size 3"),
    (ArgSort(0, False, -1), (f32(2),), TypeRuleError, "arg_sort(f32[2]): there are no -1 elements along axis 0 of size 2"),
    (
        ShareTies(0),
        (Type(DTYPES["i8"], (2,)), f32(2)),
        TypeRuleError,
        "share_ties(i8[2], f32[2]): the first operand must be floating-point; cast it first",
    ),
    (
        ShareTies(0),
        (f32(2), f32(3)),
        TypeRuleError,
        "share_ties(f32[2], f32[3]): operands must have equal shapes; broadcast them first",
    ),
]


@pytest.mark.parametrize(("op", "types", "error", "text"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(op: Op, types: tuple[Type, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        op.infer(*types)
    assert str(caught.value) == text


def test_equal_elements_share() -> None:
    x = np.array([2.0, 2.0])
    for place in (0, 1):
        g = np.eye(2)[place]
        np.testing.assert_array_equal(Sort(0).pull(0, g, sort(x, 0), x), [0.5, 0.5])
    x = np.array([3.0, 1.0, 3.0, 2.0, 3.0])
    gradient = Sort(0, descending=True).pull(0, np.array([1.0, 0.0, 0.0, 10.0, 20.0]), sort(x, 0, True), x)
    np.testing.assert_allclose(gradient, [1 / 3, 20, 1 / 3, 10, 1 / 3], rtol=1e-15)


def test_those_that_equal_the_last_one_share_with_it() -> None:
    x = np.array([3.0, 1.0, 2.0, 2.0, 2.0, 3.0])
    op = Sort(0, True, 4)
    y = op.reference(x)
    np.testing.assert_array_equal(y, [3, 3, 2, 2])
    np.testing.assert_allclose(op.pull(0, np.array([1.0, 3.0, 6.0, 9.0]), y, x), [2, 0, 5, 5, 5, 2], rtol=1e-15)
    np.testing.assert_allclose(op.push(0, np.array([1.0, 9.0, 3.0, 6.0, 9.0, 3.0]), y, x), [2, 2, 6, 6], rtol=1e-15)
    whole = sort(x, 0, True)
    padded = np.array([1.0, 3.0, 6.0, 9.0, 0.0, 0.0])
    np.testing.assert_array_equal(Sort(0, True).pull(0, padded, whole, x), op.pull(0, padded[:4], y, x))


def test_share_ties_averages_runs_of_neighbours() -> None:
    g, y = np.array([1.0, 3.0, 5.0, 7.0, 9.0]), np.array([0, 0, 1, 0, 0])
    np.testing.assert_array_equal(share_ties(g, y, 0), [2, 2, 5, 8, 8])
    rows = share_ties(np.stack([g, g]), np.zeros((2, 5)), 1)
    np.testing.assert_array_equal(rows, np.full((2, 5), 5.0))  # a run ends with its row
    np.testing.assert_array_equal(share_ties(np.array([1.0, 3.0]), np.array([np.nan, np.nan]), 0), [1, 3])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_nan_counts_as_the_largest(dtype: type) -> None:
    x = np.array([1, np.nan, np.inf, -np.inf, np.nan], dtype)
    ascending = [-np.inf, 1, np.inf, np.nan, np.nan]
    np.testing.assert_array_equal(sort(x, 0).astype(np.float64), ascending)
    np.testing.assert_array_equal(sort(x, 0, descending=True).astype(np.float64), ascending[::-1])
    np.testing.assert_array_equal(argsort(x, 0), [3, 0, 2, 1, 4])
    np.testing.assert_array_equal(argsort(x, 0, descending=True), [1, 4, 2, 0, 3])


@pytest.mark.parametrize("seed", range(6))
def test_long_rows_of_half_precision(seed: int) -> None:
    """NumPy 2.4 leaves some of them out of order where NaNs of both signs are among many equal numbers."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(2, 50_000)) * 10).astype(np.float16)
    x[rng.random(x.shape) < 0.001] = -np.nan
    x[rng.random(x.shape) < 0.001] = np.nan
    for descending in (False, True):
        expected = np.sort(x.astype(np.float32), 1)[:, :: -1 if descending else 1]
        np.testing.assert_array_equal(sort(x, 1, descending), expected)
        np.testing.assert_array_equal(np.take_along_axis(x, argsort(x, 1, descending), 1), expected)


def test_equal_elements_keep_their_order() -> None:
    x = np.tile(np.array([1, 0]), 50)
    even, odd = np.arange(0, 100, 2), np.arange(1, 100, 2)
    np.testing.assert_array_equal(argsort(x, 0), [*odd, *even])
    np.testing.assert_array_equal(argsort(x, 0, descending=True), [*even, *odd])
