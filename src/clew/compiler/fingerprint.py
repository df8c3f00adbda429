"""What a graph computes, as bytes: equal for graphs of which the compiler makes the same code, in any process.

Names and places of the user's program are left out. Graphs that only this process can tell apart from others have no
fingerprint: those with ops from elsewhere, whose rules may change, or with more constants than one keeps on disk.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..ir import Graph, Op, Tuple, Type, Value
from .constants import compact, repeating

CONSTANTS = 1 << 20  # bytes: graphs with more of them are not told apart
SHORT = 64  # bytes that are spelt, and not hashed
PLAIN = frozenset({int, float, str, bool, type(None)})
WHOLE = __name__.partition(".")[0] + "."


class Unknown(Exception):
    """Something that has no spelling."""


def fingerprint(graph: Graph, updates: Mapping[int, int]) -> str | None:
    """Of a graph, and of which outputs take the place of which inputs; None if there is none."""
    try:
        return f"{_Speller().graph(graph)} {sorted(updates.items())}"
    except Unknown:
        return None


class _Speller:
    """Ops and types are spelt once each; a value is the numbers of its op, its type and its operands."""

    def __init__(self) -> None:
        self.graphs: dict[Graph, str] = {}
        self.ops: dict[int, int] = {}  # by identity: comparing ops takes longer than spelling them
        self.types: dict[Type, int] = {}
        self.texts: dict[str, int] = {}
        self.constants = 0

    def graph(self, graph: Graph) -> str:
        if graph not in self.graphs:
            self.graphs[graph] = self._graph(graph)
        return self.graphs[graph]

    def _graph(self, graph: Graph) -> str:
        places: dict[Value, int] = {}
        words = array("q")
        numbers: dict[int, int] = {}  # of the texts, in the order of their first use here
        for v in graph.values:
            places[v] = len(places)
            op = v.op
            if op is None:
                code = self._text(self._constant(v))
            elif v.data is not None:
                raise Unknown  # it may be computed while the graph is rewritten
            else:
                known = self.ops.get(id(op))
                code = self.ops[id(op)] = self._text(self._op(op)) if known is None else known
            type = self.types.get(v.type)
            if type is None:
                type = self.types[v.type] = self._text(repr(v.type))
            for number in (code, type):
                if number not in numbers:
                    numbers[number] = len(numbers)
            operands = v.operands
            words.extend((numbers[code], numbers[type], len(operands), *[places[x] for x in operands]))
        words.extend((-1, *[places[v] for v in graph.inputs], -1, *[places[v] for v in graph.outputs]))
        texts = list(self.texts)
        hashed = hashlib.sha256(words.tobytes())
        for number in numbers:
            text = texts[number].encode()
            hashed.update(b"%d:" % len(text))
            hashed.update(text)
        return hashed.hexdigest()

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def _op(self, op: Op) -> str:
        if op.body is not None:  # what it is called does not matter: the compiler opens it
            return f"gate {self.graph(op.body)}"
        kind = type(op)
        if not kind.__module__.startswith(WHOLE):
            raise Unknown
        said = ", ".join([f"{name}={self._attribute(a)}" for name, a in op.attributes.items()])
        plain = "" if op.extends is None else f" extends {self._op(op.extends)}"
        return f"{kind.__module__}.{kind.__qualname__}({said}){plain}"

    def _attribute(self, a: Any) -> str:
        if a.__class__ in PLAIN:
            return repr(a)
        if isinstance(a, np.generic):
            return f"{a.dtype}:{a.tobytes().hex()}"
        if isinstance(a, tuple):
            return f"({', '.join([self._attribute(x) for x in a])})"
        if isinstance(a, Graph):
            return self.graph(a)
        if isinstance(a, np.dtype):
            return repr(Type(a, ()))
        if isinstance(a, Type):
            return repr(a)
        raise Unknown

    def _constant(self, v: Value) -> str:
        if isinstance(v.type, Tuple):
            raise Unknown
        data = np.asarray(v.data)
        part = compact(data) if data.size else data
        content = part.tobytes()
        self.constants += len(content)
        if self.constants > CONSTANTS:
            raise Unknown
        digest = hashlib.sha256(content).hexdigest() if len(content) > SHORT else content.hex()
        return f"constant {part.shape} {repeating(data)} {digest}"
