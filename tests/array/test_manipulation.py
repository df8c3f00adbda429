from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.array import manipulation
from clew.errors import AxisError, ConcretizationError, TypeRuleError, UsageError
from clew.ir import Graph, Type, parameter

from .oracle import check_traced, gradients, leaf, same

CASES: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = [
    *[("reshape", (2, 3, 4), (shape,), {}) for shape in [(6, 4), (24,), 24, -1, (2, -1), (-1, 4, 3), (2, 3, 4), [4, 6]]],
    ("reshape", (0, 3), ((-1, 3),), {}),
    ("reshape", (1, 1), ((),), {}),
    ("reshape", (), ((1, 1),), {}),
    *[("ravel", shape, (), {}) for shape in [(2, 3), (), (0, 2)]],
    *[("permute_dims", (2, 3, 4), (order,), {}) for order in [(2, 0, 1), (0, 1, 2), (-1, 0, 1)]],
    ("permute_dims", (), ((),), {}),
    *[("transpose", (2, 3, 4), order, {}) for order in [(), ((1, 2, 0),)]],
    *[("matrix_transpose", shape, (), {}) for shape in [(2, 3), (4, 2, 3), (1, 0)]],
    *[("swapaxes", (2, 3, 4), axes, {}) for axes in [(0, 2), (-1, 0), (1, 1)]],
    *[("moveaxis", (2, 3, 4), axes, {}) for axes in [(0, 2), (-1, 0), ((0, 1), (-1, -2)), ((2, 0), (0, 1))]],
    *[("expand_dims", (2, 3), (axis,), {}) for axis in [0, 1, -1, (0, 3), (-1, 0)]],
    *[("squeeze", (1, 3, 1), axis, {}) for axis in [(0,), (-1,), ((0, 2),), ()]],
    *[("flip", (2, 3), (), {"axis": axis}) for axis in [None, 0, -1, (0, 1), ()]],
    *[
        ("roll", (2, 3), (shift,), {"axis": axis})
        for shift, axis in [(1, None), (-5, 1), (7, 0), ((1, 2), (0, 1)), (1, (0, 1)), (0, 0)]
    ],
    ("roll", (0, 2), (1,), {"axis": 0}),
    *[("unstack", (2, 3), (), {"axis": axis}) for axis in [0, 1, -1]],
    *[("split", (6, 2), (where,), {}) for where in [1, 2, 3, 6, [1, 4], [0, 3, 3, 9], [4, 2], [-2]]],
    ("split", (2, 6), (3, -1), {}),
    ("split", (0, 2), (2,), {}),
    *[("tile", (2, 3), (times,), {}) for times in [2, (2,), (2, 1), (1, 1), (3, 1, 2), (0, 1), (2, 2, 2)]],
    ("tile", (), ((2, 3),), {}),
    *[
        ("repeat", (2, 3), (times,), {"axis": axis})
        for times, axis in [(2, None), (3, 1), ([1, 2], 0), ([0, 0, 4], -1), (0, 0)]
    ],
    ("repeat", (3,), ([2],), {}),
    *[("broadcast_to", (3, 1), (shape,), {}) for shape in [(3, 1), (3, 4), (2, 3, 4), (2, 3, 1), (3, 0)]],
    ("broadcast_to", (), ((2, 2),), {}),
    *[("pad", (2, 3), (width,), {}) for width in [1, 0, (1, 2), ((1, 0), (0, 2)), ((1, 2),)]],
    ("pad", (2, 3), (2,), {"constant_values": -1.5}),
    *[
        ("pad", (2, 3), (width, mode), {})
        for width in [1, ((0, 2), (4, 0)), 60]
        for mode in ["edge", "reflect", "symmetric", "wrap"]
    ],
]


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
def test_borders_are_parts_and_not_single_places(mode: Any) -> None:
    x = parameter("x", Type(np.dtype(np.float32), (30, 40)))
    graph = Graph("g", (x,), (manipulation.pad(x, ((2, 3), (1, 0)), mode),))
    assert {type(v.op).__name__ for v in graph.values if v.operands} <= {"Slice", "Flip", "Broadcast", "Reshape", "Concat"}


