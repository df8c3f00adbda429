"""What memory holds from a compiled function's way forward to its way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...ir import Graph, Type, toposort
from ..native import host
from ..routine import Routine, Shared
from .origin import Origin, Place, Words


@dataclass(frozen=True)
class Held:
    """An array that a kernel of the way forward writes, what it computes, and the kernels of the way back that read it."""

    type: Type
    words: Words
    place: Place | None
    readers: tuple[Words, ...]


def across(graph: Graph, updates: Mapping[int, int], losses: Sequence[int]) -> tuple[list[Held], int]:
    """What is held, and the bytes of memory for all that is computed on the way. ``losses`` are the outputs where it turns."""
    routine = Routine(graph, Shared(host().bits), updates)
    origin = Origin(graph, routine)
    forward = set(toposort(routine.graph.outputs[k] for k in losses))
    found = []
    for step in routine.steps:
        for x in step.writes:
            back = [s for s in routine.steps if x in s.reads and any(y.value not in forward for y in s.writes)]
            if x.value in forward and back:
                readers = tuple(origin.words([y.value for y in s.writes]) for s in back)
                found.append(Held(x.value.type, origin.words([x.value]), origin.place(x.value), readers))
    return found, routine.size
