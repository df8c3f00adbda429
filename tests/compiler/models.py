"""Small networks and their parts as graphs: what the compiler's tests look at, and what ``tools/kernels.py`` stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import clew as cl
from clew.ir import Array, Graph

Made = tuple[Graph, list[Array]]


def traced(f: Callable[..., Any], *arguments: Any) -> Made:
    """The graph of a function, and its inputs' arrays."""
    graph: Graph = cl.trace(f)(*arguments).graph
    return graph, [np.asarray(x)[()] for x in cl.pytree.flatten(list(arguments))[0]]


def numbers(*shape: int, dtype: Any = np.float32, scale: float = 1.0) -> Array:
    """Always the same ones for a shape."""
    rng = np.random.default_rng(list(shape))
    return np.asarray(scale * rng.standard_normal(shape)).astype(dtype)


def chain(n: int = 1000, dtype: Any = np.float32) -> Made:
    def f(x: Any, y: Any) -> Any:
        return cl.sum(cl.tanh(x * y) * cl.exp(-x * x) + y)

    return traced(cl.value_and_grad(f, argnums=(0, 1)), numbers(n, dtype=dtype), numbers(n, dtype=dtype) + 1)


def softmax(rows: int = 64, n: int = 100) -> Made:
    return traced(lambda x: cl.softmax(x, axis=-1), numbers(rows, n))


def layer_norm(rows: int = 64, n: int = 100) -> Made:
    def f(x: Any, gain: Any, bias: Any) -> Any:
        centred = x - cl.mean(x, axis=-1, keepdims=True)
        return centred * cl.rsqrt(cl.mean(centred * centred, axis=-1, keepdims=True) + 1e-5) * gain + bias

    return traced(f, numbers(rows, n), numbers(n), numbers(n))


def labels(rows: int, classes: int) -> Array:
    return np.random.default_rng(rows).integers(0, classes, rows)


def cross_entropy(rows: int = 64, classes: int = 10) -> Made:
    """The gradient."""
    picked = labels(rows, classes)
    return traced(cl.grad(lambda x: cl.nn.cross_entropy(x, picked)), numbers(rows, classes))


def mlp(rows: int = 32, features: int = 40, hidden: int = 24, classes: int = 10) -> Made:
    """A step of gradient descent: the loss, and the new parameters."""
    picked = labels(rows, classes)

    def loss(p: Any, x: Any) -> Any:
        return cl.nn.cross_entropy(cl.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"], picked)

    def step(p: Any, x: Any) -> Any:
        value, slopes = cl.value_and_grad(loss)(p, x)
        return value, {name: p[name] - 0.1 * slopes[name] for name in p}

    parameters = {
        "w1": numbers(features, hidden, scale=0.2),
        "b1": numbers(hidden, scale=0.1),
        "w2": numbers(hidden, classes, scale=0.2),
        "b2": numbers(classes, scale=0.1),
    }
    return traced(step, parameters, numbers(rows, features))


def max_pool(images: int = 4, channels: int = 3, size: int = 10) -> Made:
    """The gradient."""
    return traced(cl.grad(lambda x: cl.sum(cl.square(cl.max_pool(x, 2)))), numbers(images, channels, size, size))


def scan(length: int = 7, rows: int = 5, n: int = 9) -> Made:
    def f(h: Any, xs: Any, w: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = cl.tanh(h @ w + x)
            return h, cl.sum(h, axis=-1)

        return cl.scan(step, h, xs)

    return traced(f, numbers(rows, n), numbers(length, rows, n), numbers(n, n, scale=0.9 * n**-0.5))


def lstm(length: int = 5, rows: int = 4, features: int = 6, hidden: int = 8) -> Made:
    """The gradient of a loss after a scan of gates."""

    def f(w: Any, u: Any, xs: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            h, c = carry
            z = x @ w + h @ u
            i, j, k, o = (z[:, n * hidden : (n + 1) * hidden] for n in range(4))
            c = cl.sigmoid(j) * c + cl.sigmoid(i) * cl.tanh(k)
            return (cl.sigmoid(o) * cl.tanh(c), c), None

        zero = cl.zeros((rows, hidden), dtype=cl.float32)
        (h, _), _ = cl.scan(step, (zero, zero), xs)
        return cl.sum(h * h)

    return traced(
        cl.value_and_grad(f, argnums=(0, 1)),
        numbers(features, 4 * hidden, scale=0.3),
        numbers(hidden, 4 * hidden, scale=0.3),
        numbers(length, rows, features),
    )


def convolution(images: int = 3, channels: int = 2, size: int = 9, made: int = 5) -> Made:
    """The value and both gradients."""

    def f(x: Any, k: Any) -> Any:
        return cl.sum(cl.relu(cl.conv(x, k, stride=2, padding=1)))

    return traced(cl.value_and_grad(f, argnums=(0, 1)), numbers(images, channels, size, size), numbers(made, channels, 3, 3))


def attention(heads: int = 3, n: int = 17, width: int = 8) -> Made:
    def f(q: Any, k: Any, v: Any) -> Any:
        return cl.softmax(q @ cl.matrix_transpose(k) * width**-0.5, axis=-1) @ v

    return traced(f, *(numbers(heads, n, width) + k for k in range(3)))


def total(n: int = 1_000_000) -> Made:
    return traced(lambda x: (cl.sum(x), cl.mean(x * x)), numbers(n))


MODELS: dict[str, Callable[..., Made]] = {
    f.__name__: f for f in (chain, softmax, layer_norm, cross_entropy, mlp, max_pool, scan, lstm, convolution, attention, total)
}
