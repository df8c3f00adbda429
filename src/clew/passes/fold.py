"""Constant folding: what depends on constants alone is computed once, by the ops' own references."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir import INPUT, Graph, Tuple, Value, quiet
from ..ops.elementwise import Elementwise
from ..ops.items import Item
from ..ops.rounding import Cast
from .rewrite import number, rewrite


def fold(graph: Graph) -> Graph:
    """The graph with constant expressions computed, unless the result is larger than all it is made of."""
    several: dict[Value, Any] = {}  # the results of loops and gates of constants, computed for the first of their items

    def folded(v: Value) -> Value:
        if v.op is None or v.op is INPUT or v.name is not None or isinstance(v.type, Tuple):
            return v
        maker = v.operands[0] if v.op.__class__ is Item else v
        if maker.op is None:
            return v
        for x in maker.operands:
            if x.op is not None:
                return v
        if v.type.nbytes > 1024 + sum(x.type.nbytes for x in maker.operands):
            return v
        if maker is v and isinstance(v.op, Elementwise | Cast):
            numbers = [number(x) for x in v.operands]
            if all(n is not None for n in numbers):  # of one number each: so is the result, and stays it
                one = quiet.run(v.op.reference, *[x.dtype.type(n) for x, n in zip(v.operands, numbers, strict=True)])
                return Value(None, (), v.type, np.broadcast_to(one, v.shape) if v.shape else one)
        if maker is v:
            return Value(None, (), v.type, quiet.run(v.op.reference, *[x.data for x in v.operands]))
        if maker not in several:
            several[maker] = quiet.run(maker.op.reference, *[x.data for x in maker.operands])
        return Value(None, (), v.type, v.op.reference(several[maker]))

    return rewrite(graph, folded)
