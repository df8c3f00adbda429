"""Reading and replacing elements by position, with all of NumPy's indexing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import AxisError
from ..ir import Shape, Value, constant
from ..ops import arithmetic, comparison, indexing, movement
from ..ops.broadcast import broadcast, without
from ..ops.sorting import argsort
from . import broadcasting
from .arguments import axis_of, dtype_of, integer_of, refused
from .keys import Key, check_range, integer_array, positions, read_key
from .lifting import ArrayLike
from .manipulation import broadcast_to, ravel
from .promotion import DEFAULT_FLOAT, DEFAULT_INTEGER, as_weak, cast_to, is_scalar, value_of


def getitem(x: ArrayLike, key: Any, /) -> Value:
    """``x[key]``, as in NumPy.

    A key is an integer, a slice, ``...``, ``None`` (a new axis), an integer array (or list) whose elements are positions, a
    boolean array whose true elements are (a single boolean is a mask without axes), or a tuple of those. Integer arrays
    broadcast together, and their axes stand where the first of them stood, or in front if a slice or ``None`` parts them.
    Negative positions count from the end. The gradient of an element is the sum of those of the places that it was read to.
    Positions outside are an AxisError.

    >>> import clew as cl
    >>> x = cl.asarray([[1, 2, 3], [4, 5, 6]])
    >>> x[0, ::-1].tolist(), x[:, [0, 2]].tolist(), x[x > 4].tolist()
    ([3, 2, 1], [[1, 3], [4, 6]], [5, 6])
    """
    return _read(*read_key("getitem", value_of(x), key))


def _read(v: Value, key: Key) -> Value:
    if (key.start, key.stop, key.step) != ((0,) * v.ndim, v.shape, (1,) * v.ndim):
        v = movement.slice(v, key.start, key.stop, key.step)
    v = movement.flip(v, key.reversed)
    v = movement.reshape(v, tuple(n for axis, n in enumerate(v.shape) if axis not in key.dropped))
    shape: tuple[int, ...] = ()
    before = place = 0
    if key.arrays:
        arrays = broadcasting.aligned("getitem", *key.arrays.values())
        shape, place = arrays[0].shape, key.place
        before, count = sum(not new for new in key.layout[:place]), len(shape)  # before: kept axes in front of the arrays'
        v = indexing.gather(v, *arrays, axes=_indexed(key))
        v = movement.permute(v, (*range(count, count + before), *range(count), *range(count + before, v.ndim)))
    sizes = iter((*v.shape[:before], *v.shape[before + len(shape) :]))
    kept = [1 if new else next(sizes) for new in key.layout]
    return movement.reshape(v, (*kept[:place], *shape, *kept[place:]))


def set_at(x: ArrayLike, key: Any, value: ArrayLike, /) -> Value:
    """``x`` with the elements ``x[key]`` replaced by ``value``, which broadcasts to them; ``x`` itself stays.

    Where the key names a place twice, the later one counts. Gradients go to the replacements that are seen, and to the
    elements of ``x`` that stay.

    >>> import clew as cl
    >>> cl.set_at(cl.zeros(4), slice(1, 3), [5, 6]).tolist()
    [0.0, 5.0, 6.0, 0.0]
    """
    v, of, read, new = _assigned("set_at", x, key, value)
    if not new.type.size:
        return v
    if not read.arrays:
        return movement.reshape(_inserted(of, _unread(new, of.shape, read), read), v.shape)
    places = ravel(_read(constant(np.arange(v.type.size).reshape(of.shape)), read))
    number = arithmetic.mul(_last(places), constant(np.arange(1, places.type.size + 1)))
    source = indexing.scatter_add(number, places, shape=(v.type.size,), axes=(0,))  # 1 + which replacement is seen; 0: none
    written = comparison.greater(source, 0)
    taken = indexing.take(ravel(new), arithmetic.maximum(arithmetic.sub(source, 1), 0), 0)
    return movement.reshape(comparison.where(written, taken, ravel(v)), v.shape)


def add_at(x: ArrayLike, key: Any, value: ArrayLike, /) -> Value:
    """``x`` with ``value``, which broadcasts to ``x[key]``, added to those elements; ``x`` itself stays.

    Where the key names a place several times, all that goes there adds up.

    >>> import clew as cl
    >>> cl.add_at(cl.zeros(3), [0, 0, 2], 1).tolist()
    [2.0, 0.0, 1.0]
    """
    v, of, read, new = _assigned("add_at", x, key, value)
    if not new.type.size:
        return v
    sliced = _unread(new, of.shape, read)
    added = movement.Slice(read.start, read.stop, read.step).transpose(0, sliced, of)
    return arithmetic.add(v, movement.reshape(added, v.shape))


def _assigned(function: str, x: ArrayLike, key: Any, value: ArrayLike) -> tuple[Value, Value, Key, Value]:
    """``x``, what the key indexes, the key, and the value for each place that it names."""
    v = value_of(x)
    of, read = read_key(function, v, key)
    new = as_weak(function, value, v.dtype) if is_scalar(value) and RANKS[v.dtype.kind] >= 1 else value_of(value)
    if RANKS[new.dtype.kind] > RANKS[v.dtype.kind]:
        raise refused(function, f"{new.type} does not go into {v.type} without loss; cast one of them", v, new)
    return v, of, read, broadcast_to(cast_to(new, v.dtype), _shapes(of.shape, read)[-1])


def _shapes(shape: Shape, key: Key) -> tuple[Shape, Shape, Shape, Shape]:
    """On the way of a read: sliced, without the axes dropped, with those of the arrays at their place, and the result's."""
    sliced = tuple(len(range(*bounds)) for bounds in zip(key.start, key.stop, key.step, strict=True))
    left = tuple(n for axis, n in enumerate(sliced) if axis not in key.dropped)
    given = broadcasting.common_shape("getitem", *key.arrays.values()) if key.arrays else ()
    rest = without(_indexed(key), left)
    before = sum(not new for new in key.layout[: key.place])
    sizes = iter(rest)
    kept = [1 if new else next(sizes) for new in key.layout]
    result = (*kept[: key.place], *given, *kept[key.place :])
    return sliced, left, (*rest[:before], *given, *rest[before:]), result


