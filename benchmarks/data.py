"""The numbers that rows work on: drawn from seed 0, the same for every peer."""

from __future__ import annotations

import numpy as np

from .work import Arrays, Work

WEIGHTS = (2.0, -1.0, -3.0, -2.0, -3.0)
NEURON = ("w0", "x0", "w1", "x1", "w2")


class Draw:
    """A generator that is asked for float32, or for float64 where a row says so."""

    def __init__(self, dtype: type = np.float32) -> None:
        self.rng, self.dtype = np.random.default_rng(0), dtype

    def normal(self, *shape: int, scale: float = 1.0) -> np.ndarray:
        return (self.rng.standard_normal(shape) * scale).astype(self.dtype)

    def zeros(self, *shape: int) -> np.ndarray:
        return np.zeros(shape, self.dtype)

    def ones(self, *shape: int) -> np.ndarray:
        return np.ones(shape, self.dtype)

    def labels(self, classes: int, *shape: int) -> np.ndarray:
        return self.rng.integers(0, classes, shape)


def neuron() -> Work:
    return Work({name: np.asarray(value) for name, value in zip(NEURON, WEIGHTS, strict=True)})


def elementwise(n: int) -> Work:
    return Work({"x": Draw().normal(n)})


def moons(n: int = 100, hidden: int = 16) -> Work:
    draw = Draw(np.float64)
    x = draw.normal(n, 2)
    y = np.sign(x[:, :1] * x[:, 1:] + 1e-9)
    shapes = {"w1": (2, hidden), "b1": (hidden,), "w2": (hidden, hidden), "b2": (hidden,), "w3": (hidden, 1), "b3": (1,)}
    return Work({k: draw.rng.uniform(-0.5, 0.5, s) for k, s in shapes.items()}, (x, y), "sgd", 0.1)


def mlp(
    batch: int,
    optimiser: str = "sgd",
    rate: float = 0.01,
    features: int = 784,
    hidden: int = 128,
    classes: int = 10,
    dtype: type = np.float32,
) -> Work:
    draw = Draw(dtype)
    x, y = draw.normal(batch, features), draw.labels(classes, batch)
    parameters = {
        "w1": draw.normal(features, hidden, scale=0.05),
        "b1": draw.zeros(hidden),
        "w2": draw.normal(hidden, classes, scale=0.1),
        "b2": draw.zeros(classes),
    }
    return Work(parameters, (x, y), optimiser, rate)


