"""Sums of padded arrays that do not overlap, as the gradient of a split is: one concatenation."""

from __future__ import annotations

from typing import NamedTuple

from ..ir import Graph, Value
from ..ops.arithmetic import Add
from ..ops.elementwise import filled
from ..ops.movement import Concat, Pad
from ..passes.rewrite import number, rewrite


class Parts(NamedTuple):
    """What an array is made of along an axis, by where each part begins; elsewhere it is 0."""

    axis: int
    parts: dict[int, Value]


def joined(graph: Graph) -> Graph:
    """The graph with such sums concatenated."""
    return rewrite(graph, lambda v: _joined(v) or v)


def _joined(v: Value) -> Value | None:
    if not isinstance(v.op, Add):
        return None
    left, right = (_parts(x) for x in v.operands)
    if left is None or right is None or left.axis != right.axis:
        return None
    parts = dict(sorted({**left.parts, **right.parts}.items()))
    if len(parts) != len(left.parts) + len(right.parts):
        return None
    axis, at = left.axis, 0
    pieces: list[Value] = []
    for start, x in parts.items():
        if start < at:
            return None
        if start > at:
            pieces.append(_zeros(v, axis, start - at))
        pieces.append(x)
        at = start + x.shape[axis]
    if at < v.shape[axis]:
        pieces.append(_zeros(v, axis, v.shape[axis] - at))
    return Concat(axis).apply(*pieces)


def _zeros(v: Value, axis: int, n: int) -> Value:
    return filled(0, v.type.with_shape((*v.shape[:axis], n, *v.shape[axis + 1 :])))


def _parts(v: Value) -> Parts | None:
    """The parts of a padded array, or of what was joined before."""
    op = v.op
    if isinstance(op, Concat):
        at, found = 0, {}
        for x in v.operands:
            if number(x) != 0:
                found[at] = x
            at += x.shape[op.axis]
        return Parts(op.axis, found)
    if not isinstance(op, Pad) or op.value or any(s != 1 for s in op.step):
        return None
    axes = [a for a, (low, high) in enumerate(zip(op.low, op.high, strict=True)) if low or high]
    return Parts(axes[0], {op.low[axes[0]]: v.operands[0]}) if len(axes) == 1 else None
