"""Slices of values: which slices of its operands a slice of a value is made of, and the op that makes it of them.

A *cut* names, for each axis of a value, the axis of the grid that its slices follow, or None: that axis is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

from ...ir import Shape, Value
from ...ops.broadcast import Broadcast, Sum, weave, without
from ...ops.contraction import Contract, parse
from ...ops.elementwise import Elementwise
from ...ops.indexing import Gather
from ...ops.movement import Iota, Permute, Reshape
from ...ops.reductions import Reduction
from ...ops.rounding import Cast
from ..products import FLOATS

Cut: TypeAlias = tuple[int | None, ...]


def of_operands(v: Value, cut: Cut) -> list[Cut] | None:
    """How the operands of ``v`` are cut where ``v`` is; None where slices of it need more than slices of them."""
    op = v.op
    if isinstance(op, Elementwise | Cast):
        return [cut] * len(v.operands)
    if isinstance(op, Broadcast):
        return [without(op.axes, cut)]
    if isinstance(op, Permute):
        return [tuple(cut[op.order.index(a)] for a in range(len(cut)))]
    if isinstance(op, Sum | Reduction):
        return [weave(op.axes, (None,) * len(op.axes), cut)]
    if isinstance(op, Contract):
        left, right, result = parse(op.spec)
        of = dict(zip(result, cut, strict=True))
        return [tuple(of.get(letter) for letter in letters) for letters in (left, right)]
    if isinstance(op, Reshape):
        return _of_reshaped(v.operands[0].shape, v.shape, cut)
    if isinstance(op, Gather):
        return _of_gathered(op, v, cut)
    if isinstance(op, Iota):
        return [] if cut[op.axis] is None else None
    return None


def of_sum(v: Value, wide: int, depth: int) -> list[Cut] | None:
    """How the operands of ``v`` are cut where ``v`` is the sum of what slices make: along the first ``depth`` axes of operand
    ``wide`` that are summed. None where there are fewer, or sums of slices would be rounded more than those of the whole."""
    op = v.op
    if v.dtype not in FLOATS:
        return None
    if isinstance(op, Sum):
        axes = sorted(op.axes)[:depth]
        return [tuple(axes.index(a) if a in axes else None for a in range(v.operands[0].ndim))] if len(axes) == depth else None
    if isinstance(op, Contract):
        *specs, result = parse(op.spec)
        summed = [letter for letter in specs[wide] if letter not in result][:depth]
        of = {letter: k for k, letter in enumerate(summed)}
        return [tuple(of.get(letter) for letter in letters) for letters in specs] if len(summed) == depth else None
    return None


def _of_reshaped(old: Shape, new: Shape, cut: Cut) -> list[Cut] | None:
    """Axes that are cut have to be there before, in the same place."""
    found: list[int | None] = [None] * len(old)
    for a, k in enumerate(cut):
        if k is None:
            continue
        same = [b for b, n in enumerate(old) if n == new[a] and prod(old[:b]) == prod(new[:a]) and found[b] is None]
        if not same:
            return None
        found[same[0]] = k
    return [tuple(found)]


def _of_gathered(op: Gather, v: Value, cut: Cut) -> list[Cut] | None:
    """What is paired is cut in both; what is indexed, and what lies behind, is whole."""
    x, index = v.operands[0], v.operands[1]
    if any(k is not None for k in cut[index.ndim :]):
        return None
    if any(k is not None for k in cut[op.paired : index.ndim]):
        return None
    others = [*cut[: op.paired], *(None for _ in range(x.ndim - len(op.axes) - op.paired))]
    whole = weave(op.axes, (None,) * len(op.axes), tuple(others))
    return [whole, *(cut[: index.ndim] for _ in v.operands[1:])]


def sizes(shape: Shape, cut: Cut, blocks: Sequence[int]) -> Shape:
    """The shape of a slice."""
    return tuple(n if k is None else blocks[k] for n, k in zip(shape, cut, strict=True))


def sliced(v: Value, operands: tuple[Value, ...], shape: Shape) -> Value:
    """The slice of ``v``, of this shape, from those of its operands."""
    op: Any = v.op
    if isinstance(op, Broadcast):
        op = Broadcast(op.axes, tuple(shape[a] for a in op.axes))
    elif isinstance(op, Reshape):
        op = Reshape(shape)
    elif isinstance(op, Iota):
        op = Iota(shape, op.axis, op.dtype)
    return Value(op, operands, op.infer(*(x.type for x in operands)), None, None, v.place)
