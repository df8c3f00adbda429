"""Sorting and means over ties, in native code, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.whole.sorting import NETWORK, SHORT
from clew.ir import DTYPES, FLOATS, Type
from clew.ops.sorting import ArgSort, ShareTies, Sort

from .calling import Run, expected, same_bits

LENGTHS = [0, 1, 2, 3, 17, 100, SHORT, SHORT + 1, 1000]
LONG = NETWORK + 7
SHAPES = [((3, 5), 0), ((1, 1), 1), ((2, 130, 3), 1), ((4, 40, 2), 2), ((0, 3), 1), ((3, 0, 2), 1), ((1000,), 0)]


def numbers(name: str, shape: tuple[int, ...], seed: int, few: bool) -> np.ndarray:
    """Any numbers of a dtype, or few different ones; of floats NaN with either sign, infinities, zeros, subnormals."""
    dtype, random = DTYPES[name], np.random.default_rng(seed)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    bits = random.integers(0, 2 ** (8 * dtype.itemsize), shape, f"u{dtype.itemsize}", endpoint=False).view(dtype)
    if dtype in FLOATS:
        special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e-40, -6e-8]).astype(dtype)
        return np.where(random.random(shape) < (1.0 if few else 0.2), random.choice(special, shape), bits).astype(dtype)
    return (bits % dtype.type(3)).astype(dtype) if few else bits


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype(name, few, descending):
    for n in [*LENGTHS, *([LONG] if few == descending else [])]:
        x = numbers(name, (3, n), n, few)
        t = Type(x.dtype, x.shape)
        places = Run(ArgSort(1, descending), [t])(x)
        np.testing.assert_array_equal(places, expected(ArgSort(1, descending), x), f"{n}")
        got, true = Run(Sort(1, descending), [t])(x), np.take_along_axis(x, places, 1)
        assert got.dtype == true.dtype
        with np.errstate(invalid="ignore"):
            assert ((got == true) | ((got != got) & (true != true))).all(), n


@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
@pytest.mark.parametrize("name", ["f32", "i64"])
def test_axes(name, shape, axis):
    x = numbers(name, shape, 5, True)
    for op in (ArgSort(axis), ArgSort(axis, True), ArgSort(axis, True, stable=False)):
        got, true = Run(op, [Type(x.dtype, shape)])(x), expected(ArgSort(axis, op.descending), x)
        np.testing.assert_array_equal(got, true)
    np.testing.assert_array_equal(Run(Sort(axis), [Type(x.dtype, shape)])(x), expected(Sort(axis), x))


@pytest.mark.parametrize("n", [5, SHORT + 5])
def test_sorting_keeps_every_zero(n):
    x = np.resize(np.array([0.0, -0.0, 1.0, -0.0], np.float32), n)
    y = Run(Sort(0), [Type(x.dtype, x.shape)])(x)
    assert np.signbit(y).sum() == np.signbit(x).sum()


def test_digits_that_all_share_are_passed_over():
    x = np.random.default_rng(6).permutation(1000).astype(np.uint64) << np.uint64(24)
    y = Run(Sort(0), [Type(x.dtype, x.shape)])(x)
    np.testing.assert_array_equal(y, np.arange(1000, dtype=np.uint64) << np.uint64(24))


@pytest.mark.parametrize("keys", ["f32", "f16", "bool", "u8", "i64"])
@pytest.mark.parametrize("name", ["bf16", "f16", "f32", "f64"])
def test_shared_ties(name, keys):
    random = np.random.default_rng(7)
    for shape, axis in [*SHAPES, ((200, 3), 0), ((2, 9, 150), 1), ((17, 9), 1)]:
        y = np.sort(random.integers(0, 4, shape), axis).astype(DTYPES[keys])
        if y.dtype.kind == "f":
            y[y == 3] = np.nan
        g = random.normal(size=shape).astype(DTYPES[name])
        op = ShareTies(axis)
        got, true = Run(op, [Type(g.dtype, shape), Type(y.dtype, shape)])(g, y), expected(op, g, y)
        assert got.dtype == true.dtype
        limit = {2: 1e-2, 4: 3e-6, 8: 1e-14}[g.dtype.itemsize]
        np.testing.assert_allclose(got.astype(float), true.astype(float), rtol=limit, atol=limit)


def test_without_ties_nothing_is_rounded():
    g, y = np.random.default_rng(8).normal(size=(5, 30)), np.arange(150).reshape(5, 30)
    t = [Type(g.dtype, g.shape), Type(y.dtype, y.shape)]
    assert same_bits(Run(ShareTies(1), t)(g, y), g)


@pytest.mark.parametrize("shape", [(3, 17), (1, 18), (9, 37), (2, 3)])
def test_a_single_tie_is_found(shape):
    random = np.random.default_rng(9)
    g, distinct = random.normal(size=shape), np.arange(np.prod(shape)).astype(np.float32)
    run = Run(ShareTies(1), [Type(g.dtype, shape), Type(distinct.dtype, shape)])
    for k in range(distinct.size - 1):  # equal across the end of a row, too, which is no tie
        y = np.where(np.arange(distinct.size) == k + 1, distinct[k], distinct).reshape(shape).astype(np.float32)
        np.testing.assert_allclose(run(g, y), expected(ShareTies(1), g, y), rtol=1e-15)
