"""One step of a loop: a graph, and the parts that its inputs and outputs play."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..diff.reverse import reaching
from ..ir import Graph, Value, parameter
from ..ops.broadcast import broadcast
from ..ops.comparison import where


@dataclass(frozen=True, eq=False)
class Step:
    """A graph of ``(carry..., scanned..., fixed...)`` to ``(next carry..., stacked...)``."""

    graph: Graph
    carries: int
    scans: int

    @cached_property
    def carry(self) -> tuple[Value, ...]:
        return self.graph.inputs[: self.carries]

    @cached_property
    def scanned(self) -> tuple[Value, ...]:
        return self.graph.inputs[self.carries : self.carries + self.scans]

    @cached_property
    def fixed(self) -> tuple[Value, ...]:
        return self.graph.inputs[self.carries + self.scans :]

    @cached_property
    def next(self) -> tuple[Value, ...]:
        return self.graph.outputs[: self.carries]

    @cached_property
    def stacked(self) -> tuple[Value, ...]:
        return self.graph.outputs[self.carries :]

    def moving(self, wanted: tuple[bool, ...]) -> set[Value]:
        """The inputs that move when those ``wanted`` do: carries move when what they become does."""
        moving = {x for x, asked in zip(self.graph.inputs, wanted, strict=True) if asked and x.type.differentiable}
        while True:
            reached = reaching(self.graph.values, moving)
            more = {x for x, y in zip(self.carry, self.next, strict=True) if y in reached and x.type.differentiable} - moving
            if not more:
                return moving
            moving |= more


def many_of(inputs: Iterable[Value], batched: Iterable[bool], size: int) -> dict[Value, Value]:
    """For each input that is batched, the parameter of ``size`` examples."""
    pairs = zip(inputs, batched, strict=True)
    return {v: parameter(v.name or "x", v.type.with_shape((size, *v.shape))) for v, is_batched in pairs if is_batched}


def chosen(condition: Value, a: Value, b: Value) -> Value:
    """``a`` where the condition holds, and ``b`` where not. The condition's axes are the first ones of theirs."""
    axes = tuple(range(condition.ndim, a.ndim))
    return where(broadcast(condition, axes, a.shape[condition.ndim :]) if axes else condition, a, b)  # type: ignore[no-any-return]
