from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clew.array import elementwise, indexing
from clew.errors import AxisError, ConcretizationError, TypeRuleError
from clew.ir import Graph, Type, Value, constant, f64, parameter

from .oracle import check_traced, gradients, leaf, same

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def items(draw: Any, shape: tuple[int, ...], common: tuple[int, ...], masks: bool) -> list[Any]:
    """Items that index exactly these axes; integer arrays broadcast to ``common``."""
    made: list[Any] = []
    axis = 0
    while axis < len(shape):
        n = shape[axis]
        kind = draw(st.sampled_from(["integer", "slice", "array", "list", "new"] + ["mask"] * masks))
        if kind == "new":
            made.append(None)
            continue
        if kind == "mask":
            rank = draw(st.integers(1, len(shape) - axis))
            made.append(draw(hnp.arrays(np.bool_, shape[axis : axis + rank])))
            axis += rank
            masks, common = False, (int(made[-1].sum()),)  # what other arrays have to broadcast with
            continue
        axis += 1
        if kind == "slice" or not n:
            bound = st.none() | st.integers(-n - 2, n + 2)
            made.append(slice(draw(bound), draw(bound), draw(st.none() | st.integers(-3, 3).filter(bool))))
        elif kind == "integer":
            made.append(draw(st.integers(-n, n - 1)))
        else:
            masks = False  # a mask has to come first, for what follows to broadcast with it
            dtype = draw(st.sampled_from([np.int64, np.int8, np.uint8]))
            size = tuple(draw(st.sampled_from([1, m])) for m in common[draw(st.integers(0, len(common))) :])
            array = draw(hnp.arrays(dtype, size, elements=st.integers(0 if dtype is np.uint8 else -n, n - 1)))
            made.append(array.tolist() if kind == "list" and array.ndim == 1 else array)
    return made


@st.composite
def keys(draw: Any, shape: tuple[int, ...]) -> Any:
    """A key of any kind that fits the shape."""
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    front = draw(st.integers(0, len(shape)))
    back = draw(st.integers(front, len(shape)))
    made = draw(items(shape[:front], common, True))
    masks = [item for item in made if isinstance(item, np.ndarray) and item.dtype == bool]
    if back < len(shape) or draw(st.booleans()):
        common = (int(masks[0].sum()),) if masks else common
        made += [..., *draw(items(shape[back:], common, False))]
    return made[0] if len(made) == 1 and draw(st.booleans()) else tuple(made)


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, Any]:
    shape = draw(SHAPES)
    x = np.arange(1.0, np.prod(shape, dtype=int) + 1).reshape(shape)
    return x, draw(keys(shape))


@given(cases())
def test_getitem_is_numpy_s(case: tuple[np.ndarray, Any]) -> None:
    x, key = case
    same(indexing.getitem(x, key), x[key])
    check_traced(lambda x: indexing.getitem(x, key), x)


@given(cases(), st.integers(0, 2**32 - 1))
def test_the_gradient_of_getitem_adds_up_where_it_read(case: tuple[np.ndarray, Any], seed: int) -> None:
    x, key = case
    g = np.random.default_rng(seed).integers(-9, 9, x[key].shape).astype(float)
    expected = np.zeros_like(x)
    np.add.at(expected, key, g)
    (found,) = gradients(lambda x: indexing.getitem(x, key), x, seed=g)
    np.testing.assert_array_equal(found, expected)


@given(cases(), st.booleans())
def test_set_at_and_add_at_are_numpy_s(case: tuple[np.ndarray, Any], broadcast: bool) -> None:
    x, key = case
    shape = x[key].shape
    value = -np.arange(1.0, np.prod(shape[broadcast:], dtype=int) + 1).reshape(shape[broadcast:])
    expected = x.copy()
    expected[key] = value
    same(indexing.set_at(x, key, value), expected)
    expected = x.copy()
    np.add.at(expected, key, np.broadcast_to(value, shape))  # NumPy 2.4 itself forgets part of what it broadcasts
    same(indexing.add_at(x, key, value), expected)


def ops(y: Value, *inputs: Value) -> list[str]:
    """The names of the ops that compute it."""
    return [v.op.name for v in Graph("g", inputs, (y,)).values if v not in inputs and v.op is not None]


def test_parts_need_no_positions() -> None:
    """Slices are put together again, rows are added as rows: no position of a single element is computed."""
    x, part, rows = parameter("x", f64(6, 5)), parameter("part", f64(4, 2)), parameter("rows", f64(9, 5))
    inner = (slice(1, -1), slice(1, 3))
    assert set(ops(indexing.set_at(x, inner, part), x, part)) == {"slice", "concat"}
    assert ops(indexing.add_at(x, inner, part), x, part) == ["pad", "add"]
    assert set(ops(indexing.set_at(x, slice(None, None, 2), 0.0), x)) == {"where"}
    i = constant(np.arange(9) % 6)
    added = [name for name in ops(indexing.add_at(x, i, rows), x, rows) if name not in ("reshape", "permute", "pad")]
    assert added == ["scatter_add", "add"]


