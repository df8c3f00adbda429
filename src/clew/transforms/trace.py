"""``trace``: the graph that a function computes by."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..array.promotion import value_of
from ..errors import GraphError
from ..ir import INPUT, Graph, Value, parameter, toposort
from ..pytree import flatten
from ..tensor import Tensor, unwrap
from ..view import GraphView, view
from .run import argument_names, name_of, transformed

Function = Callable[..., Any]


def trace(f: Function) -> Callable[..., GraphView]:
    """The function that returns, instead of its result, the graph that ``f`` computes by, run on these arguments.

    ``f`` is called once with tensors that have a type and no value yet: control flow in Python that depends on a value
    raises ``ConcretizationError``. Arguments (also within containers) that are tensors, arrays, floats or integers
    become inputs, named after the parameters of ``f``; numbers become default floats. Any other argument (booleans,
    strings, None) is passed to ``f`` as it is. Tracked tensors that ``f`` uses from outside become inputs too.

    >>> import clew as cl
    >>> def f(x, y):
    ...     return (x + y) ** 2
    >>> print(cl.trace(f)(1.0, 2.0).text)
    graph f(x: f32[], y: f32[]) -> f32[]:
      %0: f32[] = add(x, y)
      %1: f32[] = constant(2.0)
      %2: f32[] = pow(%0, %1)
      return %2
    <BLANKLINE>
    """

    @wraps(f)
    def traced(*args: Any, **kwargs: Any) -> GraphView:
        leaves, tree = flatten([args, kwargs])
        names = argument_names(f, args, kwargs)
        values = {k: value_of(float(x) if isinstance(x, int) else unwrap(x)) for k, x in enumerate(leaves) if _varies(x)}
        inputs = {k: parameter(names[k], v.type) for k, v in values.items()}
        positional, keywords = tree.unflatten(Tensor(inputs[k]) if k in inputs else x for k, x in enumerate(leaves))
        outputs = _outputs(f, positional, keywords)
        free = [v for v in toposort(outputs) if v.op is INPUT and v not in set(inputs.values())]
        graph = Graph(name_of(f), (*inputs.values(), *free), outputs)
        given = {**{inputs[k]: v.data for k, v in values.items()}, **{v: v.data for v in free}}
        for v, data in given.items():
            if data is None:
                raise GraphError(f"trace: {v.name} of {name_of(f)} is traced itself and has no value; trace from outside")
        return view(graph, given)

    return traced


def _outputs(f: Function, positional: Any, keywords: Any) -> tuple[Value, ...]:
    """What ``f`` returns on tensors without values, flattened."""
    with transformed():
        returned = f(*positional, **keywords)
    results, _ = flatten(returned)
    if not results:
        raise GraphError(f"trace: {name_of(f)} returned nothing that could be traced; return a tensor")
    return tuple(value_of(unwrap(x)) for x in results)


def _varies(x: Any) -> bool:
    return isinstance(x, Tensor | np.ndarray | np.generic | float | int) and not isinstance(x, bool)
