"""Reverse mode: walk the graph backward, multiply by local gradients, add up where paths meet."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from ..ir import INPUT, Value, toposort
from ..ops.arithmetic import add


def known(v: Value) -> Any:
    """Read a value as its array: rules given arrays compute, and record nothing."""
    return v.data


def itself(v: Value) -> Any:
    """Read a value as itself: rules given values extend the graph, which can be differentiated again."""
    return v


@np.errstate(all="ignore")
def pull_back(
    seeds: dict[Value, Any], read: Callable[[Value], Any] = itself, wanted: Collection[Value] | None = None
) -> dict[Value, Any]:
    """The gradient of every value that the seeds depend on: of ``sum(vdot(seed, value))`` over the seeds.

    ``wanted`` keeps only those gradients, and only the paths that lead to them. Absent values have gradient zero.
    """
    order = toposort(seeds)
    active = None if wanted is None else reaching(order, wanted)
    gradients: dict[Value, Any] = dict(seeds)
    for y in reversed(order):
        op = y.op
        if op is None or op is INPUT or y not in gradients or (active is not None and y not in active):
            continue
        g = gradients[y]
        if wanted is not None and y not in wanted:
            del gradients[y]
        operands = y.operands
        arrays = [read(x) for x in operands]
        result = read(y)
        for k, x in enumerate(operands):
            if x.op is None or not x.type.differentiable or (active is not None and x not in active):
                continue
            gradient = op.pull(k, g, result, *arrays)
            if gradient is not None:
                before = gradients.get(x)
                gradients[x] = gradient if before is None else add(before, gradient)
    return gradients


def reaching(order: list[Value], wanted: Collection[Value]) -> set[Value]:
    """The values of ``order`` (operands first) that depend on a wanted one, themselves included."""
    active: set[Value] = set()
    for v in order:
        if v in wanted or (v.operands and not active.isdisjoint(v.operands)):
            active.add(v)
    return active
