"""Order and membership: sorting, searching in sorted arrays, and sets of distinct elements."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import ConcretizationError
from ..ir import Array, Value, constant
from ..ops import arithmetic, comparison, indexing, movement, sorting
from ..ops.elementwise import filled
from .arguments import axis_of, integer_of, refused
from .keys import positions
from .lifting import ArrayLike
from .manipulation import ravel
from .promotion import promoted, value_of


def sort(x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Value:
    """The elements along ``axis`` in order. NaN counts as the largest; equal elements share their gradient.

    >>> import clew as cl
    >>> cl.sort([3, 1, 2], descending=True).tolist()
    [3, 2, 1]
    """
    v = value_of(x)
    return sorting.sort(v, axis_of("sort", axis, v), bool(descending))


def argsort(x: ArrayLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Value:
    """The positions (int64) along ``axis`` that put the elements in order. NaN counts as the largest.

    >>> import clew as cl
    >>> cl.argsort([3, 1, 2]).tolist()
    [1, 2, 0]
    """
    v = value_of(x)
    return sorting.argsort(v, axis_of("argsort", axis, v), bool(descending), stable=bool(stable))


def topk(x: ArrayLike, k: int, /, *, axis: int = -1) -> tuple[Value, Value]:
    """The ``k`` largest elements along ``axis``, the largest first, and their positions (int64).

    >>> import clew as cl
    >>> values, indices = cl.topk([3, 9, 5], 2)
    >>> values.tolist(), indices.tolist()
    ([9, 5], [1, 2])
    """
    v = value_of(x)
    a, count = axis_of("topk", axis, v), integer_of("topk", "k", k)
    if not 0 <= count <= v.shape[a]:
        raise refused("topk", f"there are no {count} elements along axis {a} of size {v.shape[a]}", v)
    return sorting.sort(v, a, True, count), sorting.argsort(v, a, True, count)


def searchsorted(x1: ArrayLike, x2: ArrayLike, /, *, side: str = "left", sorter: ArrayLike = None) -> Value:
    """Where in the sorted vector ``x1`` the elements of ``x2`` would be put in (int64): before those that equal them with
    ``side="left"``, after them with ``"right"``. ``sorter`` holds the positions that sort ``x1``, if it is not.

    >>> import clew as cl
    >>> cl.searchsorted([1, 3, 5], [3, 4]).tolist()
    [1, 2]
    """
    if side not in ("left", "right"):
        raise refused("searchsorted", f"side must be 'left' or 'right', not {side!r}")
    a, b = promoted("searchsorted", x1, x2)
    if a.ndim != 1:
        raise refused("searchsorted", "the first operand must be a vector; flatten it", a, b)
    if sorter is not None:
        a = indexing.take(a, positions("searchsorted", a, 0, sorter), 0)
    return movement.reshape(_ranks(a, ravel(b), side == "right"), b.shape)


def _ranks(a: Value, b: Value, after: bool) -> Value:
    """How many elements of ``a`` come before each of ``b`` when both are sorted together, equal ones of ``a`` if ``after``."""
    n = b.type.size
    together = movement.concat(a, b, axis=0) if after else movement.concat(b, a, axis=0)
    places = sorting.argsort(sorting.argsort(together, 0), 0)
    start = a.type.size if after else 0
    among_all = movement.narrow(places, 0, start, start + n)
    return arithmetic.sub(among_all, sorting.argsort(sorting.argsort(b, 0), 0))


def isin(x1: ArrayLike, x2: ArrayLike, /, *, invert: bool = False) -> Value:
    """Whether each element of ``x1`` is among those of ``x2`` (is not, if ``invert``). NaN is among none.

    >>> import clew as cl
    >>> cl.isin([1, 2, 3], [3, 1]).tolist()
    [True, False, True]
    """
    a, b = promoted("isin", x1, x2)
    line, ordered = ravel(a), sorting.sort(ravel(b), 0)
    n = b.type.size
    if not n:
        return filled(bool(invert), a.type.with_dtype(np.dtype(np.bool_)))
    place = _ranks(ordered, line, False)
    there = indexing.take(ordered, arithmetic.minimum(place, filled(n - 1, place.type)), 0)
    question = comparison.not_equal if invert else comparison.equal
    return movement.reshape(question(there, line), a.shape)


def nonzero(x: ArrayLike, /) -> tuple[Value, ...]:
    """The positions (int64) of the elements that are not 0, one array for each axis. Their number must be known.

    >>> import clew as cl
    >>> [i.tolist() for i in cl.nonzero([[0, 7], [8, 0]])]
    [[0, 1], [1, 0]]
    """
    v = value_of(x)
    if not v.ndim:
        raise refused("nonzero", "a 0-d array has no axes; reshape it to (1,) first", v)
    return tuple(constant(found) for found in np.nonzero(_known("nonzero", v)))


class UniqueAll(NamedTuple):
    """Distinct elements; where each is first; which of them each element of the array is; how often each occurs."""

    values: Value
    indices: Value
    inverse_indices: Value
    counts: Value


class UniqueCounts(NamedTuple):
    """Distinct elements, and how often each occurs."""

    values: Value
    counts: Value


class UniqueInverse(NamedTuple):
    """Distinct elements, and which of them each element of the array is."""

    values: Value
    inverse_indices: Value


def unique_all(x: ArrayLike, /) -> UniqueAll:
    """The distinct elements in order, with the positions where they are first, the inverse and the counts.

    How many there are must be known. NaNs are distinct. The gradient goes to the first occurrences.

    >>> import clew as cl
    >>> [a.tolist() for a in cl.unique_all([5, 3, 5])]
    [[3, 5], [1, 0], [1, 0, 1], [1, 2]]
    """
    return _unique("unique_all", x)


def unique_counts(x: ArrayLike, /) -> UniqueCounts:
    """The distinct elements in order, and how often each occurs; see ``unique_all``.

    >>> import clew as cl
    >>> cl.unique_counts([5, 3, 5]).counts.tolist()
    [1, 2]
    """
    found = _unique("unique_counts", x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: ArrayLike, /) -> UniqueInverse:
    """The distinct elements in order, and which of them each element of the array is; see ``unique_all``.

    >>> import clew as cl
    >>> cl.unique_inverse([5, 3, 5]).inverse_indices.tolist()
    [1, 0, 1]
    """
    found = _unique("unique_inverse", x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: ArrayLike, /) -> Value:
    """The distinct elements in order; see ``unique_all``.

    >>> import clew as cl
    >>> cl.unique_values([5, 3, 5]).tolist()
    [3, 5]
    """
    return _unique("unique_values", x).values


def _unique(function: str, x: ArrayLike) -> UniqueAll:
    v = value_of(x)
    data = sorting.comparable(np.asarray(_known(function, v)))
    found = np.unique(data, return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
    first, inverse, counts = (constant(part.astype(np.int64, copy=False)) for part in found[1:])
    return UniqueAll(indexing.take(ravel(v), first, 0), first, movement.reshape(inverse, v.shape), counts)


def _known(function: str, v: Value) -> Array:
    if v.data is None:
        why = "the result's shape depends on values that are not known while the function is traced"
        raise refused(function, f"{why}; compute it outside, or keep the shape with cl.where", v, kind=ConcretizationError)
    return v.data
