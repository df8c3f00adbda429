"""Three ways to find a direction downhill: at random, by numeric differences, and by backpropagation.

They share one result, which says how often each had to evaluate the function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..array.promotion import value_of
from ..errors import UsageError
from ..ir import FLOATS, Array
from ..pytree import flatten
from ..tensor import Tensor, no_grad, unwrap
from ..transforms.functional import grad

Function = Callable[[Any], Any]
Gradient = Callable[[Function, Any], Any]


@dataclass(frozen=True)
class Search:
    """Where a search ended. ``evaluations`` counts the runs of the function that finding the directions took.

    ``history`` holds the value at the start and after every step; looking it up along a descent is not counted.
    """

    x: Any
    value: float
    evaluations: int
    history: tuple[float, ...]


def random_search(f: Function, x: Any, *, steps: int = 100, scale: float = 0.1, seed: int = 0) -> Search:
    """Try a random direction; keep it where it leads lower. One evaluation a step (and one at the start).

    ``x`` is an array, a number or a nested container of them. The directions are normal, of standard deviation ``scale``.

    >>> from clew import explore
    >>> found = explore.random_search(lambda x: x * x, 1.0, steps=50)
    >>> found.evaluations, found.value < 0.01
    (51, True)
    """
    rng = np.random.default_rng(seed)
    point, counted = _Point(x), _Counted(f)
    history = [counted.value(point.at(point.arrays))]
    for _ in range(steps):
        tried = [(a + scale * rng.normal(size=a.shape)).astype(a.dtype) for a in point.arrays]
        value = counted.value(point.at(tried))
        if value < history[-1]:
            point.arrays = tried
        history.append(min(value, history[-1]))
    return Search(point.at(point.arrays), history[-1], counted.evaluations, tuple(history))


def numerical_gradient(f: Function, x: Any, eps: float | None = None) -> Any:
    """The gradient of the scalar ``f`` by central differences, ``(f(x + eps) - f(x - eps)) / (2 eps)`` along each element.

    Two evaluations of ``f`` for each number in ``x``. The step defaults to the cube root of the dtype's precision.

    >>> from clew import explore
    >>> round(explore.numerical_gradient(lambda x: x * x, 3.0).item(), 6)
    6.0
    """
    point, counted = _Point(x), _Counted(f)
    gradients = [np.zeros(a.shape, a.dtype) for a in point.arrays]
    for k, a in enumerate(point.arrays):
        step = eps or float(np.finfo(np.float64 if a.dtype == np.float64 else np.float32).eps) ** (1 / 3)
        for index in np.ndindex(a.shape):
            sides = []
            for sign in (1, -1):
                moved = a.copy()
                moved[index] += sign * step
                sides.append((float(moved[index]), counted.value(point.at([*point.arrays[:k], moved, *point.arrays[k + 1 :]]))))
            (above, high), (below, low) = sides
            gradients[k][index] = (high - low) / (above - below)  # the step as it was rounded
    return point.at(gradients)


def backpropagation(f: Function, x: Any) -> Any:
    """The gradient of the scalar ``f`` by a pass forward and a pass backward: one evaluation, whatever the size of ``x``."""
    return grad(f)(x)


def descend(
    f: Function, x: Any, *, gradient: Gradient = backpropagation, learning_rate: float = 0.1, steps: int = 100
) -> Search:
    """Step against the gradient, ``x - learning_rate * gradient(f, x)``, ``steps`` times.

    ``gradient`` is ``backpropagation`` or ``numerical_gradient``, or any function of ``(f, x)`` that returns a tree like x.

    >>> from clew import explore
    >>> found = explore.descend(lambda x: x * x, 1.0, gradient=explore.numerical_gradient, steps=10)
    >>> found.evaluations, round(found.value, 4)
    (20, 0.0115)
    """
    point, counted = _Point(x), _Counted(f)
    history = [_number(f, point.at(point.arrays))]
    for _ in range(steps):
        found = flatten(gradient(counted, point.at(point.arrays)))[0]
        gradients = [np.asarray(unwrap(g).data if isinstance(g, Tensor) else g) for g in found]
        point.arrays = [(a - learning_rate * g).astype(a.dtype) for a, g in zip(point.arrays, gradients, strict=True)]
        history.append(_number(f, point.at(point.arrays)))
    return Search(point.at(point.arrays), history[-1], counted.evaluations, tuple(history))


class _Point:
    """Where a search stands: a tree of float arrays."""

    def __init__(self, x: Any) -> None:
        leaves, self.tree = flatten(x)
        self.arrays: list[Array] = [_array(leaf) for leaf in leaves]

    def at(self, arrays: list[Array]) -> Any:
        return self.tree.unflatten(Tensor(value_of(a)) for a in arrays)


class _Counted:
    """A function that counts its runs."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.evaluations = 0

    def __call__(self, x: Any) -> Any:
        self.evaluations += 1
        return self.f(x)

    def value(self, x: Any) -> float:
        return _number(self, x)


def _number(f: Function, x: Any) -> float:
    with no_grad():
        y = f(x)
    data = np.asarray(y.numpy() if isinstance(y, Tensor) else y)
    if data.shape:
        raise UsageError(f"the function to explore must return one number, it returned an array of shape {data.shape}")
    return float(data)


def _array(x: Any) -> Array:
    """A float array of its own; Python numbers in double precision."""
    if isinstance(x, int | float):
        return np.asarray(x, np.float64)
    data = np.array(value_of(unwrap(x)).data)
    if data.dtype not in FLOATS:
        raise UsageError(f"explore: only floating-point numbers move in small steps, this array is {data.dtype}; cast it")
    return data
