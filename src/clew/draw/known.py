"""What is known of each value while a picture is made: its array, its gradient, and the parts that this is the sum of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir import INPUT, Array, Graph, Value
from ..ops.arithmetic import add
from ..ops.items import Item

Parts = Mapping[tuple[Value, int], Array]  # the gradient that comes back over operand k of a value


@dataclass(frozen=True)
class Known:
    """Facts about the values of one graph. ``users`` counts the edges that leave each value."""

    values: Mapping[Value, Array]
    gradients: Mapping[Value, Array]
    parts: Parts
    users: Mapping[Value, int]

    def value(self, v: Value) -> Array | None:
        return self.values.get(v, v.data)


def facts(
    graph: Graph, values: Mapping[Value, Array] | None, gradients: Mapping[Value, Array] | None, parts: Parts | None
) -> Known:
    """All that can be known."""
    values, gradients = values or {}, gradients or {}
    order = [v for v in graph.values if v.operands]
    users = Counter([x for v in order for x in v.operands])
    return Known(values, gradients, contributions(order, values, gradients, users) if parts is None else parts, users)


def unknown(graph: Graph) -> Known:
    """Nothing but the graph: what is inside a loop has other numbers in every step."""
    return Known({}, {}, {}, Counter([x for v in graph.values for x in v.operands]))


@np.errstate(all="ignore")
def contributions(
    order: list[Value], values: Mapping[Value, Array], gradients: Mapping[Value, Array], users: Mapping[Value, int]
) -> Parts:
    """What comes back over each edge of a value that goes to several places, where all that it takes is known."""
    parts = {}
    for v in order:
        if v not in gradients or all([users[x] < 2 for x in v.operands]):
            continue
        arrays = [values.get(x, x.data) for x in v.operands]
        result = values.get(v, v.data)
        if result is None or any([a is None for a in arrays]):
            continue
        for k, x in enumerate(v.operands):
            if users[x] > 1 and x in gradients:
                part = v.op.pull(k, gradients[v], result, *arrays)  # type: ignore[union-attr]
                if part is not None:
                    parts[v, k] = part
    return parts


@np.errstate(all="ignore")
def opened(v: Value, outer: Known) -> Known:
    """The facts about the body of the gate that made ``v``: it is run on the gate's operands, and back again."""
    assert v.op is not None and v.op.body is not None
    body = v.op.body
    values: dict[Value, Any] = {}
    operands = [outer.value(x) for x in v.operands]
    if all([x is not None for x in operands]):
        values = dict(zip(body.inputs, operands, strict=True))
        for x in body.values:
            if x.op is None:
                values[x] = x.data
            elif x.op is not INPUT:
                values[x] = x.op.reference(*[values[y] for y in x.operands])
    gradients: dict[Value, Any] = {}
    if values:
        for k, y in enumerate(body.outputs):
            sent = outer.gradients.get(v) if len(body.outputs) == 1 else _sent_back(v, k, outer)
            if sent is not None:
                gradients[y] = _sum(gradients.get(y), sent)
        for y in reversed(body.values):
            if y in gradients and y.op is not None and y.op is not INPUT:
                _pull(y, values, gradients)
    return facts(body, values, gradients, None)


def _pull(y: Value, values: Mapping[Value, Any], gradients: dict[Value, Any]) -> None:
    arrays = [values[x] for x in y.operands]
    for k, x in enumerate(y.operands):
        if x.op is not None and x.type.differentiable:
            part = y.op.pull(k, gradients[y], values[y], *arrays)  # type: ignore[union-attr]
            if part is not None:
                gradients[x] = _sum(gradients.get(x), part)


def _sum(a: Any, b: Any) -> Any:
    """Of two gradients, either of which may be absent; those of several results are tuples."""
    if a is None or b is None:
        return b if a is None else a
    return tuple([_sum(x, y) for x, y in zip(a, b, strict=True)]) if isinstance(a, tuple) else add(a, b)


def _sent_back(v: Value, k: int, outer: Known) -> Any:
    """The gradient of result ``k`` of ``v``."""
    found = [g for x, g in outer.gradients.items() if isinstance(x.op, Item) and x.op.k == k and x.operands[0] is v]
    return found[0] if found else None
