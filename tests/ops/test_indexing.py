"""Gather and scatter-add against NumPy's own indexing, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest

from clew.errors import AxisError, TypeRuleError
from clew.ir import DTYPES, Op, Type, f32, parameter
from clew.ops.indexing import Gather, ScatterAdd, add_along, gather, scatter_add, take, take_along


def i64(*shape: int) -> Type:
    return Type(DTYPES["i64"], shape)


REFUSED: list[tuple[Op, tuple[Type, ...], type[Exception], str]] = [
    (
        Gather((0, 1)),
        (f32(2, 3), i64(4)),
        TypeRuleError,
        "gather(f32[2,3], i64[4]): needs one array of indices for each of the axes (0, 1)",
    ),
    (Gather(()), (f32(2),), TypeRuleError, "gather(f32[2]): needs one array of indices for each of the axes ()"),
    (
        Gather((2,)),
        (f32(2, 3), i64(4)),
        AxisError,
        "gather(f32[2,3], i64[4]): axes (2,) must be different axes of the array of shape (2, 3)",
    ),
    (
        Gather((1,), paired=1),
        (f32(2, 3), i64(4)),
        TypeRuleError,
        "gather(f32[2,3], i64[4]): the first 1 axes of indices must be those of the array of shape (2, 3), before axes (1,)",
    ),
    (
        Gather((0,), paired=1),
        (f32(2, 3), i64(2)),
        TypeRuleError,
        "gather(f32[2,3], i64[2]): the first 1 axes of indices must be those of the array of shape (2, 3), before axes (0,)",
    ),
    (
        Gather((0,)),
        (f32(2), Type(DTYPES["bool"], (2,))),
        TypeRuleError,
        "gather(f32[2], bool[2]): indices must be integers; turn a mask into positions with nonzero",
    ),
    (
        Gather((0, 1)),
        (f32(2, 3), i64(4), i64(1)),
        TypeRuleError,
        "gather(f32[2,3], i64[4], i64[1]): the arrays of indices must have equal shapes; broadcast them first",
    ),
    (
        ScatterAdd((5, 2), (0,)),
        (f32(3), i64(3)),
        TypeRuleError,
        "scatter_add(f32[3], i64[3]): the updates must have shape (3, 2); reshape or broadcast them",
    ),
    (
        ScatterAdd((5,), (0,)),
        (Type(DTYPES["bool"], (3,)), i64(3)),
        TypeRuleError,
        "scatter_add(bool[3], i64[3]): booleans do not add up; cast to an integer first",
    ),
    (
        ScatterAdd((5,), (1,)),
        (f32(3), i64(3)),
        AxisError,
        "scatter_add(f32[3], i64[3]): axes (1,) must be different axes of the array of shape (5,)",
    ),
]


@pytest.mark.parametrize(("op", "types", "error", "text"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(op: Op, types: tuple[Type, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        op.infer(*types)
    assert str(caught.value) == text


def test_an_index_outside_is_an_error() -> None:
    x = np.zeros((4, 3))
    with pytest.raises(AxisError, match=r"^gather: index 3 lies outside axis 1 of size 3; use 0 to 2$"):
        take(x, np.array([0, 3, -7]), 1)
    with pytest.raises(IndexError, match=r"^gather: index -1 lies outside axis 0 of size 4; use 0 to 3$"):
        gather(x, np.int64(-1), axes=(0,))
    with pytest.raises(AxisError, match=r"^gather: index 0 lies outside axis 0 of size 0; it has no elements$"):
        gather(np.zeros((0, 2)), np.array([[0]]), axes=(0,))
    with pytest.raises(AxisError, match=r"^scatter_add: index 5 lies outside axis 0 of size 4; use 0 to 3$"):
        scatter_add(np.zeros(2), np.array([1, 5]), shape=(4,), axes=(0,))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(), (5,), (2, 4)])
def test_take(axis: int, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x, indices = rng.normal(size=(2, 3, 4)), rng.integers(0, 2, shape)[()]
    np.testing.assert_array_equal(take(x, indices, axis), np.take(x, indices, axis))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_take_along(axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4))
    sizes = [2, 3, 4]
    sizes[axis] = 5
    indices = rng.integers(0, x.shape[axis], sizes)
    np.testing.assert_array_equal(take_along(x, indices, axis), np.take_along_axis(x, indices, axis))


def test_several_arrays_index_as_numpy_does(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4, 5))
    a, b = rng.integers(0, 2, (6, 1)), rng.integers(0, 4, (1, 7))
    both = np.broadcast_arrays(a, b)
    np.testing.assert_array_equal(gather(x, *both, axes=(0, 2)), x[a, :, b])


def test_updates_that_meet_add_up(rng: np.random.Generator) -> None:
    updates, rows, columns = rng.normal(size=(100, 2)), rng.integers(0, 3, 100), rng.integers(0, 4, 100)
    expected = np.zeros((3, 2, 4))
    np.add.at(expected, (rows, slice(None), columns), updates)
    y = scatter_add(updates, rows, columns, shape=(3, 2, 4), axes=(0, 2))
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-13)


def test_half_precision_adds_up_in_single() -> None:
    ones = np.ones(4096, np.float16)
    y = scatter_add(ones, np.zeros(4096, np.int64), shape=(1,), axes=(0,))
    assert y.dtype == np.float16
    assert y[0] == 4096  # adding in half precision would stop at 2048


def test_batched_indices_leave_what_they_read_one() -> None:
    """Looking up a table for each example must not copy the table, nor its gradient."""
    table, indices = parameter("table", f32(1000, 4)), parameter("indices", i64(8, 3))
    y = Gather((0,)).batch(8, (False, True), table, indices)
    assert y.op == Gather((0,))
    assert y.operands == (table, indices)
    assert y.op.pull(0, y, y, *y.operands).type == f32(1000, 4)


def test_add_along_is_the_transpose_of_take_along(rng: np.random.Generator) -> None:
    x, indices, updates = rng.normal(size=(2, 3, 4)), rng.integers(0, 3, (2, 5, 4)), rng.normal(size=(2, 5, 4))
    there = np.vdot(updates, take_along(x, indices, 1))
    back = np.vdot(add_along(updates, indices, 1, 3), x)
    np.testing.assert_allclose(there, back, rtol=1e-13)
