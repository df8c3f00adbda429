"""New arrays. A float without a dtype is float32, an integer int64; arrays of one repeated number take its memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np

from ..errors import UsageError
from ..ir import Shape, Type, Value, constant
from ..ops.comparison import where
from ..ops.elementwise import filled
from ..ops.movement import reshape
from . import elementwise
from .arguments import check_device, dtype_of, integer_of, number_of, refused, shape_of
from .broadcasting import broadcast_to
from .lifting import ArrayLike
from .manipulation import stack
from .promotion import DEFAULT_FLOAT, DEFAULT_INTEGER, Weak, as_weak, cast_to, is_scalar, promoted, scalar_dtype, value_of


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Value:
    """``obj`` (an array, a number, nested lists of numbers and arrays) as an array.

    Memory is shared where it can be; ``copy=True`` always copies, ``copy=False`` is an error where it must be copied.

    >>> import clew as cl
    >>> cl.asarray([[1, 2], [3, 4]], dtype=cl.float32)
    Tensor([[1., 2.],
            [3., 4.]], dtype=float32)
    """
    check_device("asarray", device)
    wanted = None if dtype is None else dtype_of("asarray", dtype)
    if isinstance(obj, list | tuple):
        v = _of_nested(obj)
        shared = False
    else:
        v = value_of(obj)
        shared = not is_scalar(obj)
    shared = shared and wanted in (None, v.dtype)
    if copy is False and not shared:
        raise refused("asarray", "cannot be had without a copy; leave copy out", obj, kind=UsageError)
    v = value_of(v, wanted)
    return constant(np.array(v.data)) if copy and shared and v.op is None else v


def _of_nested(items: Any) -> Value:
    leaves = list(_leaves(items))
    if any(x.__class__ is Value or isinstance(x, Weak) for x in leaves):
        return stack([_of_nested(x) if isinstance(x, list | tuple) else x for x in items])
    try:
        array = np.asarray(items)
    except ValueError:
        raise refused("asarray", "the nested lists are ragged; give lists of one length at each depth", items) from None
    return constant(array) if any(isinstance(x, np.ndarray | np.generic) for x in leaves) else value_of(items)


def _leaves(items: Any) -> Iterator[Any]:
    for x in items:
        if isinstance(x, list | tuple):
            yield from _leaves(x)
        else:
            yield x


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Value:
    """An array of another library that speaks DLPack, without a copy unless ``copy`` is true.

    >>> import clew as cl, numpy as np
    >>> cl.from_dlpack(np.arange(3)).tolist()
    [0, 1, 2]
    """
    check_device("from_dlpack", device)
    return value_of(x if x.__class__ is Value else np.from_dlpack(x, copy=copy))


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Value:
    """``start, start + step, ...`` up to before ``stop``; from 0 up to before ``start`` if that is all there is.

    >>> import clew as cl
    >>> cl.arange(4).tolist(), cl.arange(1, 2, 0.5).tolist()
    ([0, 1, 2, 3], [1.0, 1.5])
    """
    check_device("arange", device)
    given = (0, start, step) if stop is None else (start, stop, step)
    first, last, by = (number_of("arange", "a bound", x) for x in given)
    if by == 0:
        raise refused("arange", "the step is 0; it would never arrive", kind=UsageError)
    integers = all(isinstance(x, int) for x in (first, last, by))
    wanted = (DEFAULT_INTEGER if integers else DEFAULT_FLOAT) if dtype is None else dtype_of("arange", dtype)
    count = max(-((first - last) // by) if integers else ceil((last - first) / by), 0)
    numbers = np.arange(count, dtype=np.int64 if integers else np.float64)
    return constant((first + by * numbers).astype(wanted))


def linspace(
    start: ArrayLike, stop: ArrayLike, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Value:
    """``num`` evenly spaced numbers from ``start`` to ``stop``, that included unless ``endpoint`` is false.

    Gradients pass to both ends. Ends that are arrays give a new first axis.

    >>> import clew as cl
    >>> cl.linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    check_device("linspace", device)
    count = integer_of("linspace", "num", num)
    if count < 0:
        raise refused("linspace", f"num is {count}; it must not be negative", kind=UsageError)
    wanted = DEFAULT_FLOAT if dtype is None else dtype_of("linspace", dtype)
    if all(isinstance(x, int | float) for x in (start, stop)):
        return constant(np.linspace(start, stop, count, endpoint=endpoint).astype(wanted))
    a, b = promoted("linspace", start, stop)
    part = np.linspace(0, 1, count, endpoint=endpoint).reshape((count,) + (1,) * max(a.ndim, b.ndim))
    made = a.dtype if dtype is None and a.type.differentiable else wanted
    return elementwise.add(
        elementwise.multiply(cast_to(a, made), constant((1 - part).astype(made))),
        elementwise.multiply(cast_to(b, made), constant(part.astype(made))),
    )


