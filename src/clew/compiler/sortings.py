"""Rows are sorted once: where their order is asked for too, as by the gradient of a sort, elements are read in that order."""

from __future__ import annotations

from dataclasses import replace

from ..ir import Graph, Value
from ..ops.indexing import take_along
from ..ops.sorting import ArgSort, Ordering, Sort, argsort
from ..passes.rewrite import rewrite


def sorted_once(graph: Graph) -> Graph:
    """The graph with one order for each array, axis, direction and count. It is stable, as native code always is."""

    def what(v: Value) -> tuple[Value, int, bool, int | None]:
        assert isinstance(v.op, Ordering)
        return v.operands[0], v.op.axis, v.op.descending, v.op.count

    asked = {what(v) for v in graph.values if isinstance(v.op, ArgSort)}

    def rule(v: Value) -> Value:
        op = v.op
        if isinstance(op, ArgSort) and not op.stable:
            return replace(op, stable=True).apply(*v.operands)
        if isinstance(op, Sort) and what(v) in asked:
            x = v.operands[0]
            return take_along(x, argsort(x, op.axis, op.descending, op.count), op.axis)  # type: ignore[no-any-return]
        return v

    return rewrite(graph, rule) if asked else graph
