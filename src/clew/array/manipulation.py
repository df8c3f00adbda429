"""Shapes: the same elements in other places."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any, Literal, get_args

import numpy as np

from ..errors import UsageError
from ..ir import Array, Shape, Value, constant
from ..ops import indexing, movement
from ..ops.broadcast import broadcast
from . import broadcasting
from .arguments import Axis, axes_of, axis_of, integer_of, known_array, refused, shape_of, values_of
from .lifting import ArrayLike
from .promotion import promoted, value_of

PadMode = Literal["constant", "edge", "reflect", "symmetric", "wrap"]


def reshape(x: ArrayLike, /, shape: Any, *, copy: bool | None = None) -> Value:
    """The same elements, in row-major order, in another shape; one size may be -1, and follows from the others.

    >>> import clew as cl
    >>> cl.reshape(cl.arange(6), (2, -1)).tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    v = value_of(x)
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    read = [integer_of("reshape", "a size", n) for n in sizes]
    if -1 in read:
        rest = prod(n for n in read if n != -1)
        if read.count(-1) > 1 or rest <= 0 or v.type.size % rest:
            raise refused("reshape", f"{v.type.size} elements do not fill shape {tuple(read)}, whatever -1 is", v)
        read[read.index(-1)] = v.type.size // rest
    if min(read, default=0) < 0:
        raise refused("reshape", f"shape {tuple(read)} has a negative size; only -1 is, for a size that follows", v)
    return movement.reshape(v, tuple(read))


def ravel(x: ArrayLike, /) -> Value:
    """The elements, in row-major order, along one axis.

    >>> import clew as cl
    >>> cl.ravel([[1, 2], [3, 4]]).tolist()
    [1, 2, 3, 4]
    """
    v = value_of(x)
    return movement.reshape(v, (v.type.size,))


