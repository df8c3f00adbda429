"""Common subexpressions: equal ops of equal operands become one value."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir import Graph, Tuple, Value
from .rewrite import rewrite


def share(graph: Graph) -> Graph:
    """The graph with every computation done once. Named values stay apart, for their gradients are their own."""
    seen: dict[Any, Value] = {}

    def first(v: Value) -> Value:
        if v.name is not None or (v.op is None and isinstance(v.type, Tuple)):  # computed on the way; its items stay
            return v
        key = (v.op, v.operands) if v.op is not None else _constant_key(v)
        return seen.setdefault(key, v)

    return rewrite(graph, first)


def _constant_key(v: Value) -> Any:
    array = np.asarray(v.data)
    if array.size and not any(array.strides):
        return v.type, array.flat[0].tobytes()
    return v.type, array.tobytes() if array.size <= 1024 else (array.__array_interface__["data"], array.strides)
