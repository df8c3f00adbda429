"""Loops that were extended for their derivative: the plain one and the one that saves become one."""

from __future__ import annotations

from ..ir import Graph, Op, Value, substitute, toposort
from ..ops.items import Item


def merge(graph: Graph) -> Graph:
    """The graph with no loop run twice, once for its results, and once more to save what the way back reads."""
    return Graph(graph.name, graph.inputs, merged(graph.outputs))


def merged(outputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """The outputs, with items of a plain loop taken from the one that extends it, of the same operands."""
    while True:
        order = toposort(outputs)
        extended: dict[tuple[Op, tuple[Value, ...]], Value] = {}
        for v in order:
            if v.op is not None and v.op.extends is not None:
                extended[v.op.extends, v.operands] = v
        replacement: dict[Value, Value] = {}
        for v in order:
            several = v.operands[0] if isinstance(v.op, Item) else None
            if several is not None and several.op is not None and (several.op, several.operands) in extended:
                replacement[v] = v.op.apply(extended[several.op, several.operands])  # type: ignore[union-attr]
        if not replacement:
            return outputs
        outputs = substitute(outputs, replacement)