def cnn(batch: int, size: int = 28, channels: tuple[int, int] = (16, 32), classes: int = 10) -> Work:
    draw = Draw()
    x, y = draw.normal(batch, 1, size, size), draw.labels(classes, batch)
    first, second = channels
    parameters = {
        "k1": draw.normal(first, 1, 3, 3, scale=0.2),
        "b1": draw.zeros(first),
        "k2": draw.normal(second, first, 3, 3, scale=0.1),
        "b2": draw.zeros(second),
        "w": draw.normal(second * (size // 4) ** 2, classes, scale=0.05),
        "b": draw.zeros(classes),
    }
    return Work(parameters, (x, y), "sgd", 0.01)


def recurrent(gates: int, steps: int, batch: int, features: int, hidden: int, classes: int = 10) -> Work:
    """``gates`` matrices side by side; three are a GRU's, whose recurrent bias stands inside the reset."""
    draw = Draw()
    x, y = draw.normal(steps, batch, features), draw.labels(classes, batch)
    parameters = {
        "w": draw.normal(features, gates * hidden, scale=0.1),
        "u": draw.normal(hidden, gates * hidden, scale=0.1),
        "b": draw.zeros(gates * hidden),
        "head": draw.normal(hidden, classes, scale=0.1),
        "bias": draw.zeros(classes),
    }
    if gates == 3:
        parameters["c"] = draw.normal(gates * hidden, scale=0.1)
    return Work(parameters, (x, y), "sgd", 0.01)


def gpt(layers: int = 4, width: int = 128, length: int = 128, batch: int = 8, vocabulary: int = 65) -> Work:
    draw = Draw()

    def small(*shape: int) -> np.ndarray:
        return draw.normal(*shape, scale=0.02)

    parameters: Arrays = {"wte": small(vocabulary, width), "wpe": small(length, width), "head": small(width, vocabulary)}
    parameters |= {"lnf_g": draw.ones(width), "lnf_b": draw.zeros(width)}
    for i in range(layers):
        parameters |= {f"ln1_g{i}": draw.ones(width), f"ln1_b{i}": draw.zeros(width)}
        parameters |= {f"qkv{i}": small(width, 3 * width), f"qkvb{i}": draw.zeros(3 * width)}
        parameters |= {f"proj{i}": small(width, width), f"projb{i}": draw.zeros(width)}
        parameters |= {f"ln2_g{i}": draw.ones(width), f"ln2_b{i}": draw.zeros(width)}
        parameters |= {f"fc{i}": small(width, 4 * width), f"fcb{i}": draw.zeros(4 * width)}
        parameters |= {f"out{i}": small(4 * width, width), f"outb{i}": draw.zeros(width)}
    ids = draw.labels(vocabulary, batch, length + 1)
    return Work(parameters, (ids[:, :-1], ids[:, 1:]), "adam", 3e-4)


def gmm(n: int = 10_000, d: int = 10, k: int = 25) -> Work:
    draw = Draw(np.float64)
    x = draw.normal(n, d)
    parameters = {
        "alphas": draw.normal(k),
        "means": draw.normal(k, d),
        "logs": draw.normal(k, d, scale=0.3),
        "lower": draw.normal(k, d * (d - 1) // 2, scale=0.3),
    }
    return Work(parameters, (x,))


def transposed(n: int, m: int, k: int) -> Work:
    """``a`` is used as its transpose, of ``b`` every second row."""
    draw = Draw()
    return Work({"a": draw.normal(k, n, scale=0.1), "b": draw.normal(2 * m, k, scale=0.1)})


def strided_convolution(batch: int, size: int, channels: tuple[int, int, int]) -> Work:
    draw = Draw()
    inputs, first, second = channels
    kernels = {"k1": draw.normal(first, inputs, 5, 5, scale=0.1), "k2": draw.normal(second, first, 5, 5, scale=0.1)}
    return Work(kernels, (draw.normal(batch, inputs, size, size),))


def batch_norm(batch: int, channels: int, size: int) -> Work:
    draw = Draw()
    parameters = {"x": draw.normal(batch, channels, size, size), "scale": draw.ones(channels), "shift": draw.zeros(channels)}
    return Work(parameters, (draw.normal(batch, channels, size, size),))


def layer_norm(rows: int, width: int) -> Work:
    draw = Draw()
    parameters = {
        "scale": draw.ones(width),
        "shift": draw.zeros(width),
        "w1": draw.normal(width, 2 * width, scale=0.05),
        "b1": draw.zeros(2 * width),
        "w2": draw.normal(2 * width, width, scale=0.05),
        "b2": draw.zeros(width),
    }
    return Work(parameters, (draw.normal(rows, width),), "sgd", 0.01)


def batched(batch: int, n: int, m: int, k: int) -> Work:
    draw = Draw()
    return Work({"a": draw.normal(batch, n, k, scale=0.3), "b": draw.normal(batch, k, m, scale=0.3)})


def pairs(n: int, m: int, d: int) -> Work:
    draw = Draw()
    return Work({"x": draw.normal(n, d), "y": draw.normal(m, d), "weights": draw.normal(m), "width": draw.ones(1)})


def reductions(a: int, b: int, c: int) -> Work:
    return Work({"x": Draw().normal(a, b, c)})


def predators(n: int) -> Work:
    """Populations that start at different numbers, and the four rates by which they grow and meet."""
    draw = Draw()
    start = {"prey": np.abs(draw.normal(n)) + 1, "hunters": np.abs(draw.normal(n)) + 1}
    return Work({**start, "rates": np.array([1.1, 0.4, 0.1, 0.4], np.float32)})


def vocabulary(rows: int, width: int, words: int) -> Work:
    draw = Draw()
    return Work({"h": draw.normal(rows, width), "w": draw.normal(width, words, scale=0.05)}, (draw.labels(words, rows),))
