from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from clew.array import spatial
from clew.errors import ClewError, TypeRuleError

from .oracle import check_gradients, check_traced, same

PAIRS = list[tuple[int, int]]


def padded(x: np.ndarray, pads: PAIRS, value: float = 0) -> np.ndarray:
    return np.pad(x, [(0, 0), (0, 0), *pads], constant_values=value)


def windows(x: np.ndarray, sizes: Any, stride: Any, dilation: Any) -> np.ndarray:
    """``(N, C, *P, *K)`` by definition: every window, cut out one by one."""
    counts = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], sizes, stride, dilation, strict=True)]
    y = np.empty((*x.shape[:2], *counts, *sizes), x.dtype)
    for place in product(*map(range, counts)):
        cut = [slice(p * s, p * s + (k - 1) * d + 1, d) for p, k, s, d in zip(place, sizes, stride, dilation, strict=True)]
        y[:, :, *place] = x[:, :, *cut]
    return y


def convolved(x: np.ndarray, w: np.ndarray, stride: Any, pads: PAIRS, dilation: Any, groups: int) -> np.ndarray:
    n = w.ndim - 2
    cut = windows(padded(x, pads), w.shape[2:], stride, dilation)
    parts = []
    for part, kernel in zip(np.split(cut, groups, 1), np.split(w, groups, 0), strict=True):
        axes = list(range(2 + n, 2 + 2 * n))
        parts.append(np.moveaxis(np.tensordot(part, kernel, ([1, *axes], [1, *range(2, 2 + n)])), -1, 1))
    return np.concatenate(parts, 1)


CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], Any, PAIRS, Any]] = [
    # input, kernel, options, and what they stand for: strides, pads, dilations
    ((2, 3, 7), (4, 3, 3), {}, (1,), [(0, 0)], (1,)),
    ((2, 3, 7), (4, 3, 3), {"stride": 2, "padding": 1}, (2,), [(1, 1)], (1,)),
    ((2, 3, 7), (4, 3, 2), {"padding": "same"}, (1,), [(0, 1)], (1,)),
    ((2, 3, 7), (4, 3, 3), {"padding": "same", "stride": 2, "dilation": 2}, (2,), [(2, 2)], (2,)),
    ((1, 2, 5, 6), (3, 2, 3, 2), {}, (1, 1), [(0, 0)] * 2, (1, 1)),
    ((1, 2, 5, 6), (3, 2, 3, 2), {"stride": (2, 1), "padding": ((1, 0), (2, 1))}, (2, 1), [(1, 0), (2, 1)], (1, 1)),
    ((1, 2, 5, 6), (3, 2, 3, 2), {"padding": (1, 2), "dilation": (1, 3)}, (1, 1), [(1, 1), (2, 2)], (1, 3)),
    ((1, 2, 5, 6), (3, 2, 3, 3), {"padding": "same", "stride": 2}, (2, 2), [(1, 1), (0, 1)], (1, 1)),
    ((2, 4, 5), (6, 2, 2), {"groups": 2}, (1,), [(0, 0)], (1,)),
    ((2, 4, 5), (4, 1, 2), {"groups": 4, "padding": "valid"}, (1,), [(0, 0)], (1,)),
    ((1, 2, 3, 4, 3), (2, 2, 2, 2, 2), {"padding": 1}, (1, 1, 1), [(1, 1)] * 3, (1, 1, 1)),
]


@pytest.mark.parametrize(("shape", "window", "options", "stride", "pads", "dilation"), CASES)
@pytest.mark.parametrize("last", [False, True])
def test_conv(shape: Any, window: Any, options: Any, stride: Any, pads: Any, dilation: Any, last: bool, rng: Any) -> None:
    x, w = rng.integers(-3, 4, shape).astype(float), rng.integers(-3, 4, window).astype(float)
    expected = convolved(x, w, stride, pads, dilation, options.get("groups", 1))
    if last:
        x, expected = np.moveaxis(x, 1, -1), np.moveaxis(expected, 1, -1)
    options = options | {"layout": "channels_last"} if last else options
    same(spatial.conv(x, w, **options), expected)
    check_gradients(lambda x, w: spatial.conv(x, w, **options), x, w, rng=rng)
    check_traced(lambda x, w: spatial.conv(x, w, **options), x, w)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"dilation": 2},
        {"groups": 2},
        {"padding": ((1, 0),)},
    ],
)
def test_conv_transpose_is_the_transpose_of_conv(options: Any, last: bool, rng: np.random.Generator) -> None:
    y, w = rng.normal(size=(2, 4, 5)), rng.normal(size=(4, 3, 3))
    if last:
        y = np.moveaxis(y, 1, -1)
    layout = "channels_last" if last else "channels_first"
    spread = spatial.conv_transpose(y, w, layout=layout, **options)
    x = rng.normal(size=spread.shape)
    forth = {name: option for name, option in options.items() if name != "output_padding"}
    there = np.asarray(spatial.conv(x, w, layout=layout, **forth).data)
    assert there.shape == y.shape
    np.testing.assert_allclose(np.sum(there * y), np.sum(x * np.asarray(spread.data)), rtol=1e-10)
    check_gradients(lambda y, w: spatial.conv_transpose(y, w, layout=layout, **options), y, w, rng=rng)


