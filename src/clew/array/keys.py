"""What stands between the brackets of ``x[...]``, read and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import AxisError, ConcretizationError
from ..ir import Value, constant
from ..ops import arithmetic, comparison
from ..ops.movement import reshape
from .arguments import integer_of, refused
from .creation import asarray
from .promotion import BOOL, DEFAULT_INTEGER, cast_to


@dataclass
class Key:
    """An index into an array, taken apart: a slice of every axis, then arrays of positions on some of them."""

    start: tuple[int, ...] = ()
    stop: tuple[int, ...] = ()
    step: tuple[int, ...] = ()
    reversed: tuple[int, ...] = ()  # axes that are flipped after slicing
    dropped: tuple[int, ...] = ()  # axes that an integer sliced to one place, and that disappear
    arrays: dict[int, Value] = field(default_factory=dict)  # positions, not negative, by axis
    layout: tuple[bool, ...] = ()  # the result's axes beside those of the arrays: whether each is new
    place: int = 0  # which of those the arrays' axes come before

    def add_slice(self, bounds: range) -> None:
        axis, n = len(self.start), len(bounds)
        first, last = (bounds[0], bounds[-1]) if n else (0, -1)
        if bounds.step < 0 and n:
            first, last = last, first
            self.reversed += (axis,)
        self.start += (first,)
        self.stop += (bounds.stop if bounds.step > 0 and n else last + 1,)
        self.step += (abs(bounds.step) if n else 1,)


def read_key(function: str, x: Value, key: Any) -> tuple[Value, Key]:
    """The key of ``x[key]`` taken apart, and what it indexes: ``x`` with an axis of size 1 for each single boolean."""
    given = [_item(function, x, item) for item in (key if isinstance(key, tuple) else (key,))]
    x, items = _with_axes_for_booleans(x, list(_completed(function, x, given)))
    read = Key()
    groups: list[bool] = []  # for each item in turn: whether it is one of the advanced ones
    first: int | None = None
    for item in items:
        axis = len(read.start)
        advanced = isinstance(item, int | Value)
        if advanced and first is None:
            first = len(read.layout)
        groups.append(advanced)
        if item is Ellipsis:
            continue  # the slices that it stands for follow; even of none it parts what is on its sides
        if item is None:
            read.layout += (True,)
        elif isinstance(item, slice):
            read.add_slice(_bounds(function, x, axis, item))
            read.layout += (False,)
        elif isinstance(item, int):
            k = _counted(function, x, axis, item)
            read.add_slice(range(k, k + 1))
            read.dropped += (axis,)
        else:
            for part in _parts(function, x, axis, item):
                n = x.shape[len(read.start)]
                read.arrays[len(read.start)] = part
                read.add_slice(range(n))
    runs = sum(now and not before for before, now in zip([False, *groups], groups, strict=False))
    read.place = first if first is not None and runs == 1 else 0
    return x, read


def _item(function: str, x: Value, item: Any) -> Any:
    """None, ``...``, a slice or an int as it is; anything else as a value of integers or booleans."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    v = integer_array(function, item, masks=True)
    known = v.op is None and v.data is not None
    return int(v.data) if known and not v.ndim and v.dtype != BOOL else v


def integer_array(function: str, indices: Any, masks: bool = False) -> Value:
    """``indices`` as a value of integers (or, with ``masks``, booleans)."""
    v = asarray(indices)
    if v.type.differentiable and not v.type.size and not isinstance(indices, Value | np.ndarray):
        return constant(np.zeros(v.shape, np.int64))  # an empty list
    if v.dtype.kind not in ("iub" if masks else "iu"):
        wanted = "integers or booleans" if masks else "integers"
        raise refused(function, f"indices must be {wanted}; cast them: i.astype(cl.int64)", v)
    return v


