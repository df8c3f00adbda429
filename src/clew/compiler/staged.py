"""Folds of much into little, in two stages: shares first, each a task of its own, and then those.

The tasks of a fold are its results. Those of a long table's few columns, or of one long row, are few, and each reads memory
from end to end. A share of the rows lies together, and is as large for any number of threads, so that results are the same.
"""

from __future__ import annotations

from math import prod
from string import ascii_letters
from typing import Any as Anything

from ..ir import Graph, Value, constant
from ..ops.arithmetic import add, maximum, minimum, mul
from ..ops.broadcast import Broadcast, Sum
from ..ops.comparison import logical_and, logical_or
from ..ops.contraction import contract
from ..ops.elementwise import Elementwise
from ..ops.indexing import Gather
from ..ops.movement import Concat, Flip, Pad, Permute, Reshape, Slice, narrow, reshape
from ..ops.pooling import Windows
from ..ops.reductions import All, Any, Max, Min, Prod
from ..passes.rewrite import rewrite
from .conversion import HALVES
from .products import FLOATS

LARGE = 1 << 20  # bytes
SHARES = 32  # of all results together, about
LONG = 32  # rows that a share has at least: those of fewer would be written out
NARROW, WIDE = 32, 128  # columns: rows of fewer are folded several side by side, as one of so many
STREWN = Permute, Flip, Slice, Pad, Concat, Windows, Gather  # whose elements lie elsewhere than in their order
TOGETHER: dict[type, Anything] = {Sum: add, Prod: mul, Max: maximum, Min: minimum, Any: logical_or, All: logical_and}


def staged(graph: Graph) -> Graph:
    """The graph with such folds in two stages."""
    return rewrite(graph, lambda v: _staged(v) or v)


def _staged(v: Value) -> Value | None:
    fold: Anything = type(v.op)
    if fold not in TOGETHER or (fold in (Sum, Prod) and v.dtype in HALVES):  # the sum of halves is no half before its end
        return None
    (x,) = v.operands
    axes = sorted(v.op.axes)  # type: ignore[union-attr]
    if x.type.nbytes < LARGE or not axes or not v.ndim or axes != list(range(axes[0], axes[-1] + 1)):
        return None
    first, end = axes[0], axes[-1] + 1
    columns = prod(x.shape[end:])
    found = division(x.shape[first:end], prod(x.shape[:first]), columns)
    if found is None:
        return None
    axis, shares, beside = first + found[0], found[1], 1
    if end < x.ndim and x.shape[-1] < NARROW:  # vectors that go along the last axis are short
        together = _lies_together(x)
        product = not first and fold is Sum and v.dtype in FLOATS and x.ndim <= len(ascii_letters)
        if product and not together and x.shape[-1] < columns:
            return _with_ones(x, end)
        wide = -(-WIDE // columns)
        if together and 1 < columns < NARROW and axis == end - 1 and x.shape[axis] >= LONG * shares * wide:
            beside = wide
    return _in_two(fold, x, first, end, axis, shares, beside)


def _in_two(fold: Anything, x: Value, first: int, end: int, axis: int, shares: int, beside: int) -> Value:
    """The fold from axis ``first`` to before ``end``, of which ``axis`` is divided and those before it wait."""
    n = x.shape[axis]
    long = n // (shares * beside)
    taken = shares * long * beside
    y = reshape(narrow(x, axis, 0, taken), (*x.shape[:axis], shares, long, beside, *x.shape[axis + 1 :]))
    y = fold((axis + 1, *range(axis + 3, end + 2)))(y)
    y = fold(tuple(range(first, axis + 2)))(y)
    if taken < n:
        y = TOGETHER[fold](y, fold(tuple(range(first, end)))(narrow(x, axis, taken, n)))
    return y  # type: ignore[no-any-return]


def _with_ones(x: Value, end: int) -> Value:
    """The sum over the axes before ``end`` as a product, which computes what it reads, whole rows at a time."""
    rows, columns = ascii_letters[:end], ascii_letters[end : x.ndim]
    sizes = x.shape[:end]
    one = Value(Broadcast(tuple(range(end)), sizes), (constant(x.dtype.type(1)),), x.type.with_shape(sizes))
    return contract(f"{rows}{columns},{rows}->{columns}", x, one)  # type: ignore[no-any-return]


def division(sizes: tuple[int, ...], before: int, after: int) -> tuple[int, int] | None:
    """How many of the first axes of those that are folded are left to the second stage, and in how many parts the next one is
    divided: about as many in all as there should be shares. None where shares are of no use, or would be short.

    >>> division((100_000,), 1, 8), division((99_999,), 1, 8), division((8, 64, 64), 1, 16), division((32, 50), 1, 100)
    ((0, 32), (0, 41), (1, 4), (1, 1))
    >>> division((100_000,), 64, 1), division((40,), 1, 100_000)
    (None, None)
    """
    wanted = SHARES // before
    if wanted < (4 if after > 1 else 8):
        return None
    for whole, n in enumerate(sizes):
        if n > 2 * wanted or whole == len(sizes) - 1:
            rows = prod(sizes[whole:])
            even = next((d for d in range(wanted, 2 * wanted) if n % d == 0 and rows >= LONG * d), wanted)
            return (whole, even) if rows >= LONG * even and (whole or even > 1) else None
        wanted = -(-wanted // n)
    return None


def _lies_together(x: Value) -> bool:
    """Whether all that ``x`` is computed from, element by element, lies in memory as ``x`` itself would."""
    seen: set[Value] = set()
    stack = [x]
    while stack:
        v = stack.pop()
        if v in seen:
            continue
        seen.add(v)
        if isinstance(v.op, STREWN) or (isinstance(v.op, Broadcast) and v.operands[0].type.size > 1):
            return False
        if isinstance(v.op, Elementwise | Reshape):
            stack += [y for y in v.operands if y.type.size > 1]
    return True