def full(shape: Any, fill_value: ArrayLike, *, dtype: Any = None, device: Any = None) -> Value:
    """An array of ``shape`` whose every element is ``fill_value``; of the dtype of that number.

    >>> import clew as cl
    >>> cl.full((2, 2), 7).tolist()
    [[7, 7], [7, 7]]
    """
    check_device("full", device)
    wanted = None if dtype is None else dtype_of("full", dtype)
    sizes = shape_of("full", shape)
    if is_scalar(fill_value):
        return broadcast_to(as_weak("full", fill_value, wanted or scalar_dtype(fill_value, None)), sizes)
    v = value_of(fill_value, wanted)
    if v.ndim:
        raise refused("full", "fill_value must be one number; broadcast_to repeats arrays", v)
    return broadcast_to(v, sizes)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Value:
    """Zeros, of float32 unless ``dtype`` says otherwise.

    >>> import clew as cl
    >>> cl.zeros(3).tolist()
    [0.0, 0.0, 0.0]
    """
    return _constant("zeros", 0, shape, dtype, device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Value:
    """Ones, of float32 unless ``dtype`` says otherwise.

    >>> import clew as cl
    >>> cl.ones((1, 2), dtype=cl.int8).tolist()
    [[1, 1]]
    """
    return _constant("ones", 1, shape, dtype, device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Value:
    """An array of ``shape`` whose elements nobody should rely on (they are zeros).

    >>> import clew as cl
    >>> cl.empty((2, 3)).shape
    (2, 3)
    """
    return _constant("empty", 0, shape, dtype, device)


def _constant(function: str, number: int, shape: Any, dtype: Any, device: Any) -> Value:
    check_device(function, device)
    wanted = DEFAULT_FLOAT if dtype is None else dtype_of(function, dtype)
    return filled(number, Type(wanted, shape_of(function, shape)))


def full_like(x: ArrayLike, /, fill_value: ArrayLike, *, dtype: Any = None, device: Any = None) -> Value:
    """An array of the shape and dtype of ``x`` whose every element is ``fill_value``.

    >>> import clew as cl
    >>> cl.full_like([1.0, 2.0], 3).tolist()
    [3.0, 3.0]
    """
    v = value_of(x)
    return full(v.shape, fill_value, dtype=v.dtype if dtype is None else dtype, device=device)


def zeros_like(x: ArrayLike, /, *, dtype: Any = None, device: Any = None) -> Value:
    """Zeros, of the shape and dtype of ``x``.

    >>> import clew as cl
    >>> cl.zeros_like([1, 2]).tolist()
    [0, 0]
    """
    return _constant_like("zeros_like", 0, x, dtype, device)


def ones_like(x: ArrayLike, /, *, dtype: Any = None, device: Any = None) -> Value:
    """Ones, of the shape and dtype of ``x``.

    >>> import clew as cl
    >>> cl.ones_like([1, 2]).tolist()
    [1, 1]
    """
    return _constant_like("ones_like", 1, x, dtype, device)


def empty_like(x: ArrayLike, /, *, dtype: Any = None, device: Any = None) -> Value:
    """An array of the shape and dtype of ``x`` whose elements nobody should rely on (they are zeros).

    >>> import clew as cl
    >>> cl.empty_like([1, 2]).shape
    (2,)
    """
    return _constant_like("empty_like", 0, x, dtype, device)


def _constant_like(function: str, number: int, x: ArrayLike, dtype: Any, device: Any) -> Value:
    v = value_of(x)
    return _constant(function, number, v.shape, v.dtype if dtype is None else dtype, device)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Value:
    """Ones on diagonal ``k`` (above the main one where positive) of a matrix of zeros.

    >>> import clew as cl
    >>> cl.eye(2, 3, k=1).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    check_device("eye", device)
    rows, columns = shape_of("eye", (n_rows, n_rows if n_cols is None else n_cols))
    diagonal = integer_of("eye", "k", k)
    wanted = DEFAULT_FLOAT if dtype is None else dtype_of("eye", dtype)
    return constant(np.eye(rows, columns, max(min(diagonal, columns), -rows)).astype(wanted))


def meshgrid(*arrays: ArrayLike, indexing: str = "xy") -> tuple[Value, ...]:
    """The coordinates of a grid: each vector along an axis of its own, repeated along those of the others.

    With ``indexing="ij"`` vector ``k`` runs along axis ``k``; with ``"xy"`` the first two axes are exchanged.

    >>> import clew as cl
    >>> x, y = cl.meshgrid([1, 2, 3], [4, 5])
    >>> x.tolist(), y.tolist()
    ([[1, 2, 3], [1, 2, 3]], [[4, 4, 4], [5, 5, 5]])
    """
    if indexing not in ("xy", "ij"):
        raise refused("meshgrid", f"indexing must be 'xy' or 'ij', not {indexing!r}", kind=UsageError)
    vectors = [value_of(x) for x in arrays]
    for v in vectors:
        if v.ndim > 1:
            raise refused("meshgrid", "takes arrays of one axis; flatten them first", *vectors)
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[:2] = 1, 0
    shape: Shape = tuple(vectors[k].type.size for k in order)
    along = [tuple(v.type.size if j == k else 1 for j in order) for k, v in enumerate(vectors)]
    return tuple(broadcast_to(reshape(v, sizes), shape) for v, sizes in zip(vectors, along, strict=True))


def tril(x: ArrayLike, /, *, k: int = 0) -> Value:
    """The elements on and below diagonal ``k`` of (a stack of) matrices, zeros above.

    >>> import clew as cl
    >>> cl.tril([[1, 2], [3, 4]]).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle("tril", x, k, False)


def triu(x: ArrayLike, /, *, k: int = 0) -> Value:
    """The elements on and above diagonal ``k`` of (a stack of) matrices, zeros below.

    >>> import clew as cl
    >>> cl.triu([[1, 2], [3, 4]]).tolist()
    [[1, 2], [0, 4]]
    """
    return _triangle("triu", x, k, True)


def _triangle(function: str, x: ArrayLike, k: int, upper: bool) -> Value:
    v = value_of(x)
    if v.ndim < 2:
        raise refused(function, "needs (a stack of) matrices, arrays of two axes or more", v)
    diagonal = integer_of(function, "k", k)
    rows, columns = (np.arange(n) for n in v.shape[-2:])
    across = columns - rows[:, None]
    kept = constant(across >= diagonal if upper else across <= diagonal)
    return where.apply(broadcast_to(kept, v.shape), v, filled(0, v.type))
