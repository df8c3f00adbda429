"""A graph with the values and gradients of one run: what is printed, drawn and stepped through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from .diff.reverse import pull_back, reaching
from .errors import UsageError
from .gates import collapse, expand
from .ir import Array, Graph, Value, evaluate, graph_of, show

if TYPE_CHECKING:
    from .draw import Frames, Svg
    from .draw.nodes import NodeView
    from .draw.steps import Steps

# What draws is imported where it is first asked for: it is a fifth of what importing clew would take.


@dataclass(frozen=True, eq=False, repr=False)
class GraphView:
    """A graph, the array of each of its values, and, for a scalar output, every gradient.

    Printed, it is a table of its nodes; in a notebook, a picture. ``view["p"]`` is the node named p.

    ``edges[y, k]`` is the gradient that flows back from ``y`` over the edge to its operand ``k``.

    >>> import clew as cl
    >>> x, y = cl.variable(2.0, name="x"), cl.variable(3.0, name="y")
    >>> print((x * y).named("p").graph())
    name   operation   inputs   value   local gradient   gradient
    ----   ---------   ------   -----   --------------   --------
    x      input                    2                           3
    y      input                    3                           2
    p      mul         x, y         6   x: 3  y: 2              1
    """

    graph: Graph
    values: Mapping[Value, Array]
    gradients: Mapping[Value, Array] = field(default_factory=dict)
    edges: Mapping[tuple[Value, int], Array] = field(default_factory=dict)

    # In text

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        outputs = ", ".join(node.name for node in self.nodes.values() if node.node in self.graph.outputs)
        return f"<graph {self.graph.name}: {len(self.graph.inputs)} inputs, {len(self.nodes)} nodes, returns {outputs}>"

    @property
    def text(self) -> str:
        """The graph's text form."""
        return show(self.graph)

    def table(self, fold: bool | str | Collection[str] = True) -> str:
        """A row for each node: name, operation, inputs, value, local gradient to each input, gradient.

        Each gate is one row; ``fold=False`` opens them all, and names leave only the gates of these names closed.
        """
        from .draw.table import table

        return table(self.folded(fold).nodes.values())

    def steps(self) -> Steps:
        """Every step of both passes in words. Printed, they are numbered."""
        from .draw.steps import steps

        return steps(self.graph, self.nodes, self.gradients, self.edges)

    def to_dict(self) -> dict[str, Any]:
        """The graph and this run of it as plain data, which JSON can carry; see ``draw.record``."""
        from .draw.record import record

        return record(self.graph, self.nodes.values())

    # Its nodes

    @cached_property
    def nodes(self) -> dict[str, NodeView]:
        """Every node by its name, in order. Nameless ones are called ``%0``, ``%1`` ... as in the text form."""
        from .draw.nodes import node_views

        return node_views(self.graph, self.values, self.gradients)

    def __getitem__(self, name: str) -> NodeView:
        """The node of this name: its ``value``, ``gradient``, ``local_gradients``, ``inputs``, ``op``."""
        if name not in self.nodes:
            raise UsageError(f'the graph {self.graph.name} has no node "{name}"; it has {_listed(self.nodes)}')
        return self.nodes[name]

    # As a picture

    def draw(self, path: str | PathLike[str] | None = None, **options: Any) -> Svg:
        """The picture as SVG text; with a ``path``, written there as .svg or .png. For the options see ``clew.draw.draw``."""
        from .draw import draw

        return draw(self.graph, path, values=self.values, gradients=self.gradients, edge_gradients=self.edges, **options)

    def frames(self, **options: Any) -> Frames:
        """A picture for each step of both passes, to be played one after the other; a notebook does."""
        from .draw import frames

        return frames(self.graph, values=self.values, gradients=self.gradients, edge_gradients=self.edges, **options)

    def _repr_svg_(self) -> str:
        return self.draw()

    # Other views of the same run

    def open(self, *gates: str) -> GraphView:
        """The view with these gates (none given: every gate) replaced by their parts.

        A hand-made derivative goes with its gate: the parts have their own.
        """
        there = self.gates
        for name in gates:
            if name not in there:
                raise UsageError(f'the graph {self.graph.name} has no gate "{name}" to open; it has {_listed(there)}')
        return self._of(expand(self.graph, gates or None)) if there else self

    def folded(self, fold: bool | str | Collection[str]) -> GraphView:
        """The view with every gate closed (True), open (False), or only those of these names closed."""
        if fold is True:
            return self
        kept = {fold} if isinstance(fold, str) else set(fold or ())
        for name in sorted(kept - self.gates):
            raise UsageError(f'the graph {self.graph.name} has no gate "{name}" to fold; it has {_listed(self.gates)}')
        others = self.gates - kept
        return self.open(*sorted(others)) if others else self

    def collapse(self, region: Iterable[str], name: str) -> GraphView:
        """The view with the nodes called so made one gate ``name``."""
        return self._of(collapse(self.graph, [self[part].node for part in region], name))

    def wrt(self, *names: str) -> GraphView:
        """The view with the gradients with respect to these nodes only, and those on the way to them."""
        chosen = [self[name].node for name in names]
        return view(self.graph, self._given, reaching(self.graph.values, chosen))

    @cached_property
    def gates(self) -> frozenset[str]:
        """The names of the gates in the graph, those within gates included."""
        names: set[str] = set()
        graphs = [self.graph]
        while graphs:
            ops = [v.op for v in graphs.pop().values if v.op is not None]
            graphs += [held for op in ops if op.name not in names for held in op.graphs.values()]
            names.update(op.name for op in ops if op.body is not None)
        return frozenset(names)

    @property
    def _given(self) -> dict[Value, Array]:
        return {v: self.values[v] for v in self.graph.inputs}

    def _of(self, graph: Graph) -> GraphView:
        return view(graph, self._given)


def view_of(output: Value, name: str) -> GraphView:
    """The view of the graph that ``output`` was computed by."""
    return view(graph_of(name, (output,)))


def view(graph: Graph, given: Mapping[Value, Any] | None = None, wanted: Collection[Value] | None = None) -> GraphView:
    """The graph run with these inputs (none: those it knows), forward, and backward from a scalar output.

    Gradients are those of every value, or only of ``wanted`` ones.
    """
    values = evaluate((*graph.inputs, *graph.outputs), given)
    gradients: dict[Value, Array] = {}
    edges: dict[tuple[Value, int], Array] = {}
    output = graph.outputs[0]
    if len(graph.outputs) == 1 and not output.shape and output.type.differentiable and output.op is not None:
        found = pull_back({output: output.dtype.type(1)}, values.__getitem__, wanted, edges)
        gradients = {v: g for v, g in found.items() if not isinstance(g, tuple)}  # of several results, each item has its own
        edges = {edge: g for edge, g in edges.items() if not isinstance(g, tuple)}
        for v in graph.inputs:
            if v not in gradients and v.type.differentiable and (wanted is None or v in wanted):
                gradients[v] = np.zeros(v.shape, v.dtype)[()]
    return GraphView(graph, values, gradients, edges)


def _listed(names: Iterable[str]) -> str:
    """The names in a sentence; of many, the first ones."""
    listed = list(names)
    more = f", and {len(listed) - 12} more" if len(listed) > 12 else ""
    return (", ".join(listed[:12]) or "none") + more