def _indexed(key: Key) -> tuple[int, ...]:
    """Which axes the arrays index, of those that are not dropped."""
    return tuple(axis - sum(d < axis for d in key.dropped) for axis in key.arrays)


def _unread(new: Value, shape: Shape, key: Key) -> Value:
    """The transpose of ``_read`` up to its slice: elements that came from one place add up there."""
    sliced, left, moved, _ = _shapes(shape, key)
    v = movement.reshape(new, moved)
    if key.arrays:
        arrays = broadcasting.aligned("getitem", *key.arrays.values())
        before, count = sum(not new for new in key.layout[: key.place]), arrays[0].ndim
        v = movement.permute(v, (*range(before, before + count), *range(before), *range(before + count, v.ndim)))
        v = indexing.scatter_add(v, *arrays, shape=left, axes=_indexed(key))
    return movement.flip(movement.reshape(v, sliced), key.reversed)


def _inserted(v: Value, new: Value, key: Key) -> Value:
    """``v`` with ``new`` where the key's slices say."""
    if all(step == 1 for step in key.step):
        return _between(v, new, key.start, 0)
    cut = movement.Slice(key.start, key.stop, key.step)
    here = cut.transpose(0, constant(np.ones(new.shape, bool)), v)
    return comparison.where(here, cut.transpose(0, new, v), v)


