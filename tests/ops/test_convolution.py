"""Convolution against its definition, written out; its transposes; and what it refuses."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import pytest

from clew.errors import TypeRuleError
from clew.ir import DTYPES, Type
from clew.ops import columns
from clew.ops.convolution import Convolve, convolve, convolve_transposed


def spread_out(x: Any, op: Convolve) -> np.ndarray:
    """The input with its holes and its padding."""
    for axis, ((low, high), b) in enumerate(zip(op.padding, op.input_dilation, strict=True), 2):
        n = x.shape[axis]
        holes = np.zeros((*x.shape[:axis], (n - 1) * b + 1, *x.shape[axis + 1 :]), x.dtype)
        holes[(slice(None),) * axis + (slice(None, None, b),)] = x
        widths = [(0, 0)] * x.ndim
        widths[axis] = (max(low, 0), max(high, 0))
        padded = np.pad(holes, widths)
        x = padded[(slice(None),) * axis + (slice(max(-low, 0), padded.shape[axis] - max(-high, 0)),)]
    return x


def by_definition(op: Convolve, x: Any, kernel: Any) -> np.ndarray:
    x = spread_out(x, op)
    channels, outputs = kernel.shape[1], kernel.shape[0] // op.groups
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], op.dilation, strict=True)]
    sizes = [max(0, (n - r) // s + 1) for n, r, s in zip(x.shape[2:], reach, op.stride, strict=True)]
    y = np.zeros((x.shape[0], kernel.shape[0], *sizes), x.dtype)
    for o, *p in product(range(kernel.shape[0]), *map(range, sizes)):
        group = slice(o // outputs * channels, (o // outputs + 1) * channels)
        window = tuple(slice(q * s, q * s + r, d) for q, s, r, d in zip(p, op.stride, reach, op.dilation, strict=True))
        y[(slice(None), o, *p)] = np.sum(x[(slice(None), group, *window)] * kernel[o], axis=tuple(range(1, x.ndim)))
    return y


def drawn(seed: int) -> tuple[Convolve, np.ndarray, np.ndarray]:
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    axes, groups = rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2, 3])

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randint(low, high) for _ in range(axes))

    padding = tuple(zip(each(-1, 2), each(-1, 2), strict=True))
    op = Convolve(each(1, 3), padding, each(1, 2), each(1, 3) if rng.random() < 0.5 else (1,) * axes, groups)
    channels = rng.randint(1, 3)
    x = numbers.normal(size=(rng.randint(1, 3), groups * channels, *each(3, 6)))
    return op, x, numbers.normal(size=(groups * rng.randint(1, 3), channels, *each(1, 4)))


@pytest.mark.parametrize("bytes_at_a_time", [1, columns.CACHED_BYTES])
@pytest.mark.parametrize("seed", range(60))
def test_reference_and_transposes(seed: int, bytes_at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "CACHED_BYTES", bytes_at_a_time)
    op, x, kernel = drawn(seed)
    y = op(x, kernel)
    np.testing.assert_allclose(y, by_definition(op, x, kernel), rtol=1e-12, atol=1e-12, err_msg=str(op))
    numbers = np.random.default_rng(seed)
    g, dx, dk = (numbers.normal(size=a.shape) for a in (y, x, kernel))
    np.testing.assert_allclose(np.sum(op.transpose(0, g, x, kernel) * dx), np.sum(g * op(dx, kernel)), atol=1e-10)
    np.testing.assert_allclose(np.sum(op.transpose(1, g, x, kernel) * dk), np.sum(g * op(x, dk)), atol=1e-10)


@pytest.mark.parametrize("more", [0, 1])
def test_convolve_transposed_is_the_transpose_of_convolve(more: int) -> None:
    numbers = np.random.default_rng(0)
    geometry = ((2,), ((2, 1),), (3,), 2)
    y, kernel = numbers.normal(size=(2, 4, 4)), numbers.normal(size=(4, 3, 2))
    x = numbers.normal(size=(2, 6, (4 - 1) * 2 - 3 + 3 * (2 - 1) + 1 + more))
    spread = convolve_transposed(y, kernel, *geometry, (more,))
    assert spread.shape == x.shape
    np.testing.assert_allclose(np.sum(spread * x), np.sum(y * convolve(x, kernel, *geometry)))


def test_known_numbers() -> None:
    x, kernel = np.array([[[1.0, 2, 3, 4]]]), np.array([[[1.0, 0, -1]]])
    assert convolve(x, kernel, (1,), ((1, 1),), (1,)).tolist() == [[[-2, -2, -2, 3]]]
    assert convolve(x, kernel, (2,), ((0, 1),), (1,)).tolist() == [[[-2, 3]]]
    assert convolve_transposed(x, kernel, (2,), ((0, 0),), (1,)).tolist() == [[[1, 0, 1, 0, 1, 0, 1, 0, -4]]]


def test_half_precision_adds_up_in_float32() -> None:
    x, kernel = np.ones((1, 512, 8), DTYPES["bf16"]), np.ones((1, 512, 8), DTYPES["bf16"])
    assert convolve(x, kernel, (1,), ((0, 0),), (1,)) == 4096


F32 = DTYPES["f32"]
LAYOUTS = "(examples, channels, *sizes) and (output channels, channels / groups, *sizes)"
PLAIN = Convolve((1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1))


@pytest.mark.parametrize(
    ("op", "x", "kernel", "why"),
    [
        (PLAIN, (2, 3, 8, 8), (4, 2, 3, 3), "the input has 3 channels (axis 1), but the kernel takes 2"),
        (
            Convolve((1,), ((0, 0),), (1,), (1,), 2),
            (2, 3, 8),
            (4, 2, 3),
            "the input has 3 channels (axis 1), but the kernel takes 2 groups of 2",
        ),
        (Convolve((1,), ((0, 0),), (1,), (1,), 2), (2, 4, 8), (3, 2, 3), "3 output channels do not fall into 2 equal groups"),
        (PLAIN, (3, 8, 8), (4, 3, 3, 3), f"over 2 spatial axes the operands are {LAYOUTS}, with 4 axes each"),
        (
            Convolve((1, 1), ((0, 0),), (1, 1), (1, 1)),
            (2, 3, 8, 8),
            (4, 3, 3, 3),
            "needs a stride, a padding, a dilation and an input dilation for each spatial axis",
        ),
        (
            Convolve((0,), ((0, 0),), (1,), (1,)),
            (2, 3, 8),
            (4, 3, 3),
            "the stride, both dilations and the number of groups must be at least 1",
        ),
    ],
)
def test_refuses(op: Convolve, x: tuple[int, ...], kernel: tuple[int, ...], why: str) -> None:
    types = Type(F32, x), Type(F32, kernel)
    with pytest.raises(TypeRuleError) as caught:
        op.infer(*types)
    assert str(caught.value) == f"convolve({types[0]}, {types[1]}): {why}"


def test_refuses_unequal_dtypes() -> None:
    with pytest.raises(TypeRuleError, match="operands must be numbers of one dtype; cast first"):
        PLAIN.infer(Type(F32, (1, 1, 2, 2)), Type(DTYPES["f64"], (1, 1, 2, 2)))
