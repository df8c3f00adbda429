"""How far compiled functions are from the true values, in units in the last place.

A reference is an array of a wider type: float64 for float32; for float64 ``np.longdouble`` where that is wider, or
``exact``, which asks mpmath.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clew.compiler.block import Block, Module, Reg, number, vector
from clew.compiler.native import Host, Library, host

DTYPES = {"float": np.dtype("f4"), "double": np.dtype("f8"), **{f"i{n}": np.dtype(f"i{n // 8}") for n in (8, 16, 32, 64)}}
LANES = {"float": (0, 4, 16), "double": (0, 4, 8)}  # 0 is a scalar
Array = np.ndarray[Any, Any]


def compiled(
    function: Callable[..., Reg], element: str, lanes: int, operands: int = 1, result: str | None = None, on: Host | None = None
) -> Callable[..., Array]:
    """``function(b, x, ...)`` of arrays, ``lanes`` elements at a time; ``result`` is its element type if it is another.

    ``on`` is the processor to compile for.
    """
    result = result or element
    module = Module()
    width = max(lanes, 1)
    pointers = [Reg(f"%p{k}", "ptr") for k in range(operands + 1)]

    def write(b: Block) -> None:
        with b.loop(number(0, "i64"), Reg("%n", "i64"), step=width) as loop:
            read = [b.load(b.gep(p, loop.i, element), vector(element, lanes), DTYPES[element].itemsize) for p in pointers[1:]]
            b.store(function(b, *read), b.gep(pointers[0], loop.i, result), DTYPES[result].itemsize)
        b.do("ret void")

    module.function("run", "void", [*pointers, Reg("%n", "i64")], write)
    library = Library(module.text, on)
    native = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (operands + 1), ctypes.c_int64)(library.address("run"))

    def run(*arrays: Array) -> Array:
        assert library  # its code lives as long as this function
        count = len(arrays[0])
        padded = [np.concatenate([a, np.ones(-count % width, a.dtype)]) for a in arrays]
        assert all(a.dtype == DTYPES[element] for a in padded)
        out = np.empty(len(padded[0]), DTYPES[result])
        if count:
            native(*[a.ctypes.data for a in (out, *padded)], len(out))
        return out[:count]

    return run


def ulps(found: Array, true: Array) -> Array:
    """The distance of each number from the true one in units of the last place of ``found``'s type at the true value.

    Infinity counts as the power of two after the largest number; NaN must meet NaN, and a zero a zero of its sign.
    """
    info = np.finfo(found.dtype)
    wide = true.dtype.type
    top = np.ldexp(wide(1), info.maxexp)
    with np.errstate(all="ignore"):
        exponent = np.where(true == 0, info.minexp, np.frexp(true)[1])
        unit = np.ldexp(wide(1), np.maximum(exponent, info.minexp + 1) - info.nmant - 1)
        distance = abs(np.clip(found.astype(wide), -top, top) - np.clip(true, -top, top)) / unit
    distance[np.isinf(true)] = np.where(found == true, 0, np.inf)[np.isinf(true)]
    distance[np.isnan(true) & np.isnan(found)] = 0
    distance[np.isnan(true) != np.isnan(found)] = np.inf
    distance[(true == 0) & (np.signbit(true) != np.signbit(found))] = np.inf
    return distance


def worst(found: Array, true: Array, *inputs: Array) -> str:
    """The largest distance and where it lies, to be read in a failing assertion."""
    far = ulps(found, true)
    k = int(np.argmax(far))
    at = ", ".join(f"{x[k]!r}" for x in inputs)
    return f"{float(far[k]):.3f} ULP at ({at}): found {found[k]!r}, true {true[k]!r}"


def exact(function: Callable[..., Any], *inputs: Array) -> Array:
    """``function`` of mpmath numbers at every element, in long double; skips the test where mpmath is missing."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(200):
        return np.array([_wide(function(*map(mpmath.mpf, map(float, x)))) for x in zip(*inputs, strict=True)], np.longdouble)