def _completed(function: str, x: Value, items: list[Any]) -> Iterator[Any]:
    """The items, and after an ellipsis, or at the end of the key, the slices that it stands for."""
    used = sum(_taken(item) for item in items)
    if used > x.ndim:
        raise refused(function, f"the key indexes {used} axes, the array has {x.ndim}", x, kind=AxisError)
    dots = sum(item is Ellipsis for item in items)
    if dots > 1:
        raise refused(function, "a key may hold one '...' only", x, kind=AxisError)
    for item in items if dots else [*items, Ellipsis]:
        yield item
        if item is Ellipsis:
            yield from [slice(None)] * (x.ndim - used)


def _with_axes_for_booleans(x: Value, items: list[Any]) -> tuple[Value, list[Any]]:
    """A single boolean is a mask without axes, and indexes none: made a mask of one place, it indexes a new axis of size 1."""
    shape: list[int] = []
    axis = 0
    for k, item in enumerate(items):
        if item.__class__ is Value and item.dtype == BOOL and not item.ndim:
            items[k] = reshape(item, (1,))
            shape.append(1)
        shape += x.shape[axis : axis + _taken(item)]
        axis += _taken(item)
    return reshape(x, tuple(shape)), items


def _taken(item: Any) -> int:
    """How many axes an item indexes."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if item.__class__ is Value and item.dtype == BOOL else 1


def _bounds(function: str, x: Value, axis: int, item: slice) -> range:
    start, stop, step = (
        None if bound is None else integer_of(function, "a bound of a slice", bound)
        for bound in (item.start, item.stop, item.step)
    )
    if step == 0:
        raise refused(function, f"the slice of axis {axis} has step 0; it would never arrive", x, kind=AxisError)
    return range(*slice(start, stop, step).indices(x.shape[axis]))


def _counted(function: str, x: Value, axis: int, k: int) -> int:
    n = x.shape[axis]
    if not -n <= k < n:
        raise _outside(function, x, axis, k, n, -n)
    return k % n


def _parts(function: str, x: Value, axis: int, item: Value) -> list[Value]:
    """The positions on each axis that an array indexes."""
    if item.dtype != BOOL:
        return [positions(function, x, axis, item)]
    if item.data is None:
        why = "how many elements a mask picks is not known while its function is traced; keep the shape: cl.where(mask, x, 0)"
        raise refused(function, why, x, item, kind=ConcretizationError)
    there = x.shape[axis : axis + item.ndim]
    if item.shape != there:
        why = f"a mask of shape {item.shape} does not fit axis {axis} and on, of shape {there}"
        raise refused(function, why, x, item, kind=AxisError)
    return [constant(found) for found in np.nonzero(item.data)]


def positions(function: str, x: Value, axis: int, indices: Any) -> Value:
    """Integer indices along an axis of ``x``, negative ones counted from its end; int64."""
    v, n = integer_array(function, indices), x.shape[axis]
    check_range(function, v, n, -n, axis, x)
    if v.op is None and v.data is not None:
        places = np.asarray(v.data).astype(np.int64, copy=False)
        return constant(np.where(places < 0, places + n, places) if np.any(places < 0) else places)
    wide = cast_to(v, DEFAULT_INTEGER)
    if v.dtype.kind == "u":
        return wide
    wrapped: Value = comparison.where(comparison.less(wide, 0), arithmetic.add(wide, n), wide)
    return wrapped


def check_range(function: str, indices: Value, n: int, low: int, axis: int, x: Value) -> None:
    """Refuse known indices that do not lie in ``[low, n)``."""
    if indices.data is None or not indices.type.size:
        return
    for k in (int(np.min(indices.data)), int(np.max(indices.data))):
        if not low <= k < n:
            raise _outside(function, x, axis, k, n, low)


def _outside(function: str, x: Value, axis: int, k: int, n: int, low: int) -> AxisError:
    allowed = f"use {low} to {n - 1}" if n else "it has no elements"
    return refused(function, f"index {k} is out of range for axis {axis} of size {n}; {allowed}", x, kind=AxisError)
