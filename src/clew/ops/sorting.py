"""Order along an axis. A sort is a permutation that depends on data; equal elements share their gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir import DTYPES, FLOATS, Array, Type
from .arithmetic import div, maximum
from .broadcast import accumulator, broadcast, check_axes, sum, weave, without
from .comparison import equal, where
from .indexing import add_along, take_along
from .kinds import Flat, General, Linear, Whole
from .movement import narrow, reshape
from .rounding import cast


@dataclass(frozen=True, eq=False, repr=False)
class Ordering(Whole):
    """Abstract: elements along ``axis`` in ascending order, or descending; the first ``count`` of them, if it is given.

    NaN counts as the largest: last when ascending, first when descending.
    """

    axis: int
    descending: bool = False
    count: int | None = None

    def infer(self, x: Type) -> Type:
        check_axes(self, (self.axis,), x)
        size = x.shape[self.axis]
        if not 0 <= self.taken(x) <= size:
            raise self.refuse(f"there are no {self.count} elements along axis {self.axis} of size {size}", x)
        return x.with_shape(weave((self.axis,), (self.taken(x),), without((self.axis,), x.shape)))

    def taken(self, x: Any) -> int:
        """How many elements of a row there are in the result."""
        size: int = x.shape[self.axis]
        return size if self.count is None else self.count

    def first(self, y: Array) -> Array:
        """The first elements of what is in order."""
        return y if self.count is None else y.take(range(self.count), self.axis)


@dataclass(frozen=True, eq=False, repr=False)
class Sort(Ordering, General):
    """The elements themselves.

    Equal elements share: each receives the mean of the gradients of the places they fill, so the parts sum to what came
    in. Those that equal the last of ``count`` share with it, though they are not in the result.
    """

    def reference(self, x: Array) -> Array:
        y = np.sort(comparable(x), self.axis).astype(x.dtype, copy=False)
        return self.first(np.flip(y, self.axis) if self.descending else y)

    def pull(self, k: int, g: Any, y: Any, x: Any) -> Any:
        shared, size = share_ties(g, y, self.axis), x.shape[self.axis]
        if not 0 < self.taken(x) < size:
            return add_along(shared, self.origins(x), self.axis, size)
        inside, among, count = self.edge(y, x)
        mean = div(sum(where(inside, g, 0.0), (self.axis,)), cast(count, g.dtype))
        others = add_along(where(inside, 0.0, shared), self.origins(x), self.axis, size)
        return where(among, broadcast(mean, (self.axis,), (size,)), others)

    def push(self, k: int, t: Any, y: Any, x: Any) -> Any:
        shared = share_ties(take_along(t, self.origins(x), self.axis), y, self.axis)
        if not 0 < self.taken(x) < x.shape[self.axis]:
            return shared
        inside, among, count = self.edge(y, x)
        mean = div(sum(where(among, t, 0.0), (self.axis,)), cast(count, t.dtype))
        return where(inside, broadcast(mean, (self.axis,), (self.taken(x),)), shared)

    def origins(self, x: Any) -> Any:
        """Where the elements come from. The order of equal ones does not matter: they share."""
        return ArgSort(self.axis, self.descending, self.count, stable=False)(x)

    def edge(self, y: Any, x: Any) -> tuple[Any, Any, Any]:
        """Which elements of the result equal its last, which of ``x``, and how many those are: at least 1, for NaN equals
        nothing."""
        last = narrow(y, self.axis, self.taken(x) - 1, self.taken(x))
        last = reshape(last, without((self.axis,), last.shape))
        inside, among = (equal(z, broadcast(last, (self.axis,), (z.shape[self.axis],))) for z in (y, x))
        return inside, among, maximum(sum(cast(among, DTYPES["i64"]), (self.axis,)), 1)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return sort(x, self.axis + 1, self.descending, self.count)


@dataclass(frozen=True, eq=False, repr=False)
class ArgSort(Ordering, Flat):
    """The positions (int64) of the elements in the order in which ``Sort`` puts them.

    Equal elements keep their order, ascending and descending, where ``stable``.
    """

    stable: bool = True

    def infer(self, x: Type) -> Type:
        return super().infer(x).with_dtype(DTYPES["i64"])

    def reference(self, x: Array) -> Array:
        x = comparable(x)
        if not self.descending:
            return self.first(np.argsort(x, self.axis, stable=self.stable))
        # Twice reversed: once the data, so that equal elements keep their order, and once the result.
        order = np.flip(np.argsort(np.flip(x, self.axis), self.axis, stable=self.stable), self.axis)
        return self.first(x.shape[self.axis] - 1 - order)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return argsort(x, self.axis + 1, self.descending, self.count, self.stable)


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


def sort(x: Any, axis: int, descending: bool = False, count: int | None = None) -> Any:
    """``x`` in order along an axis; the first ``count`` of each row, if it is given."""
    return Sort(axis, descending, count)(x)


def argsort(x: Any, axis: int, descending: bool = False, count: int | None = None, stable: bool = True) -> Any:
    """The positions, along an axis, that put ``x`` in order; the first ``count`` of each row, if it is given."""
    return ArgSort(axis, descending, count, stable)(x)


def share_ties(g: Any, y: Any, axis: int) -> Any:
    """``g`` averaged over runs of equal neighbours of ``y`` along an axis."""
    return ShareTies(axis)(g, y)


def comparable(x: Array) -> Array:
    """``x`` in a dtype that NumPy orders with NaN last, as it does neither bfloat16 nor, in long rows, float16 with NaNs of
    either sign. Both go exactly into float32."""
    return x.astype(np.float32) if x.dtype in (DTYPES["bf16"], DTYPES["f16"]) else x
