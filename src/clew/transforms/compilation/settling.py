"""From a trace to a graph that stands alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ConcretizationError
from ...ir import INPUT, Label, Site, Value, constant, here, toposort
from .tracer import Bound, Trace

SMALL = 64  # elements: constants of no more, that nobody else holds, are part of the graph


def settled(trace: Trace, outputs: Sequence[Value]) -> tuple[list[tuple[Value, Any]], dict[Value, Value]]:
    """What the outputs need, copied, free of the trace's own values, and the inputs with what each stands for.

    Leaves of variables that were assigned to become what was assigned; arrays from outside become inputs.
    """
    new: dict[Value, Value] = {}
    inputs: list[tuple[Value, Any]] = []
    bound = {id(place.array): leaf for leaf, place in trace.leaves.items() if isinstance(place, Bound)}

    def entered(v: Value, stands_for: Any) -> Value:
        leaf = _leaf(v)
        inputs.append((leaf, stands_for))
        return leaf

    for leaf, stands_for in trace.leaves.items():
        new[leaf] = entered(leaf, stands_for)
    for v in toposort((*trace.alias.values(), *outputs)):
        if v in new:
            continue
        if v in trace.alias:
            new[v] = new[trace.alias[v]]
        elif v.op is None:
            new[v] = v
            if _is_outside(v):
                if id(v.data) not in bound:
                    bound[id(v.data)] = entered(v, Bound(v.data))
                new[v] = new.get(bound[id(v.data)], bound[id(v.data)])
        elif v.op is INPUT:
            if v.data is None:
                raise ConcretizationError(
                    f"{trace.function} uses {v.name or 'a tensor'}: {v.type}, which stands for a value inside another function "
                    f"that is traced; return it from there\n  at {Site(*here())}"
                )
            new[v] = Value(None, (), v.type, v.data) if v in trace.local else entered(v, Bound(v.data, v.label))
        else:
            new[v] = Value(v.op, tuple([new[x] for x in v.operands]), v.type, None, _name(v.label), v.place)
    return inputs, new


def _leaf(v: Value) -> Value:
    return Value(INPUT, (), v.type, None, _name(v.label))


def _name(label: Label | None) -> Label | None:
    return None if label is None else Label(label.name, label.note)


def _is_outside(v: Value) -> bool:
    """Whether a constant is an array that somebody else holds, and may change, or that is too large to be written out."""
    array = v.data
    if array.__class__ is not np.ndarray or 0 in array.strides:
        return False
    return sys.getrefcount(array) > ALONE or (array.size > SMALL and bool((array != array.flat[0]).any()))


def _references() -> int:
    """How many references an array has that only a value holds, where ``_is_outside`` counts them."""
    v = constant(np.zeros(1))
    array = v.data
    return sys.getrefcount(array)


ALONE = _references()
