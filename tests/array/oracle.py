"""What the tests of the array layer hold its functions to: NumPy, and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clew.diff.reverse import known, pull_back
from clew.ir import Array, Type, Value, evaluate, parameter


def leaf(array: Any, name: str = "x") -> Value:
    """A known input: what is computed from it is recorded."""
    a = np.asarray(array)
    return parameter(name, Type(a.dtype, a.shape), a if a.shape else a[()])


def same(value: Any, expected: Any, tolerance: float = 0.0) -> None:
    """A value (or several) of exactly this shape and dtype, and of these elements."""
    if isinstance(expected, tuple | list):
        assert len(value) == len(expected)
        for v, e in zip(value, expected, strict=True):
            same(v, e, tolerance)
        return
    e = np.asarray(expected)
    assert value.__class__ is Value
    assert value.shape == e.shape
    assert value.dtype == e.dtype
    assert np.shape(value.data) == e.shape
    assert value.data.dtype == e.dtype
    wide = (np.asarray(a, np.float64) if e.dtype.kind in "fV" else np.asarray(a) for a in (value.data, e))
    np.testing.assert_allclose(*wide, rtol=tolerance, atol=tolerance)


def gradients(f: Callable[..., Value], *arrays: Any, seed: Any = None) -> list[Array]:
    """The gradients of ``sum(seed * f(*arrays))`` by every array; ``seed`` is 1 unless given."""
    leaves = [leaf(a, f"x{k}") for k, a in enumerate(arrays)]
    y = f(*leaves)
    g = np.broadcast_to(np.asarray(1 if seed is None else seed, y.dtype), y.shape)
    with np.errstate(all="raise", under="ignore"):  # rules must not warn
        found = pull_back({y: g if y.shape else g[()]}, known, set(leaves))
    return [np.asarray(found.get(v, np.zeros(v.shape, v.dtype))) for v in leaves]


def check_gradients(f: Callable[..., Value], *arrays: Any, rng: np.random.Generator, tolerance: float = 1e-6) -> None:
    """The gradients of a float64 function, of a random weighting of its result, against central differences."""
    y = f(*map(leaf, arrays))
    seed = rng.normal(size=y.shape)

    def total(*moved: Any) -> float:
        return float(np.sum(seed * f(*moved).data))

    for k, found in enumerate(gradients(f, *arrays, seed=seed)):
        assert found.shape == np.shape(arrays[k])
        direction = rng.normal(size=found.shape)
        step = 1e-6
        ahead, behind = ([*arrays[:k], arrays[k] + s * direction, *arrays[k + 1 :]] for s in (step, -step))
        numeric = (total(*ahead) - total(*behind)) / (2 * step)
        np.testing.assert_allclose(np.sum(found * direction), numeric, rtol=tolerance, atol=tolerance)


def check_traced(f: Callable[..., Value], *arrays: Any) -> None:
    """A function of unknown values gives a graph that computes what the function of the arrays gives."""
    inputs = [parameter(f"x{k}", Type(np.asarray(a).dtype, np.shape(a))) for k, a in enumerate(arrays)]
    traced, expected = f(*inputs), f(*arrays)
    traced, expected = ((r if isinstance(r, tuple) else (r,)) for r in (traced, expected))
    given = {v: (np.asarray(a) if np.shape(a) else np.asarray(a)[()]) for v, a in zip(inputs, arrays, strict=True)}
    found = evaluate(traced, given)
    for v, e in zip(traced, expected, strict=True):
        assert v.type is e.type
        np.testing.assert_array_equal(found[v], e.data)
