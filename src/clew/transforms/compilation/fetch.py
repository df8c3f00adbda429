"""Values and gradients of chosen nodes, as further results of a compiled function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

from ...diff.reverse import pull_back, seeded, together
from ...draw.nodes import NodeView, literal, node_names
from ...errors import GradientError, UsageError
from ...ir import Graph, Site, Tuple, Value, here, rebuilt, recording
from ...ops.elementwise import filled
from ...tensor import Tensor
from .tracer import Trace

INSIDE = "/"  # between a gate and a node of its own graph
LISTED = 12


class Fetched(NamedTuple):
    """What ``fetch`` returns: the call's result, and the chosen values and gradients by the names they were asked by."""

    result: Any
    values: dict[str, Tensor]
    gradients: dict[str, Tensor]


@dataclass(frozen=True)
class Chosen:
    """A node by its name; of one that a view has shown, also how it looked there."""

    name: str
    look: str = ""

    @staticmethod
    def of(x: Any) -> Chosen:
        if isinstance(x, NodeView):
            return Chosen(x.name, _look(x.op, x.inputs, x.type))
        if isinstance(x, str):
            return Chosen(x)
        raise UsageError(f"fetch: a node is chosen by its name, or as graph[name], not by {x!r:.60}\n  at {Site(*here())}")


@dataclass(frozen=True)
class Wish:
    """The nodes to fetch."""

    values: tuple[Chosen, ...] = ()
    gradients: tuple[Chosen, ...] = ()
    of: Chosen | None = None
    losses: bool = False  # only what gradients would be those of

    @staticmethod
    def made(values: Any, gradients: Any, of: Any) -> Wish:
        several = [(x,) if isinstance(x, str | NodeView) else tuple(x) for x in (values, gradients)]
        chosen = [tuple(map(Chosen.of, xs)) for xs in several]
        return Wish(chosen[0], chosen[1], None if of is None else Chosen.of(of))


@dataclass(frozen=True)
class Node:
    """A chosen node in the trace: what has its value, and the gates that it lies in, the outermost first.

    One node may be several values of the trace: a variable that was assigned to, and what it was assigned.
    """

    name: str
    values: list[Value]
    gates: tuple[tuple[Value, tuple[Value, ...]], ...] = ()  # each with its results, written out


