"""Points in the plane, in classes that lie around each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import random


def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> tuple[Any, Any]:
    """``n`` points on two half circles that reach into each other: (n, 2) float32, and their classes 0 and 1 (n,).

    >>> import clew as cl
    >>> points, classes = cl.data.moons(100)
    >>> points.shape, sorted(set(classes.tolist()))
    ((100, 2), [0, 1])
    """
    rng = random.Generator(seed)
    classes = np.arange(n) % 2
    angle = rng.uniform(0, np.pi, n).numpy()
    x = np.where(classes == 0, np.cos(angle), 1 - np.cos(angle))
    y = np.where(classes == 0, np.sin(angle), 0.5 - np.sin(angle))
    return _noisy(x, y, noise, rng), classes


def circles(n: int = 200, noise: float = 0.1, seed: int = 0) -> tuple[Any, Any]:
    """``n`` points on a circle of radius 1/2 inside one of radius 1: (n, 2) float32, and their classes 0 and 1 (n,).

    >>> import clew as cl
    >>> cl.data.circles(100)[0].shape
    (100, 2)
    """
    rng = random.Generator(seed)
    classes = np.arange(n) % 2
    angle, radius = rng.uniform(0, 2 * np.pi, n).numpy(), np.where(classes == 0, 0.5, 1.0)
    return _noisy(radius * np.cos(angle), radius * np.sin(angle), noise, rng), classes


def spirals(n: int = 300, arms: int = 3, noise: float = 0.05, seed: int = 0) -> tuple[Any, Any]:
    """``n`` points on ``arms`` interleaved spirals: (n, 2) float32, and the number of the arm (n,).

    >>> import clew as cl
    >>> points, arms = cl.data.spirals(90)
    >>> points.shape, int(arms.max())
    ((90, 2), 2)
    """
    rng = random.Generator(seed)
    classes = np.arange(n) % arms
    radius = rng.uniform(0.05, 1, n).numpy()
    angle = 4 * radius + 2 * np.pi * classes / arms
    return _noisy(radius * np.cos(angle), radius * np.sin(angle), noise, rng), classes


def _noisy(x: Any, y: Any, noise: float, rng: random.Generator) -> Any:
    points = np.stack([x, y], axis=1)
    return (points + noise * rng.normal(shape=points.shape).numpy()).astype(np.float32)
