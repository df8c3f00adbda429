"""Pooling, made of windows: known numbers, ties, padding, second derivatives; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clew.diff.reverse import pull_back
from clew.errors import AxisError, TypeRuleError
from clew.ir import DTYPES, Type, constant, parameter
from clew.ops.arithmetic import mul
from clew.ops.pooling import Fold, Windows, average_pool, fold, max_pool, sum_pool, windows

NONE: tuple[tuple[int, int], ...] = ((0, 0),)


def gradient(f: Callable[[Any], Any], x: Any, g: Any) -> Any:
    leaf = parameter("x", Type(x.dtype, x.shape), x)
    y = f(leaf)
    return pull_back({y: constant(np.asarray(g, x.dtype))})[leaf].data


def test_windows_and_fold() -> None:
    x = np.arange(5.0)
    within = windows(x, (2,), (1,), (2,))
    assert within.tolist() == [[0, 1, 2], [2, 3, 4]]
    assert fold(within, (5,), (2,), (1,), (2,)).tolist() == [0, 1, 4, 3, 4]  # the middle one is in two windows


def test_max_pool() -> None:
    x = np.array([[1.0, 5, 2, 0, 7]])
    assert max_pool(x, (2,), (2,), NONE, (1,)).tolist() == [[5, 2]]
    assert max_pool(x, (2,), (1,), ((1, 1),), (1,)).tolist() == [[1, 5, 5, 2, 7, 7]]
    assert gradient(lambda v: max_pool(v, (3,), (1,), NONE, (1,)), x, [[1.0, 10, 100]]).tolist() == [[0, 11, 0, 0, 100]]


def test_max_pool_ties_share_and_the_parts_add_up() -> None:
    x = np.array([[3.0, 3, 1, 3, 3, 3]])
    assert gradient(lambda v: max_pool(v, (3,), (3,), NONE, (1,)), x, [[1.0, 6]]).tolist() == [[0.5, 0.5, 0, 2, 2, 2]]
    zeros = np.zeros((1, 4))  # the padding is lower, and takes no part
    assert gradient(lambda v: max_pool(v, (2,), (2,), ((1, 1),), (1,)), zeros, [[1.0, 1, 1]]).tolist() == [[1, 0.5, 0.5, 1]]


def test_max_pool_of_integers_pads_with_the_lowest() -> None:
    x = np.array([-128, -5], np.int8)
    assert max_pool(x, (2,), (1,), ((1, 0),), (1,)).tolist() == [-128, -5]
    assert max_pool(x, (1,), (1,), ((1, 1),), (1,)).tolist() == [-128, -128, -5, -128]


def test_max_pool_nan_wins() -> None:
    assert np.isnan(max_pool(np.array([1.0, np.nan, 2, 3]), (2,), (2,), NONE, (1,))).tolist() == [True, False]


def test_second_derivative_of_max_pool_comes_from_upstream_alone() -> None:
    data = np.array([1.0, 4, 2, 3])
    x = parameter("x", Type(data.dtype, data.shape), data)
    y = max_pool(x, (2,), (2,), NONE, (1,))
    cost = mul(y, y)
    first = pull_back({cost: constant(np.ones(2))})[x]
    assert first.data.tolist() == [0, 8, 0, 6]
    assert pull_back({first: constant(np.ones(4))})[x].data.tolist() == [0, 2, 0, 2]


def test_average_pool_with_and_without_the_padding() -> None:
    x = np.array([[2.0, 4, 6]])
    assert average_pool(x, (2,), (1,), ((1, 1),), (1,)).tolist() == [[1, 3, 5, 3]]
    assert average_pool(x, (2,), (1,), ((1, 1),), (1,), count_include_pad=False).tolist() == [[2, 3, 5, 6]]
    assert gradient(lambda v: average_pool(v, (2,), (1,), ((1, 1),), (1,), False), x, [[1.0, 1, 1, 1]]).tolist() == [
        [1.5, 1, 1.5]
    ]


def test_sum_pool_in_two_dimensions() -> None:
    x = np.arange(16, dtype="f4").reshape(1, 4, 4)
    assert sum_pool(x, (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)).tolist() == [[[10, 18], [42, 50]]]
    ones = gradient(lambda v: sum_pool(v, (3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1)), x, np.ones((1, 2, 2)))
    assert ones.tolist() == [np.outer([1, 2, 2, 1], [1, 2, 2, 1]).tolist()]


def test_refuses() -> None:
    x = Type(DTYPES["f32"], (3,))
    with pytest.raises(AxisError, match=r"^windows\(f32\[3\]\): a window of 2 axes needs an operand that has as many$"):
        Windows((2, 2), (1, 1), (1, 1)).infer(x)
    with pytest.raises(TypeRuleError, match=r"^windows\(f32\[3\]\): needs a size, a stride and a dilation for each axis"):
        Windows((2,), (1, 1), (1,)).infer(x)
    with pytest.raises(TypeRuleError, match=r"^windows\(f32\[3\]\): sizes, strides and dilations must be at least 1$"):
        Windows((2,), (0,), (1,)).infer(x)
    with pytest.raises(TypeRuleError, match=r"^fold\(f32\[3\]\): windows over sizes \(4,\) have last axes \(2, 3\)$"):
        Fold((2,), (1,), (1,), (4,)).infer(x)
