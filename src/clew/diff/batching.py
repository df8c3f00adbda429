"""Batching: a graph of one example becomes a graph of many, by each op's own rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..ir import Value, toposort
from ..ops.broadcast import broadcast


def batch_forward(batched: Mapping[Value, Any], size: int, outputs: Iterable[Value]) -> dict[Value, Any]:
    """For every value that depends on a key of ``batched``: the value of all ``size`` examples, stacked on axis 0.

    ``batched`` maps values to their stacked counterparts. Values that depend on none of them are absent: they are the
    same in every example.
    """
    stacked = dict(batched)
    for v in toposort(outputs):
        if v in stacked or v.op is None:
            continue
        flags = tuple([x in stacked for x in v.operands])
        if any(flags):
            stacked[v] = v.op.batch(size, flags, *[stacked.get(x, x) for x in v.operands])
    return stacked


def stacked_or_repeated(stacked: Mapping[Value, Any], v: Value, size: int) -> Any:
    """The stacked counterpart of ``v``; where it is the same in every example, ``v`` repeated."""
    return stacked[v] if v in stacked else broadcast(v, (0,), (size,))
