"""The op that is a name for a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from ..diff.batching import batch_forward, stacked_or_repeated
from ..diff.forward import push_forward
from ..diff.reverse import pull_back
from ..ir import Array, Graph, Type, Value, constant, evaluate, parameter, rebuilt, substitute
from ..ops.broadcast import broadcast
from ..ops.elementwise import filled
from ..ops.kinds import General


@dataclass(frozen=True, eq=False)
class Gate(General):
    """A named subgraph used as one op: the output ``index`` of ``body``.

    ``backward`` is a hand-made reverse rule: a graph of ``(g, y, *operands)`` to the gradients of the operands. ``forward``
    is a hand-made forward rule: a graph of ``(y, *operands, *tangents)`` to the tangent. What is not given follows from the
    body. Derivatives are graphs like any other, so they can be differentiated in turn.
    """

    title: str
    body: Graph
    index: int = 0
    backward: Graph | None = None
    forward: Graph | None = None
    pulls: ClassVar[bool] = False  # the compiler expands gates

    @property
    def name(self) -> str:
        return self.title

    @property
    def output(self) -> Value:
        return self.body.outputs[self.index]

    def infer(self, *operands: Type) -> Type:
        expected = tuple(v.type for v in self.body.inputs)
        if operands != expected:
            raise self.refuse(f"the gate {self.title} was made for ({', '.join(map(str, expected))})", *operands)
        return self.output.type

    def reference(self, *operands: Array) -> Array:
        return evaluate([self.output], dict(zip(self.body.inputs, operands, strict=True)))[self.output]

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return Call(self.reverse_rule, g, y, *operands).output(k)

    def pulling(self, g: Any, y: Any, *operands: Any) -> Callable[..., Any]:
        made = Call(self.reverse_rule, g, y, *operands)
        return lambda k, *_: made.output(k)

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        if self.forward is None:
            return Call(self.tangent_rules[k], t, *operands).output(0)
        tangents = [t if j == k else filled(0, x.type) for j, x in enumerate(self.body.inputs)]
        if not any(x.__class__ is Value for x in (t, y, *operands)):
            tangents = [x.data if x.__class__ is Value else x for x in tangents]
        return Call(self.forward, y, *operands, *tangents).output(0)

    @cached_property
    def reverse_rule(self) -> Graph:
        """The graph of ``(g, y, *operands)`` to every operand's gradient."""
        if self.backward is not None:
            return self.backward
        y, g = self.output, parameter("g", self.output.type)
        found = pull_back({y: g}, wanted=set(self.body.inputs))
        given = parameter("y", y.type)  # the result is at hand when the rule runs, so it is not computed again
        wanted = tuple(found.get(x) or filled(0, x.type) for x in self.body.inputs)
        return Graph(f"{self.title}_backward", (g, given, *self.body.inputs), substitute(wanted, {y: given}))

    @cached_property
    def tangent_rules(self) -> tuple[Graph, ...]:
        """For each operand, the graph of ``(t, *operands)`` to the result's tangent."""
        rules = []
        for x in self.body.inputs:
            t = parameter("t", x.type)
            moved = push_forward({x: t}, [self.output]).get(self.output) or filled(0, self.output.type)
            rules.append(Graph(f"{self.title}_forward", (t, *self.body.inputs), (moved,)))
        return tuple(rules)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        """Every part batched: the body, and the hand-made rules with it."""
        stacked = batched_graph(self.body, size)
        rules = [None if rule is None else batched_graph(rule, size) for rule in (self.backward, self.forward)]
        many = replace(self, body=stacked, backward=rules[0], forward=rules[1])
        return many(*(x if b else broadcast(x, (0,), (size,)) for x, b in zip(operands, batched, strict=True)))

    def at(self, e: Any, i: Any, *operands: Any) -> Any:
        raise self.refuse("a gate is lowered by expanding it")


class Call:
    """A graph at some inputs, arrays or values. What its outputs share is made once."""

    def __init__(self, graph: Graph, *inputs: Any) -> None:
        self.graph = graph
        self.symbolic = any(x.__class__ is Value for x in inputs)
        given = [x if x.__class__ is Value else constant(x) for x in inputs] if self.symbolic else inputs
        self.made: dict[Value, Any] = dict(zip(graph.inputs, given, strict=True))

    def output(self, k: int) -> Any:
        output = self.graph.outputs[k]
        self.made = rebuilt((output,), self.made) if self.symbolic else evaluate([output], self.made)
        return self.made[output]


def batched_graph(graph: Graph, size: int) -> Graph:
    """The graph of ``size`` examples stacked on axis 0 of every input and output."""
    many = {v: parameter(v.name or "input", v.type.with_shape((size, *v.shape))) for v in graph.inputs}
    stacked = batch_forward(many, size, graph.outputs)
    return Graph(graph.name, tuple(many.values()), tuple(stacked_or_repeated(stacked, v, size) for v in graph.outputs))