def _wide(x: Any) -> np.longdouble:
    """An mpmath number as the sum of a double and what it leaves, with the exponent apart."""
    if x != x or x in (np.inf, -np.inf):
        return np.longdouble(float(x))
    fraction, exponent = x.context.frexp(x)
    high = float(fraction)
    whole = np.longdouble(high) + np.longdouble(float(fraction - high))
    with np.errstate(all="ignore"):
        return np.longdouble(np.ldexp(whole, int(min(max(exponent, -20_000), 20_000))))


def sample(element: str, count: int, seed: int) -> Array:
    """Floats of all exponents and both signs with random digits, subnormals and special values among them."""
    dtype = DTYPES[element]
    bits = np.random.default_rng(seed).integers(0, 2 ** (8 * dtype.itemsize), count, f"u{dtype.itemsize}", endpoint=False)
    info = np.finfo(dtype)
    edges = [0, info.smallest_subnormal, info.tiny, info.eps, 0.5, 1 - info.eps / 2, 1, 1 + info.eps, 2, info.max, np.inf]
    special = np.array([*edges, *np.negative(edges), np.nan]).astype(dtype)
    return np.concatenate([bits.view(dtype), special])


def spread(element: str, low: float, high: float, count: int, seed: int) -> Array:
    """Floats spread evenly between two bounds, all their digits random."""
    random = np.random.default_rng(seed)
    coarse, fine = random.uniform(low, high, count), random.uniform(0, 2.0**-30, count)
    return (coarse - coarse * fine).astype(DTYPES[element])  # numbers from uniform end in zeros where they are small


# The checks that every function's tests make


def points(element: str, ranges: Any, operands: int, count: int = 4000) -> list[Array]:
    """Operands: floats of all kinds, and of every range; for several operands a range is a tuple of their bounds."""
    columns = []
    for k in range(operands):
        bounds = [r[k] if operands > 1 else r for r in ranges]
        parts = [sample(element, 5 * count, k), *[spread(element, *r, count, operands * n + k) for n, r in enumerate(bounds)]]
        columns.append(np.concatenate(parts))
    return columns


def check_float(function: Any, reference: Any, limit: float, ranges: Any, operands: int = 1) -> None:
    """In float: within ``limit`` ULP of NumPy in float64."""
    _check("float", np.float64, function, reference, limit, ranges, operands)


def check_double(function: Any, reference: Any, limit: float, ranges: Any, operands: int = 1) -> None:
    """In double: within ``limit`` ULP of NumPy in long double."""
    if np.finfo(np.longdouble).nmant <= 60:
        pytest.skip("long double is no wider than double here")
    _check("double", np.longdouble, function, reference, limit, ranges, operands)


def _check(element: str, wide: Any, function: Any, reference: Any, limit: float, ranges: Any, operands: int) -> None:
    x = points(element, ranges, operands)
    found = compiled(function, element, LANES[element][-1], operands)(*x)
    with np.errstate(all="ignore"):
        true = reference(*[a.astype(wide) for a in x])
    assert ulps(found, true).max() <= limit, worst(found, true, *x)


def check_bits(function: Any, operands: int = 1) -> None:
    """The same bits as a scalar and in vectors, also as written for processors with shorter vectors."""
    for element, widths in LANES.items():
        x = points(element, [((-30, 30),) * operands if operands > 1 else (-30, 30)], operands, 200)
        first, *others = [compiled(function, element, lanes, operands)(*x) for lanes in widths]
        others += [compiled(function, element, 4, operands, on=host().limited(b))(*x) for b in (128, 256) if b < host().bits]
        for other in others:
            np.testing.assert_array_equal(other, first)
            np.testing.assert_array_equal(np.signbit(other) | np.isnan(first), np.signbit(first) | np.isnan(first))


def check_values(function: Any, element: str, inputs: Any, outputs: Any) -> None:
    """Exactly these outputs, signs of zeros included, in vectors."""
    x, y = (np.array(list(a)).astype(DTYPES[element]) for a in (inputs, outputs))
    found = compiled(function, element, LANES[element][-1])(x)
    np.testing.assert_array_equal(found, y)
    np.testing.assert_array_equal(np.signbit(found[y == 0]), np.signbit(y[y == 0]))
