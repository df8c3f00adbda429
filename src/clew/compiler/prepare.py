"""What a graph goes through before it becomes kernels: named rewrites, in one visible list."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir import INPUT, UNKNOWN, Graph, Tuple, Value, constant
from ..ir.call import Call
from ..loops.hoisting import hoist
from ..ops.broadcast import Broadcast
from ..ops.contraction import Contract
from ..ops.convolution import Convolve
from ..ops.elementwise import filled
from ..ops.indexing import ScatterAdd
from ..ops.items import items
from ..passes import fold, share, simplify
from ..passes.merge import merge
from ..passes.rewrite import renewed, rewrite
from .bands import banded
from .checks import checked
from .constants import compact, repeating
from .factored import factored
from .joining import joined
from .phases import phased
from .products import unpadded
from .scattered import scattered
from .sortings import sorted_once
from .staged import staged
from .turning import turned


def unnamed(graph: Graph) -> Graph:
    """The graph without names on what is computed: they keep values apart that are equal."""
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    for v in graph.values:
        if v not in new:
            same = v.label is None and all([new[x] is x for x in v.operands])
            new[v] = v if same else Value(v.op, tuple([new[x] for x in v.operands]), v.type, v.data, None, v.place)
    return renewed(graph, new)


def opened(graph: Graph) -> Graph:
    """The graph with every gate replaced by its parts."""
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    parts: dict[Value, tuple[Value, ...]] = {}
    for v in graph.values:
        if v in new:
            continue
        if v.op is None or v.op is INPUT:
            new[v] = v
            continue
        operands = tuple([new[x] for x in v.operands])
        if v.op.body is not None:
            call = Call(opened(v.op.body), *operands)
            parts[v] = tuple(call.output(k) for k in range(len(v.op.body.outputs)))
            new[v] = parts[v][0]
        elif v.operands and v.operands[0] in parts and len(items(v.operands[0])) > 1:
            new[v] = parts[v.operands[0]][v.op.k]  # type: ignore[attr-defined]
        else:
            same = all([a is b for a, b in zip(operands, v.operands, strict=True)])
            new[v] = v if same else Value(v.op, operands, v.type, v.data, v.label, v.place)
    return renewed(graph, new)


def without_empty(graph: Graph) -> Graph:
    """The graph in which nothing is computed that has no elements."""

    def constant_if_empty(v: Value) -> Value:
        empty = v.op is not None and v.op is not INPUT and not isinstance(v.type, Tuple) and not v.type.size
        if empty and UNKNOWN not in v.shape:
            return Value(None, (), v.type, np.empty(v.shape, v.dtype))
        summed = isinstance(v.op, Contract | Convolve | ScatterAdd) and any(not x.type.size for x in v.operands)
        return filled(0, v.type) if summed else v

    return rewrite(graph, constant_if_empty)


def uniform(graph: Graph) -> Graph:
    """The graph in which constants that repeat themselves are known to: they are one number, or broadcasts of smaller ones."""

    def known_to_repeat(v: Value) -> Value:
        if v.op is not None or v.data is None or v.type.size < 2 or not any(v.data.strides):
            return v
        part = compact(v.data)
        if not part.shape:
            return Value(None, (), v.type, np.broadcast_to(part, v.shape))
        if part.ndim == v.ndim:
            return v
        axes = repeating(v.data)
        return Value(Broadcast(axes, tuple(v.shape[axis] for axis in axes)), (constant(part),), v.type)

    return rewrite(graph, known_to_repeat)


PASSES: tuple[Callable[[Graph], Graph], ...] = (
    merge,
    opened,
    unnamed,
    uniform,
    without_empty,
    fold,
    simplify,
    share,
    hoist,
    uniform,
    checked,
    without_empty,
    simplify,
    share,
    scattered,
    sorted_once,
    factored,
    joined,
    turned,
    phased,
    unpadded,
    simplify,
    share,
    banded,
    staged,
)


def prepare(graph: Graph) -> Graph:
    """The graph after every pass. It may have one output more, which is told in ``checks``."""
    done: dict[object, Graph] = {}
    for each in PASSES:
        if done.get(each) is not graph:  # twice on the same graph is as once
            done[each] = graph = each(graph)
    return graph