@given(cases())
def test_gradients_of_set_at_go_to_what_is_seen(case: tuple[np.ndarray, Any]) -> None:
    x, key = case
    value = -np.arange(1.0, x[key].size + 1).reshape(x[key].shape)
    y = x.copy()
    y[key] = value
    g = np.arange(1.0, x.size + 1).reshape(x.shape) + 0.5
    to_x, to_value = gradients(lambda x, v: indexing.set_at(x, key, v), x, value, seed=g)
    np.testing.assert_array_equal(to_x, np.where(y == x, g, 0))
    seen = np.zeros(value.shape)  # replacements are distinct numbers, so those in the result are those seen
    for place in np.ndindex(y.shape):
        seen[value == y[place]] = g[place]
    np.testing.assert_array_equal(to_value, seen)
    to_x, to_value = gradients(lambda x, v: indexing.add_at(x, key, v), x, value, seed=g)
    np.testing.assert_array_equal(to_x, g)
    np.testing.assert_array_equal(to_value, g[key])


X = np.arange(24.0).reshape(2, 3, 4)

MASKS = [
    (X > 5),
    (slice(None), np.array([True, False, True])),
    (np.array([True, False]), slice(None), np.array([2])),
    (np.array([True, True]), [0, 2]),
    (np.array([[True, False, True], [False, True, False]]), [0, 1, 3]),
    (..., np.array([True, False, False, True])),
    (np.zeros((2, 3), bool),),
    (0, np.array([True, False, True]), slice(None, None, -1)),
    (np.array([True, True]), slice(None), [0, 3]),
    True,
    (False, slice(1, None)),
    (True, 0),
    (slice(None), np.array(True), [2, 0]),
    (0, None, np.bool_(True), slice(None), True, [0, 3]),
]


@pytest.mark.parametrize("key", MASKS)
def test_masks(key: Any) -> None:
    same(indexing.getitem(X, key), X[key])
    expected = X.copy()
    expected[key] = -1
    same(indexing.set_at(X, key, -1), expected)


def test_keys_may_be_values() -> None:
    i, mask = leaf(np.array([1, 0, 1]), "i"), leaf(np.array([True, False]), "mask")
    same(indexing.getitem(X, i), X[[1, 0, 1]])
    same(indexing.getitem(X, mask), X[[True, False]])
    same(indexing.getitem(X, leaf(np.int64(-1))), X[-1])
    same(indexing.getitem(X, (slice(leaf(np.int64(1)), None), leaf(np.int64(2)))), X[1:, 2])
    same(indexing.getitem(X, [leaf(np.int64(1)), 0]), X[[1, 0]])


def test_keys_may_be_unknown() -> None:
    check_traced(lambda i: indexing.getitem(X, i), np.array([[1, -1], [0, -2]]))
    check_traced(lambda i: indexing.getitem(X, (slice(None), i, [0, 3])), np.array([-1, 2], np.int8))
    check_traced(lambda i: indexing.getitem(X, (0, i)), np.int64(-2))
    check_traced(lambda i: indexing.set_at(X, i, -1), np.array([1, -1, 0]))
    check_traced(lambda i: indexing.add_at(X, (slice(None), i), 1), np.array([1, 1, -3], np.int8))
    check_traced(lambda i: indexing.one_hot(i, 4), np.array([1, 3, 0]))


def test_an_index_that_was_computed_stays_in_the_graph() -> None:
    y = indexing.getitem(X, leaf(np.array([1, 0])))
    assert y.op is not None
    assert any(v.op is not None and v.dtype == np.int64 for v in y.operands)


def test_the_index_of_half_of_a_batch_counts_beyond_its_own_dtype() -> None:
    x = np.arange(300.0)
    same(indexing.getitem(x, np.array([-1, 5], np.int8)), x[[-1, 5]])
    check_traced(lambda i: indexing.getitem(x, i), np.array([-1, 5], np.int8))


@pytest.mark.parametrize(
    ("key", "kind", "text"),
    [
        (5, AxisError, r"getitem\(f64\[2,3,4\]\): index 5 is out of range for axis 0 of size 2; use -2 to 1"),
        ((0, -4), AxisError, "index -4 is out of range for axis 1 of size 3; use -3 to 2"),
        ((slice(None), [0, 3]), AxisError, "index 3 is out of range for axis 1 of size 3"),
        ((0, 0, 0, 0), AxisError, "the key indexes 4 axes, the array has 3"),
        ((..., ...), AxisError, r"a key may hold one '...' only"),
        (slice(None, None, 0), AxisError, "the slice of axis 0 has step 0"),
        (slice(0.5, None), TypeRuleError, "a bound of a slice must be an integer, not 0.5"),
        (1.0, TypeRuleError, "indices must be integers or booleans; cast them"),
        ([0.5], TypeRuleError, "indices must be integers or booleans"),
        ([True, False, True], AxisError, r"a mask of shape \(3,\) does not fit axis 0 and on, of shape \(2,\)"),
        (([0, 1], [0, 1, 2]), TypeRuleError, r"getitem\(i64\[2\], i64\[3\]\): shapes do not broadcast"),
    ],
)
def test_errors(key: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text) as error:
        indexing.getitem(X, key)
    assert "\n  at test_indexing.py:" in str(error.value)


