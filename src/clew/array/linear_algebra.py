"""Products of matrices and tensors, diagonals and traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir import Shape, Value
from ..ops import einsum as summation
from ..ops import movement
from ..ops.contraction import contract
from . import statistics
from .arguments import axes_of, axis_of, integer_of, refused
from .lifting import ArrayLike
from .promotion import promoted, value_of


def matmul(x1: ArrayLike, x2: ArrayLike, /) -> Value:
    """The product of matrices, ``y[..., i, k] = sum_j x1[..., i, j] * x2[..., j, k]``; axes in front broadcast.

    A vector on the left is a row, on the right a column, and its axis is not in the result.

    >>> import clew as cl
    >>> cl.matmul([[1, 2], [3, 4]], [1, 1]).tolist()
    [3, 7]
    """
    a, b = promoted("matmul", x1, x2)
    if not a.ndim or not b.ndim:
        raise refused("matmul", "a 0-d array is no vector; multiply with *", a, b)
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else -1]:
        raise refused("matmul", _mismatch(a, b), a, b)
    rows, columns = "i" * (a.ndim > 1), "k" * (b.ndim > 1)
    return _contracted("matmul", a, b, f"{rows}j", f"j{columns}", rows + columns)


def _mismatch(a: Value, b: Value) -> str:
    inner = "its last but one axis" if b.ndim > 1 else "its axis"
    text = f"the last axis of the first operand is {a.shape[-1]}, of the second {inner} is {b.shape[-2 if b.ndim > 1 else -1]}"
    text += "; they must be equal"
    if b.ndim > 1 and a.shape[-1] == b.shape[-1]:
        return f"{text}: transpose the second, b.mT"
    if a.ndim > 1 and a.shape[-2] == b.shape[-2 if b.ndim > 1 else -1]:
        return f"{text}: transpose the first, a.mT"
    return text


def _contracted(function: str, a: Value, b: Value, left: str, right: str, result: str) -> Value:
    """The contraction over the last axes, named by letters, of arrays whose axes in front broadcast.

    An axis that broadcasts from size 1 is left out of its operand: nothing is repeated in memory.
    """
    fronts = a.shape[: a.ndim - len(left)], b.shape[: b.ndim - len(right)]
    try:
        common = np.broadcast_shapes(*fronts)
    except ValueError:
        why = f"the axes in front, {fronts[0]} and {fronts[1]}, do not broadcast; sizes must be equal, or 1"
        raise refused(function, why, a, b) from None
    letters = [chr(0x100 + k) for k in range(len(common))]
    a, first = _without_stretched(a, fronts[0], common, letters)
    b, second = _without_stretched(b, fronts[1], common, letters)
    return contract(f"{first}{left},{second}{right}->{''.join(letters)}{result}", a, b)


def _without_stretched(x: Value, front: Shape, common: Shape, letters: list[str]) -> tuple[Value, str]:
    """``x`` without the axes in front that are stretched, and the letters of those that are left."""
    lead = len(common) - len(front)
    kept = [k for k, n in enumerate(front) if n == common[lead + k]]
    shape = tuple(front[k] for k in kept) + x.shape[len(front) :]
    return movement.reshape(x, shape), "".join(letters[lead + k] for k in kept)


def dot(x1: ArrayLike, x2: ArrayLike, /) -> Value:
    """NumPy's product: ``matmul`` of vectors and matrices, a multiple for a scalar; of more axes, the last one of ``x1``
    with the last but one of ``x2``.

    >>> import clew as cl
    >>> cl.dot([1, 2, 3], [4, 5, 6]).item()
    32
    """
    a, b = promoted("dot", x1, x2)
    if not a.ndim or not b.ndim:
        return tensordot(a, b, axes=0)
    return tensordot(a, b, axes=((-1,), (-2 if b.ndim > 1 else -1,)))


def tensordot(x1: ArrayLike, x2: ArrayLike, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Value:
    """The sum of products over pairs of axes: the last ``axes`` of ``x1`` with the first of ``x2``, or those of two lists.

    The result has the other axes of ``x1``, then those of ``x2``.

    >>> import clew as cl
    >>> cl.tensordot([[1, 2], [3, 4]], [[1, 0], [0, 1]]).item()
    5
    """
    a, b = promoted("tensordot", x1, x2)
    if isinstance(axes, tuple | list):
        if len(axes) != 2:
            raise refused("tensordot", f"axes must be a number, or two lists of axes, not {axes}", a, b)
        first, second = (axes_of("tensordot", tuple(some), x) for some, x in zip(axes, (a, b), strict=True))
    else:
        n = integer_of("tensordot", "axes", axes)
        if not 0 <= n <= min(a.ndim, b.ndim):
            raise refused("tensordot", f"axes={n}, but the operands have {a.ndim} and {b.ndim} axes", a, b)
        first, second = tuple(range(a.ndim - n, a.ndim)), tuple(range(n))
    if [a.shape[k] for k in first] != [b.shape[k] for k in second]:
        sizes = f"{tuple(a.shape[k] for k in first)} and {tuple(b.shape[k] for k in second)}"
        raise refused("tensordot", f"axes {first} and {second} have sizes {sizes}; they must be equal", a, b)
    left = [chr(0x200 + k) for k in range(a.ndim)]
    right = [chr(0x300 + k) for k in range(b.ndim)]
    for k, m in zip(first, second, strict=True):
        right[m] = left[k]
    result = [x for x in left + right if not (x in left and x in right)]
    return contract(f"{''.join(left)},{''.join(right)}->{''.join(result)}", a, b)


def vecdot(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Value:
    """``sum(x1 * x2)`` along ``axis``, which has one size in both; the other axes broadcast.

    >>> import clew as cl
    >>> cl.vecdot([[1, 2], [3, 4]], [1, 1]).tolist()
    [3, 7]
    """
    a, b = promoted("vecdot", x1, x2)
    ends = []
    for x in (a, b):
        k = axis_of("vecdot", axis, x)
        ends.append(movement.permute(x, (*range(k), *range(k + 1, x.ndim), k)))
    if ends[0].shape[-1] != ends[1].shape[-1]:
        why = f"axis {axis} has sizes {ends[0].shape[-1]} and {ends[1].shape[-1]}; they must be equal"
        raise refused("vecdot", why, a, b)
    return _contracted("vecdot", ends[0], ends[1], "j", "j", "")


def einsum(subscripts: str, /, *operands: ArrayLike) -> Value:
    """The sum over the letters that the result lacks of the products of all operands: ``"ij,jk->ik"`` is ``matmul``.

    A letter that repeats within an operand takes its diagonal; ``...`` stands for axes that broadcast; without ``->`` the
    result has the letters that occur once, in alphabetical order.

    >>> import clew as cl
    >>> cl.einsum("ij->j", [[1, 2], [3, 4]]).tolist()
    [4, 6]
    """
    if not operands:
        raise refused("einsum", "needs at least one operand")
    return summation.einsum(subscripts, *promoted("einsum", *operands))


def outer(x1: ArrayLike, x2: ArrayLike, /) -> Value:
    """``y[i, j] = x1[i] * x2[j]`` of two vectors.

    >>> import clew as cl
    >>> cl.outer([1, 2], [3, 4]).tolist()
    [[3, 4], [6, 8]]
    """
    a, b = promoted("outer", x1, x2)
    if a.ndim != 1 or b.ndim != 1:
        raise refused("outer", "takes two vectors; flatten them first", a, b)
    return contract("i,j->ij", a, b)


def diagonal(x: ArrayLike, /, *, offset: int = 0) -> Value:
    """Diagonal ``offset`` of (a stack of) matrices, above the main one where positive: ``y[..., i] = x[..., i, i + offset]``.

    >>> import clew as cl
    >>> cl.diagonal([[1, 2, 3], [4, 5, 6]], offset=1).tolist()
    [2, 6]
    """
    v = value_of(x)
    if v.ndim < 2:
        raise refused("diagonal", "needs (a stack of) matrices, arrays of two axes or more", v)
    k = integer_of("diagonal", "offset", offset)
    rows, columns = v.shape[-2:]
    count = max(min(rows + min(k, 0), columns - max(k, 0)), 0)
    flat = movement.reshape(v, (*v.shape[:-2], rows * columns))
    start = (k if k > 0 else -k * columns) if count else 0  # from there on, every columns + 1 elements
    stop = start + (count - 1) * (columns + 1) + 1 if count else 0
    lead = (0,) * (v.ndim - 2)
    return movement.slice(flat, (*lead, start), (*v.shape[:-2], stop), (*[1] * len(lead), columns + 1))


def trace(x: ArrayLike, /, *, offset: int = 0, dtype: Any = None) -> Value:
    """The sum of diagonal ``offset`` of (a stack of) matrices.

    >>> import clew as cl
    >>> cl.linalg.trace([[1, 2], [3, 4]]).item()
    5
    """
    return statistics.sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)