def _between(v: Value, new: Value, start: tuple[int, ...], axis: int) -> Value:
    """``v`` with ``new`` from ``start`` on: from this axis on it may be smaller."""
    if v.shape == new.shape:
        return new
    low, high, n = start[axis], start[axis] + new.shape[axis], v.shape[axis]
    middle = _between(movement.narrow(v, axis, low, high) if high - low < n else v, new, start, axis + 1)
    parts = [movement.narrow(v, axis, a, b) for a, b in ((0, low), (high, n)) if a < b]
    pieces = [*parts[: bool(low)], middle, *parts[bool(low) :]]
    return movement.concat(*pieces, axis=axis) if parts else middle


RANKS = {"b": 0, "u": 1, "i": 1, "f": 2, "V": 2}  # V is NumPy's kind of bfloat16


def _last(places: Value) -> Value:
    """1 for each place that does not come again later, else 0."""
    order = argsort(places, 0)
    ordered = indexing.take(places, order, 0)
    n = places.type.size
    differs = comparison.not_equal(movement.narrow(ordered, 0, 1, n), movement.narrow(ordered, 0, 0, n - 1))
    ends = movement.widen(cast_to(differs, DEFAULT_INTEGER), 0, 0, 1, 1)
    return indexing.scatter_add(ends, order, shape=(n,), axes=(0,))


def take(x: ArrayLike, indices: ArrayLike, /, *, axis: int | None = None) -> Value:
    """The parts of ``x`` at ``indices`` along ``axis``, whose place the indices' axes take; ``axis`` may be left out in 1-D.

    >>> import clew as cl
    >>> cl.take([[1, 2, 3], [4, 5, 6]], [2, 0], axis=1).tolist()
    [[3, 1], [6, 4]]
    """
    v = value_of(x)
    if axis is None and v.ndim != 1:
        raise refused("take", f"needs an axis, as the array has {v.ndim}", v, kind=AxisError)
    a = axis_of("take", 0 if axis is None else axis, v)
    return indexing.take(v, positions("take", v, a, indices), a)


def take_along_axis(x: ArrayLike, indices: ArrayLike, /, *, axis: int = -1) -> Value:
    """``y[..., j, ...] = x[..., indices[..., j, ...], ...]`` along ``axis``; other axes of both broadcast together.

    >>> import clew as cl
    >>> cl.take_along_axis([[3, 1, 2]], cl.argsort([[3, 1, 2]])).tolist()
    [[1, 2, 3]]
    """
    v = value_of(x)
    a = axis_of("take_along_axis", axis, v)
    found = positions("take_along_axis", v, a, indices)
    if found.ndim != v.ndim:
        raise refused("take_along_axis", "the indices must have as many axes as the array; insert axes of size 1", v, found)
    rest = [(*x.shape[:a], 1, *x.shape[a + 1 :]) for x in (v, found)]
    try:
        shape = np.broadcast_shapes(*rest)
    except ValueError:
        raise refused("take_along_axis", f"the axes beside axis {a} do not broadcast", v, found) from None
    v, found = (broadcast_to(x, (*shape[:a], x.shape[a], *shape[a + 1 :])) for x in (v, found))
    return indexing.take_along(v, found, a)


def one_hot(indices: ArrayLike, num_classes: int, /, *, dtype: Any = None) -> Value:
    """1 at the index and 0 elsewhere, along a new last axis of ``num_classes``: float32 unless ``dtype`` says otherwise.

    An index outside is an AxisError where it is known; while tracing it gives zeros.

    >>> import clew as cl
    >>> cl.one_hot([1, 0], 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    v = integer_array("one_hot", indices)
    n = integer_of("one_hot", "num_classes", num_classes)
    check_range("one_hot", v, n, 0, 0, v)
    wide = cast_to(v, DEFAULT_INTEGER)
    shape = (*v.shape, n)
    hot = comparison.equal(broadcast(wide, (v.ndim,), (n,)), broadcasting.broadcast_to(constant(np.arange(n)), shape))
    return cast_to(hot, DEFAULT_FLOAT if dtype is None else dtype_of("one_hot", dtype))
