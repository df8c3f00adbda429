"""Order along an axis. A sort is a permutation that depends on data; equal elements share their gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir import DTYPES, FLOATS, Array, Type
from .broadcast import accumulator, broadcast, check_axes
from .indexing import add_along, take_along
from .kinds import Flat, General, Linear, Whole


@dataclass(frozen=True, eq=False, repr=False)
class Sort(General, Whole):
    """The elements along ``axis`` in ascending order, or descending.

    NaN counts as the largest: last when ascending, first when descending. Equal elements share: each receives the mean
    of the gradients of the places they fill, so the parts sum to what came in.
    """

    axis: int
    descending: bool = False

    def infer(self, x: Type) -> Type:
        check_axes(self, (self.axis,), x)
        return x

    def reference(self, x: Array) -> Array:
        y = np.sort(comparable(x), self.axis).astype(x.dtype, copy=False)
        return np.flip(y, self.axis) if self.descending else y

    def pull(self, k: int, g: Any, y: Any, x: Any) -> Any:
        return add_along(share_ties(g, y, self.axis), self.origins(x), self.axis, x.shape[self.axis])

    def push(self, k: int, t: Any, y: Any, x: Any) -> Any:
        return share_ties(take_along(t, self.origins(x), self.axis), y, self.axis)

    def origins(self, x: Any) -> Any:
        """Where the elements come from. The order of equal ones does not matter: they share."""
        return argsort(x, self.axis, self.descending, stable=False)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return sort(x, self.axis + 1, self.descending)


@dataclass(frozen=True, eq=False, repr=False)
class ArgSort(Flat, Whole):
    """The positions (int64) of the elements along ``axis`` in the order in which ``Sort`` puts them.

    Equal elements keep their order, ascending and descending, where ``stable``; NaN counts as the largest.
    """

    axis: int
    descending: bool = False
    stable: bool = True

    def infer(self, x: Type) -> Type:
        check_axes(self, (self.axis,), x)
        return x.with_dtype(DTYPES["i64"])

    def reference(self, x: Array) -> Array:
        x = comparable(x)
        if not self.descending:
            return np.argsort(x, self.axis, stable=self.stable)
        # Twice reversed: once the data, so that equal elements keep their order, and once the result.
        return x.shape[self.axis] - 1 - np.flip(np.argsort(np.flip(x, self.axis), self.axis, stable=self.stable), self.axis)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return argsort(x, self.axis + 1, self.descending, self.stable)


@dataclass(frozen=True, eq=False, repr=False)
class ShareTies(Linear, Whole):
    """Replace ``g`` by its mean over each run of equal neighbours of ``y`` along ``axis``.

    Linear in ``g``, and its own transpose. It is the derivative of sorting in the sorted order: where elements are
    equal, a sort could have placed any of them first, and this is the mean over those choices. NaN equals nothing.
    """

    axis: int

    def infer(self, g: Type, y: Type) -> Type:
        check_axes(self, (self.axis,), g)
        if g.dtype not in FLOATS:
            raise self.refuse("the first operand must be floating-point; cast it first", g, y)
        if g.shape != y.shape:
            raise self.refuse("operands must have equal shapes; broadcast them first", g, y)
        return g

    def reference(self, g: Array, y: Array) -> Array:
        if g.size == 0:
            return g
        values, keys = np.moveaxis(g, self.axis, -1), np.moveaxis(y, self.axis, -1)
        starts = np.ones(keys.shape, np.bool_)
        starts[..., 1:] = keys[..., 1:] != keys[..., :-1]
        if starts.all():
            return g
        first = np.flatnonzero(starts)
        sums = np.add.reduceat(values.astype(accumulator(g.dtype)).ravel(), first)
        lengths = np.diff(first, append=starts.size)
        shared = np.repeat(sums / lengths.astype(sums.dtype), lengths).reshape(values.shape)
        return np.moveaxis(shared, -1, self.axis).astype(g.dtype, copy=False)

    def transpose(self, k: int, g: Any, x: Any, y: Any) -> Any:
        return share_ties(g, y, self.axis)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        g, y = (x if whole else broadcast(x, (0,), (size,)) for x, whole in zip(operands, batched, strict=True))
        return share_ties(g, y, self.axis + 1)


def sort(x: Any, axis: int, descending: bool = False) -> Any:
    """``x`` in order along an axis."""
    return Sort(axis, descending)(x)


def argsort(x: Any, axis: int, descending: bool = False, stable: bool = True) -> Any:
    """The positions, along an axis, that put ``x`` in order."""
    return ArgSort(axis, descending, stable)(x)


def share_ties(g: Any, y: Any, axis: int) -> Any:
    """``g`` averaged over runs of equal neighbours of ``y`` along an axis."""
    return ShareTies(axis)(g, y)


def comparable(x: Array) -> Array:
    """``x`` in a dtype that NumPy orders with NaN last, as it does neither bfloat16 nor, in long rows, float16 with NaNs of
    either sign. Both go exactly into float32."""
    return x.astype(np.float32) if x.dtype in (DTYPES["bf16"], DTYPES["f16"]) else x
