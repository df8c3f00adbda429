"""Contractions that several tests use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clew.compiler.contraction import Axis, Plan, Problem, plan
from clew.compiler.native import host

WIDTHS = [bits for bits in (512, 256, 128) if bits <= host().bits]


def matmul(m: int, k: int, n: int, dtype: str = "float", ta: bool = False, tb: bool = False, tc: bool = False) -> Problem:
    """c (m, n) = a (m, k) @ b (k, n); any of them may lie transposed in memory."""
    a, b, c = (1, m) if ta else (k, 1), (1, k) if tb else (n, 1), (1, m) if tc else (n, 1)
    return Problem(dtype, (Axis(m, a[0], 0, c[0]), Axis(n, 0, b[1], c[1])), (Axis(k, a[1], b[0]),))


def convolution(n: int, c: int, h: int, w: int, o: int, kh: int, kw: int, stride: int = 1, dtype: str = "float") -> Problem:
    """Forward over a padded image x[n, c, h, w] with w[o, c, kh, kw]."""
    p, q = (h - kh) // stride + 1, (w - kw) // stride + 1
    kept = (
        Axis(n, c * h * w, 0, o * p * q),
        Axis(o, 0, c * kh * kw, p * q),
        Axis(p, stride * w, 0, q),
        Axis(q, stride, 0, 1),
    )
    return Problem(dtype, kept, (Axis(c, h * w, kh * kw), Axis(kh, w, kw), Axis(kw, 1, 1)))


def by_kernel(forward: Problem) -> Problem:
    """dw[o, c, kh, kw] sums g[n, o, p, q] x[n, c, s p + kh, s q + kw] over n, p and q: the forward loops, roles exchanged."""
    (n, o, p, q), (c, kh, kw) = forward.axes, forward.summed
    kept = tuple(Axis(x.size, x.c, x.a, x.b) for x in (o, c, kh, kw))
    return Problem(forward.dtype, kept, tuple(Axis(x.size, x.c, x.a) for x in (n, p, q)))


def by_image(n: int, c: int, h: int, w: int, o: int, k: int) -> Problem:
    """dx[n, c, h, w] sums padded g[n, o, h + k - 1 - kh, ...] w[o, c, kh, kw]: the kernel is walked backwards."""
    gh, gw = h + k - 1, w + k - 1
    kept = (Axis(n, o * gh * gw, 0, c * h * w), Axis(c, 0, k * k, h * w), Axis(h, gw, 0, w), Axis(w, 1, 0, 1))
    return Problem("float", kept, (Axis(o, gh * gw, c * k * k), Axis(k, gw, -k), Axis(k, 1, -1)))


def anything(seed: int) -> Problem:
    """Axes of every role in any order of memory, with gaps and backwards."""
    rng = np.random.default_rng(seed)
    roles = [rng.permutation([True, True, False]) for _ in range(rng.integers(0, 4))]
    kept = [(int(rng.integers(1, 20)), bool(x[0]), bool(x[1]), True) for x in roles]
    summed = [(int(rng.integers(1, 20)), *(bool(rng.integers(0, 5)) for _ in "ab"), False) for _ in range(rng.integers(0, 3))]
    strides = {
        name: _strides([x[0] for x in kept + summed], [x[k] for x in kept + summed], rng) for k, name in enumerate("abc", 1)
    }
    axes = [Axis(x[0], *(strides[name][i] for name in "abc")) for i, x in enumerate(kept + summed)]
    return Problem(["float", "double"][seed % 2], tuple(axes[: len(kept)]), tuple(axes[len(kept) :]))


def _strides(sizes: list[int], present: list[bool], rng: np.random.Generator) -> list[int]:
    out, step = [0] * len(sizes), int(rng.integers(1, 3))
    for i in rng.permutation(len(sizes)):
        if present[i]:
            out[i] = step * int(rng.choice([1, 1, 1, -1]))
            step = step * sizes[i] + int(rng.integers(0, 2)) * 3
    return out


def tiled(problem: Problem, bits: int, rows: int, vectors: int) -> Plan:
    """A plan without copies whose blocks are so large, and functions."""
    made = plan(problem, bits)
    lanes = bits // problem.element_bits
    tile = tuple(min(x.size, n) for x, n in zip(problem.axes, (rows, vectors * lanes), strict=True))
    whole = tuple(x.size for x in problem.axes)
    order = (1, 0)
    flat = {"walk": problem.axes, "inside": problem.axes, "summed": made.summed_axes, "packs": (), "split": 0, "shares": 0}
    return replace(made, vector=1, turn=None, tile=tile, chunk=whole, order=order, **flat)
