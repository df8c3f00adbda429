"""The gate that computes its parts again on the way back, instead of keeping them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..ir import Graph, Value, toposort
from ..ops.items import items
from .gate import Gate


@dataclass(frozen=True, eq=False)
class Checkpoint(Gate):
    """A gate whose way back is a gate too, so that no pass finds its parts computed twice and keeps those of the first time.

    Of what is inside, its last outputs are kept: those that a policy names.
    """

    def called(self, rule: Graph, *inputs: Any) -> Callable[[int], Any]:
        if not any([x.__class__ is Value for x in inputs]):
            return super().called(rule, *inputs)
        read = set(toposort(rule.outputs))
        pairs = [(v, x) for v, x in zip(rule.inputs, inputs, strict=True) if v in read]
        whole = Graph(rule.name, tuple(v for v, _ in pairs), rule.outputs)
        if not pairs:
            return super().called(rule, *inputs)
        return items(Gate(rule.name, whole)(*[x for _, x in pairs])).__getitem__
