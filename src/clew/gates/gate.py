"""The op that is a name for a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from ..diff.batching import batch_forward, stacked_or_repeated
from ..diff.forward import push_forward
from ..diff.reverse import pull_back, seeded
from ..ir import Array, Call, Graph, Type, Value, parameter, substitute
from ..ops.broadcast import sum
from ..ops.elementwise import filled
from ..ops.items import items, several_of
from ..ops.kinds import General


@dataclass(frozen=True, eq=False)
class Gate(General):
    """A named subgraph used as one op. If ``body`` has several outputs, so has the gate: their tuple.

    ``backward`` is a hand-made reverse rule: a graph of the results' gradients, the results and the operands to the
    operands' gradients. ``forward`` is a hand-made forward rule: a graph of the results, the operands and their tangents
    to the results' tangents. What is not given follows from the body. Derivatives are graphs like any other, so they can
    be differentiated in turn.
    """

    title: str
    body: Graph
    backward: Graph | None = None
    forward: Graph | None = None
    pulls: ClassVar[bool] = False  # the compiler expands gates
    joint: ClassVar[bool] = True
    batching: ClassVar[Callable[..., Any] | None] = None  # a hand-made rule, of a gate that brings one

    @property
    def name(self) -> str:
        return self.title

    def infer(self, *operands: Type) -> Type:
        expected = tuple(v.type for v in self.body.inputs)
        if operands != expected:
            raise self.refuse(f"the gate {self.title} was made for ({', '.join(map(str, expected))})", *operands)
        return several_of(tuple(v.type for v in self.body.outputs))

    def reference(self, *operands: Array) -> Array:
        results = self.body.program(operands)
        return results[0] if len(results) == 1 else tuple(results)

    # Reverse mode

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return self.pulling((True,) * len(operands), g, y, *operands)(k)

    def pulling(self, wanted: tuple[bool, ...], g: Any, y: Any, *operands: Any) -> Callable[..., Any]:
        gradients = g if isinstance(g, tuple) else (g,)
        if self.backward is None:
            there = tuple([x is not None for x in gradients])
            found = self.called(self.reverse_rule(there), *[x for x in gradients if x is not None], *items(y), *operands)
        else:
            found = self.called(self.backward, *self.zeros_for(gradients, self.body.outputs, y), *items(y), *operands)
        return lambda k, *_: found(k)

    def called(self, rule: Graph, *inputs: Any) -> Callable[[int], Any]:
        """The outputs of a rule, one by one: a gate's way back is written out in the graph."""
        return Call(rule, *inputs).output

    def reverse_rule(self, there: tuple[bool, ...] = (True,)) -> Graph:
        """The graph of the gradients of the results ``there``, all results, and the operands, to the operands' gradients."""
        return self.rules("backward", there, self._reverse_rule)

    def _reverse_rule(self, there: tuple[bool, ...]) -> Graph:
        results = self.body.outputs
        moved = [y for y, is_there in zip(results, there, strict=True) if is_there]
        given = [parameter("g", y.type) for y in moved]
        found = pull_back(seeded(moved, given), wanted=set(self.body.inputs))
        wanted = tuple(found.get(x) or filled(0, x.type) for x in self.body.inputs)
        known = [parameter("y", y.type) for y in results]  # at hand when the rule runs, so not computed again
        at_hand = dict(zip(results, known, strict=True))
        return Graph(f"{self.title}_backward", (*given, *known, *self.body.inputs), substitute(wanted, at_hand))

    # Forward mode

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        return self.pushing(tuple([t if j == k else None for j in range(len(operands))]), y, *operands)

    def pushing(self, tangents: tuple[Any, ...], y: Any, *operands: Any) -> Any:
        if self.forward is None:
            moving = tuple([t is not None for t in tangents])
            call = Call(self.forward_rule(moving), *[t for t in tangents if t is not None], *operands)
        else:
            call = Call(self.forward, *items(y), *operands, *self.zeros_for(tangents, self.body.inputs, y, *operands))
        made = tuple([call.output(k) for k in range(len(self.body.outputs))])
        return made[0] if len(made) == 1 else made

    def forward_rule(self, moving: tuple[bool, ...]) -> Graph:
        """The graph of the tangents of the operands that are ``moving``, and all operands, to the results' tangents."""
        return self.rules("forward", moving, self._forward_rule)

    def _forward_rule(self, moving: tuple[bool, ...]) -> Graph:
        tangents = {x: parameter("t", x.type) for x, moves in zip(self.body.inputs, moving, strict=True) if moves}
        found = push_forward(dict(tangents), self.body.outputs)
        moved = tuple(found.get(y) or filled(0, y.type) for y in self.body.outputs)
        return Graph(f"{self.title}_forward", (*tangents.values(), *self.body.inputs), moved)

    # Both

    def rules(self, kind: str, flags: tuple[bool, ...], make: Callable[[tuple[bool, ...]], Graph]) -> Graph:
        """A rule that follows from the body, made once."""
        if (kind, flags) not in self.made:
            self.made[kind, flags] = make(flags)
        return self.made[kind, flags]

    @cached_property
    def made(self) -> dict[tuple[str, tuple[bool, ...]], Graph]:
        return {}

    def zeros_for(self, moves: tuple[Any, ...], models: tuple[Value, ...], *beside: Any) -> list[Any]:
        """Gradients or tangents with zeros for None: values, or arrays where they come beside arrays."""
        symbolic = any(x.__class__ is Value for x in (*moves, *beside))
        zeros = [filled(0, v.type) if m is None else m for m, v in zip(moves, models, strict=True)]
        return zeros if symbolic else [x.data if x.__class__ is Value else x for x in zeros]

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        """Every part batched: the body, or what stands for it by its own rule, and the hand-made derivatives with it."""
        if self.batching is not None and self.backward is None and self.forward is None:
            return self.batching(size, batched, *operands)
        every = (True,) * len(self.body.outputs)
        stacked = batched_graph(self.body, size, batched, rule=self.batching)
        backward = self.backward and batched_graph(self.backward, size, (*every, *every, *batched), own=batched)
        forward = self.forward and batched_graph(self.forward, size, (*every, *batched, *batched))
        return replace(self, body=stacked, backward=backward, forward=forward)(*operands)

    def at(self, e: Any, i: Any, *operands: Any) -> Any:
        raise self.refuse("a gate is lowered by expanding it")


