"""Reading at positions that are data, and its transpose: adding up at such positions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..errors import AxisError
from ..ir import INTEGERS, Array, Op, Shape, Type
from .broadcast import accumulator, broadcast, weave, without
from .kinds import Linear, Whole
from .movement import inverse, permute
from .scalars import Index, Read, Scalar, Scalars


@dataclass(frozen=True, eq=False, repr=False)
class Gather(Linear):
    """Read ``x`` where integer arrays of one shape say, one array for each of ``axes``.

    The first ``paired`` axes of ``x`` and of the indices run together (sizes ``P``); then come the indices' own axes
    (sizes ``J``), then those axes of ``x`` that are not indexed (sizes ``R``)::

        y[p, j, r] = x[p, r with index_n[p, j] put in as the component of axis axes[n]]

    So ``gather(f32[10,4], i64[7], axes=(0,))`` is ``f32[7,4]``. An index outside its axis is an AxisError.
    """

    axes: tuple[int, ...]
    paired: int = 0

    def infer(self, x: Type, *indices: Type) -> Type:
        check_positions(self, self.axes, self.paired, x.shape, indices, (x, *indices))
        return x.with_shape((*indices[0].shape, *without(self.axes, x.shape)[self.paired :]))

    def reference(self, x: Array, *indices: Array) -> Array:
        indices = located(self, self.axes, x.shape, indices)
        others = without(self.axes, tuple(range(x.ndim)))
        front = x.transpose(*others[: self.paired], *self.axes, *others[self.paired :])
        return front[(*grids(x.shape[: self.paired], indices[0].ndim), *indices)]

    def transpose(self, k: int, g: Any, x: Any, *indices: Any) -> Any:
        return scatter_add(g, *indices, shape=x.shape, axes=self.axes, paired=self.paired)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any, *indices: Any) -> Any:
        first, *rest = batched
        whole = [i if b else broadcast(i, (0,), (size,)) for i, b in zip(indices, rest, strict=True)]
        if not first and not self.paired:
            return self(x, *whole)  # the examples are but more indices: x, and its gradient, stay one
        return gather(
            x if first else broadcast(x, (0,), (size,)), *whole, axes=tuple(a + 1 for a in self.axes), paired=self.paired + 1
        )

    def at(self, e: Scalars, i: Index, x: Read, *indices: Read) -> Scalar:
        ndim = len(indices[0].shape)
        found = tuple(e.index(index(i[:ndim])) for index in indices)
        return x(weave(self.axes, found, (*i[: self.paired], *i[ndim:])))


@dataclass(frozen=True, eq=False, repr=False)
class ScatterAdd(Linear, Whole):
    """The transpose of ``Gather``: zeros of ``shape``, to which each update is added where the indices say.

    The updates have the shape that ``Gather`` would read; those that meet in one place add up, in row-major order of
    the updates, half precision in float32. An index outside its axis is an AxisError.
    """

    shape: Shape
    axes: tuple[int, ...]
    paired: int = 0

    def infer(self, updates: Type, *indices: Type) -> Type:
        check_positions(self, self.axes, self.paired, self.shape, indices, (updates, *indices))
        needed = (*indices[0].shape, *without(self.axes, self.shape)[self.paired :])
        if updates.dtype.kind == "b":
            raise self.refuse("booleans do not add up; cast to an integer first", updates, *indices)
        if updates.shape != needed:
            raise self.refuse(f"the updates must have shape {needed}; reshape or broadcast them", updates, *indices)
        return updates.with_shape(self.shape)

    def reference(self, updates: Array, *indices: Array) -> Array:
        indices = located(self, self.axes, self.shape, indices)
        y = np.zeros(prod(self.shape), accumulator(updates.dtype))
        if updates.size:
            others = without(self.axes, self.shape)
            sizes, behind = (*others[: self.paired], *indices[0].shape[self.paired :]), len(others) - self.paired
            rest = grids((*sizes, *others[self.paired :]), len(sizes) + behind)
            whole = tuple(np.reshape(i, i.shape + (1,) * behind) for i in indices)
            key = weave(self.axes, whole, (*rest[: self.paired], *rest[len(sizes) :]))
            # Flat places of single numbers: NumPy adds at those several times faster than at places of rows.
            np.add.at(y, np.ravel_multi_index(key, self.shape).ravel(), np.ravel(updates))
        return y.reshape(self.shape).astype(updates.dtype, copy=False)

    def transpose(self, k: int, g: Any, updates: Any, *indices: Any) -> Any:
        return gather(g, *indices, axes=self.axes, paired=self.paired)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        updates, *indices = (x if b else broadcast(x, (0,), (size,)) for x, b in zip(operands, batched, strict=True))
        return scatter_add(
            updates, *indices, shape=(size, *self.shape), axes=tuple(a + 1 for a in self.axes), paired=self.paired + 1
        )


def gather(x: Any, *indices: Any, axes: tuple[int, ...], paired: int = 0) -> Any:
    """``x`` read where the indices say; see ``Gather``."""
    return Gather(axes, paired)(x, *indices)


def scatter_add(updates: Any, *indices: Any, shape: Shape, axes: tuple[int, ...], paired: int = 0) -> Any:
    """Zeros of ``shape`` with the updates added where the indices say; see ``ScatterAdd``."""
    return ScatterAdd(shape, axes, paired)(updates, *indices)


def take(x: Any, indices: Any, axis: int) -> Any:
    """``y[a, j, b] = x[a, indices[j], b]``: the indices' axes take the place of ``axis``."""
    y = gather(x, indices, axes=(axis,))
    count = len(indices.shape)
    moved = range(count, count + axis)
    return permute(y, (*moved, *range(count), *range(count + axis, len(y.shape))))


