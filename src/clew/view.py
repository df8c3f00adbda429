"""A graph with the values and gradients of one run: what is printed, drawn and stepped through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .diff.reverse import pull_back
from .ir import Array, Graph, Value, evaluate, graph_of, show


@dataclass(frozen=True, eq=False)
class GraphView:
    """A graph, the array of each of its values, and, for a scalar output, every gradient.

    ``edges[y, k]`` is the gradient that flows back from ``y`` over the edge to its operand ``k``.
    """

    graph: Graph
    values: Mapping[Value, Array]
    gradients: Mapping[Value, Array] = field(default_factory=dict)
    edges: Mapping[tuple[Value, int], Array] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The graph's text form."""
        return show(self.graph)


def view_of(output: Value, name: str) -> GraphView:
    """The view of the graph that ``output`` was computed by."""
    return view(graph_of(name, (output,)))


def view(graph: Graph, given: Mapping[Value, Any] | None = None) -> GraphView:
    """The graph run with these inputs (none: those it knows), forward, and backward from a scalar output."""
    values = evaluate(graph.outputs, given)
    gradients: dict[Value, Array] = {}
    edges: dict[tuple[Value, int], Array] = {}
    output = graph.outputs[0]
    if len(graph.outputs) == 1 and not output.shape and output.type.differentiable:
        gradients = pull_back({output: output.dtype.type(1)}, values.__getitem__, edges=edges)
    return GraphView(graph, values, gradients, edges)
