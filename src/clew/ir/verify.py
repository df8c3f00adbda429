"""The rules of a well-formed graph, checked after every transformation in tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ClewError, GraphError
from .graph import Graph
from .op import INPUT
from .text import nested, value_names
from .types import UNKNOWN, Tuple, Type
from .value import Value


def verify(graph: Graph) -> Graph:
    """The graph itself, or a GraphError that names the first value that breaks a rule.

    Inputs are distinct and made by ``INPUT``; every other value's type is what its op infers; known data has its value's
    type; constants are known; graphs that ops hold are well formed too.
    """
    for g in nested(graph):
        names = value_names(g)
        if len(set(g.inputs)) != len(g.inputs):
            raise GraphError(f"graph {g.name}: an input is listed twice")
        for v in g.values:
            why = _fault(v)
            if why:
                raise GraphError(f"graph {g.name}: {names[v]}: {v.type}: {why}")
    return graph


def _fits(data: Any, type: Type) -> bool:
    if isinstance(type, Tuple):
        return isinstance(data, tuple) and all(map(_fits, data, type.items)) and len(data) == len(type.items)
    known = [(n, m) for n, m in zip(np.shape(data), type.shape, strict=False) if m != UNKNOWN]
    return data.dtype == type.dtype and np.ndim(data) == type.ndim and all(n == m for n, m in known)


def _fault(v: Value) -> str | None:
    if v.data is not None and not _fits(v.data, v.type):
        shown = v.data if isinstance(v.type, Tuple) else f"{v.data.dtype}{list(np.shape(v.data))}"
        return f"its data is {shown!s:.100}"
    if v.op is None:
        return "a constant has no data" if v.data is None else "a constant has operands" if v.operands else None
    if v.op is INPUT:
        return "an input has operands" if v.operands else None
    try:
        inferred = v.op.infer(*(x.type for x in v.operands))
    except ClewError as error:
        return str(error)
    return None if inferred is v.type else f"{v.op.opcode} infers {inferred}"
