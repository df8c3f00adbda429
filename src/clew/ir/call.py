"""A graph used as a function, of arrays or of values."""

from __future__ import annotations

from typing import Any

from .evaluate import evaluate
from .graph import Graph, rebuilt
from .op import constant
from .value import Value


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
