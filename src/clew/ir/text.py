"""Graphs as text: typed, numbered by order, and valid input to ``parse``.

    graph neuron(w: f32[8,4], x: f32[4], b: f32[8]) -> f32[8]:
      %0: f32[8] = contract(w, x, spec='ij,j->i')
      %1: f32[8] = add(%0, b)
      p: f32[8] = sigmoid(%1)
      return p

Named values stand under their names, the others are numbered. Graphs that ops hold (a gate's body) are printed before
the graph that needs them and referred to as ``@name``.
"""

from __future__ import annotations

import re
from keyword import kwlist
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import numpy as np

from .op import INPUT
from .types import NAMES, Array
from .value import Value

if TYPE_CHECKING:
    from .graph import Graph


RESERVED = frozenset([*kwlist, *NAMES.values(), "inf", "nan"])  # these mean something else where a value is named


def show(graph: Graph, limit: int | None = 1000) -> str:
    """The graph's text. Constants of more than ``limit`` elements are summarised (such a text does not parse back)."""
    names: dict[Graph, str] = {}
    texts: list[str] = []
    for g in nested(graph):
        names[g] = unique(identifier(g.name), set(names.values()))
        texts.append(_show_one(g, names, limit))
    return "\n".join(texts)


def nested(graph: Graph) -> list[Graph]:
    """The graphs that the ops of ``graph`` hold, innermost first, and ``graph`` itself last."""
    order: list[Graph] = []
    stack: list[tuple[Graph, bool]] = [(graph, False)]
    while stack:
        g, expanded = stack.pop()
        if g in order:
            continue
        if expanded:
            order.append(g)
            continue
        stack.append((g, True))
        for v in reversed(g.values):
            if v.op is not None:
                stack += [(held, False) for held in v.op.graphs.values()][::-1]
    return order


def value_names(graph: Graph) -> dict[Value, str]:
    """What each value is called in text: inputs and named values by their names, the others ``%0 %1 ...`` in order."""
    names: dict[Value, str] = {}
    taken = set(RESERVED)
    count = 0
    for v in graph.values:
        if v.name or v.op is INPUT:
            names[v] = unique(identifier(v.name or "input"), taken)
            taken.add(names[v])
        else:
            names[v] = f"%{count}"
            count += 1
    return names


def identifier(name: str) -> str:
    name = normalize("NFKC", name)  # as Python reads names
    return re.sub(r"\W", "_", name) if not name[:1].isdigit() else "_" + re.sub(r"\W", "_", name)


def unique(name: str, taken: set[str]) -> str:
    """``name``, or ``name_1``, ``name_2`` ... where it is taken."""
    candidate, n = name, 0
    while candidate in taken:
        n += 1
        candidate = f"{name}_{n}"
    return candidate


def _show_one(graph: Graph, graphs: dict[Graph, str], limit: int | None) -> str:
    names = value_names(graph)
    lines = [
        f"  {names[v]}: {v.type} = {expression(v, names, graphs, limit)}{f'  # {v.note}' if v.note else ''}"
        for v in graph.values
        if v.op is not INPUT
    ]
    head = ", ".join(f"{names[v]}: {v.type}" for v in graph.inputs)
    types = ", ".join(str(v.type) for v in graph.outputs)
    tail = ", ".join(names[v] for v in graph.outputs)
    return "\n".join([f"graph {graphs[graph]}({head}) -> {types}:", *lines, f"  return {tail}", ""])


def expression(v: Value, names: dict[Value, str], graphs: dict[Graph, str], limit: int | None = 1000) -> str:
    """The right-hand side: ``op(operands, attributes)``."""
    if v.op is None:
        return f"constant({literal(v.data, limit)})"
    arguments = [names[x] for x in v.operands]
    arguments += [f"{k}={attribute(a, graphs)}" for k, a in v.op.attributes.items()]
    return f"{v.op.opcode}({', '.join(arguments)})"


def attribute(a: Any, graphs: dict[Graph, str]) -> str:
    if isinstance(a, np.dtype):
        return NAMES[a]
    if hasattr(a, "outputs"):
        return f"@{graphs[a]}"
    if isinstance(a, tuple):
        return f"({', '.join(attribute(x, graphs) for x in a)}{',' if len(a) == 1 else ''})"
    return repr(a)


def literal(data: Array, limit: int | None) -> str:
    """A constant's elements; one number where all are the same."""
    array = np.asarray(data)
    if array.size and (array.ndim == 0 or not any(array.strides) or _uniform(array)):
        return _number(array.flat[0])
    if limit is not None and array.size > limit:
        return f"<{array.size} elements>"
    return _list(array)


def _uniform(array: Array) -> bool:
    first = array.flat[0]
    if not (array == first).all():
        return False
    negative = np.signbit(array.astype(np.float64)) if first == 0 else np.zeros(())  # -0.0 equals 0.0
    return bool(negative.all() or not negative.any())


def _list(array: Array) -> str:
    return _number(array[()]) if array.ndim == 0 else f"[{', '.join(_list(a) for a in array)}]"


def _number(x: Any) -> str:
    return str(bool(x)) if x.dtype.kind == "b" else str(x)
