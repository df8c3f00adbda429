"""Adding up at positions that are data: bit for bit what the reference computes, and nothing outside the target."""

from __future__ import annotations

import numpy as np
import pytest

from clew.ir import DTYPES, Type
from clew.ops.indexing import ScatterAdd

from .calling import Run, expected, same_bits

NUMBERS = [name for name in DTYPES if name != "bool"]
INTEGERS = [name for name in NUMBERS if name[0] in "iu"]
OPS = [  # and the shape of the indices
    (ScatterAdd((5,), (0,)), (40,)),
    (ScatterAdd((5,), (0,)), ()),
    (ScatterAdd((0,), (0,)), (0,)),
    (ScatterAdd((4, 1), (0,)), (0,)),
    (ScatterAdd((3, 33), (0,)), (2, 9)),
    (ScatterAdd((3, 1100), (0,)), (9,)),
    (ScatterAdd((32, 10), (1,), 1), (32,)),
    (ScatterAdd((7, 3, 4), (1,)), (6,)),
    (ScatterAdd((7, 3, 4), (2,)), (6, 2)),
    (ScatterAdd((2, 3, 4, 2, 5, 2), (4, 2), 1), (2, 6)),
    (ScatterAdd((2, 3, 4, 5, 2), (3, 1), 0), (7,)),
    (ScatterAdd((3, 2, 4, 6), (3, 2), 2), (3, 2, 5)),
    (ScatterAdd((2, 4, 5, 3, 70), (1, 3), 1), (2, 8)),
]


def drawn(op: ScatterAdd, indices: tuple[int, ...], name: str, kind: str, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    others = [n for a, n in enumerate(op.shape) if a not in op.axes][op.paired :]
    shape = (*indices, *others)
    dtype = DTYPES[name]
    updates = random.integers(0, 200, shape).astype(dtype) if dtype.kind in "iu" else random.normal(size=shape).astype(dtype)
    return [updates, *(random.integers(0, max(1, op.shape[a]), indices).astype(DTYPES[kind]) for a in op.axes)]


def types(xs: list[np.ndarray]) -> list[Type]:
    return [Type(x.dtype, x.shape) for x in xs]


@pytest.mark.parametrize(("op", "indices"), OPS, ids=str)
@pytest.mark.parametrize("name", NUMBERS)
def test_updates_of_every_dtype(name, op, indices):
    xs = drawn(op, indices, name, "i64", 1)
    assert same_bits(Run(op, types(xs))(*xs), expected(op, *xs))


@pytest.mark.parametrize("seed", range(30))
def test_any_axes(seed):
    random = np.random.default_rng(seed)
    shape = tuple(int(n) for n in random.integers(1, 7, random.integers(1, 6)))
    axes = tuple(int(a) for a in random.permutation(len(shape))[: random.integers(1, len(shape) + 1)])
    paired = int(random.integers(0, min(axes) + 1))
    indices = (*shape[:paired], *(int(n) for n in random.integers(0, 5, random.integers(0, 3))))
    op = ScatterAdd(shape, axes, paired)
    xs = drawn(op, indices, str(random.choice(NUMBERS)), str(random.choice(INTEGERS)), seed)
    run = Run(op, types(xs))
    assert same_bits(run(*xs), expected(op, *xs))
    assert same_bits(run(*xs, cuts=range(1, run.tasks)), run(*xs))


@pytest.mark.parametrize("kind", INTEGERS)
def test_indices_of_every_dtype(kind):
    op = ScatterAdd((6, 3, 120), (0, 2))
    xs = drawn(op, (50,), "f32", kind, 2)
    assert same_bits(Run(op, types(xs))(*xs), expected(op, *xs))


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("op", [ScatterAdd((5,), (0,)), ScatterAdd((5, 300), (0,)), ScatterAdd((4, 5, 2), (1,), 1)], ids=str)
def test_an_index_outside_its_axis_adds_nothing(op, kind):
    dtype = DTYPES[kind]
    (axis,) = op.axes
    xs = drawn(op, (4,) * (op.paired + 1), "f32", kind, 3)
    wrong = [op.shape[axis], np.iinfo(dtype).max, *([-1, np.iinfo(dtype).min] if dtype.kind == "i" else [])]
    left = xs[1].copy()
    left[..., 1] = 0
    for index in wrong:
        xs[1][..., 1] = index
        without = [xs[0].copy(), left]
        without[0][(slice(None),) * op.paired + (1,)] = 0
        np.testing.assert_array_equal(Run(op, types(xs))(*xs), expected(op, *without))


def test_one_of_two_indices_outside():
    op = ScatterAdd((3, 4), (0, 1))
    xs = [np.ones(3), np.array([0, 3, 1]), np.array([1, 1, -1])]
    assert Run(op, types(xs))(*xs).tolist() == [[0, 1, 0, 0], [0] * 4, [0] * 4]


def test_half_precision_adds_up_in_float():
    xs = [np.full(4000, 1.0, DTYPES["bf16"]), np.zeros(4000, np.int64)]
    op = ScatterAdd((2,), (0,))
    assert Run(op, types(xs))(*xs).astype(float).tolist() == [4000, 0]