POOLS: list[tuple[tuple[int, ...], Any, dict[str, Any], Any, Any, PAIRS, Any]] = [
    ((2, 3, 6), 2, {}, (2,), (2,), [(0, 0)], (1,)),
    ((2, 3, 7), 3, {"stride": 1, "padding": "same"}, (3,), (1,), [(1, 1)], (1,)),
    ((2, 3, 7), (3,), {"stride": 2, "dilation": 2, "padding": 1}, (3,), (2,), [(1, 1)], (2,)),
    ((1, 2, 5, 4), 2, {}, (2, 2), (2, 2), [(0, 0)] * 2, (1, 1)),
    ((1, 2, 5, 4), (3, 2), {"stride": (2, 1), "padding": ((1, 1), (0, 1))}, (3, 2), (2, 1), [(1, 1), (0, 1)], (1, 1)),
]


@pytest.mark.parametrize(("shape", "window", "options", "sizes", "stride", "pads", "dilation"), POOLS)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", ["max_pool", "avg_pool", "avg_pool of what is there"])
def test_pooling(
    name: str, shape: Any, window: Any, options: Any, sizes: Any, stride: Any, pads: Any, dilation: Any, last: bool, rng: Any
) -> None:
    x = rng.normal(size=shape)
    axes = tuple(range(-len(sizes), 0))
    if name == "max_pool":
        expected = windows(padded(x, pads, -np.inf), sizes, stride, dilation).max(axes)
    elif name == "avg_pool":
        expected = windows(padded(x, pads), sizes, stride, dilation).mean(axes)
    else:
        expected = np.nanmean(windows(padded(x, pads, np.nan), sizes, stride, dilation), axes)
        options = options | {"count_include_pad": False}
    if last:
        x, expected = np.moveaxis(x, 1, -1), np.moveaxis(expected, 1, -1)
        options = options | {"layout": "channels_last"}
    f = getattr(spatial, name.split()[0])
    same(f(x, window, **options), expected, 1e-14)
    check_gradients(lambda x: f(x, window, **options), x, rng=rng)
    check_traced(lambda x: f(x, window, **options), x)


def test_pooling_of_integers() -> None:
    same(spatial.max_pool(np.array([[[-5, -3, -7]]], np.int8), 2, stride=1, padding=1), np.array([[[-5, -3, -3, -7]]], np.int8))
    same(spatial.avg_pool([[[1, 2]]], 2), np.array([[[1.5]]], np.float32))


X, W = np.zeros((2, 3, 5)), np.zeros((4, 3, 3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: spatial.conv(X[0], W), r"conv\(f64\[3,5\], f64\[4,3,3\]\): .* for a single example add an axis, x\[None\]"),
        (lambda: spatial.conv(X, W[:, :2]), r"the input has 3 channels \(axis 1\), but the kernel takes 2"),
        (lambda: spatial.conv(X[..., :2], W), "the window reaches over 3 places, but spatial axis 0 has 2 with its padding"),
        (lambda: spatial.conv(X, W, padding="half"), "no padding 'half'; it is 'valid', 'same', or numbers"),
        (lambda: spatial.conv(X, W, padding=((1, 1), (1, 1))), "must have a pair for each of 1 spatial axes"),
        (
            lambda: spatial.conv(X, W, padding=-1),
            "padding -1 must be one number, or 1, one for each spatial axis, each at least 0",
        ),
        (lambda: spatial.conv(X, W, stride=0), "stride 0 must be .* at least 1"),
        (lambda: spatial.conv(X, W, stride=(1, 1)), r"stride \(1, 1\) must be one number, or 1"),
        (lambda: spatial.conv(X, W, layout="NCHW"), "layout must be 'channels_first' or 'channels_last', not 'NCHW'"),
        (lambda: spatial.conv(X, W, groups=2), "the input has 3 channels .* the kernel takes 2 groups of 3"),
        (lambda: spatial.conv_transpose(X, W), "the input has 3 channels, the kernel takes 4"),
        (lambda: spatial.conv_transpose(X, W[:3], padding="same"), "padding must be a number, or a pair"),
        (lambda: spatial.max_pool(X[0], 2), r"needs an array \(examples, channels, \*sizes\)"),
        (lambda: spatial.max_pool(X, 6), "the window reaches over 6 places, but spatial axis 0 has 5"),
        (lambda: spatial.avg_pool(X[0], 2, layout="channels_last"), r"needs an array \(examples, \*sizes, channels\)"),
    ],
)
def test_errors(call: Any, text: str) -> None:
    with pytest.raises(ClewError, match=text) as error:
        call()
    assert "\n  at test_spatial.py:" in str(error.value)
    assert isinstance(error.value, TypeRuleError | ValueError)
