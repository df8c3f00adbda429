"""Both passes over a graph in words, one step at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..ir import Array, Graph, Value
from .nodes import LINEAR, NodeView, call
from .summary import SMALL
from .table import summary

INFIX = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "pow": "{} ** {}",
    "neg": "-{}",
    "square": "{} ** 2",
    "reciprocal": "1 / {}",
    "floor_divide": "{} // {}",
    "remainder": "{} % {}",
    "equal": "{} == {}",
    "not_equal": "{} != {}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
}


@dataclass(frozen=True)
class Step:
    """One step of a pass: what it finds out (``result``) about the node ``name``, in words."""

    direction: Literal["forward", "backward"]
    name: str
    result: Array
    text: str

    def __str__(self) -> str:
        return self.text


class Steps(tuple[Step, ...]):
    """The steps of both passes in order. Printed, they are numbered under the names of their passes."""

    __slots__ = ()

    def __str__(self) -> str:
        width = len(str(len(self)))
        lines, direction = [], ""
        for n, step in enumerate(self, start=1):
            if step.direction != direction:
                direction = step.direction
                lines.append(f"{direction} pass")
            lines.append(f"  {n:{width}}. {step.text}")
        return "\n".join(lines)


def steps(
    graph: Graph,
    nodes: Mapping[str, NodeView],
    gradients: Mapping[Value, Array],
    edges: Mapping[tuple[Value, int], Array],
) -> Steps:
    """The steps over a graph whose nodes these are. ``edges[y, k]``, in the order in which the backward pass found them,
    is what flows back from ``y`` to its operand ``k``; without any there are only forward steps.
    """
    backward = _backward(graph, nodes, gradients, edges) if gradients else ()
    return Steps((*_forward(nodes), *backward))


def _forward(nodes: Mapping[str, NodeView]) -> Iterator[Step]:
    for node in nodes.values():
        if node.op == "constant" and node.name.startswith("%"):
            continue  # it is read where it is used
        yield Step("forward", node.name, node.value, computed(node))


def computed(node: NodeView) -> str:
    """``p = x + y = 1 + 3 = 4``."""
    if node.given:
        return f"{node.name} = {told(node.value)} (given)"
    parts = [node.name, formula(node, node.inputs)]
    several = any([isinstance(x, tuple) for x in (node.value, *node.operands)])
    if not several and not node.type.shape and not any([np.ndim(x) for x in node.operands]):
        numbers = formula(node, tuple([summary(x) for x in node.operands]))
        parts += [numbers] * (numbers != told(node.value))
    note = f" ({node.note})" if node.note else ""
    return f"{' = '.join([*parts, told(node.value)])}{note}"


def formula(node: NodeView, operands: tuple[str, ...]) -> str:
    """The node's op written out, with operands called so: in infix notation where that is known."""
    template = INFIX.get(node.op)
    if template is None:
        return call(node, operands)
    tight = node.op in ("neg", "pow", "square")  # a minus at the front would be read as the op's own, or after it
    return template.format(*(f"({x})" if x.startswith("-") and (tight or k) else x for k, x in enumerate(operands)))


def told(x: Array) -> str:
    """A number, a short vector, or the summary of an array and its shape."""
    if isinstance(x, tuple):
        return summary(x)
    shape = np.shape(x)
    return f"{summary(x)}, shape {shape}" if len(shape) > 1 or np.size(x) > SMALL else summary(x)


def _backward(
    graph: Graph,
    nodes: Mapping[str, NodeView],
    gradients: Mapping[Value, Array],
    edges: Mapping[tuple[Value, int], Array],
) -> Iterator[Step]:
    by_value = {node.node: node for node in nodes.values()}
    output = by_value[graph.outputs[0]]
    d, start = f"d{output.name}/d", gradients[output.node]
    yield Step("backward", output.name, start, f"{d}{output.name} = {told(start)} (where it starts)")
    paths = Counter([y.operands[k] for y, k in edges])
    arrived: dict[Value, list[str]] = {}
    for (y, k), gradient in edges.items():
        x, source, target = y.operands[k], by_value[y], by_value[y.operands[k]]
        several = paths[x] > 1
        over = f", over input {k + 1} of {source.name}" if y.operands.count(x) > 1 else f", over {source.name}"
        head = f"{d}{target.name}{over if several else ''}"
        yield Step("backward", target.name, gradient, f"{head}: {flow(source, k, target, d)} = {told(gradient)}")
        arrived.setdefault(x, []).append(f"{summary(gradient)} from {source.name}")
        if several and len(arrived[x]) == paths[x]:
            text = f"{target.name}: {', '.join(arrived[x])}, together {told(gradients[x])}"
            yield Step("backward", target.name, gradients[x], text)
    for node in nodes.values():
        if node.gradient is not None and node.node not in arrived and node is not output:
            yield Step("backward", node.name, node.gradient, f"{d}{node.name} = 0: no gradient reaches it")


def flow(source: NodeView, k: int, target: NodeView, d: str) -> str:
    """``upstream -3 (dg/dp) times local gradient 1 (dp/dx)``."""
    if source.gradient is None:
        return f"what its results send back through {source.op}"
    local = source.local_gradients[k]
    upstream = f"upstream {summary(source.gradient)} ({d}{source.name})"
    if isinstance(local, str):
        return f"{upstream} through the {'transpose' if local == LINEAR else 'Jacobian'} of {source.op}"
    return f"{upstream} times local gradient {summary(local)} (d{source.name}/d{target.name})"
