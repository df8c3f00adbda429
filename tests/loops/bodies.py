"""Random bodies of loops, and the same loops written out in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import clew as cl

Body = Callable[[Any, Any, Any], tuple[Any, Any]]  # (carry, x, weights) -> (carry, y)


def random_body(rng: np.random.Generator) -> Body:
    """A step of a carry ``(h, s)``: a vector and a number, with weights ``(W, b)``; what it does is drawn."""
    mix, out, through, many = (int(rng.integers(0, n)) for n in (4, 5, 3, 2))

    def body(carry: Any, x: Any, weights: Any) -> tuple[Any, Any]:
        (h, s), (W, b) = carry, weights
        z = [h @ W + x, h * b + x * s, cl.sin(h) * b, x * 0.5 + h][mix]
        new = [cl.tanh(z), z * 0.9, cl.where(z > 0, z, 0.1 * z)][through]
        total = s * 0.9 + cl.sum(new * b) if many else s
        y = [new, cl.exp(-s) * new, (h, total), cl.sum(z), None][out]
        return (new, total), y

    return body


def data(rng: np.random.Generator, n: int, size: int = 3) -> tuple[Any, Any, Any]:
    """A first carry, n rows, and weights."""
    h, s = rng.uniform(-1, 1, size), np.float64(rng.uniform(-1, 1))
    xs = rng.uniform(-1, 1, (n, size))
    return (h, s), xs, (rng.uniform(-0.6, 0.6, (size, size)), rng.uniform(-1, 1, size))


def written_out(body: Body, init: Any, xs: Any, weights: Any, reverse: bool = False) -> tuple[Any, Any]:
    """The scan as a Python loop."""
    carry, n = init, len(xs)
    ys: list[Any] = [None] * n
    for k in reversed(range(n)) if reverse else range(n):
        carry, ys[k] = body(carry, xs[k], weights)
    if not n or ys[0] is None:
        return carry, None
    if isinstance(ys[0], tuple):
        return carry, tuple(cl.stack([y[k] for y in ys]) for k in range(len(ys[0])))
    return carry, cl.stack(ys)


def looped(body: Body, init: Any, xs: Any, weights: Any, reverse: bool = False) -> tuple[Any, Any]:
    return cl.scan(lambda carry, x: body(carry, x, weights), init, xs, reverse=reverse)


def number(results: tuple[Any, Any]) -> Any:
    """One number that every result moves."""
    (h, s), ys = results
    total = cl.sum(h * h) + 2.0 * s
    parts = ys if isinstance(ys, tuple) else () if ys is None else (ys,)
    for k, y in enumerate(parts):
        total = total + cl.sum(cl.sin(y * (k + 1.5)))
    return total
