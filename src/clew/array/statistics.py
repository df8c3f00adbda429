"""Reductions along axes, running sums and products, and what is made of them.

Sums and products of integers are made in int64 (of unsigned ones in uint64); floats keep their dtype.
"""

from __future__ import annotations

from math import inf
from math import prod as product
from typing import Any

from ..ir import INTEGERS, Dtype, Value
from ..ops import arithmetic, broadcast, comparison, cumulative, movement, power, reductions
from ..ops.elementwise import filled
from . import broadcasting
from .arguments import Axis, axes_of, axis_of, dtype_of, floating, integer_of, number_of, refused
from .dtypes import int64, uint64
from .lifting import ArrayLike
from .manipulation import expand_dims, ravel
from .promotion import BOOL, cast_to, promoted, value_of


def _kept(y: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    """A reduced array with its axes put back in size 1, if they are to be kept."""
    return expand_dims(y, axes) if keepdims else y


def _spread(y: Value, axes: tuple[int, ...], x: Value) -> Value:
    """A reduced array beside every element that it was made of."""
    return broadcast.broadcast(y, axes, tuple(x.shape[a] for a in axes))


def _count(x: Value, axes: tuple[int, ...]) -> int:
    return product(x.shape[a] for a in axes)


def _accumulated(function: str, x: ArrayLike, dtype: Any) -> Value:
    """``x`` in the dtype in which it adds up."""
    v = value_of(x)
    if dtype is not None:
        return cast_to(v, dtype_of(function, dtype))
    if v.dtype in INTEGERS or v.dtype == BOOL:
        return cast_to(v, uint64 if v.dtype.kind == "u" else int64)
    return v


def _wide(dtype: Dtype) -> Dtype:
    """The dtype in which means of this one are made: half precision would overflow."""
    return broadcast.accumulator(dtype)


def sum(x: ArrayLike, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Value:
    """The sum along ``axis`` (of all elements, if none is given); 0 of no elements.

    >>> import clew as cl
    >>> cl.sum([[1, 2], [3, 4]], axis=0).tolist()
    [4, 6]
    """
    v = _accumulated("sum", x, dtype)
    axes = axes_of("sum", axis, v)
    return _kept(broadcast.sum(v, axes), axes, keepdims)


def prod(x: ArrayLike, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Value:
    """The product along ``axis`` (of all elements, if none is given); 1 of no elements.

    The gradient of an element is the product of the others, exact at zeros.

    >>> import clew as cl
    >>> cl.prod([2.0, 3.0, 4.0]).item()
    24.0
    """
    v = _accumulated("prod", x, dtype)
    axes = axes_of("prod", axis, v)
    return _kept(reductions.prod(v, axes), axes, keepdims)


def max(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest element along ``axis`` (of all, if none is given). NaN wins; elements that tie share the gradient.

    >>> import clew as cl
    >>> cl.max([[1, 5], [3, 4]], axis=1).tolist()
    [5, 4]
    """
    v = value_of(x)
    axes = axes_of("max", axis, v)
    return _kept(reductions.max(v, axes), axes, keepdims)


def min(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """The smallest element along ``axis`` (of all, if none is given). NaN wins; elements that tie share the gradient.

    >>> import clew as cl
    >>> cl.min([[1, 5], [3, 4]], axis=1).tolist()
    [1, 3]
    """
    v = value_of(x)
    axes = axes_of("min", axis, v)
    return _kept(reductions.min(v, axes), axes, keepdims)


def mean(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """``sum(x) / n`` along ``axis``; NaN of no elements. Integers are taken as float32, half precision is summed in it.

    >>> import clew as cl
    >>> cl.mean([1.0, 2.0, 6.0]).item()
    3.0
    """
    v = floating(x)
    axes = axes_of("mean", axis, v)
    return _kept(cast_to(_mean(cast_to(v, _wide(v.dtype)), axes), v.dtype), axes, keepdims)


def _mean(v: Value, axes: tuple[int, ...], correction: float = 0) -> Value:
    total = broadcast.sum(v, axes)
    count = _count(v, axes) - correction
    return arithmetic.div(total, filled(float(count if count > 0 else 0), total.type))


def var(x: ArrayLike, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Value:
    """The variance ``sum((x - mean(x))**2) / (n - correction)`` along ``axis``.

    >>> import clew as cl
    >>> cl.var([1.0, 2.0, 3.0]).item(), cl.var([1.0, 2.0, 3.0], correction=1).item()
    (0.6666666865348816, 1.0)
    """
    v = floating(x)
    axes = axes_of("var", axis, v)
    return _kept(cast_to(_variance("var", v, axes, correction), v.dtype), axes, keepdims)


def std(x: ArrayLike, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Value:
    """The standard deviation, ``sqrt(var(x))``, along ``axis``. Where all elements are equal its gradient is 0.

    >>> import clew as cl
    >>> cl.std([1.0, 3.0]).item()
    1.0
    """
    v = floating(x)
    axes = axes_of("std", axis, v)
    return _kept(cast_to(arithmetic.sqrt(_variance("std", v, axes, correction)), v.dtype), axes, keepdims)


def _variance(function: str, v: Value, axes: tuple[int, ...], correction: Any) -> Value:
    wide = cast_to(v, _wide(v.dtype))
    apart = arithmetic.sub(wide, _spread(_mean(wide, axes), axes, wide))
    return _mean(arithmetic.square(apart), axes, number_of(function, "correction", correction))


def any(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether at least one element along ``axis`` is true (not 0); false of no elements.

    >>> import clew as cl
    >>> cl.any([[0, 0], [0, 2]], axis=1).tolist()
    [False, True]
    """
    v = _truth(x)
    axes = axes_of("any", axis, v)
    return _kept(reductions.any(v, axes), axes, keepdims)


def all(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether every element along ``axis`` is true (not 0); true of no elements.

    >>> import clew as cl
    >>> cl.all([[1, 0], [3, 2]], axis=1).tolist()
    [False, True]
    """
    v = _truth(x)
    axes = axes_of("all", axis, v)
    return _kept(reductions.all(v, axes), axes, keepdims)


def _truth(x: ArrayLike) -> Value:
    v = value_of(x)
    return v if v.dtype == BOOL else comparison.not_equal(v, filled(0, v.type))


def count_nonzero(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """How many elements along ``axis`` are not 0 (not false); int64.

    >>> import clew as cl
    >>> cl.count_nonzero([0, 3, 4]).item()
    2
    """
    v = cast_to(_truth(x), int64)
    axes = axes_of("count_nonzero", axis, v)
    return _kept(broadcast.sum(v, axes), axes, keepdims)


def argmax(x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """The position of the largest element along ``axis``: int64, the first of those that tie; NaN counts as largest.

    Without an axis it counts in row-major order.

    >>> import clew as cl
    >>> cl.argmax([3, 5, 5]).item()
    1
    """
    return _position("argmax", reductions.argmax, x, axis, keepdims)


def argmin(x: ArrayLike, /, *, axis: int | None = None, keepdims: bool = False) -> Value:
    """The position of the smallest element along ``axis``: int64, the first of those that tie; NaN counts as smallest.

    Without an axis it counts in row-major order.

    >>> import clew as cl
    >>> cl.argmin([[3, 5], [4, 2]], axis=1).tolist()
    [0, 1]
    """
    return _position("argmin", reductions.argmin, x, axis, keepdims)


def _position(function: str, op: Any, x: ArrayLike, axis: int | None, keepdims: bool) -> Value:
    v = value_of(x)
    if axis is None:
        return _kept(op(ravel(v), 0), tuple(range(v.ndim)), keepdims)
    a = axis_of(function, axis, v)
    return _kept(op(v, a), (a,), keepdims)


def cumulative_sum(x: ArrayLike, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Value:
    """``y[i] = x[0] + … + x[i]`` along ``axis``, which may be left out in 1-D; with a 0 in front if ``include_initial``.

    >>> import clew as cl
    >>> cl.cumulative_sum([1, 2, 3], include_initial=True).tolist()
    [0, 1, 3, 6]
    """
    return _running("cumulative_sum", cumulative.cumulative_sum, 0, x, axis, dtype, include_initial)


def cumulative_prod(x: ArrayLike, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Value:
    """``y[i] = x[0] * … * x[i]`` along ``axis``, which may be left out in 1-D; with a 1 in front if ``include_initial``.

    >>> import clew as cl
    >>> cl.cumulative_prod([1, 2, 3]).tolist()
    [1, 2, 6]
    """
    return _running("cumulative_prod", cumulative.cumulative_prod, 1, x, axis, dtype, include_initial)


def _running(function: str, op: Any, start: int, x: ArrayLike, axis: int | None, dtype: Any, include_initial: bool) -> Value:
    v = _accumulated(function, x, dtype)
    if axis is None and v.ndim != 1:
        raise refused(function, f"needs an axis, as the array has {v.ndim}", v)
    a = axis_of(function, 0 if axis is None else axis, v)
    y: Value = op(v, a)
    return movement.widen(y, a, 1, 0, start) if include_initial else y


def diff(x: ArrayLike, /, *, axis: int = -1, n: int = 1, prepend: ArrayLike = None, append: ArrayLike = None) -> Value:
    """``y[i] = x[i + 1] - x[i]`` along ``axis``, ``n`` times over; ``prepend`` and ``append`` are put at the ends first.

    >>> import clew as cl
    >>> cl.diff([1, 4, 9, 16], n=2).tolist()
    [2, 2]
    """
    v = value_of(x)
    a, times = axis_of("diff", axis, v), integer_of("diff", "n", n)
    if times < 0:
        raise refused("diff", f"n is {times}; it must not be negative", v)
    if not times:
        return v
    parts = promoted("diff", *(part for part in (prepend, v, append) if part is not None))
    if len(parts) > 1:
        beside = (*v.shape[:a], 1, *v.shape[a + 1 :])
        whole = [part if part.ndim else broadcasting.broadcast_to(part, beside) for part in parts]
        v = movement.concat(*whole, axis=a)
    for _ in range(times):
        size = v.shape[a]
        if not size:
            return v
        v = arithmetic.sub(movement.narrow(v, a, 1, size), movement.narrow(v, a, 0, size - 1))
    return v


def logsumexp(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
    """``log(sum(exp(x)))`` along ``axis`` without overflow; -inf, with gradient 0, where every element is -inf.

    >>> import clew as cl
    >>> cl.logsumexp([1000.0, 1000.0]).item()
    1000.693...
    """
    v = floating(x)
    axes = axes_of("logsumexp", axis, v)
    return _kept(reductions.logsumexp(v, axes), axes, keepdims)


def vector_norm(x: ArrayLike, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Value:
    """``sum(|x|**ord)**(1/ord)`` along ``axis``; the largest ``|x|`` for ``inf``, the smallest for ``-inf``, for 0 how many
    are not 0. The gradient of a vector of zeros is 0.

    >>> import clew as cl
    >>> cl.vector_norm([3.0, 4.0]).item(), cl.vector_norm([3.0, -4.0], ord=1).item()
    (5.0, 7.0)
    """
    v = floating(x)
    axes = axes_of("vector_norm", axis, v)
    wide = cast_to(v, _wide(v.dtype))
    y = _norm(wide, axes, number_of("vector_norm", "ord", ord))
    return _kept(cast_to(y, v.dtype), axes, keepdims)


def _norm(v: Value, axes: tuple[int, ...], order: float) -> Value:
    if order == 2:
        return arithmetic.sqrt(broadcast.sum(arithmetic.square(v), axes))
    if order == 0:
        return broadcast.sum(cast_to(_truth(v), v.dtype), axes)
    size = arithmetic.abs(v)
    if order in (inf, -inf):
        return reductions.max(size, axes) if order > 0 else reductions.min(size, axes)
    if order == 1:
        return broadcast.sum(size, axes)
    total = broadcast.sum(power.pow(size, filled(order, size.type)), axes)
    return power.pow(total, filled(1 / order, total.type))


def norm(x: ArrayLike, /) -> Value:
    """The length ``sqrt(sum(x**2))`` of all elements together. Its gradient at 0 is 0.

    >>> import clew as cl
    >>> cl.norm([[3.0, 0.0], [0.0, 4.0]]).item()
    5.0
    """
    return vector_norm(x)
