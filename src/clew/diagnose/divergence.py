"""Where two computations part."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib import import_module
from typing import Any

import numpy as np

from ..draw.nodes import node_names
from ..errors import UsageError
from ..gates import expand
from ..ir import INPUT, Array, Graph, Tuple, Value, evaluate, toposort
from ..transforms.run import Run, name_of, parameter_names
from .compiled import Side, is_compiled
from .describe import name, place, spread

WIDE = np.dtype(np.float64)


@dataclass(frozen=True)
class Divergence:
    """The first node where two computations differ by more than the tolerance; ``nodes`` is None if they never do. Print it."""

    names: tuple[str, str]
    compared: int
    largest: float
    nodes: tuple[Value, Value] | None = None
    arrays: tuple[Array, Array] | None = None
    index: tuple[int, ...] = ()
    what: str = "node"

    @property
    def found(self) -> bool:
        """Whether they part."""
        return self.nodes is not None

    @property
    def counted(self) -> str:
        """How many nodes, or results, were compared, in words."""
        return f"{self.compared} {self.what}{'s' if self.compared != 1 else ''}"

    def __str__(self) -> str:
        if self.nodes is None or self.arrays is None:
            both = " and ".join(self.names)
            return f"{both} agree in {self.counted}; the largest difference is {self.largest:.2g}"
        (v, w), (a, b) = self.nodes, self.arrays
        lines = [f"{self.names[0]} and {self.names[1]} part at {name(v)}, after {self.counted} that agree"]
        if np.shape(a) == np.shape(b):
            where = f"[{', '.join(map(str, self.index))}]" if self.index else "its value"
            x, y = np.asarray(a)[self.index].item(), np.asarray(b)[self.index].item()
            lines.append(f"  {where}: {x:.9g} and {y:.9g}, a difference of {abs(x - y):.2g}")
        else:
            lines.append(f"  shapes {list(np.shape(a))} and {list(np.shape(b))}")
        for title, node, data in zip(self.names, (v, w), (a, b), strict=True):
            lines.append(f"  {title}: {name(node)}{place(node)}: {spread(data)}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Tolerance:
    """``whole``: ``rtol`` is taken of an array's largest element, not of each."""

    rtol: float
    atol: float
    whole: bool

    def compare(
        self,
        names: tuple[str, str],
        pairs: Iterable[tuple[Value, Value]],
        arrays: tuple[dict[Value, Array], dict[Value, Array]],
        what: str = "node",
    ) -> Divergence:
        compared, largest = 0, 0.0
        for v, w in pairs:
            a, b = arrays[0][v], arrays[1][w]
            if np.shape(a) != np.shape(b):
                return Divergence(names, compared, largest, (v, w), (a, b), (), what)
            x, y = np.asarray(a).astype(WIDE), np.asarray(b).astype(WIDE)
            with np.errstate(all="ignore"):
                distance = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0.0, np.abs(x - y))
                scale = np.maximum(np.abs(x), np.abs(y))
                scale = np.max(scale, initial=0.0, where=np.isfinite(scale)) if self.whole else scale
                bad = ~(distance <= self.atol + self.rtol * scale)
            if bad.any():
                index = tuple(int(i) for i in np.argwhere(bad)[0])
                return Divergence(names, compared, largest, (v, w), (a, b), index, what)
            compared += 1
            largest = max(largest, float(np.max(distance, initial=0.0)))
        return Divergence(names, compared, largest, what=what)


