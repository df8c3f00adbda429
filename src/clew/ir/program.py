"""A graph laid out to be run again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .op import INPUT
from .types import Array
from .value import toposort

if TYPE_CHECKING:
    from .graph import Graph


class Program:
    """The steps of a graph in order: each reads registers, computes by its op's reference, and writes one register."""

    def __init__(self, graph: Graph) -> None:
        order = [*graph.inputs, *(v for v in toposort(graph.outputs) if v.op is not INPUT)]
        place = {v: k for k, v in enumerate(order)}
        self.registers = [v.data if v.op is None else None for v in order]
        self.steps = [
            (place[v], v.op.reference, [place[x] for x in v.operands]) for v in order if v.op is not None and v.op is not INPUT
        ]
        self.outputs = [place[v] for v in graph.outputs]

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """The outputs. The caller sees to NumPy's warnings."""
        registers = self.registers.copy()
        registers[: len(inputs)] = inputs
        for to, reference, read in self.steps:
            registers[to] = reference(*[registers[k] for k in read])
        return [registers[k] for k in self.outputs]
