"""What passes have in common: rebuild a graph bottom up, replacing values by local rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..ir import Graph, Value, rebuild


def rewrite(graph: Graph, rule: Callable[[Value], Value]) -> Graph:
    """The graph with ``rule`` applied to every computed value, its operands rewritten first."""
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    moved = False
    for v in graph.values:
        if v not in new:
            made = new[v] = rule(replaced(v, new) if moved else v)
            moved = moved or made is not v
    return renewed(graph, new) if moved else graph


def replaced(v: Value, new: Mapping[Value, Value]) -> Value:
    """``v`` on its operands' replacements; itself if they are the operands."""
    before = v.operands
    for x in before:
        if new[x] is not x:
            operands = tuple([new[x] for x in before])
            if v.data is None and all([a.type is b.type for a, b in zip(operands, before, strict=True)]):
                return Value(v.op, operands, v.type, None, v.label, v.place)
            return rebuild(v, operands)
    return v


def renewed(graph: Graph, new: Mapping[Value, Value]) -> Graph:
    """The graph with its outputs replaced; itself if nothing is new."""
    outputs = tuple([new[v] for v in graph.outputs])
    same = all([a is b for a, b in zip(outputs, graph.outputs, strict=True)])
    return graph if same else Graph(graph.name, graph.inputs, outputs)


def number(v: Value) -> float | None:
    """The number that a constant is filled with; None for anything else."""
    if v.op is not None or v.data is None or not v.type.size:
        return None
    array = np.asarray(v.data)
    return array.flat[0].item() if array.size == 1 or not any(array.strides) else None
