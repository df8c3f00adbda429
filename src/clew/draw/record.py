"""A graph that has been run as plain data, which JSON can carry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..ir import NAMES, Array, Graph, Tuple, Type
from .nodes import NodeView

LIMIT = 1000  # arrays of more elements are summarised


def record(graph: Graph, nodes: Iterable[NodeView]) -> dict[str, Any]:
    """The graph's name, inputs and outputs, and its nodes in order.

    Each node has its name, op, attributes, inputs, dtype, shape, value, local gradients and gradient. Arrays are nested
    lists; those of more than 1000 elements are given as ``min``, ``mean``, ``max`` of what is finite, and the counts of
    ``zeros``, ``nan`` and ``infinite``. NaN and the infinities, which JSON lacks, are the strings "nan", "inf", "-inf".
    """
    nodes = list(nodes)
    names = {node.node: node.name for node in nodes}
    return {
        "name": graph.name,
        "inputs": [names[v] for v in graph.inputs],
        "outputs": [names[v] for v in graph.outputs],
        "nodes": [_node(node, names) for node in nodes],
    }


def _node(node: NodeView, names: dict[Any, str]) -> dict[str, Any]:
    return {
        "name": node.name,
        "op": node.op,
        "attributes": node.attributes,
        "inputs": [names[x] for x in node.node.operands],
        **_typed(node.type),
        "value": [plain(part) for part in node.value] if isinstance(node.value, tuple) else plain(node.value),
        "local_gradients": [x if x is None or isinstance(x, str) else plain(x) for x in node.local_gradients],
        "gradient": None if node.gradient is None else plain(node.gradient),
        "note": node.note,
    }


def _typed(type: Type) -> dict[str, Any]:
    """dtype and shape; of several results, the list of each."""
    if isinstance(type, Tuple):
        return {"dtype": [NAMES[t.dtype] for t in type.items], "shape": [list(t.shape) for t in type.items]}
    return {"dtype": NAMES[type.dtype], "shape": list(type.shape)}


def plain(x: Array) -> Any:
    """An array as a number, nested lists, or a summary."""
    array = np.asarray(x)
    if array.dtype.kind not in "biu":
        array = array.astype(np.float64)
    if array.size > LIMIT:
        return _summary(array)
    return _plain(array.tolist())


def _plain(x: Any) -> Any:
    if isinstance(x, list):
        return [_plain(item) for item in x]
    return x if not isinstance(x, float) or np.isfinite(x) else str(x)


def _summary(array: Array) -> dict[str, float | int | None]:
    wide = array.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    low, mean, high = (finite.min(), finite.mean(), finite.max()) if finite.size else (None, None, None)
    return {
        "min": low if low is None else float(low),
        "mean": mean if mean is None else float(mean),
        "max": high if high is None else float(high),
        "zeros": int((wide == 0).sum()),
        "nan": int(np.isnan(wide).sum()),
        "infinite": int(np.isinf(wide).sum()),
    }
