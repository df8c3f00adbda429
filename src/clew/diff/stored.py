"""What the backward pass reads of the forward pass, and has to be kept for it."""

from __future__ import annotations

from ..ir import Graph, Tuple, Value
from ..ops.elementwise import filled
from ..ops.items import Item
from .reverse import pull_back


def stored(graph: Graph, wanted: set[Value] | None = None) -> dict[Value, list[Value]]:
    """The inputs and computed values that backward rules read, each with those whose rules read it.

    The rules are those on the way from the outputs back to ``wanted`` (none given: to all inputs).
    """
    outputs = [v for v in dict.fromkeys(graph.outputs) if v.type.differentiable]
    seeds = {v: filled(1, v.type) for v in outputs}
    edges: dict[tuple[Value, int], Value] = {}
    inputs = {x for x in graph.inputs if x.type.differentiable} if wanted is None else wanted
    pull_back(seeds, wanted=inputs, edges=edges)
    forward = set(graph.values)
    readers: dict[Value, list[Value]] = {}
    seen: set[Value] = set()
    for (reader, _), gradient in edges.items():
        for x in _read(gradient, forward, seen):
            if x.op is not None and not isinstance(x.type, Tuple):
                users = readers.setdefault(x, [])
                if reader not in users:
                    users.append(reader)
    return readers


def _read(gradient: Value | tuple[Value | None, ...], forward: set[Value], seen: set[Value]) -> list[Value]:
    """The forward values that a gradient is made of, apart from what earlier gradients were made of."""
    stack = [v for v in gradient if v is not None] if isinstance(gradient, tuple) else [gradient]
    found: list[Value] = []
    while stack:
        v = stack.pop()
        if v in forward or (isinstance(v.op, Item) and v.operands[0] in forward):
            found.append(v)
        elif v not in seen:
            seen.add(v)
            stack += v.operands
    return found
