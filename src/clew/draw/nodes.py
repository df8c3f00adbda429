"""A node as people ask about it: what it is made of, its value, its local gradients and its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from ..ir import INPUT, Array, Graph, Op, Tuple, Type, Value, quiet
from ..ir.text import attribute, unique, value_names
from ..ops.elementwise import Elementwise
from ..ops.items import Item
from ..ops.kinds import Linear
from .summary import number, shortened

Local: TypeAlias = Array | str | None  # numbers, a word for a map that is more than one number per element, or no path
LINEAR, JACOBIAN = "linear", "Jacobian"


@dataclass(frozen=True, eq=False)
class NodeView:
    """One node of a graph that has been run.

    ``inputs`` are the names of its operands; a nameless constant is called by its number. ``gradient`` is that of the
    graph's scalar output with respect to this node, or None where none flows.
    """

    node: Value
    name: str
    inputs: tuple[str, ...]
    value: Array
    gradient: Array | None
    operands: tuple[Array, ...]

    @property
    def op(self) -> str:
        """What made it; ``input`` and ``constant`` are not made, but given."""
        return "constant" if self.node.op is None else self.node.op.name

    @property
    def given(self) -> bool:
        return self.node.op is None or self.node.op is INPUT

    @property
    def type(self) -> Type:
        return self.node.type

    @property
    def note(self) -> str | None:
        """What a rewrite says about it: the name of a repair."""
        return self.node.note

    @property
    def attributes(self) -> dict[str, str]:
        """The op's attributes as text, without those at their default, and the graphs it holds."""
        op = self.node.op
        if op is None or op.body is not None:
            return {}
        usual = {k: getattr(type(op), k, None) for k in op.attributes}  # where a dataclass keeps its defaults
        held = {name.partition("[")[0] for name in op.graphs}
        return {k: attribute(a, {}) for k, a in op.attributes.items() if a != usual[k] and k not in held}

    @cached_property
    def local_gradients(self) -> tuple[Local, ...]:
        """For each operand: how the node moves when that moves.

        A number per element where that is all there is to it, else the word ``linear`` or ``Jacobian``. None for
        constants and integers, which do not move.
        """
        return tuple(
            local_gradient(self.node, k, self.value, self.operands) if moves(x) and self.type.differentiable else None
            for k, x in enumerate(self.node.operands)
        )

    def __repr__(self) -> str:
        gradient = "" if self.gradient is None else f", gradient {np.asarray(self.gradient)}"
        return f"<{self.name} = {call(self)}: {self.type}, value {np.asarray(self.value)}{gradient}>"


def node_views(graph: Graph, values: Mapping[Value, Array], gradients: Mapping[Value, Array]) -> dict[str, NodeView]:
    """Every node of the graph by its name, in order."""
    names = node_names(graph)
    nodes = {}
    for v in graph.values:
        inputs = tuple([literal(x) or names[x] for x in v.operands])
        operands = tuple([values[x] for x in v.operands])
        nodes[names[v]] = NodeView(v, names[v], inputs, values[v], gradients.get(v), operands)
    return nodes


def node_names(graph: Graph) -> dict[Value, str]:
    """What nodes are called for people: as given, dots and all; nameless ones as in the text form."""
    names: dict[Value, str] = {}
    taken: set[str] = set()
    for v, text in value_names(graph).items():
        names[v] = unique(v.name or text, taken)
        taken.add(names[v])
    return names


def moves(x: Value) -> bool:
    return x.op is not None and x.type.differentiable


def literal(v: Value) -> str | None:
    """The number that a nameless constant is filled with; None for anything else."""
    if v.op is not None or v.name is not None or not v.type.size:
        return None
    array = np.asarray(v.data)
    filled = not any(array.strides) or array.size == 1
    return number(array.flat[0]) if filled else None


def call(node: NodeView, names: tuple[str, ...] | None = None) -> str:
    """``op(operands, attributes)``, in this or that notation of the operands."""
    if node.given:
        return node.op
    parts = [*(names or node.inputs), *(f"{k}={a}" for k, a in node.attributes.items())]
    return f"{node.op}({', '.join(parts)})"


def operation(node: NodeView) -> str:
    """The op with its attributes, for the column of a table."""
    return shortened(" ".join([node.op, *(f"{k}={a}" for k, a in node.attributes.items())]), 32)


def local_gradient(v: Value, k: int, y: Array, xs: tuple[Array, ...]) -> Local:
    """The local gradient over the edge from ``v`` to its operand ``k``; see ``NodeView.local_gradients``."""
    op = v.op
    assert op is not None
    local: Any
    if isinstance(v.type, Tuple) or isinstance(v.operands[k].type, Tuple):
        return LINEAR if isinstance(op, Item) else JACOBIAN
    if isinstance(op, Elementwise):
        local = quiet.run(op.local, k, y, *xs)
    elif not v.shape or pointwise(op):
        local = quiet.run(op.pull, k, np.ones(v.shape, v.dtype)[()], y, *xs)
    else:
        local = quiet.run(op.local, k, y, *xs)
        if local is None:
            return LINEAR if isinstance(op, Linear) and k in op.linear else JACOBIAN
    if local is None:  # no gradient passes
        local = 0
    return v.dtype.type(local) if isinstance(local, int | float) else local


def pointwise(op: Op) -> bool:
    """Whether each element of the result is made of the operands' elements at its own place."""
    if op.body is None:
        return isinstance(op, Elementwise)
    return all([pointwise(v.op) for v in op.body.values if v.op is not None and v.op is not INPUT])
