"""What passes have in common: rebuild a graph bottom up, replacing values by local rules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir import Graph, Value, rebuild


def rewrite(graph: Graph, rule: Callable[[Value], Value]) -> Graph:
    """The graph with ``rule`` applied to every computed value, its operands rewritten first."""
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    for v in graph.values:
        if v not in new:
            operands = tuple([new[x] for x in v.operands])
            if all([a is b for a, b in zip(operands, v.operands, strict=True)]):
                made = v
            elif v.data is None and all([a.type is b.type for a, b in zip(operands, v.operands, strict=True)]):
                made = Value(v.op, operands, v.type, None, v.label, v.place)
            else:
                made = rebuild(v, operands)
            new[v] = rule(made)
    return Graph(graph.name, graph.inputs, tuple(new[v] for v in graph.outputs))


def number(v: Value) -> float | None:
    """The number that a constant is filled with; None for anything else."""
    if v.op is not None or v.data is None or not v.type.size:
        return None
    array = np.asarray(v.data)
    return array.flat[0].item() if array.size == 1 or not any(array.strides) else None
