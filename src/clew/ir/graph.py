"""Graphs: functions from inputs to outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..errors import GraphError
from .op import INPUT
from .program import Program
from .text import show
from .value import Value, toposort


@dataclass(frozen=True, eq=False)
class Graph:
    """What its outputs reach: named inputs, and the values returned."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def __post_init__(self) -> None:
        given = set(self.inputs)
        for v in self.values:
            if v.op is INPUT and v not in given:
                raise GraphError(
                    f"graph {self.name}: an output needs the input {v.name or '(unnamed)'}: {v.type}, which is not "
                    f"among the graph's inputs ({', '.join(str(x.name) for x in self.inputs) or 'none'}); list it, or make "
                    f"it a constant"
                )

    @cached_property
    def values(self) -> list[Value]:
        """Every value, inputs first, operands before users."""
        return toposort((*self.inputs, *self.outputs))

    @cached_property
    def program(self) -> Program:
        """The graph laid out to be run again and again."""
        return Program(self)

    def __str__(self) -> str:
        return show(self)


def graph_of(name: str, outputs: tuple[Value, ...]) -> Graph:
    """The graph of some outputs; its inputs are the leaves they reach."""
    return Graph(name, tuple(v for v in toposort(outputs) if v.op is INPUT), outputs)


def substitute(outputs: tuple[Value, ...], replacement: Mapping[Value, Value]) -> tuple[Value, ...]:
    """``outputs`` rebuilt with some values replaced. What does not depend on those is shared, not copied."""
    new = rebuilt(outputs, replacement)
    return tuple(new[v] for v in outputs)


def rebuilt(outputs: tuple[Value, ...], replacement: Mapping[Value, Value]) -> dict[Value, Value]:
    """What stands for every value that the outputs need, once some are replaced."""
    new: dict[Value, Value] = dict(replacement)
    for v in toposort(outputs):
        if v in new:
            continue
        operands = tuple([new[x] for x in v.operands])
        same = all([a is b for a, b in zip(operands, v.operands, strict=True)])
        new[v] = v if same else rebuild(v, operands)
    return new


def rebuild(v: Value, operands: tuple[Value, ...]) -> Value:
    """``v`` on other operands: same op, name and place in the source."""
    assert v.op is not None
    made = v.op.apply(*operands)
    if made.op is None:
        return made
    return Value(made.op, made.operands, made.type, made.data, v.label or made.label, v.place)
