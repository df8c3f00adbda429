"""Run a graph in NumPy, one op at a time: the meaning that everything else is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import GraphError
from .graph import Graph
from .op import INPUT
from .types import Array
from .value import Value, toposort


@np.errstate(all="ignore")
def evaluate(outputs: Sequence[Value], given: Mapping[Value, Array] | None = None) -> dict[Value, Array]:
    """The array of every value that the outputs need. ``given`` are those of inputs, or of any other values.

    Known data is used as it is only where nothing is given: with other inputs it would be stale.
    """
    arrays: dict[Value, Array] = dict(given or {})
    for v in toposort(outputs):
        if v in arrays:
            continue
        if v.op is None or (v.data is not None and (not given or v.op is INPUT)):
            arrays[v] = v.data
        elif v.op is INPUT:
            raise GraphError(f"the input {v.name}: {v.type} has no value; give it one")
        else:
            arrays[v] = v.op.reference(*[arrays[x] for x in v.operands])
    return arrays


def run(graph: Graph, *inputs: Array) -> tuple[Array, ...]:
    """The graph's outputs for these inputs."""
    if len(inputs) != len(graph.inputs):
        raise GraphError(f"graph {graph.name} has {len(graph.inputs)} inputs, {len(inputs)} were given")
    with np.errstate(all="ignore"):
        return tuple(graph.program(inputs))
