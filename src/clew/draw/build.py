"""From a graph, and what is known of its values, to a scene."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Literal

import numpy as np

from ..ir import INPUT, Array, Graph, Tuple, Value
from ..ops.arithmetic import add
from ..ops.items import Item
from .fold import Fold, clusters, folding, scope_of, without_middle
from .known import Known, Parts, facts, opened, unknown
from .scene import Edge, Kind, Node, Scene, Stem
from .summary import full, lines, shortened

Passes = Literal["both", "forward"]

SYMBOLS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "reciprocal": "1/x", "square": "x²", "neg": "−x"}
SMALL = 64  # a constant of at most so many elements is looked at one by one
COMMUTING = frozenset(
    {"add", "mul", "maximum", "minimum", "logaddexp", "hypot", "equal", "not_equal", "logical_and", "logical_or"}
)


def scene(
    graph: Graph,
    values: Mapping[Value, Array] | None = None,
    gradients: Mapping[Value, Array] | None = None,
    *,
    parts: Parts | None = None,
    fold: str | Collection[str] = "auto",
    passes: Passes = "both",
) -> Scene:
    """The picture of a graph. What is known of a value without ``values`` is its ``data``.

    ``parts[user, k]`` is the gradient that comes back over operand ``k`` of ``user``; it is worked out where not given.
    """
    if passes == "forward":
        gradients, parts = {}, {}
    known = facts(graph, values, gradients, parts)
    ops = [v for v in graph.values if v.operands]
    how = folding(fold, ops, len(graph.inputs))
    return Builder(graph, known, how, "").region(graph.values, "", ())


class Builder:
    """Draws one graph: the one given, or the body of a gate (whose place in the picture ``path`` tells)."""

    def __init__(self, graph: Graph, known: Known, fold: Fold, path: str) -> None:
        self.graph = graph
        self.known = known
        self.fold = fold
        self.path = path
        self.number = {v: n for n, v in enumerate(graph.values)}
        self.outputs = frozenset(graph.outputs)
        self.users: dict[Value, list[Value]] = {}
        for v in graph.values:
            for x in v.operands:
                self.users.setdefault(x, []).append(v)

    def region(self, members: Sequence[Value], scope: str, entries: Sequence[Value]) -> Scene:
        """The scene of some values, those of ``scope``; ``entries`` come from outside."""
        leaves = [v for v in members if not v.operands and not self.trivial(v)]
        ops = [v for v in members if v.operands]
        depth = scope.count(".") + 1 if scope else 0
        runs = clusters(ops, {v: ".".join(scope_of(v).split(".")[: depth + 1]) if scope_of(v) != scope else "" for v in ops})
        runs = [part for name, run in runs for part in self.worthwhile(name, run)]
        if self.fold.limit is not None:
            runs = without_middle(runs, self.fold.limit)
        home = {v: n for n, (name, run) in enumerate(runs) if name for v in run}
        drawing = Drawing(self, scope, not scope and not self.path)
        for x in entries:
            drawing.entry(x)
        held: dict[int, list[Value]] = {}
        for x in leaves:
            n = self.holder(x, runs, home)
            if n is None:
                drawing.leaf(x)
            else:
                held.setdefault(n, []).append(x)
        for n, (name, run) in enumerate(runs):
            if name:
                drawing.group(name, [*held.get(n, ()), *run])
            else:
                drawing.op(run[0])
        inside = set(members)
        for v in ops:
            if scope and self.leaves(v, inside):
                drawing.exit(v)
        for v in self.graph.outputs if drawing.outermost else ():
            if v in self.users:
                drawing.output(v)
        return drawing.scene()

    def worthwhile(self, name: str, run: list[Value]) -> list[tuple[str, list[Value]]]:
        """A box round a single op tells nothing, unless it was asked for."""
        asked = self.fold.names is not None and name in self.fold.names
        return [(name, run)] if not name or len(run) > 1 or asked else [("", run)]

    def holder(self, x: Value, runs: list[tuple[str, list[Value]]], home: Mapping[Value, int]) -> int | None:
        """The run whose box an input or a constant goes into: that of all its users, if it belongs there by name."""
        places = {home.get(user) for user in self.users.get(x, ())}
        n = places.pop() if len(places) == 1 else None
        if n is None or x in self.outputs:
            return None
        name = runs[n][0]
        return n if x.op is None or name == "…" or (x.name or "").startswith(f"{name}.") else None

    def leaves(self, v: Value, inside: Collection[Value]) -> bool:
        return v in self.outputs or any([user not in inside for user in self.users.get(v, ())])

    def trivial(self, v: Value) -> bool:
        """A nameless constant whose elements are all equal: drawn small, and anew at each use."""
        if v.op is not None or v.name is not None or (v in self.outputs and not self.path):
            return False
        array = np.asarray(v.data)
        if array.size <= SMALL:
            return array.size == 1 or (array.size > 1 and bool((array == array.flat[0]).all()))
        return not any(array.strides)  # one element in memory, repeated

    def stem(self, v: Value, outermost: bool, bare: bool = False) -> Stem:
        """How a value leaves; ``bare`` where its labels stand elsewhere already."""
        result = outermost and v in self.outputs and v not in self.users
        name = v.name or f"%{self.number[v]}"
        if bare:
            return Stem(name, result=result)
        data, gradient = self.known.value(v), self.known.gradients.get(v)
        value = (str(v.type),) if data is None else lines(data, typed=True)
        return Stem(name, value, () if gradient is None else lines(gradient, typed=False), result)

    def tip(self, v: Value) -> str:
        """Everything about one value, in lines."""
        text = [f"{v.name or f'%{self.number[v]}'}: {v.type} = {self.formula(v)}"]
        data, gradient = self.known.value(v), self.known.gradients.get(v)
        if data is not None:
            text.append(f"value: {full(data)}")
        if gradient is not None:
            text.append(f"gradient: {full(gradient)}")
            text += self.locals(v)
        if v.note:
            text.append(f"note: {v.note}")
        if v.site is not None:
            text.append(f"at {v.site}")
        return "\n".join(text)

    def results(self, v: Value) -> list[Value]:
        """What leaves the node of ``v``: itself, or those of its several results that are used."""
        taken = [x for x in self.users.get(v, ()) if isinstance(x.op, Item)] if isinstance(v.type, Tuple) else []
        return sorted(taken, key=lambda x: x.op.k) if taken else [v]  # type: ignore[union-attr]

    def locals(self, v: Value) -> list[str]:
        """The local gradients over the edges of a gate on numbers."""
        arrays, result = [self.known.value(x) for x in v.operands], self.known.value(v)
        if v.op is None or v.shape or result is None or any([a is None or isinstance(a, tuple) for a in (result, *arrays)]):
            return []
        text = []
        with np.errstate(all="ignore"):
            for k, x in enumerate(v.operands):
                local = v.op.local(k, result, *arrays)
                if x.op is not None and local is not None:
                    text.append(f"local gradient to {x.name or f'%{self.number[x]}'}: {lines(local, typed=False)[0]}")
        return text

    def formula(self, v: Value) -> str:
        if v.op is None:
            return "constant"
        if v.op is INPUT:
            return "input"
        arguments = [x.name or f"%{self.number[x]}" for x in v.operands]
        return f"{v.op.name}({', '.join(arguments + [f'{key}={item}' for key, item in v.op.attributes.items()])})"


class Drawing:
    """A scene in the making."""

    def __init__(self, builder: Builder, scope: str, outermost: bool) -> None:
        self.builder = builder
        self.scope = scope
        self.outermost = outermost
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.entries: list[int] = []
        self.exits: list[int] = []
        self.source: dict[Value, tuple[int, int]] = {}  # which stem a value is found at

    def scene(self) -> Scene:
        return Scene(tuple(self.nodes), tuple(self.edges), tuple(self.entries), tuple(self.exits), not self.outermost)

    def place(self, node: Node, *made: Value) -> int:
        self.nodes.append(node)
        for k, v in enumerate(made):
            self.source[v] = len(self.nodes) - 1, k
        return len(self.nodes) - 1

    def stem(self, v: Value, bare: bool = False) -> Stem:
        return self.builder.stem(v, self.outermost, bare)

    def name(self, v: Value) -> str:
        return f"{self.builder.path}{self.builder.number[v]}"

    def short(self, name: str) -> str:
        """A name, less the scope that the box says already."""
        return shortened(name.removeprefix(f"{self.scope}.") if self.scope else name, 32)

    def entry(self, x: Value) -> None:
        stem = self.stem(x, bare=True)
        self.entries.append(self.place(Node(f"{self.name(x)}-in{len(self.nodes)}", "port", "", stems=(stem,)), x))

    def parameter(self, x: Value) -> None:
        """A parameter of a gate's body: an entry with a name."""
        node = Node(self.name(x), "input", x.name or "", stems=(self.stem(x, bare=True),), tip=self.builder.tip(x))
        self.entries.append(self.place(node, x))

    def chooser(self, x: Value) -> None:
        """An operand that goes to none of the graphs inside, but chooses one of them."""
        self.entries.append(self.place(Node(f"{self.builder.path}index", "input", "index", stems=(Stem(str(x.type)),))))

    def parts(self) -> None:
        """All that the graph computes."""
        for x in self.builder.graph.values:
            if x.operands:
                self.op(x)
            elif x.op is None and not self.builder.trivial(x):
                self.leaf(x)

    def beside(self, name: str, builder: Builder) -> None:
        """Another graph in the same box: a condition, another branch. It has a sign with its name at its end."""
        mine, self.builder = self.builder, builder
        for x in builder.graph.inputs:
            if x in builder.users or x in builder.outputs:
                self.leaf(x)
        self.parts()
        for k, v in enumerate(builder.graph.outputs):
            source = self.find(v, f"{name}{k}")
            target = self.place(Node(f"{builder.path}{name}{k}", "output", name, ports=1))
            self.edges.append(Edge(*source, target, 0))
        self.builder = mine

    def exit(self, v: Value) -> None:
        target = self.place(Node(f"{self.name(v)}-out{len(self.exits)}", "port", "", ports=1))
        self.exits.append(target)
        self.edges.append(Edge(*self.find(v, f"out{len(self.exits)}"), target, 0))

    def output(self, v: Value) -> None:
        """A sign for a result that is read inside the graph too."""
        target = self.place(Node(f"{self.name(v)}-result", "output", self.short(v.name or "result"), ports=1))
        self.edges.append(Edge(*self.source[v], target, 0))

    def leaf(self, x: Value) -> None:
        kind: Kind = "input" if x.op is INPUT else "constant"
        title = self.short(x.name or ("input" if x.op is INPUT else "data"))
        self.place(Node(self.name(x), kind, title, stems=(self.stem(x),), tip=self.builder.tip(x)), x)

    def op(self, v: Value) -> None:
        builder, op = self.builder, v.op
        assert op is not None
        if isinstance(op, Item) and v in self.source:  # it leaves the node of what it is an item of
            return
        kind: Kind = "gate" if op.graphs else "op"
        results = builder.results(v)
        inside = body(v, builder) if op.graphs and not builder.fold.closes_gate(op.name) else None
        bare = inside is not None and (op.body is not None or len(results) > 1)  # of a loop the numbers inside are others
        node = Node(
            self.name(v),
            kind,
            SYMBOLS.get(op.name, shortened(op.name, 20)),
            len(v.operands),
            tuple([self.stem(x, bare) for x in results]),
            self.short(v.name or ""),
            shortened(v.note or "", 32),
            builder.tip(v),
            tuple([k for k, x in enumerate(v.operands) if builder.trivial(x)]),
            op.name in COMMUTING,
            inside,
        )
        sources = [self.find(x, f"{node.id}-{k}") for k, x in enumerate(v.operands)]
        target = self.place(node, *results)
        for k, x in enumerate(v.operands):
            self.edges.append(Edge(*sources[k], target, k, self.part(x, [(v, k)])))

    def group(self, name: str, run: list[Value]) -> None:
        """A scope, or the middle of a graph that is too large: closed, or a box with a scene of its own."""
        builder, members = self.builder, set(run)
        ops = [v for v in run if v.operands]
        entries: dict[Value, list[tuple[Value, int]]] = {}
        for v in ops:
            for k, x in enumerate(v.operands):
                if x not in members and not builder.trivial(x):
                    entries.setdefault(x, []).append((v, k))
        exits = [v for v in ops if builder.leaves(v, members)]
        middle = name == "…"
        closed = middle or builder.fold.closes_scope(name)
        scene = None if closed else builder.region(run, name, list(entries))
        node = Node(
            f"{self.name(ops[-1])}-{name}",
            "group",
            f"… {len(ops)} more" if middle else self.short(name),
            len(entries),
            tuple([self.stem(v, bare=scene is not None) for v in exits]),
            "" if middle or not closed else f"{len(ops)} ops",
            tip=f"{name}: {len(ops)} operations" + "".join(f"\n{v.name}: {v.type}" for v in run if v.op is INPUT),
            inside=scene,
        )
        target = self.place(node, *exits)
        for port, (x, uses) in enumerate(entries.items()):
            self.edges.append(Edge(*self.source[x], target, port, self.part(x, uses if closed else [])))

    def find(self, x: Value, place: str) -> tuple[int, int]:
        """Where a value is to be found; trivial constants are drawn anew, to be found at this ``place`` alone."""
        if not self.builder.trivial(x):
            return self.source[x]
        title = lines(x.data, typed=False)[0].removeprefix("all ")
        return self.place(Node(f"{self.name(x)}-{place}", "constant", title, 0, (Stem(),))), 0

    def part(self, x: Value, uses: list[tuple[Value, int]]) -> str:
        """What ``uses`` of ``x`` send back together, if others read ``x`` too."""
        known = self.builder.known
        parts = [known.parts[use] for use in uses if use in known.parts]
        if not parts or len(uses) == len(self.builder.users[x]):
            return ""
        return lines(reduce(add, parts), typed=False)[0]


def body(v: Value, builder: Builder) -> Scene:
    """What is inside the gate, the loop or the branch that made ``v``; of a gate, with the numbers of this very use."""
    assert v.op is not None
    (_, first), *others = v.op.graphs.items() if v.op.body is None else [("body", v.op.body)]
    path = f"{builder.path}{builder.number[v]}/"
    inner = Builder(first, opened(v, builder.known) if v.op.body is not None else unknown(first), builder.fold, path)
    drawing = Drawing(inner, "", False)
    for x in v.operands[: len(v.operands) - len(first.inputs)]:
        drawing.chooser(x)
    for x in first.inputs:
        drawing.parameter(x)
    drawing.parts()
    for x in builder.results(v):
        drawing.exit(first.outputs[x.op.k if isinstance(x.op, Item) and isinstance(v.type, Tuple) else 0])
    for n, (name, graph) in enumerate(others):
        drawing.beside(name, Builder(graph, unknown(graph), builder.fold, f"{path}{n}/"))
    return drawing.scene()