def batched_graph(
    graph: Graph,
    size: int,
    batched: tuple[bool, ...] | None = None,
    *,
    rule: Callable[..., Any] | None = None,
    own: tuple[bool, ...] | None = None,
) -> Graph:
    """The graph of ``size`` examples stacked on axis 0 of every output, and of the inputs that are ``batched`` (none: all).

    A ``rule`` makes the outputs in place of the graph's own ops. An output k that is a gradient of what all examples share
    is the sum over them; ``own[k]`` tells those that are not.
    """
    flags = batched or (True,) * len(graph.inputs)
    many = {
        v: parameter(v.name or "input", v.type.with_shape((size, *v.shape))) if b else v
        for v, b in zip(graph.inputs, flags, strict=True)
    }
    if rule is None:
        stacked = batch_forward({v: x for v, x in many.items() if x is not v}, size, graph.outputs)
        outputs = tuple([stacked_or_repeated(stacked, v, size) for v in graph.outputs])
    else:
        outputs = items(rule(size, flags, *many.values()))
    if own is not None:
        triples = zip(outputs, graph.outputs, own, strict=True)
        outputs = tuple([v if alone else _total(v, one) for v, one, alone in triples])
    return Graph(graph.name, tuple(many.values()), outputs)


def _total(many: Value, one: Value) -> Value:
    """The gradient that many examples have of what they share; ``one`` is that of one example."""
    return sum(many, (0,)) if one.type.differentiable else filled(0, one.type)