def take_along(x: Any, indices: Any, axis: int) -> Any:
    """``y[a, j, b] = x[a, indices[a, j, b], b]``: the indices have the shape of ``x`` but for the size of ``axis``."""
    end = len(x.shape) - 1
    last = (*range(axis), *range(axis + 1, end + 1), axis)
    return permute(gather(permute(x, last), permute(indices, last), axes=(end,), paired=end), inverse(last))


def add_along(updates: Any, indices: Any, axis: int, size: int) -> Any:
    """The transpose of ``take_along``, from an array with ``size`` elements along ``axis``."""
    end = len(updates.shape) - 1
    last = (*range(axis), *range(axis + 1, end + 1), axis)
    moved = permute(updates, last)
    shape = (*moved.shape[:end], size)
    return permute(scatter_add(moved, permute(indices, last), shape=shape, axes=(end,), paired=end), inverse(last))


def check_positions(
    op: Op, axes: tuple[int, ...], paired: int, shape: Shape, indices: tuple[Type, ...], operands: tuple[Type, ...]
) -> None:
    """Refuse indices that do not fit an array of ``shape``."""
    if not axes or len(axes) != len(indices):
        raise op.refuse(f"needs one array of indices for each of the axes {axes}", *operands)
    if len(set(axes)) != len(axes) or not all(0 <= a < len(shape) for a in axes):
        shown = f"{op.name}({', '.join(map(str, operands))})"
        raise AxisError(f"{shown}: axes {axes} must be different axes of the array of shape {shape}")
    if not 0 <= paired <= min(axes) or indices[0].shape[:paired] != shape[:paired]:
        raise op.refuse(
            f"the first {paired} axes of indices must be those of the array of shape {shape}, before axes {axes}",
            *operands,
        )
    for index in indices:
        if index.dtype not in INTEGERS:
            raise op.refuse("indices must be integers; turn a mask into positions with nonzero", *operands)
        if index.shape != indices[0].shape:
            raise op.refuse("the arrays of indices must have equal shapes; broadcast them first", *operands)


def located(op: Op, axes: tuple[int, ...], shape: Shape, indices: tuple[Array, ...]) -> tuple[Array, ...]:
    """The indices as NumPy counts, or an AxisError for the first one outside its axis."""
    for axis, index in zip(axes, indices, strict=True):
        size = shape[axis]
        if index.size and not (index.min() >= 0 and index.max() < size):
            wrong = np.ravel(index)[np.ravel((index < 0) | (index >= size))][0]
            allowed = f"use 0 to {size - 1}" if size else "it has no elements"
            raise AxisError(f"{op.name}: index {wrong} lies outside axis {axis} of size {size}; {allowed}")
    return tuple(index.astype(np.intp, copy=False) for index in indices)


def grids(sizes: Shape, ndim: int) -> tuple[Array, ...]:
    """The component of each of the first axes, shaped to meet arrays of ``ndim`` axes."""
    return tuple(np.arange(n).reshape((-1,) + (1,) * (ndim - axis - 1)) for axis, n in enumerate(sizes))
