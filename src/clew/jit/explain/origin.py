"""Where a compiled graph comes from: which of the user's gates and lines each value of it computes, and what each pass did.

The passes run once more, on the graph with a mark at the place of each of its values. What they rewrite keeps its place, and
so its mark, and what comes out has the values of the compiled graph, one by one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from ...ir import INPUT, Graph, Site, Value
from ...ops.contraction import Contract

from ..prepare import PASSES, opened
from ..routine import Routine, checked

MARK = "\x1f"  # in a scope, before the number of a value
SILENT = frozenset("broadcast reshape permute cast identity item constant input slice pad concatenate".split())
Place = tuple[CodeType, int, str]


@dataclass(frozen=True)
class Effect:
    """What a pass made of the graph: its nodes before and after, and the seconds it took."""

    name: str
    before: int
    after: int
    seconds: float


@dataclass(frozen=True)
class Words:
    """What a kernel computes: its gates, the user's names among them, and the scopes and lines where they were written."""

    gates: tuple[str, ...]
    names: tuple[str, ...]
    scopes: tuple[str, ...]
    lines: tuple[str, ...]


class Origin:
    """Of one routine, made of ``source``."""

    def __init__(self, source: Graph, routine: Routine) -> None:
        self.values = source.values
        self.effects: list[Effect] = []
        graph = marked(source)
        for each in PASSES:
            start = time.perf_counter()
            after = each(graph)
            self.effects.append(Effect(each.__name__, nodes(graph), nodes(after), time.perf_counter() - start))
            graph = after
        again, _ = checked(graph)
        same = [v.type for v in again.values] == [v.type for v in routine.graph.values]
        twins = zip(routine.graph.values, again.values, strict=True) if same else ()
        self.twin = dict(twins)
        self.updated = {routine.graph.outputs[k]: routine.graph.inputs[n].name for k, n in routine.updates.items()}
        self.buffers = routine.grouping.buffers
        self.known = {v.place for v in self.values if v.place is not None}
        self.gates: dict[tuple[Place | None, str], str] = {}
        self.named: dict[tuple[Place | None, str], str] = {}  # the last op of a gate that the user named
        for v in self.values:
            if v.op is not None and v.op.body is not None:
                body = opened(v.op.body)
                last = body.outputs[0]
                if v.name is not None and last.op is not None:
                    self.named[last.place, last.op.name] = v.name
                for part in body.values:
                    if part.op is not None and part.op is not INPUT:
                        self.known.update([part.place] if part.place else [])
                        self.gates.setdefault((part.place, part.op.name), v.op.name)

    def words(self, roots: list[Value]) -> Words:
        """What the kernel says that computes these values."""
        gates: dict[str, None] = {}
        names: dict[str, None] = {}
        scopes: dict[str, None] = {}
        lines: dict[str, None] = {}
        for v in self.computed(roots):
            source, place = self.found(v)
            assert v.op is not None
            if v.op.name not in SILENT or v in roots:
                gates[self.gate(v, source, place)] = None
                if place is not None:
                    scopes[place[2]] = None
                    lines[line(place)] = None
            name = source.name if source is not None else self.named.get((place, v.op.name))
            names.update((x, None) for x in (name, self.updated.get(v)) if x is not None)
        heard = [gate for gate in gates if gate not in SILENT] or list(gates)
        return Words(tuple(heard), tuple(names), tuple(s for s in scopes if s), tuple(lines))

    def computed(self, roots: list[Value]) -> list[Value]:
        """The values that a kernel computes for these: they, and those that have no memory of their own."""
        found: dict[Value, None] = {}
        stack: list[tuple[Value, bool]] = [(v, False) for v in reversed(roots)]
        while stack:
            v, done = stack.pop()
            if done:
                found[v] = None
            elif v not in found and v.op is not None and v.op is not INPUT:
                stack.append((v, True))
                whole = v.op.graphs or not v.op.pulls
                stack += [(x, False) for x in reversed(v.operands) if x not in self.buffers and not whole]
        return list(found)

    def found(self, v: Value) -> tuple[Value | None, Place | None]:
        """The value of the source that became ``v``, if it is one, and the place in the user's program."""
        place = self.twin.get(v, v).place
        if place is None:
            return None, None
        scope, _, number = place[2].partition(MARK)
        place = place[0], place[1], scope
        if number:
            return self.values[int(number)], place
        return None, place if place in self.known else None

    def gate(self, v: Value, source: Value | None, place: Place | None) -> str:
        """What people call it: the gate it is a part of, or its op."""
        assert v.op is not None
        if isinstance(v.op, Contract):
            return "matmul"
        if source is None and place is not None:
            return self.gates.get((place, v.op.name), v.op.name)
        return v.op.name


def marked(graph: Graph) -> Graph:
    """The graph with the number of each value in its place; gates get none, whose parts have places of their own."""
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    for k, v in enumerate(graph.values):
        if v in new:
            continue
        place = v.place
        if place is not None and v.op is not None and v.op.body is None:
            place = place[0], place[1], f"{place[2]}{MARK}{k}"
        new[v] = Value(v.op, tuple(new[x] for x in v.operands), v.type, v.data, v.label, place)
    return Graph(graph.name, graph.inputs, tuple(new[v] for v in graph.outputs))


def nodes(graph: Graph) -> int:
    """How many values are computed."""
    return sum(v.op is not None and v.op is not INPUT for v in graph.values)


def line(place: Place) -> str:
    site = Site(*place)
    return f"{Path(site.code.co_filename).name}:{site.line}"