def test_errors_are_index_errors() -> None:
    with pytest.raises(IndexError):
        indexing.getitem(X, 2)
    with pytest.raises(AxisError, match="index 0 is out of range for axis 0 of size 0; it has no elements"):
        indexing.getitem(X[:0], 0)


def test_a_mask_must_be_known() -> None:
    mask = parameter("mask", Type(np.dtype(bool), (2,)))
    with pytest.raises(ConcretizationError, match=r"keep the shape: cl\.where\(mask, x, 0\)"):
        indexing.getitem(X, mask)


def test_what_goes_into_an_array_must_fit_it() -> None:
    with pytest.raises(TypeRuleError, match=r"set_at\(i64\[2\], f64\[\]\): f64\[\] does not go into i64\[2\] without loss"):
        indexing.set_at([1, 2], 0, np.float64(1.5))
    with pytest.raises(TypeRuleError, match=r"does not broadcast to shape \(3, 4\)"):
        indexing.set_at(X, 0, [1, 2, 3])
    same(indexing.set_at(np.array([1, 2], np.int8), 0, 7), np.array([7, 2], np.int8))
    same(indexing.set_at(np.zeros(2), 0, np.float32(1.5)), np.array([1.5, 0]))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_take(axis: int, rng: np.random.Generator) -> None:
    i = rng.integers(-2, 2, (3, 2))
    same(indexing.take(X, i, axis=axis), np.take(X, i, axis=axis))
    same(indexing.take(X, [], axis=axis), np.take(X, np.zeros(0, int), axis=axis))
    same(indexing.take(X, 1, axis=axis), np.take(X, 1, axis=axis))
    check_traced(lambda x, i: indexing.take(x, i, axis=axis), X, i)


def test_take_needs_an_axis() -> None:
    same(indexing.take([5, 6, 7], [2, 0]), np.array([7, 5]))
    with pytest.raises(AxisError, match=r"take\(f64\[2,3,4\]\): needs an axis, as the array has 3"):
        indexing.take(X, [0])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_take_along_axis(axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4))
    i = np.argsort(x, axis=axis)
    same(indexing.take_along_axis(x, i, axis=axis), np.take_along_axis(x, i, axis=axis))
    some = rng.integers(-2, 2, np.insert(np.delete(np.ones(3, int), axis), axis % 3, 5))
    same(indexing.take_along_axis(x, some, axis=axis), np.take_along_axis(x, some, axis=axis))
    check_traced(lambda x, i: indexing.take_along_axis(x, i, axis=axis), x, some)
    with pytest.raises(TypeRuleError, match="as many axes as the array"):
        indexing.take_along_axis(x, [0], axis=axis)


def test_take_along_axis_adds_up_its_gradient() -> None:
    (g,) = gradients(lambda x: indexing.take_along_axis(x, [[0, 0], [2, 1]]), np.zeros((2, 3)))
    assert g.tolist() == [[2, 0, 0], [0, 1, 1]]


def test_one_hot() -> None:
    i = np.array([[1, 0], [3, 2]], np.uint8)
    same(indexing.one_hot(i, 4), np.eye(4, dtype=np.float32)[i])
    same(indexing.one_hot(i, 5, dtype=np.int8), np.eye(5, dtype=np.int8)[i])
    same(indexing.one_hot(2, 3), np.array([0, 0, 1], np.float32))
    with pytest.raises(AxisError, match=r"one_hot\(i64\[2\]\): index 3 is out of range .* of size 3; use 0 to 2"):
        indexing.one_hot([0, 3], 3)
    with pytest.raises(AxisError, match="index -1"):
        indexing.one_hot([0, -1], 3)
    with pytest.raises(TypeRuleError, match="indices must be integers; cast them"):
        indexing.one_hot([0.5], 3)


def test_indexing_twice_with_the_same_place_shares() -> None:
    def f(x: Value) -> Value:
        return elementwise.multiply(indexing.getitem(x, 0), indexing.getitem(x, [0, 1]))

    (g,) = gradients(f, np.array([2.0, 3.0]))
    assert g.tolist() == [2 + 5, 2]


@pytest.mark.parametrize("shape", [(), (3,), (2, 0)])
@pytest.mark.parametrize("key", [True, False, np.True_, np.array(False), constant(np.True_)])
def test_a_single_boolean_puts_an_axis_in_front(shape: tuple[int, ...], key: Any) -> None:
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape) + 0.5
    found = indexing.getitem(x, key)
    expected = x[bool(key.data if isinstance(key, Value) else key)]
    np.testing.assert_array_equal(found.data, expected)
    assert found.shape == expected.shape
