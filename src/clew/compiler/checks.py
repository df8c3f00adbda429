"""Positions that are read from arrays, checked before anything is written that others see."""

from __future__ import annotations

from collections.abc import Iterator

from ..ir import Graph, Value
from ..ops.comparison import greater_equal, less, logical_or
from ..ops.indexing import Gather, ScatterAdd
from ..ops.reductions import ArgExtreme, any
from ..ops.sorting import ArgSort


def outside(graph: Graph) -> Value | None:
    """Whether any position that the graph reads or writes at lies outside of its axis; None where none can."""
    found: Value | None = None
    for index, size in dict.fromkeys(_positions(graph)):
        wrong = less(index, 0) if index.dtype.kind == "i" else None
        if size <= _most(index):
            beyond = greater_equal(index, size)
            wrong = beyond if wrong is None else logical_or(wrong, beyond)
        if wrong is None:
            continue
        one = any(wrong, tuple(range(index.ndim))) if index.ndim else wrong
        found = one if found is None else logical_or(found, one)
    return found


def _most(index: Value) -> int:
    """The largest number of an index's dtype."""
    bits = 8 * index.dtype.itemsize
    return (1 << (bits - (index.dtype.kind == "i"))) - 1


def _positions(graph: Graph) -> Iterator[tuple[Value, int]]:
    """The indices whose values only the run tells, and the sizes of their axes."""
    for v in graph.values:
        if isinstance(v.op, Gather | ScatterAdd):
            shape = v.operands[0].shape if isinstance(v.op, Gather) else v.op.shape
            for axis, index in zip(v.op.axes, v.operands[1:], strict=True):
                if index.op is not None and index.type.size and not isinstance(index.op, ArgSort | ArgExtreme):
                    yield index, shape[axis]


def checked(graph: Graph) -> Graph:
    """The graph with one output more, whether a position lies outside of its axis, if one can."""
    wrong = outside(graph)
    return graph if wrong is None else Graph(graph.name, graph.inputs, (*graph.outputs, wrong))
