"""Contractions whose result is read in one other order of its axes only: they are computed in that order."""

from __future__ import annotations

from collections import defaultdict

from ..ir import Graph, Shape, Value
from ..ops.contraction import Contract, parse
from ..ops.movement import Permute
from ..passes.rewrite import renewed, replaced


def turned(graph: Graph) -> Graph:
    """The graph with such permutations within the contractions: nothing is moved, and what follows is computed at once."""
    orders: dict[Value, set[Shape | None]] = defaultdict(set)
    for v in graph.values:
        for x in v.operands:
            orders[x].add(v.op.order if isinstance(v.op, Permute) else None)
    for v in graph.outputs:
        orders[v].add(None)
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    for v in graph.values:
        if v in new:
            continue
        inner = v.operands[0] if isinstance(v.op, Permute) else None
        if inner is not None and isinstance(inner.op, Contract) and len(orders[inner]) == 1:
            left, right, result = parse(inner.op.spec)
            spec = f"{left},{right}->{''.join(result[k] for k in v.op.order)}"  # type: ignore[union-attr]
            new[v] = Contract(spec).apply(*[new[x] for x in inner.operands])
        else:
            new[v] = replaced(v, new)
    return renewed(graph, new)
