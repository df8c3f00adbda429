"""Forward mode: push tangents from the inputs through the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..ir import Value, toposort
from .reverse import itself, together


def push_forward(
    tangents: dict[Value, Any], outputs: Iterable[Value], read: Callable[[Value], Any] = itself
) -> dict[Value, Any]:
    """The tangent of every value that moves when the keys of ``tangents`` move so. Absent values stand still."""
    moves = dict(tangents)
    with np.errstate(all="ignore"):
        for y in toposort(outputs):
            if y in moves or y.op is None or not y.type.differentiable:
                continue
            movers = [k for k, x in enumerate(y.operands) if x in moves]
            if not movers:
                continue
            arrays, result = [read(x) for x in y.operands], read(y)
            if y.op.joint:
                moves[y] = y.op.pushing(tuple([moves.get(x) for x in y.operands]), result, *arrays)
                continue
            for k in movers:
                tangent = y.op.push(k, moves[y.operands[k]], result, *arrays)
                if tangent is not None:
                    moves[y] = together(moves[y], tangent) if y in moves else tangent
    return moves
