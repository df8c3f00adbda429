"""Constant folding: what depends on constants alone is computed once, by the ops' own references."""

from __future__ import annotations

from ..ir import INPUT, Graph, Tuple, Value, quiet
from .rewrite import rewrite


def fold(graph: Graph) -> Graph:
    """The graph with constant expressions computed, unless the result is larger than all it is made of."""

    def folded(v: Value) -> Value:
        if v.op is None or v.op is INPUT or v.name is not None or any(x.op is not None for x in v.operands):
            return v
        if isinstance(v.type, Tuple) or v.type.nbytes > 1024 + sum(x.type.nbytes for x in v.operands):
            return v
        return Value(None, (), v.type, quiet.run(v.op.reference, *[x.data for x in v.operands]))

    return rewrite(graph, folded)
