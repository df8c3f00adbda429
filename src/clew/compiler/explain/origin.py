"""Where a compiled graph comes from: which of the user's gates and lines each value of it computes, and what each pass did.

The passes run once more, on the graph with a mark at the place of each of its values. What they rewrite keeps its place, and
so its mark, and what comes out has the values of the compiled graph, one by one.
"""

from __future__ import annotations

import time
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Any

from ...ir import INPUT, Graph, Site, Value
from ...ops.contraction import Contract
from ..prepare import PASSES, opened
from ..routine import Routine

MARK = "\x1f"  # in a scope, before the number of a value
SILENT = frozenset("broadcast reshape permute cast identity item constant input slice pad concatenate".split())
READERS = 6  # that are asked in turn where they were written
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
    """Of one routine, made of ``source``. ``known`` are places that the user wrote; others are of calls that compile."""

    def __init__(self, source: Graph, routine: Routine, known: set[Place | None] | None = None) -> None:
        self.values = source.values
        self.known = places(source) if known is None else known
        self.effects: list[Effect] = []
        graph = marked(source)
        for each in PASSES:
            start = time.perf_counter()
            after = each(graph)
            self.effects.append(Effect(each.__name__, nodes(graph), nodes(after), time.perf_counter() - start))
            graph = after
        self.updated = {routine.graph.outputs[k]: routine.graph.inputs[n].name for k, n in routine.updates.items()}
        self._read(graph, routine)

    def _read(self, marked: Graph, routine: Routine) -> None:
        """What was compiled, and the same with marks."""
        same = [v.type for v in marked.values] == [v.type for v in routine.graph.values]
        self.twin = dict(zip(routine.graph.values, marked.values, strict=True)) if same else {}
        self.buffers = routine.grouping.buffers
        self.users: dict[Value, Value] = {}
        for v in routine.graph.values:
            for x in v.operands:
                self.users.setdefault(x, v)

    def within(self, band: Value, k: int, routine: Routine) -> Origin:
        """That of a band's body, whose values are parts of the same source."""
        found = copy(self)
        found.updated = {}
        op: Any = self.twin.get(band, band).op
        found._read(op.bodies[k], routine)
        return found

    def words(self, roots: list[Value]) -> Words:
        """What the kernel says that computes these values."""
        gates: dict[str, None] = {}
        names: dict[str, None] = {}
        scopes: dict[str, None] = {}
        lines: dict[str, None] = {}
        for v in self.computed(roots):
            source, last = self.found(v)
            if quiet(v) and v not in roots:
                continue
            gates[spoken(v, source)] = None
            name = source.name if source is not None and last else None
            names.update((x, None) for x in (name, self.updated.get(v)) if x is not None)
            place = self.place(v)
            if place is not None:
                scopes[place[2]] = None
                lines[line(place)] = None
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

    def found(self, v: Value) -> tuple[Value | None, bool]:
        """The value of the source that ``v`` computes, or is a part of; and whether it is what that results in."""
        place = self.twin.get(v, v).place
        number, last = place[2].partition(MARK)[2].split() if place is not None and MARK in place[2] else ("", "")
        return (self.values[int(number)], last == "True") if number else (None, False)

    def place(self, v: Value) -> Place | None:
        """Where the user wrote it; what a pass has made belongs to what reads it."""
        for _ in range(READERS):
            place = self.written(v)
            if place is not None or v not in self.users:
                return place
            v = self.users[v]
        return None

    def written(self, v: Value) -> Place | None:
        """The place of what ``v`` computes; of what a pass has made, that of the one op of its kind."""
        source, _ = self.found(v)
        plain = v.op.extends if v.op is not None else None
        same = [x for x in self.values if x.op is plain] if plain is not None else []
        if same:  # a loop that also saves: it was written where it does not
            alike = {x.place for x in same}
        elif source is not None:
            alike = {source.place}
        else:
            alike = {x.place for x in self.values if type(x.op) is type(v.op)}
        return alike.pop() if len(alike) == 1 and alike <= self.known else None


def places(graph: Graph) -> set[Place | None]:
    """Those of all its values, and of the values of the graphs that its ops hold."""
    found: set[Place | None] = {v.place for v in graph.values if v.place is not None}
    return found.union(*(places(inner) for v in graph.values if v.op is not None for inner in v.op.graphs.values()))


def quiet(v: Value) -> bool:
    """Whether it only says where elements are."""
    return v.op is None or v.op.name in SILENT


def spoken(v: Value, source: Value | None) -> str:
    """What people call it: the gate it is a part of, or its op."""
    assert v.op is not None
    if source is not None and source.op is not None and source.op.body is not None:
        return source.op.name
    return "matmul" if isinstance(v.op, Contract) else v.op.name


def marked(graph: Graph) -> Graph:
    """The graph in which the place of each value has its number, and whether it is all of that: of a gate, what is within."""
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    for k, v in enumerate(graph.values):
        if v not in new:
            op: Any = v.op
            if op is not None and op.body is not None:
                op = replace(op, body=marked_within(opened(op.body), k))
            new[v] = Value(op, tuple(new[x] for x in v.operands), v.type, v.data, v.label, mark(k, True))
    return Graph(graph.name, graph.inputs, tuple(new[v] for v in graph.outputs))


def marked_within(body: Graph, number: int) -> Graph:
    """The parts of a gate with its number."""
    new: dict[Value, Value] = {v: v for v in body.inputs}
    for v in body.values:
        if v not in new:
            place = mark(number, v in body.outputs)
            new[v] = Value(v.op, tuple(new[x] for x in v.operands), v.type, v.data, v.label, place)
    return Graph(body.name, body.inputs, tuple(new[v] for v in body.outputs))


def mark(number: int, last: bool) -> Place:
    return mark.__code__, 0, f"{MARK}{number} {last}"


def nodes(graph: Graph) -> int:
    """How many values are computed."""
    return sum(v.op is not None and v.op is not INPUT for v in graph.values)


def line(place: Place) -> str:
    site = Site(*place)
    return f"{Path(site.code.co_filename).name}:{site.line}"
