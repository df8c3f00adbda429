"""Arrays as callers have them: the same numbers anywhere in memory, in any order, shared, read-only or none at all.

A *form* is a way for an array to lie; forms keep its numbers. A *pair* is two arrays that have to do with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import clew as cl
from clew.ir import Array

Form = Callable[[Array, np.random.Generator], Any]


class Subclass(np.ndarray):
    """Somebody's own kind of array."""


def any_axes(x: Array, rng: np.random.Generator) -> Array:
    """In memory in another order of axes."""
    order = rng.permutation(x.ndim)
    return np.array(x.transpose(order), order="C").transpose(np.argsort(order))


def backwards(x: Array, rng: np.random.Generator) -> Array:
    """Some axes, or all, run from the end."""
    steps = tuple(slice(None, None, -1 if rng.random() < 0.7 else 1) for _ in x.shape)
    return np.array(x[steps], order="C")[steps]


def far_apart(x: Array, rng: np.random.Generator) -> Array:
    """Strides of up to a megabyte."""
    steps = [int(rng.integers(1, max(2, min(4000, 2_000_000 // max(1, x.nbytes) // 8)))) for _ in x.shape]
    steps = [s if k == 0 else min(s, 7) for k, s in enumerate(steps)]
    room = np.zeros([n * s for n, s in zip(x.shape, steps, strict=True)], x.dtype)
    found = room[(..., *[slice(None, None, s) for s in steps])]
    found[...] = x
    return found


def unaligned(x: Array, rng: np.random.Generator) -> Array:
    room = np.zeros(x.nbytes + 8, np.uint8)
    at = int(rng.integers(1, 8))
    found = room[at : at + x.nbytes].view(x.dtype).reshape(x.shape)
    found[...] = x
    return found


def read_only(x: Array, rng: np.random.Generator) -> Array:
    found = x.copy()
    found.flags.writeable = False
    return found


def of_bytes(x: Array, rng: np.random.Generator) -> Array:
    """Over memory that Python owns, and nobody may write to."""
    return np.frombuffer(x.tobytes() or b"\0" * x.itemsize, x.dtype)[: x.size].reshape(x.shape)


def within(x: Array, rng: np.random.Generator) -> Array:
    """A window of a larger array."""
    room = np.zeros([n + 3 for n in x.shape], x.dtype)
    found = room[(..., *[slice(2, 2 + n) for n in x.shape])]
    found[...] = x
    return found


FORMS: dict[str, Form] = {
    "as it is": lambda x, rng: x.copy(),
    "Fortran's order": lambda x, rng: np.asfortranarray(x),
    "any order of axes": any_axes,
    "backwards": backwards,
    "far apart": far_apart,
    "unaligned": unaligned,
    "read-only": read_only,
    "of bytes": of_bytes,
    "within": within,
    "unaligned and backwards": lambda x, rng: unaligned(x[::-1], rng)[::-1] if x.ndim else unaligned(x, rng),
    "a subclass": lambda x, rng: any_axes(x, rng).view(Subclass),
    "a tensor": lambda x, rng: cl.asarray(x.copy()),
    "a tensor over a view": lambda x, rng: cl.asarray(backwards(x, rng)),
    "a computed tensor": lambda x, rng: cl.where(cl.asarray(np.ones(x.shape, np.bool_)), cl.asarray(x), cl.asarray(x)),
}


def alike(x: Array, rng: np.random.Generator) -> Array:
    """All rows, or all numbers, are one: strides of 0."""
    if not x.size or not x.ndim:
        return x
    return np.broadcast_to(x[:1] if rng.random() < 0.5 else x[(0,) * x.ndim], x.shape)


def overlapping(x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two windows of one array, a number apart."""
    room = np.concatenate([x.ravel(), x.ravel()[:1]]) if x.size else x.ravel()
    return room[: x.size].reshape(x.shape), room[len(room) - x.size :].reshape(x.shape)


def side_by_side(x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Every other number of one array each."""
    both = np.stack([x, x + x.dtype.type(1)], axis=-1)
    return both[..., 0], both[..., 1]


PAIRS: dict[str, Callable[[Array, np.random.Generator], tuple[Any, Any]]] = {
    "the same array twice": lambda x, rng: (x, x),
    "the same tensor twice": lambda x, rng: (cl.asarray(x),) * 2,
    "a tensor and its array": lambda x, rng: (cl.asarray(x), x),
    "overlapping": overlapping,
    "one backwards": lambda x, rng: (x, x[tuple(slice(None, None, -1) for _ in x.shape)]),
    "its own transpose": lambda x, rng: (x, x.T if x.shape == x.T.shape else x),
    "side by side": side_by_side,
}


def arguments(shape: tuple[int, ...], dtype: Any, seed: int) -> tuple[list[Any], str]:
    """Three arguments, the first two of the shape, the third its last axis; and what they are, in words."""
    rng = np.random.default_rng(seed)

    def numbers(size: tuple[int, ...]) -> Array:
        drawn = rng.integers(-4, 5, size) if np.dtype(dtype).kind in "iu" else rng.normal(size=size)
        return np.asarray(drawn).astype(dtype)

    x, y, z = numbers(shape), numbers(shape), numbers(shape[-1:])
    if rng.random() < 0.2:
        x = np.asarray(alike(x, rng))
    names = [str(rng.choice(list(FORMS))) for _ in range(3)]
    if rng.random() < 0.4:
        pair = str(rng.choice(list(PAIRS)))
        first, second = PAIRS[pair](np.array(x), rng)
        return [first, second, FORMS[names[2]](z, rng)], f"{pair}; {names[2]}"
    kept = x if not any(x.strides) and rng.random() < 0.5 else FORMS[names[0]](x, rng)
    return [kept, FORMS[names[1]](y, rng), FORMS[names[2]](z, rng)], "; ".join(names)
