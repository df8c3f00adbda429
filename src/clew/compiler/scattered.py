"""Scatters of one update to a row, as what they are element by element.

The gradient of ``take_along_axis`` with one index for each row, as of a classifier's loss, is zero but for one place of each
row: ``where(place == index, update, 0)``. Said so, it is fused into what reads it, where the scatter is an array that is
cleared, written in few places, and read. A sum over the places is the sum of the updates.
"""

from __future__ import annotations

from math import prod

from ..ir import DTYPES, Graph, Value
from ..ops.broadcast import Sum, broadcast, without
from ..ops.comparison import equal, where
from ..ops.elementwise import filled
from ..ops.indexing import ScatterAdd
from ..ops.movement import Iota, reshape
from ..ops.rounding import cast
from ..passes.rewrite import rewrite


def scattered(graph: Graph) -> Graph:
    """The graph without scatters of one update to each row."""
    found: dict[Value, Value] = {}

    def rule(v: Value) -> Value:
        if isinstance(v.op, Sum) and v.operands[0] in found and v.op.axes == found[v.operands[0]].op.axes:  # type: ignore[union-attr]
            return reshape(found[v.operands[0]].operands[0], v.shape)  # type: ignore[no-any-return]
        if not isinstance(v.op, ScatterAdd) or not alone(v):
            return v
        made = chosen(v)
        found[made] = v
        return made

    return rewrite(graph, rule)


def alone(v: Value) -> bool:
    """Whether each row, along one axis, has one update."""
    op = v.op
    assert isinstance(op, ScatterAdd)
    index = v.operands[1].shape
    return len(op.axes) == 1 and prod(index[: op.paired]) > 1 and prod(index[op.paired :]) == 1 and v.type.size > 0


def chosen(v: Value) -> Value:
    """The update where the place is the index, elsewhere 0."""
    op = v.op
    assert isinstance(op, ScatterAdd)
    updates, index = v.operands
    (axis,) = op.axes
    others = without(op.axes, v.shape)
    small = cast(index, DTYPES["i32"]) if v.shape[axis] < 1 << 31 else index
    rows = reshape(small, others[: op.paired])
    behind = tuple(range(op.paired, len(others)))
    rows = broadcast(rows, behind, tuple(others[a] for a in behind))
    spread = [broadcast(x, (axis,), (v.shape[axis],)) for x in (rows, reshape(updates, others))]
    iota = Iota(v.shape, axis, small.dtype)
    place = Value(iota, (), iota.infer())  # not its numbers, which would be read from memory
    return where(equal(place, spread[0]), spread[1], filled(0, v.type))  # type: ignore[no-any-return]