def flatten(x: ArrayLike, /, start_axis: int = 0, end_axis: int = -1) -> Value:
    """The axes from ``start_axis`` to ``end_axis`` (that included) joined to one: all of them, unless told otherwise.

    >>> import clew as cl
    >>> cl.flatten(cl.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    v = value_of(x)
    if not v.ndim:
        return movement.reshape(v, (1,))
    first, last = axis_of("flatten", start_axis, v), axis_of("flatten", end_axis, v)
    if first > last:
        raise refused("flatten", f"start_axis {start_axis} comes after end_axis {end_axis}", v)
    return movement.reshape(v, (*v.shape[:first], prod(v.shape[first : last + 1]), *v.shape[last + 1 :]))


def permute_dims(x: ArrayLike, /, axes: tuple[int, ...]) -> Value:
    """Axes in another order: result axis ``k`` is operand axis ``axes[k]``.

    >>> import clew as cl
    >>> cl.permute_dims(cl.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    v = value_of(x)
    order = axes_of("permute_dims", tuple(axes), v)
    if len(order) != v.ndim:
        raise refused("permute_dims", f"axes {tuple(axes)} must name each of the {v.ndim} axes once", v)
    return movement.permute(v, order)


def transpose(x: ArrayLike, /, axes: tuple[int, ...] | None = None) -> Value:
    """Axes in another order; reversed if none is given. (The standard's name is ``permute_dims``.)

    >>> import clew as cl
    >>> cl.transpose(cl.zeros((2, 3, 4))).shape
    (4, 3, 2)
    """
    v = value_of(x)
    return permute_dims(v, tuple(reversed(range(v.ndim))) if axes is None else axes)


def matrix_transpose(x: ArrayLike, /) -> Value:
    """The last two axes exchanged.

    >>> import clew as cl
    >>> cl.matrix_transpose([[1, 2], [3, 4]]).tolist()
    [[1, 3], [2, 4]]
    """
    v = value_of(x)
    if v.ndim < 2:
        raise refused("matrix_transpose", "needs (a stack of) matrices, arrays of two axes or more", v)
    return movement.permute(v, (*range(v.ndim - 2), v.ndim - 1, v.ndim - 2))


def swapaxes(x: ArrayLike, axis1: int, axis2: int, /) -> Value:
    """Two axes exchanged.

    >>> import clew as cl
    >>> cl.swapaxes(cl.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    v = value_of(x)
    a, b = axis_of("swapaxes", axis1, v), axis_of("swapaxes", axis2, v)
    order = list(range(v.ndim))
    order[a], order[b] = b, a
    return movement.permute(v, tuple(order))


def moveaxis(x: ArrayLike, source: Axis, destination: Axis, /) -> Value:
    """Axes ``source`` at the places ``destination``; the others keep their order.

    >>> import clew as cl
    >>> cl.moveaxis(cl.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    v = value_of(x)
    sources, places = axes_of("moveaxis", source, v), axes_of("moveaxis", destination, v)
    if len(sources) != len(places):
        raise refused("moveaxis", f"{len(sources)} axes do not go to {len(places)} places; name as many", v)
    at = dict(zip(places, sources, strict=True))
    others = iter([axis for axis in range(v.ndim) if axis not in sources])
    return movement.permute(v, tuple(at[k] if k in at else next(others) for k in range(v.ndim)))


def expand_dims(x: ArrayLike, /, axis: Axis = 0) -> Value:
    """New axes of size 1 at the places ``axis`` of the result.

    >>> import clew as cl
    >>> cl.expand_dims(cl.zeros(3), (0, -1)).shape
    (1, 3, 1)
    """
    v = value_of(x)
    places = axes_of("expand_dims", axis, v, more=len(axis) if isinstance(axis, tuple | list) else 1)
    return movement.reshape(v, _expanded(v.shape, places))


def _expanded(shape: Shape, places: tuple[int, ...]) -> Shape:
    sizes = iter(shape)
    return tuple(1 if k in places else next(sizes) for k in range(len(shape) + len(places)))


def squeeze(x: ArrayLike, /, axis: Axis = None) -> Value:
    """Without the axes ``axis``, which must have size 1 (without all that do, if none is given).

    >>> import clew as cl
    >>> cl.squeeze(cl.zeros((1, 3, 1)), 0).shape
    (3, 1)
    """
    v = value_of(x)
    axes = tuple(a for a, n in enumerate(v.shape) if n == 1) if axis is None else axes_of("squeeze", axis, v)
    for a in axes:
        if v.shape[a] != 1:
            raise refused("squeeze", f"axis {a} has size {v.shape[a]}, not 1; index it, or reduce along it", v)
    return movement.reshape(v, tuple(n for a, n in enumerate(v.shape) if a not in axes))


def flip(x: ArrayLike, /, *, axis: Axis = None) -> Value:
    """The elements in reverse along ``axis`` (along every axis, if none is given).

    >>> import clew as cl
    >>> cl.flip([1, 2, 3]).tolist()
    [3, 2, 1]
    """
    v = value_of(x)
    return movement.flip(v, axes_of("flip", axis, v))


def roll(x: ArrayLike, /, shift: int | tuple[int, ...], *, axis: Axis = None) -> Value:
    """The elements moved on by ``shift`` along ``axis``; what leaves at the end comes in at the front.

    Without an axis the elements are rolled in row-major order, and keep their shape.

    >>> import clew as cl
    >>> cl.roll([1, 2, 3, 4], 1).tolist()
    [4, 1, 2, 3]
    """
    v = value_of(x)
    if axis is None:
        return movement.reshape(roll(ravel(v), shift, axis=0), v.shape)
    axes = [axis_of("roll", a, v) for a in (axis if isinstance(axis, tuple | list) else (axis,))]
    shifts = shift if isinstance(shift, tuple | list) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise refused("roll", f"{len(shifts)} shifts do not go with {len(axes)} axes; give one for each, or one for all", v)
    for a, s in zip(axes, shifts, strict=True):
        n = v.shape[a]
        by = integer_of("roll", "a shift", s) % n if n else 0
        if by:
            v = movement.concat(movement.narrow(v, a, n - by, n), movement.narrow(v, a, 0, n - by), axis=a)
    return v


def concat(arrays: Any, /, *, axis: int | None = 0) -> Value:
    """Arrays one after the other along ``axis`` (flattened first if that is None); dtypes are promoted.

    >>> import clew as cl
    >>> cl.concat([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    values = promoted("concat", *values_of("concat", arrays))
    if axis is None:
        return movement.concat(*(ravel(v) for v in values), axis=0)
    return movement.concat(*values, axis=axis_of("concat", axis, values[0]))


def stack(arrays: Any, /, *, axis: int = 0) -> Value:
    """Arrays of one shape beside each other along a new axis; dtypes are promoted.

    >>> import clew as cl
    >>> cl.stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    values = promoted("stack", *values_of("stack", arrays))
    first = values[0]
    if any(v.shape != first.shape for v in values):
        raise refused("stack", "arrays must have one shape; broadcast them first, or use concat", *values)
    place = axis_of("stack", axis, first, more=1)
    shape = _expanded(first.shape, (place,))
    return movement.concat(*(movement.reshape(v, shape) for v in values), axis=place)


def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Value, ...]:
    """The parts of an array along an axis, which disappears: the opposite of ``stack``.

    >>> import clew as cl
    >>> [part.tolist() for part in cl.unstack([[1, 2], [3, 4]], axis=1)]
    [[1, 3], [2, 4]]
    """
    v = value_of(x)
    a = axis_of("unstack", axis, v)
    shape = (*v.shape[:a], *v.shape[a + 1 :])
    return tuple(movement.reshape(movement.narrow(v, a, k, k + 1), shape) for k in range(v.shape[a]))


def split(x: ArrayLike, indices_or_sections: Any, /, axis: int = 0) -> tuple[Value, ...]:
    """An array cut along an axis: into equal parts, if given how many, or before each of the given positions.

    >>> import clew as cl
    >>> [part.tolist() for part in cl.split(cl.arange(6), [1, 4])]
    [[0], [1, 2, 3], [4, 5]]
    """
    v = value_of(x)
    a = axis_of("split", axis, v)
    n = v.shape[a]
    if isinstance(indices_or_sections, tuple | list):
        cuts = [integer_of("split", "a position", k) for k in indices_or_sections]
    else:
        count = integer_of("split", "the number of parts", indices_or_sections)
        if count < 1 or n % count:
            raise refused("split", f"axis {a} of size {n} has no {count} equal parts; give the positions of the cuts", v)
        cuts = list(range(n // count, n, n // count)) if n else [0] * (count - 1)
    places = [0, *(min(max(k + n if k < 0 else k, 0), n) for k in cuts), n]
    return tuple(movement.narrow(v, a, i, max(i, j)) for i, j in pairwise(places))


def tile(x: ArrayLike, repetitions: tuple[int, ...], /) -> Value:
    """The whole array repeated along each axis; the shorter of shape and ``repetitions`` gets ones in front.

    >>> import clew as cl
    >>> cl.tile([1, 2], (2, 2)).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    v = value_of(x)
    times = shape_of("tile", repetitions)
    ndim = max(v.ndim, len(times))
    times = (1,) * (ndim - len(times)) + times
    shape = (1,) * (ndim - v.ndim) + v.shape
    repeated = tuple(k for k, r in enumerate(times) if r != 1)
    places = tuple(k + n for n, k in enumerate(repeated))  # each new axis comes before the one that it repeats
    y = broadcast(movement.reshape(v, shape), places, tuple(times[k] for k in repeated))
    return movement.reshape(y, tuple(n * r for n, r in zip(shape, times, strict=True)))


def repeat(x: ArrayLike, repeats: Any, /, *, axis: int | None = None) -> Value:
    """Each element repeated in place along ``axis`` (of the flattened array, if that is None).

    ``repeats`` is one number, or one for each place along the axis; those must be known when the graph is built.

    >>> import clew as cl
    >>> cl.repeat([1, 2], 2).tolist(), cl.repeat([1, 2], [1, 3]).tolist()
    ([1, 1, 2, 2], [1, 2, 2, 2])
    """
    v = value_of(x)
    if axis is None:
        return repeat(ravel(v), repeats, axis=0)
    a = axis_of("repeat", axis, v)
    counts = known_array("repeat", "repeats", repeats)
    if counts.size and counts.min() < 0:
        raise refused("repeat", f"repeats {counts.min()} is negative", v)
    n = v.shape[a]
    if counts.size == 1:
        many = int(counts.item())
        y = broadcast(v, (a + 1,), (many,))
        return movement.reshape(y, (*v.shape[:a], n * many, *v.shape[a + 1 :]))
    if counts.shape != (n,):
        raise refused("repeat", f"repeats of shape {counts.shape} do not go with axis {a} of size {n}; give one for each", v)
    return indexing.take(v, constant(np.repeat(np.arange(n), counts)), a)


def broadcast_shapes(*shapes: Any) -> Shape:
    """The shape that these broadcast to.

    >>> import clew as cl
    >>> cl.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    read = [shape_of("broadcast_shapes", shape) for shape in shapes]
    try:
        return np.broadcast_shapes(*read)
    except ValueError:
        raise refused("broadcast_shapes", "sizes on an axis must be equal, or 1", *read) from None


def broadcast_to(x: ArrayLike, /, shape: Any) -> Value:
    """``x`` repeated to ``shape``: along axes where it has size 1, and along new ones in front.

    >>> import clew as cl
    >>> cl.broadcast_to([1, 2], (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    v = value_of(x)
    sizes = shape_of("broadcast_to", shape)
    lead = len(sizes) - v.ndim
    if lead < 0 or any(n not in (1, size) for n, size in zip(v.shape, sizes[lead:], strict=True)):
        why = f"does not broadcast to shape {sizes}: sizes, counted from the last axis, must be equal or 1"
        raise refused("broadcast_to", f"{why}; reshape it, or insert an axis with x[None, :] or x[:, None]", v)
    return broadcasting.broadcast_to(v, sizes)


def broadcast_arrays(*arrays: ArrayLike) -> tuple[Value, ...]:
    """The arrays repeated to the shape that they have in common; dtypes stay.

    >>> import clew as cl
    >>> [x.shape for x in cl.broadcast_arrays(cl.zeros((3, 1)), cl.zeros(4))]
    [(3, 4), (3, 4)]
    """
    values = [value_of(x) for x in arrays]
    shape = broadcasting.common_shape("broadcast_arrays", *values)
    return tuple(broadcasting.broadcast_to(v, shape) for v in values)


def pad(x: ArrayLike, /, pad_width: Any, mode: PadMode = "constant", *, constant_values: float = 0) -> Value:
    """More elements before and after those of each axis.

    ``pad_width`` is a number for all sides, ``(before, after)`` for all axes, or one such pair for each axis. The new
    elements are ``constant_values``, or, in another mode of NumPy's (``edge``, ``reflect``, ``symmetric``, ``wrap``), elements
    of ``x``.

    >>> import clew as cl
    >>> cl.pad([1, 2], (1, 2)).tolist(), cl.pad([1, 2], 1, "edge").tolist()
    ([0, 1, 2, 0, 0], [1, 1, 2, 2])
    """
    v = value_of(x)
    widths = known_array("pad", "pad_width", pad_width)
    try:
        pairs = np.broadcast_to(widths, (v.ndim, 2)).tolist()
    except ValueError:
        why = f"pad_width of shape {widths.shape} does not go with {v.ndim} axes; give a pair (before, after) for each"
        raise refused("pad", why, v) from None
    if min((n for pair in pairs for n in pair), default=0) < 0:
        raise refused("pad", f"pad_width {pad_width} is negative; slice to cut off", v)
    if mode == "constant":
        return movement.pad(v, tuple(b for b, _ in pairs), tuple(a for _, a in pairs), value=constant_values)
    if mode not in get_args(PadMode):
        modes = ", ".join(map(repr, get_args(PadMode)))
        raise refused("pad", f"no mode {mode!r}; modes are {modes}", v, kind=UsageError)
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            if not v.shape[axis]:
                raise refused("pad", f"axis {axis} has no elements to take for mode {mode!r}; use mode 'constant'", v)
            places = np.pad(np.arange(v.shape[axis]), (before, after), mode)
            v = _taken(v, places, axis)
    return v


RUNS = 16  # parts, at most, that an array is put together of


def _taken(v: Value, places: Array, axis: int) -> Value:
    """``take`` at places that are known: parts of ``v``, forwards, backwards or repeated, one after the other."""
    runs: list[list[int]] = []
    for place in places.tolist():
        step = place - runs[-1][-1] if runs else 2
        if abs(step) <= 1 and (len(runs[-1]) == 1 or step == runs[-1][1] - runs[-1][0]):
            runs[-1].append(place)
        else:
            runs.append([place])
    if len(runs) > RUNS:
        return indexing.take(v, constant(places), axis)
    return movement.concat(*[_run(v, run, axis) for run in runs], axis=axis)


def _run(v: Value, run: list[int], axis: int) -> Value:
    """The part of ``v`` at neighbouring places, or at one place again and again."""
    first, last = run[0], run[-1]
    part = movement.narrow(v, axis, min(first, last), max(first, last) + 1)
    if first == last:
        return broadcasting.broadcast_to(part, (*v.shape[:axis], len(run), *v.shape[axis + 1 :]))
    return movement.flip(part, (axis,) if last < first else ())
