"""A slice of a value, made of slices of its operands, is that slice of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.bands.cutting import Cut, of_operands, sizes, sliced
from clew.ir import Array, Value, evaluate, parameter, quiet
from clew.ops.indexing import gather
from clew.ops.movement import Iota


def value(f: Any, *shapes: tuple[int, ...]) -> Value:
    """The result of ``f`` as the one op that it is."""
    inputs = [np.zeros(shape, np.float32) for shape in shapes]
    return cl.trace(f)(*inputs).graph.outputs[0]


CASES: list[tuple[Value, Cut]] = [
    (value(lambda x, y: x + y, (4, 6), (4, 6)), (0, 1)),
    (value(lambda x: cl.astype(x, cl.float64), (4, 6)), (None, 0)),
    (value(lambda x: cl.broadcast_to(x, (5, 4, 6)), (4, 6)), (0, 1, None)),
    (value(lambda x: cl.permute_dims(x, (2, 0, 1)), (4, 6, 8)), (1, None, 0)),
    (value(lambda x: cl.sum(x, axis=1), (4, 6, 8)), (0, 1)),
    (value(lambda x: cl.max(x, axis=(0, 2)), (4, 6, 8)), (0,)),
    (value(lambda x, y: x @ y, (4, 6), (6, 8)), (0, 1)),
    (value(lambda x, y: x @ y, (4, 4, 6), (4, 6, 8)), (0, 1, None)),
    (value(lambda x: cl.reshape(x, (4, 6, 1)), (4, 6)), (0, 1, None)),
    (value(lambda x: cl.reshape(x, (4, 2, 3)), (4, 6)), (0, None, None)),
]


@pytest.mark.parametrize(("v", "cut"), CASES, ids=lambda x: str(x) if isinstance(x, tuple) else x.op.name)
def test_a_slice_is_made_of_slices(v: Value, cut: Cut) -> None:
    check(v, cut)


def test_a_slice_of_a_gather_in_pairs() -> None:
    x, index = parameter("x", value(cl.abs, (4, 6)).type), parameter("i", cl.asarray(np.zeros((4, 3), np.int64)).value.type)
    check(gather(x, index, axes=(1,), paired=1), (0, None))
    assert of_operands(gather(x, index, axes=(1,), paired=1), (None, 0)) is None


def check(v: Value, cut: Cut) -> None:
    needed = of_operands(v, cut)
    assert needed is not None
    draw = np.random.default_rng(0)
    whole = {x: random(draw, x) for x in v.operands}
    blocks = [2, 2]
    parts = {}
    for x, c in zip(v.operands, needed, strict=True):
        parts[x] = parameter("part", x.type.with_shape(sizes(x.shape, c, blocks)))
    made = sliced(v, tuple(parts[x] for x in v.operands), sizes(v.shape, cut, blocks))
    want = quiet.run(evaluate, [v], whole)[v]
    for start in np.ndindex(2, 2):
        at = {x: part(whole[x], c, start, blocks) for x, c in zip(v.operands, needed, strict=True)}
        found = quiet.run(evaluate, [made], {parts[x]: a for x, a in at.items()})[made]
        np.testing.assert_allclose(found, part(want, cut, start, blocks), rtol=1e-6)
        assert found.shape == made.shape


def random(draw: np.random.Generator, x: Value) -> Array:
    if x.op is None:
        return x.data
    return draw.integers(0, 6, x.shape) if x.dtype.kind == "i" else draw.normal(size=x.shape).astype(x.dtype)


def part(x: Array, cut: Cut, place: tuple[int, ...], blocks: list[int]) -> Array:
    """The slice at a place of the grid."""
    return x[tuple(slice(None) if k is None else slice(place[k] * blocks[k], (place[k] + 1) * blocks[k]) for k in cut)]


@pytest.mark.parametrize(
    ("v", "cut"),
    [
        (value(lambda x: cl.reshape(x, (24,)), (4, 6)), (0,)),
        (value(lambda x: cl.reshape(x, (6, 4)), (4, 6)), (0, None)),
        (value(lambda x: cl.cumulative_sum(x, axis=1), (4, 6)), (0, None)),
        (Value(Iota((4, 6), 0, np.dtype(np.int32)), (), Iota((4, 6), 0, np.dtype(np.int32)).infer()), (0, None)),
    ],
    ids=["merged", "regrouped", "running", "counted"],
)
def test_slices_that_need_more_than_slices(v: Value, cut: Cut) -> None:
    assert of_operands(v, cut) is None


def test_counting_along_a_whole_axis() -> None:
    op = Iota((4, 6), 1, np.dtype(np.int32))
    v = Value(op, (), op.infer())
    assert of_operands(v, (0, None)) == []
    np.testing.assert_array_equal(sliced(v, (), (2, 6)).op.reference(), op.reference()[:2])  # type: ignore[union-attr]
