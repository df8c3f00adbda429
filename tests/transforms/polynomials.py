"""Polynomial maps of the plane: their derivatives are exact, whatever is done to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Polynomial = dict[tuple[int, int], float]  # the coefficients of x**i * y**j
Map = tuple[Polynomial, Polynomial]


def plus(*terms: Polynomial) -> Polynomial:
    total: Polynomial = {}
    for p in terms:
        for powers, a in p.items():
            total[powers] = total.get(powers, 0.0) + a
    return total


def scaled(p: Polynomial, factor: float) -> Polynomial:
    return {powers: factor * a for powers, a in p.items()}


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    product: Polynomial = {}
    for (i, j), a in p.items():
        for (k, n), b in q.items():
            product[i + k, j + n] = product.get((i + k, j + n), 0.0) + a * b
    return product


def derivative(p: Polynomial, axis: int) -> Polynomial:
    """By x (axis 0) or y (axis 1)."""
    if axis == 0:
        return {(i - 1, j): i * a for (i, j), a in p.items() if i}
    return {(i, j - 1): j * a for (i, j), a in p.items() if j}


def composed(f: Map, g: Map) -> Map:
    """``f(g(x))``"""
    powers: list[list[Polynomial]] = [[{(0, 0): 1.0}], [{(0, 0): 1.0}]]
    for k in range(2):
        for _ in range(max((exponent[k] for p in f for exponent in p), default=0)):
            powers[k].append(times(powers[k][-1], g[k]))
    first, second = (plus(*(scaled(times(powers[0][i], powers[1][j]), a) for (i, j), a in p.items())) for p in f)
    return first, second


def combined(f: Map, weights: Sequence[float]) -> Polynomial:
    return plus(scaled(f[0], weights[0]), scaled(f[1], weights[1]))


def gradient(p: Polynomial) -> Map:
    return derivative(p, 0), derivative(p, 1)


def along(f: Map, v: Sequence[float]) -> Map:
    """The Jacobian matrix times ``v``."""
    first, second = (plus(scaled(derivative(p, 0), v[0]), scaled(derivative(p, 1), v[1])) for p in f)
    return first, second


def degree(f: Map) -> int:
    return max((i + j for p in f for (i, j), a in p.items() if a), default=0)


def value(f: Map, x: np.ndarray) -> np.ndarray:
    return np.array([sum(a * x[0] ** i * x[1] ** j for (i, j), a in p.items()) for p in f], np.float64)
