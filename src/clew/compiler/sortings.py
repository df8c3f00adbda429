"""Rows are sorted once: where their order is asked for too, as by the gradient of a sort, elements are read in that order."""

from __future__ import annotations

from dataclasses import replace

from ..ir import Graph, Value
from ..ops.indexing import take_along
from ..ops.sorting import ArgSort, Sort, argsort
from ..passes.rewrite import rewrite


def sorted_once(graph: Graph) -> Graph:
    """The graph with one order for each array, axis and direction. It is stable, as native code always is."""
    asked = {(v.operands[0], v.op.axis, v.op.descending) for v in graph.values if isinstance(v.op, ArgSort)}

    def rule(v: Value) -> Value:
        op = v.op
        if isinstance(op, ArgSort) and not op.stable:
            return replace(op, stable=True).apply(*v.operands)
        if isinstance(op, Sort) and (v.operands[0], op.axis, op.descending) in asked:
            x = v.operands[0]
            return take_along(x, argsort(x, op.axis, op.descending), op.axis)  # type: ignore[no-any-return]
        return v

    return rewrite(graph, rule) if asked else graph
