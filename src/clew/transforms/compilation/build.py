"""A signature compiled: the function is traced, and what it did becomes an ``Entry``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from importlib import import_module
from typing import Any

from ...errors import UsageError
from ...ir import Graph, Label, Site, Value, here, recording, toposort
from ...tensor import Tensor
from ...variable import Variable
from .arguments import replaced, type_of
from .entry import Entry
from .guards import Guards
from .number import Traced
from .results import Results
from .search import Search, mentioned_in
from .settling import settled
from .swallowed import Swallowed
from .tracer import Attribute, Bound, Gradient, Trace, traced

Function = Callable[..., Any]


def build(
    f: Function,
    name: str,
    args: list[tuple[str, Any]],
    kwargs: dict[str, Any],
    *,
    wish: Any = None,
    native: bool = True,
) -> Entry:
    """The entry of the signature of these arguments: positional ones with their names, and those by keyword.

    With a ``wish`` (see ``fetch``) it also returns chosen nodes. Whatever happens, everything is left as it was.
    """
    trace, search = Trace(name), Search()
    keep: list[Any] = []
    floats: list[bool] = []
    names = mentioned_in(f)

    def symbol(x: Any, path: str) -> Any:
        t = type_of(x)
        if t is None:
            keep.append(x)
            search.visit(x, path, names)
            return x
        leaf = trace.input(path, t, None)
        floats.append(x.__class__ is float)
        return Traced(leaf) if x.__class__ is float else Tensor(leaf)

    positional = [replaced(x, path, symbol) for path, x in args]
    keywords = {key: replaced(x, key, symbol) for key, x in kwargs.items()}
    search.visit(f, name)
    guards = search.guards
    trace.arrays = guards.arrays
    swallowed = Swallowed(search.sources, list(guards.arrays.values()), search.functions)
    before, recording.on = recording.on, True
    try:
        with traced(trace):
            returned = f(*positional, **keywords)
            if isinstance(returned, Iterator | Coroutine):
                getattr(returned, "close", list)()
                raise UsageError(
                    f"{name} returns {returned!r:.60}, which runs later, when nothing is traced; return what it would make\n"
                    f"  at {Site(*here())}"
                )
            results = Results(returned)
            if wish is not None:
                results = Results(_fetched(trace, returned, results, wish))
            del returned
        guards.refuse_leaks(name)
        swallowed.tell(name)
        return _entry(trace, guards, results, [k for k, weak in enumerate(floats) if weak], keep, native)
    finally:
        recording.on = before
        trace.undo()
        trace.close()


def _fetched(trace: Trace, returned: Any, results: Results, wish: Any) -> Any:
    """What the function returned, and the nodes that are chosen by the names of the graph that it has without them."""
    fetch: Any = import_module("clew.transforms.compilation.fetch")  # it draws, which is not imported until somebody does
    graph, new, _ = _settle(trace, results, Changes(trace))
    return fetch.Fetching(trace, graph, new).fetched(wish, returned, results.values)


class Changes:
    """What a trace did to the state outside."""

    def __init__(self, trace: Trace) -> None:
        changed = {v: read.now for v, read in trace.variables.items() if read.now is not read.leaf}
        new = {v: trace.born[v] for _, _, _, _, variables in trace.attached for v in variables}
        self.arrays = [v for v, now in changed.items() if now.type.shape]
        self.scalars = [v for v, now in changed.items() if not now.type.shape]
        self.kept, self.spent, self.cleared = _gradients(trace)
        self.put = {**{v: changed[v] for v in self.scalars}, **new}
        self.values = [*(changed[v] for v in self.arrays), *self.put.values(), *self.kept.values()]


def _settle(trace: Trace, results: Results, changes: Changes) -> tuple[Graph, dict[Value, Value], dict[str, dict[Any, Value]]]:
    """The graph of a call, what stands in it for each value of the trace, and its inputs by kind."""
    outputs = [*results.values, *changes.values]
    entered, new = settled(trace, outputs)
    made = tuple([new[v] for v in outputs])
    groups = _groups(entered, set(toposort(made)), changes.arrays, changes.scalars)
    return Graph(trace.function, tuple(leaf for group in groups.values() for leaf in group.values()), made), new, groups


def _entry(trace: Trace, guards: Guards, results: Results, floats: list[int], keep: list[Any], native: bool) -> Entry:
    changes = Changes(trace)
    graph, new, groups = _settle(trace, results, changes)
    del new
    types = [v.type for v in results.values]
    results.values.clear()  # with them goes the trace
    draws = {generator: trace.draws[generator].count for generator, _ in groups["draws"]}
    return Entry(
        name=trace.function,
        graph=graph,
        guards=guards,
        results=results,
        types=types,
        floats=floats,
        bound=list(groups["bound"]),
        reads=list(groups["reads"]),
        updated=changes.arrays,
        scalars=changes.scalars,
        numbers=list(groups["numbers"]),
        before=list(groups["gradients"]),
        draws=list(draws.items()),
        outside=trace.outside,
        put=[(v, now.type, now.label) for v, now in changes.put.items()],
        kept=list(changes.kept),
        used=[label for label, inside in changes.spent if inside],
        spent=[label for label, inside in changes.spent if not inside],
        cleared=changes.cleared,
        attached=[(holder, key, was, x) for holder, key, was, x, _ in trace.attached],
        keep=keep,
        native=native,
    )


def _groups(
    entered: list[tuple[Value, Any]], needed: set[Value], arrays: list[Variable], scalars: list[Variable]
) -> dict[str, dict[Any, Value]]:
    """The inputs by kind, in the order of ``Entry``'s fields: what each stands for, and its leaf."""
    leaves = {place: leaf for leaf, place in entered if place is not None}
    used = {place: leaf for place, leaf in leaves.items() if leaf in needed}
    return {
        "arguments": dict(enumerate(leaf for leaf, place in entered if place is None)),
        "bound": {place: leaf for place, leaf in used.items() if isinstance(place, Bound)},
        "reads": {v: leaf for v, leaf in used.items() if isinstance(v, Variable) and v not in {*arrays, *scalars}},
        "updated": {v: leaves[v] for v in arrays},
        "scalars": {v: leaves[v] for v in scalars},
        "numbers": {place: leaf for place, leaf in used.items() if isinstance(place, Attribute)},
        "gradients": {place: leaf for place, leaf in used.items() if isinstance(place, Gradient)},
        "draws": {place: leaf for place, leaf in leaves.items() if isinstance(place, tuple)},
    }


def _gradients(trace: Trace) -> tuple[dict[Label, Value], list[tuple[Label, bool]], list[Label]]:
    """The gradients of what was there before: those to keep, those used up (were they made inside?), those taken away."""
    local = {v.label for v in trace.values} | {v.label for v in trace.born.values()} | {v.label for v in trace.local}
    local -= {read.leaf.label for read in trace.variables.values()}
    kept: dict[Label, Value] = {}
    spent: list[tuple[Label, bool]] = []
    cleared: list[Label] = []
    for label, (g, fresh) in trace.gradients.items():
        inside = g not in trace.leaves
        was_there, was_fresh = trace.outside.get(label, (False, False))
        if label in local:
            continue
        if g is None:
            if label not in trace.outside or was_there:
                cleared.append(label)
        elif fresh and inside:
            kept[label] = g
        elif not fresh and (inside or was_fresh):
            spent.append((label, inside))
    return kept, spent, cleared
