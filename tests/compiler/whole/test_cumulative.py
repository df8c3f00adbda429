"""Running sums, products and recurrences in native code: bit for bit what the reference computes."""

from __future__ import annotations

import numpy as np
import pytest

from clew.ir import DTYPES, Type
from clew.ops.cumulative import CumulativeProd, CumulativeSum, LinearRecurrence

from .calling import Run, expected, same_bits

FLOATING = ["bf16", "f16", "f32", "f64"]
NUMBERS = [name for name in DTYPES if name != "bool"]
SHAPES = [
    *(((20,), 0), ((1,), 0), ((0,), 0), ((3, 0), 0), ((0, 4), 1)),
    *(((19, 6), 1), ((6, 19), 0), ((5, 7, 3), 1), ((2, 5, 130), 1), ((3, 2, 33), 2), ((4, 300), 0)),
]


def drawn(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    dtype = DTYPES[name]
    if dtype.kind in "iu":
        return random.integers(0, 2 ** (8 * dtype.itemsize), shape, f"u{dtype.itemsize}", endpoint=False).view(dtype)
    x = random.normal(size=shape)
    return np.where(random.random(shape) < 0.05, random.choice([0.0, -0.0, np.inf, np.nan], shape), x).astype(dtype)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("op", [CumulativeSum, CumulativeProd], ids=lambda op: op.__name__)
@pytest.mark.parametrize("name", NUMBERS)
def test_accumulation(name, op, reverse):
    random = np.random.default_rng(1)
    for shape, axis in SHAPES:
        x = drawn(name, shape, random)
        got = Run(op(axis, reverse), [Type(x.dtype, shape)])(x)
        assert same_bits(got, expected(op(axis, reverse), x)), (shape, axis)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", FLOATING)
def test_recurrence(name, reverse):
    random = np.random.default_rng(2)
    for shape, axis in SHAPES:
        a, b = drawn(name, shape, random), drawn(name, shape, random)
        op = LinearRecurrence(axis, reverse)
        got = Run(op, [Type(a.dtype, shape)] * 2)(a, b)
        assert same_bits(got, expected(op, a, b)), (shape, axis)


def test_half_precision_is_carried_in_float():
    x = np.full((2, 5000), 0.1, np.float16)
    got = Run(CumulativeSum(1), [Type(x.dtype, x.shape)])(x)
    assert abs(float(got[1, -1]) - 5000 * float(x[0, 0])) < 1