@pytest.mark.parametrize(("name", "shape", "arguments", "options"), CASES)
def test_like_numpy(name: str, shape: Any, arguments: Any, options: Any, rng: np.random.Generator) -> None:
    ours, theirs = getattr(manipulation, name), getattr(np, name)

    def reference(x: Any) -> Any:
        made = theirs(x, *arguments, **options)
        return list(made) if isinstance(made, tuple | list) else made

    x = rng.normal(size=shape)
    expected = reference(x)
    same(ours(x, *arguments, **options), expected)
    whole = np.rint(10 * x).astype(np.int8)
    if options.get("constant_values") is None:
        same(ours(whole, *arguments, **options), reference(whole))
        same(ours(x > 0, *arguments, **options), reference(x > 0))
    check_traced(lambda x: ours(x, *arguments, **options), x)
    parts = expected if isinstance(expected, list) else [expected]
    for k, part in enumerate(parts):  # linear (up to what is padded), so its transpose says all about its gradient

        def one(x: Any, k: int = k) -> Any:
            made = ours(x, *arguments, **options)
            return made[k] if isinstance(made, tuple) else made

        seed = rng.normal(size=part.shape)
        (g,) = gradients(one, x, seed=seed)
        zero = np.asarray(one(np.zeros(shape)).data)
        np.testing.assert_allclose(np.sum(g * x), np.sum(seed * (part - zero)), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_concat(axis: int | None, rng: np.random.Generator) -> None:
    parts = [rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(2, 3))]
    same(manipulation.concat(parts, axis=axis), np.concatenate(parts, axis=axis))
    mixed = [parts[0].astype(np.float32), np.ones((2, 3), np.int8), parts[1]]
    same(manipulation.concat(mixed, axis=axis), np.concatenate(mixed, axis=axis))
    for k, g in enumerate(gradients(lambda *xs: manipulation.concat(xs, axis=axis), *parts, seed=2.0)):
        assert g.tolist() == np.full((2, 3), 2.0).tolist(), k


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_stack(axis: int, rng: np.random.Generator) -> None:
    parts = [rng.normal(size=(2, 3)) for _ in range(4)]
    same(manipulation.stack(parts, axis=axis), np.stack(parts, axis=axis))
    stacked = manipulation.stack(parts, axis=axis)
    same(manipulation.unstack(stacked, axis=axis), parts)


def test_stack_of_numbers() -> None:
    same(manipulation.stack([1, 2.5]), np.array([1, 2.5], np.float32))
    same(manipulation.stack([leaf(np.float64(1)), 2]), np.array([1.0, 2.0]))


def test_flatten_joins_axes(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4))
    same(manipulation.flatten(x), x.reshape(-1))
    same(manipulation.flatten(x, 1), x.reshape(2, 12))
    same(manipulation.flatten(x, 0, 1), x.reshape(6, 4))
    same(manipulation.flatten(3.0), np.array([3], np.float32))


shapes = st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), max_size=3)


@given(shapes)
def test_broadcast_shapes(some: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*some)
    except ValueError:
        with pytest.raises(TypeRuleError, match="sizes on an axis must be equal, or 1"):
            manipulation.broadcast_shapes(*some)
        return
    assert manipulation.broadcast_shapes(*some) == expected
    arrays = [np.zeros(shape, np.int8) for shape in some]
    same(manipulation.broadcast_arrays(*arrays), list(np.broadcast_arrays(*arrays)))


X = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: manipulation.reshape(X, (4, -1)),
            TypeRuleError,
            r"reshape\(f64\[2,3\]\): 6 elements do not fill shape \(4, -1\)",
        ),
        (lambda: manipulation.reshape(X, (-1, -1)), TypeRuleError, "whatever -1 is"),
        (lambda: manipulation.reshape(X, (5,)), TypeRuleError, r"reshape\(f64\[2,3\]\): 6 elements do not fill shape \(5,\)"),
        (lambda: manipulation.reshape(X, (2, -3)), TypeRuleError, "has a negative size; only -1 is"),
        (lambda: manipulation.permute_dims(X, (0,)), TypeRuleError, "must name each of the 2 axes once"),
        (lambda: manipulation.permute_dims(X, (0, -2)), AxisError, "name one axis twice"),
        (lambda: manipulation.permute_dims(X, (0, 2)), AxisError, r"axis 2 is out of range for 2 axes; use -2 to 1"),
        (lambda: manipulation.flip(1.0, axis=0), AxisError, "axis 0 is out of range for 0 axes; a 0-d array has no axes"),
        (lambda: manipulation.stack([X], axis=3), AxisError, "axis 3 is out of range for 3 axes; use -3 to 2"),
        (lambda: manipulation.unstack(X, axis=(0,)), AxisError, r"axis must be one integer, not \(0,\)"),
        (lambda: manipulation.flip(X, axis=0.5), TypeRuleError, "axis must be an integer, not 0.5"),
        (lambda: manipulation.squeeze(X, 1), TypeRuleError, "axis 1 has size 3, not 1; index it, or reduce along it"),
        (lambda: manipulation.concat([X, X[:, :2]]), TypeRuleError, "equal sizes on every axis but 0"),
        (lambda: manipulation.concat([]), TypeRuleError, "needs at least one array"),
        (lambda: manipulation.concat(X), TypeRuleError, "takes its arrays in a list or tuple"),
        (
            lambda: manipulation.stack([X, X[0]]),
            TypeRuleError,
            "arrays must have one shape; broadcast them first, or use concat",
        ),
        (lambda: manipulation.split(X, 2, 1), TypeRuleError, "axis 1 of size 3 has no 2 equal parts; give the positions"),
        (lambda: manipulation.roll(X, (1, 2), axis=0), TypeRuleError, "2 shifts do not go with 1 axes"),
        (lambda: manipulation.moveaxis(X, 0, (0, 1)), TypeRuleError, "1 axes do not go to 2 places"),
        (
            lambda: manipulation.repeat(X, [1, 2], axis=1),
            TypeRuleError,
            r"repeats of shape \(2,\) do not go with axis 1 of size 3",
        ),
        (lambda: manipulation.repeat(X, -1, axis=1), TypeRuleError, "repeats -1 is negative"),
        (lambda: manipulation.broadcast_to(X, (3, 2)), TypeRuleError, r"does not broadcast to shape \(3, 2\)"),
        (lambda: manipulation.broadcast_to(X, (3,)), TypeRuleError, r"does not broadcast to shape \(3,\)"),
        (lambda: manipulation.broadcast_arrays(X, X.T), TypeRuleError, "axis -2 has sizes 2 and 3"),
        (lambda: manipulation.pad(X, -1), TypeRuleError, "pad_width -1 is negative; slice to cut off"),
        (lambda: manipulation.pad(X, ((1, 2),) * 3), TypeRuleError, "does not go with 2 axes; give a pair"),
        (lambda: manipulation.pad(X, 1, "other"), UsageError, "no mode 'other'; modes are 'constant', 'edge'"),
        (lambda: manipulation.pad(X[:0], 1, "edge"), TypeRuleError, "axis 0 has no elements to take for mode 'edge'"),
        (lambda: manipulation.flatten(X, 1, 0), TypeRuleError, "start_axis 1 comes after end_axis 0"),
        (lambda: manipulation.matrix_transpose(X[0]), TypeRuleError, "needs .a stack of. matrices"),
    ],
)
def test_errors(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text) as error:
        call()
    assert "\n  at test_manipulation.py:" in str(error.value)


def test_repeats_must_be_known() -> None:
    with pytest.raises(ConcretizationError, match="repeats must be known when the graph is built") as error:
        manipulation.repeat(X, parameter("n", Type(np.dtype(np.int64), (2,))), axis=0)
    assert "compute it outside, or make it a fixed argument" in str(error.value)