def diverge(f: Callable[..., Any], g: Callable[..., Any], *args: Any, rtol: float = 1e-5, atol: float = 1e-8) -> Divergence:
    """Run two functions at the same arguments, node by node, and name the first where they differ.

    Nodes are matched by the names they were given, else by the order of equal operations; gates are opened on both sides, so
    that a fine and a coarse form of one function can be compared. Two elements agree if they differ by at most ``atol +
    rtol * max(|a|, |b|)``, two NaN agree. For two settings of one function (dtypes, a flag), let ``f`` and ``g`` call it so.

    If one of them is compiled, results and new state are compared first, those of the compiled code at its full speed. Only
    if they differ, both run again node by node, the compiled one with every node written to memory. State stays as it is.
    Compiled code adds up in another order, so ``rtol`` is then taken of the largest element of each array.
    ``cl.diverge(step, step.function, *args)`` holds compiled code to eager mode.

    >>> import clew as cl
    >>> f = lambda x: cl.exp(cl.sin(x) * 2)
    >>> g = lambda x: cl.exp(cl.sin(x) * 2.001)
    >>> print(cl.diverge(f, g, 1.0))
    <lambda> and <lambda> part at mul, after 2 nodes that agree
      its value: 1.68294203 and 1.68378341, a difference of 0.00084
      ...
    """
    compiled, names = is_compiled(f) or is_compiled(g), (name_of(f), name_of(g))
    tolerance = Tolerance(rtol, atol, compiled)
    if compiled:
        return _compiled(tolerance, Side(f, args), Side(g, args))
    (a, arrays), (b, others) = (_run(h, args) for h in (f, g))
    return tolerance.compare(names, _matched(a, b), (arrays, others))


def _run(f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Graph, dict[Value, Array]]:
    """The graph of ``f``, its gates opened, and the arrays of all its values."""
    run = Run("diverge", f, args, name_of(f), names=parameter_names(f, len(args)))
    if not run.outputs:
        raise UsageError(f"diverge: {name_of(f)} returned nothing to compare")
    rest = [v for v in toposort(run.outputs) if v.op is INPUT and v not in run.leaves]
    fine = expand(Graph(name_of(f), (*run.leaves, *rest), tuple(run.outputs)))
    return fine, evaluate(fine.outputs, {x: x.data for x in fine.inputs})


def _compiled(tolerance: Tolerance, f: Side, g: Side) -> Divergence:
    """The results first, and only if they differ all nodes."""
    names = (f.name, g.name)
    graphs = (expand(f.entry.graph), expand(g.entry.graph))
    results = tuple([_arrays(side, graph, graph.outputs) for side, graph in zip((f, g), graphs, strict=True)])
    pairs = list(dict.fromkeys(zip(graphs[0].outputs, graphs[1].outputs, strict=False)))
    first = tolerance.compare(names, pairs, (results[0], results[1]), "result")
    if not first.found and len(graphs[0].outputs) == len(graphs[1].outputs):
        return first
    nodes = [[v for v in graph.values if not isinstance(v.type, Tuple)] for graph in graphs]
    every = [_arrays(side, graph, tuple(v)) for side, graph, v in zip((f, g), graphs, nodes, strict=True)]
    fine = tolerance.compare(names, _matched(*graphs), (every[0], every[1]))
    return fine if fine.found else first


def _arrays(side: Side, graph: Graph, wanted: tuple[Value, ...]) -> dict[Value, Array]:
    """The arrays of these values, by native code if the function is compiled."""
    if not side.compiled:
        return evaluate(wanted, dict(zip(graph.inputs, side.inputs, strict=True)))
    compiled: Any = import_module("clew.compiler.compiled").Compiled
    return dict(zip(wanted, compiled(Graph(graph.name, graph.inputs, wanted))(side.inputs), strict=True))


def _matched(a: Graph, b: Graph) -> list[tuple[Value, Value]]:
    """Pairs of values to compare, in order. Names that several values have count with their order."""
    called = [node_names(graph) for graph in (a, b)]
    first, second = ([v for v in graph.values if not isinstance(v.type, Tuple) and v.op is not None] for graph in (a, b))
    named = {called[1][v]: v for v in second if v.name}
    pairs = {v: named[called[0][v]] for v in first if v.name and called[0][v] in named}
    taken = set(pairs.values())
    left, right = [v for v in first if v not in pairs], [w for w in second if w not in taken]
    keys = [[(name(v) if v.op is INPUT else v.op.name if v.op else "") for v in side] for side in (left, right)]
    for block in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_matching_blocks():
        for k in range(block.size):
            pairs[left[block.a + k]] = right[block.b + k]
    return [(v, pairs[v]) for v in first if v in pairs]
