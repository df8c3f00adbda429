"""Sums over the outermost axes of large arrays, as products with ones.

What a sum over rows adds up lies far apart in memory. Products know how to divide such a sum, so that memory is read in
order, by several threads, and how to compute what they read while they read it.
"""

from __future__ import annotations

from string import ascii_letters

from ..ir import Graph, Value, constant
from ..ops.broadcast import Broadcast, Sum
from ..ops.contraction import contract
from ..passes.rewrite import rewrite
from .products import FLOATS

LARGE = 1 << 20  # bytes


def added_up(graph: Graph) -> Graph:
    """The graph with such sums as contractions."""
    return rewrite(graph, lambda v: _product(v) or v)


def _product(v: Value) -> Value | None:
    if not isinstance(v.op, Sum) or v.dtype not in FLOATS:
        return None
    (x,), count = v.operands, len(v.op.axes)
    leading = sorted(v.op.axes) == list(range(count)) and 0 < count < x.ndim
    if not leading or x.type.nbytes < LARGE or x.ndim > len(ascii_letters):
        return None
    rows, columns = ascii_letters[:count], ascii_letters[count : x.ndim]
    sizes = x.shape[:count]
    one = Value(Broadcast(tuple(range(count)), sizes), (constant(x.dtype.type(1)),), x.type.with_shape(sizes))
    return contract(f"{rows}{columns},{rows}->{columns}", x, one)  # type: ignore[no-any-return]
