"""What is known of each value while a picture is made: its array, its gradient, and the moment of either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..ir import INPUT, Array, Graph, Value
from ..ops.arithmetic import add

Parts = Mapping[tuple[Value, int], Array]  # the gradient that comes back over operand k of a value


@dataclass(frozen=True)
class Known:
    """Facts about the values of one graph. ``users`` counts the edges that leave each value."""

    values: Mapping[Value, Array]
    gradients: Mapping[Value, Array]
    parts: Parts
    users: Mapping[Value, int]
    forward: Mapping[Value, float]
    tick: float  # the time one op takes
    backward: Mapping[Value, float] = field(default_factory=dict)  # when the op's operands receive their gradients
    complete: dict[Value, float] = field(default_factory=dict)  # when the value's own gradient is whole

    def value(self, v: Value) -> Array | None:
        return self.values.get(v, v.data)


def facts(
    graph: Graph,
    values: Mapping[Value, Array] | None,
    gradients: Mapping[Value, Array] | None,
    parts: Parts | None,
    span: tuple[float, float, float, float] | None = None,
) -> Known:
    """All that can be known. ``span`` is the time in which the graph runs, forward and backward: (from, to, from, to)."""
    values = values or {}
    gradients = gradients or {}
    order = [v for v in graph.values if v.operands]
    count = max(len(order), 1)
    start, end, back_start, back_end = span or (0, count, 0, count)
    forward = {v: start + (end - start) * (n + 1) / count for n, v in enumerate(order)}
    backward = {v: back_end - (back_end - back_start) * n / count for n, v in enumerate(order)}
    complete: dict[Value, float] = {}
    for v in order:
        for x in v.operands:
            complete[x] = max(complete.get(x, 0.0), backward[v])
    users = Counter(x for v in order for x in v.operands)
    if parts is None:
        parts = contributions(order, values, gradients, users)
    return Known(values, gradients, parts, users, forward, (end - start) / count, backward, complete)


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
    if values and v in outer.gradients:
        gradients[body.outputs[0]] = outer.gradients[v]
        for y in reversed(body.values):
            if y in gradients and y.op is not None and y.op is not INPUT:
                _pull(y, values, gradients)
    end, back_end = outer.forward[v], outer.backward[v]
    span = end - outer.tick, end, back_end - outer.tick, back_end
    known = facts(body, values, gradients, None, span)
    known.complete[body.outputs[0]] = outer.complete.get(v, 0.0)
    return known


def _pull(y: Value, values: Mapping[Value, Any], gradients: dict[Value, Any]) -> None:
    arrays = [values[x] for x in y.operands]
    for k, x in enumerate(y.operands):
        if x.op is not None and x.type.differentiable:
            part = y.op.pull(k, gradients[y], values[y], *arrays)  # type: ignore[union-attr]
            if part is not None:
                gradients[x] = add(gradients[x], part) if x in gradients else part
