"""A graph as a table: a row for each node, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..ir import Array, Tuple
from .nodes import NodeView, operation
from .summary import SMALL, brief, elements, number, spread

GAP = "   "
WIDE = 140  # characters: wider tables are shown with fewer digits


def table(nodes: Iterable[NodeView]) -> str:
    """Name, operation, inputs, type, value, local gradients, gradient and notes of each node; empty columns are left out.

    Arrays are summarised as ``min … mean … max``, with the share of zeros, and NaN and infinities counted. Types are
    shown where there are arrays; the local gradient to each input, where it is not one number per element, is a word.
    Where the table would be wider than 140 characters, arrays have fewer digits.
    """
    rows = list(nodes)
    text = _table(rows, number)
    return text if max(map(len, text.splitlines())) <= WIDE else _table(rows, brief)


def _table(rows: list[NodeView], digits: Callable[[Any], str]) -> str:
    arrays = any([node.type.shape or isinstance(node.type, Tuple) for node in rows])
    columns = {
        "name": [node.name for node in rows],
        "operation": [operation(node) for node in rows],
        "inputs": [", ".join(node.inputs) for node in rows],
        "type": [str(node.type) if arrays else "" for node in rows],
        "value": [summary(node.value, digits) for node in rows],
        "local gradient": [local_gradients(node) for node in rows],
        "gradient": ["" if node.gradient is None else summary(node.gradient, digits) for node in rows],
        "note": [node.note or "" for node in rows],
    }
    if not any(columns["gradient"]):
        del columns["local gradient"]
    return aligned({title: cells for title, cells in columns.items() if any(cells)}, numeric=("value", "gradient"))


def summary(x: Array, digits: Callable[[Any], str] = number) -> str:
    """A number, the elements of a short vector, or what can be said of an array in a few numbers."""
    if isinstance(x, tuple):
        return f"({', '.join([summary(part, brief) for part in x])})"
    array = np.asarray(x)
    if array.ndim == 0:
        return number(array[()])
    return elements(array, digits) if array.ndim == 1 and 0 < array.size <= SMALL else spread(array, digits)


def local_gradients(node: NodeView) -> str:
    """``x: 1  y: 1``: how the node moves with each of its inputs."""
    named = [(name, local) for name, local in zip(node.inputs, node.local_gradients, strict=True) if local is not None]
    words = {local for _, local in named if isinstance(local, str)}
    if len(words) == 1 and all([isinstance(local, str) for _, local in named]):
        return words.pop()
    return "  ".join([f"{name}: {local if isinstance(local, str) else summary(local, brief)}" for name, local in named])


def aligned(columns: dict[str, list[str]], numeric: Sequence[str] = ()) -> str:
    """Columns under their titles. The ``numeric`` ones stand to the right, unless longer texts are among the numbers."""
    printed = []
    for title, cells in columns.items():
        width = max(map(len, [title, *cells]))
        right = title in numeric and not any([" " in cell for cell in cells])
        printed.append([cell.rjust(width) if right else cell.ljust(width) for cell in (title, "-" * width, *cells)])
    return "\n".join([GAP.join(row).rstrip() for row in zip(*printed, strict=True)])
