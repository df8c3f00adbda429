"""Changing the grain of a graph: gates into their parts, and regions into gates."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..errors import GraphError
from ..ir import INPUT, Graph, Label, Value, parameter, rebuild, substitute
from ..ops.items import Item, items
from .gate import Gate


def expand(graph: Graph, names: Collection[str] | None = None) -> Graph:
    """The graph with its gates (or only those called ``names``) replaced by their parts, nested ones too.

    A hand-made derivative does not survive: the parts have their own.
    """
    new: dict[Value, Any] = {v: v for v in graph.inputs}  # of a gate with several results: the tuple of them
    for v in graph.values:
        if v in new:
            continue
        operands = tuple(new[x] for x in v.operands)
        if isinstance(v.op, Gate) and (names is None or v.op.title in names):
            body = expand(v.op.body, names)
            made = substitute(body.outputs, dict(zip(body.inputs, operands, strict=True)))
            new[v] = relabelled(made[0], v) if len(made) == 1 else made
        elif isinstance(v.op, Item) and isinstance(operands[0], tuple):
            new[v] = relabelled(operands[0][v.op.k], v)
        elif all(a is b for a, b in zip(operands, v.operands, strict=True)):
            new[v] = v
        else:
            new[v] = rebuild(v, operands)
    return Graph(graph.name, graph.inputs, tuple(new[v] for v in graph.outputs))


def relabelled(made: Value, like: Value) -> Value:
    """``made`` under the name and at the place of ``like``."""
    if like.label is None or made.op is None or not made.operands:
        return made
    return Value(made.op, made.operands, made.type, made.data, like.label, like.place)


def collapse(graph: Graph, region: Collection[Value], name: str) -> Graph:
    """The graph with the values of ``region`` made one gate ``name``.

    The region must be convex: no path may leave it and come back. Several of its values may be used outside; each
    becomes an output of the gate.
    """
    inside = _with_items(graph, set(region))
    if not inside or not inside.issubset(graph.values) or any(v.op is None or v.op is INPUT for v in inside):
        raise GraphError(f"collapse {name}: a region is a choice of computed values of the graph {graph.name}")
    entering = list(dict.fromkeys(x for v in graph.values if v in inside for x in v.operands if x not in inside))
    after = _checked(graph, inside, entering, name)
    used = {x for v in graph.values if v not in inside for x in v.operands} | set(graph.outputs)
    leaving = [v for v in graph.values if v in inside and v in used]
    stand_ins = {x: x if x.op is None else parameter(x.name or f"x{k}", x.type) for k, x in enumerate(entering)}
    operands = [x for x in entering if x.op is not None]
    body = Graph(name, tuple(stand_ins[x] for x in operands), substitute(tuple(leaving), stand_ins))
    before = [v for v in graph.values if v not in inside and v not in after]
    new: dict[Value, Value] = {v: v for v in before}
    for v, made in zip(leaving, items(Gate(name, body).apply(*operands)), strict=True):
        new[v] = Value(made.op, made.operands, made.type, made.data, v.label and Label(v.name), v.place)
    for v in graph.values:
        if v in after:
            new[v] = rebuild(v, tuple(new[x] for x in v.operands))
    return Graph(graph.name, graph.inputs, tuple(new[v] for v in graph.outputs))


def _with_items(graph: Graph, region: set[Value]) -> set[Value]:
    """The region, with all items of the values of tuple type in it, and without items of such values outside."""
    owner = {v: v.operands[0] for v in graph.values if isinstance(v.op, Item)}
    return {v for v in region if owner.get(v, v) in region} | {v for v, several in owner.items() if several in region}


def _checked(graph: Graph, inside: set[Value], entering: list[Value], name: str) -> set[Value]:
    """The values outside that depend on the region; none of them may enter it."""
    after: set[Value] = set()
    for v in graph.values:
        if v not in inside and any(x in inside or x in after for x in v.operands):
            after.add(v)
    for x in entering:
        if x in after:
            raise GraphError(
                f"collapse {name}: the region is not convex: {x!r} lies outside, but depends on the region and feeds it; "
                f"take it in"
            )
    return after