class Fetching:
    """Finds the nodes of a trace by the names that its graph shows. Used while the trace is still under way."""

    def __init__(self, trace: Trace, graph: Graph, new: Mapping[Value, Value]) -> None:
        self.trace, self.graph = trace, graph
        self.names = node_names(graph)
        self.known = {name: v for v, name in self.names.items()}
        self.originals: dict[Value, list[Value]] = {}
        for old, v in new.items():
            self.originals.setdefault(v, []).append(old)
        self.unused = {v.name: v for v in trace.values if v.name and v.name not in self.known}  # by what the function returns

    def fetched(self, wish: Wish, returned: Any, results: list[Value]) -> Fetched:
        if wish.losses:
            return Fetched(None, {str(k): Tensor(v) for k, (v, *_) in enumerate(self.starts(wish, results))}, {})
        values = {chosen.name: self.node(chosen) for chosen in wish.values}
        gradients = {chosen.name: self.node(chosen) for chosen in wish.gradients}
        before, recording.on = recording.on, False
        try:
            found = self.gradients(list(gradients.values()), self.starts(wish, results)) if gradients else []
        finally:
            recording.on = before
        return Fetched(
            returned,
            {name: Tensor(node.values[0]) for name, node in values.items()},
            {name: Tensor(g) for name, g in zip(gradients, found, strict=True)},
        )

    # Nodes

    def node(self, chosen: Chosen) -> Node:
        node = self.find(chosen)
        if isinstance(node.values[0].type, Tuple):
            raise self.error(f'"{node.name}" stands for several results at once; choose one of its items')
        return node

    def find(self, chosen: Chosen) -> Node:
        if chosen.name in self.known:
            v = self.known[chosen.name]
            if chosen.look and chosen.look != self.look(v):
                raise self.error(
                    f'the node "{chosen.name}" is {self.look(v)}, not {chosen.look}; take nodes of {self.trace.function}.graph '
                    f'with its gates closed, and name what is inside of a gate by a path, "gate{INSIDE}node"'
                )
            return Node(chosen.name, self.originals[v])
        if chosen.name in self.unused:
            return Node(chosen.name, [self.unused[chosen.name]])
        gate, _, part = chosen.name.rpartition(INSIDE)
        if not gate:
            raise self.unknown(chosen.name, [*self.known, *self.unused])
        return self.inside(self.find(Chosen(gate)), part)

    def inside(self, outer: Node, part: str) -> Node:
        (y, *_), op = outer.values, outer.values[0].op
        if op is None or op.body is None:
            if op is not None and op.graphs:
                raise self.error(
                    f'"{outer.name}" is a {op.name}; what is inside has a value in each turn: return it from there'
                )
            raise self.error(f'"{outer.name}" is {op.name if op else "a constant"}, no gate that has parts')
        written = rebuilt(op.body.outputs, dict(zip(op.body.inputs, y.operands, strict=True)))
        names = {name: v for v, name in node_names(op.body).items() if v in written}
        if part not in names:
            raise self.unknown(part, names, f" in the gate {outer.name}")
        results = tuple([written[v] for v in op.body.outputs])
        return Node(f"{outer.name}{INSIDE}{part}", [written[names[part]]], (*outer.gates, (y, results)))

    def look(self, v: Value) -> str:
        inputs = [literal(x) or self.names[x] for x in v.operands]
        return _look("constant" if v.op is None else v.op.name, inputs, v.type)

    # Gradients

    def starts(self, wish: Wish, results: list[Value]) -> list[tuple[Value, Value, bool]]:
        """Where gradients come from: each with its own gradient, and whether it adds to those before."""
        if wish.of is not None:
            (output, *_) = self.node(wish.of).values
        elif self.trace.backwards:
            return self.trace.backwards
        else:
            losses = [v for v in results if v.type.differentiable and not v.type.shape]
            if len(losses) != 1:
                raise self.error(
                    f"gradients of what? {self.trace.function} calls no backward(), and returns "
                    f"{len(losses) or 'no'} numbers that could be a loss; say which node: of='loss'",
                    GradientError,
                )
            output = losses[0]
        if output.type.shape or not output.type.differentiable:
            raise self.error(
                f"the gradient of {output.name or 'a node'}: {output.type} was asked for, which is no scalar", GradientError
            )
        return [(output, filled(1, output.type), False)]

    def gradients(self, nodes: list[Node], starts: list[tuple[Value, Value, bool]]) -> list[Value]:
        for node in nodes:
            if not node.values[0].type.differentiable:
                raise self.error(f"{node.name}: {node.values[0].type} has no gradient; it is not floating-point", GradientError)
            if all(v.op is None for v in node.values):
                mend = "pass it as an argument, or make it a variable"
                raise self.error(f"{node.name}: {node.values[0].type} is a constant of the graph: {mend}", GradientError)
        roots = [[node.gates[0][0]] if node.gates else node.values for node in nodes]
        total: list[Any] = [None] * len(nodes)
        for output, seed, accumulate in starts:
            found = pull_back({output: seed}, wanted={v for values in roots for v in values})
            for k, (node, values) in enumerate(zip(nodes, roots, strict=True)):
                g = _sum(found.get(v) for v in values)
                g = _within(node, g)
                if g is not None:
                    total[k] = _sum((total[k], g)) if accumulate else g
        return [filled(0, node.values[0].type) if g is None else g for node, g in zip(nodes, total, strict=True)]

    # Errors

    def unknown(self, name: str, there: Iterable[str], where: str = "") -> Any:
        listed = list(there)
        near = get_close_matches(name, listed, 5, 0.5)
        if near:
            return self.error(f'there is no node "{name}"{where}; near it are {", ".join(near)}')
        named = [x for x in listed if not x.startswith("%")] or listed
        more = f", and {len(named) - LISTED} more" if len(named) > LISTED else ""
        return self.error(f'there is no node "{name}"{where}; there are {", ".join(named[:LISTED])}{more}')

    def error(self, text: str, kind: Any = UsageError) -> Any:
        return kind(f"fetch from {self.trace.function}: {text}\n  at {Site(*here())}")


def _look(op: str, inputs: Iterable[str], type: Any) -> str:
    return f"{op}({', '.join(inputs)}): {type}"


def _sum(gradients: Iterable[Any]) -> Any:
    total = None
    for g in gradients:
        total = g if total is None else total if g is None else together(total, g)
    return total


def _within(node: Node, g: Any) -> Any:
    """From the gradient of the outermost gate to that of the node inside."""
    targets = [gate for gate, _ in node.gates[1:]] + node.values[:1]
    for (_, results), target in zip(node.gates, targets, strict=False):
        if g is None:
            return None
        g = pull_back(_seeds(results, g), wanted={target}).get(target)
    return g


def _seeds(results: tuple[Value, ...], g: Any) -> dict[Value, Any]:
    given = [(y, x) for y, x in zip(results, g if isinstance(g, tuple) else (g,), strict=True) if x is not None]
    return seeded([y for y, _ in given], [x for _, x in given])
