from __future__ import annotations

from math import inf, nan
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clew.array import searching
from clew.errors import ConcretizationError, TypeRuleError
from clew.ir import Type, parameter

from .oracle import check_gradients, check_traced, gradients, same

VECTORS = hnp.arrays(np.float64, st.integers(0, 8), elements=st.sampled_from([-inf, -1.0, 0.0, 0.5, 2.0, inf, nan]))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_and_argsort(axis: int, descending: bool, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    options = {"axis": axis, "descending": descending}
    expected = np.sort(-x if descending else x, axis=axis)
    same(searching.sort(x, **options), -expected if descending else expected)
    same(searching.argsort(x, **options), np.argsort(-x if descending else x, axis=axis, kind="stable"))
    check_gradients(lambda x: searching.sort(x, **options), x, rng=rng)


def test_equal_elements_keep_their_order_and_share_their_gradient() -> None:
    same(searching.argsort([2, 1, 2, 1]), np.array([1, 3, 0, 2]))
    same(searching.argsort([2, 1, 2, 1], descending=True), np.array([0, 2, 1, 3]))
    (g,) = gradients(searching.sort, np.array([2.0, 1.0, 2.0]), seed=[1.0, 2.0, 6.0])
    assert g.tolist() == [4, 1, 4]


def test_nan_is_the_largest() -> None:
    x = np.array([nan, 1, inf], ml_dtypes.bfloat16)
    same(searching.sort(x), np.array([1, inf, nan], ml_dtypes.bfloat16))
    same(searching.argsort(x, descending=True), np.array([0, 2, 1]))


@pytest.mark.parametrize("k", [0, 1, 3, 4])
@pytest.mark.parametrize("axis", [0, 1])
def test_topk(k: int, axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5))
    order = np.flip(np.argsort(x, axis=axis), axis).take(range(k), axis)
    values, indices = searching.topk(x, k, axis=axis)
    same(values, np.take_along_axis(x, order, axis))
    same(indices, order)
    check_gradients(lambda x: searching.topk(x, k, axis=axis)[0], x, rng=rng)


def test_topk_shares_a_place_that_several_could_have() -> None:
    (g,) = gradients(lambda x: searching.topk(x, 2)[0], np.array([1.0, 5.0, 1.0]))
    assert g.tolist() == [0.5, 1, 0.5]
    with pytest.raises(TypeRuleError, match=r"topk\(i64\[3\]\): there are no 4 elements along axis 0 of size 3"):
        searching.topk([1, 2, 3], 4)


@given(VECTORS, VECTORS, st.sampled_from(["left", "right"]))
def test_searchsorted(a: np.ndarray, b: np.ndarray, side: Any) -> None:
    a = np.sort(a)
    same(searching.searchsorted(a, b, side=side), np.searchsorted(a, b, side=side))
    check_traced(lambda a, b: searching.searchsorted(a, b, side=side), a, b)


def test_searchsorted_of_numbers_and_through_a_sorter() -> None:
    same(searching.searchsorted([1, 3], 2), np.int64(1))
    same(searching.searchsorted([1, 3], [[0, 3]], side="right"), np.array([[0, 2]]))
    same(searching.searchsorted([5, 1, 3], [2, 4], sorter=[1, 2, 0]), np.array([1, 2]))
    with pytest.raises(TypeRuleError, match="side must be 'left' or 'right', not 'middle'"):
        searching.searchsorted([1], 2, side="middle")


@given(VECTORS, VECTORS, st.booleans())
def test_isin(a: np.ndarray, b: np.ndarray, invert: bool) -> None:
    same(searching.isin(a, b, invert=invert), np.isin(a, b, invert=invert))
    same(searching.isin(a[:, None], b, invert=invert), np.isin(a[:, None], b, invert=invert))


def test_nonzero(rng: np.random.Generator) -> None:
    for shape in [(3, 4), (5,), (0, 2)]:
        x = rng.integers(0, 2, shape)
        same(searching.nonzero(x), np.nonzero(x))
    with pytest.raises(TypeRuleError, match="a 0-d array has no axes"):
        searching.nonzero(1)
    with pytest.raises(ConcretizationError, match="the result's shape depends on values that are not known"):
        searching.nonzero(parameter("x", Type(np.dtype(bool), (2,))))


@given(VECTORS)
def test_unique(x: np.ndarray) -> None:
    expected = np.unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
    same(searching.unique_all(x), expected)
    same(searching.unique_counts(x), (expected[0], expected[3]))
    same(searching.unique_inverse(x), (expected[0], expected[2]))
    same(searching.unique_values(x), expected[0])


def test_unique_of_more_axes_and_its_gradient() -> None:
    x = np.array([[3.0, 1.0], [3.0, 2.0]])
    same(searching.unique_inverse(x).inverse_indices, np.array([[2, 0], [2, 1]]))
    (g,) = gradients(lambda x: searching.unique_values(x), x, seed=[1.0, 2.0, 3.0])
    assert g.tolist() == [[3, 1], [0, 2]]
