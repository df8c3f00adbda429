"""``@gate``: a function as one coarse gate, with a derivative of its own if it brings one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, overload

import numpy as np

from ..array.promotion import value_of
from ..errors import GradientError, UsageError
from ..gates import make_gate
from ..ir import Value, parameter
from ..pytree import flatten
from ..tensor import Tensor, unwrap
from ..view import GraphView
from .run import name_of

Function = Callable[..., Any]


@overload
def gate(function: Function, /, *, name: str | None = None) -> Function: ...
@overload
def gate(*, name: str) -> Callable[[Function], Function]: ...
def gate(function: Function | None = None, /, *, name: str | None = None) -> Any:
    """Make a function one gate: a named subgraph that is drawn as one box and can be opened.

    The function returns its result (an array, or a tuple of them); its derivatives then follow from its parts. Or it
    returns ``(result, backward)`` with a hand-made rule from the result's gradient (of several results, one each) to the
    arguments' gradients (one array, or a tuple with one for each argument), or ``(result, backward, forward)`` with a rule
    from the arguments' tangents to the result's tangent too. Arguments that are tensors or arrays (also within containers)
    are the gate's operands; anything else is fixed for the call.

    Batching (``vmap``) follows from its parts, or is its own: ``@sigmoid.batching`` above a function
    ``(size, batched, *operands)`` to the results of ``size`` examples, which lie along the first axis of every operand k
    with ``batched[k]`` and of every result.

    >>> import clew as cl
    >>> @cl.gate
    ... def sigmoid(x):
    ...     s = 1 / (1 + cl.exp(-x))
    ...     return s, lambda ds: ds * s * (1 - s)
    >>> cl.grad(sigmoid)(0.0).item()
    0.25
    """
    if function is None:
        return lambda f: gate(f, name=name)
    if name is not None:
        function = _renamed(function, name)
    own: list[Function] = []  # its batching rule, once it has one

    @wraps(function)
    def gated(*args: Any, **kwargs: Any) -> Any:
        return _apply(function, args, kwargs, own[-1] if own else None)

    def batching(rule: Function) -> Function:
        """Give the gate its own batching: ``rule(size, batched, *operands)`` returns its results of ``size`` examples.

        Operand k has the examples along its first axis if ``batched[k]``, and so must have every result.
        """
        own.append(rule)
        return rule

    gated.batching = batching  # type: ignore[attr-defined]
    return gated


def _renamed(function: Function, name: str) -> Function:
    @wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    renamed.__name__ = name
    return renamed


@dataclass(frozen=True)
class Opened:
    """A function called on parameters in place of its arrays: the arrays, the parameters, and what it returned."""

    operands: list[Value]
    inputs: list[Value]
    returned: Any


def opened(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Opened:
    """The function on parameters. Arguments that are no tensors or arrays are passed as they are."""
    signature = inspect.signature(function)
    call = signature.bind(*args, **kwargs)
    call.apply_defaults()
    leaves, tree = flatten(dict(call.arguments))
    paths = [path.replace("['", "", 1).replace("']", "", 1) for path in tree.paths]
    dynamic = [k for k, x in enumerate(leaves) if isinstance(x, Tensor | np.ndarray | np.generic)]
    if not dynamic:  # numbers beside arrays are weak and fixed; alone they are what the gate is a function of
        dynamic = [k for k, x in enumerate(leaves) if isinstance(x, float)]
    operands = {k: value_of(unwrap(leaves[k])) for k in dynamic}
    inputs = {k: parameter(paths[k], v.type) for k, v in operands.items()}
    bound = signature.bind_partial()
    bound.arguments.update(tree.unflatten(Tensor(inputs[k]) if k in inputs else x for k, x in enumerate(leaves)))
    return Opened(list(operands.values()), list(inputs.values()), function(*bound.args, **bound.kwargs))


def _apply(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], batching: Function | None) -> Any:
    title, call = name_of(function), opened(function, args, kwargs)
    result, backward, forward = _split(title, call.returned)
    results, shape = flatten(result)
    outputs = [value_of(unwrap(x)) for x in results]
    _takes(title, "backward", backward, len(outputs), "a gradient for each result")
    _takes(title, "forward", forward, len(call.inputs), "a tangent for each operand")
    _takes(title, "batching", batching, 2 + len(call.inputs), "size, flags and operands")
    many = None if batching is None else _batching_on_values(title, batching)
    rules = _on_values(title, "backward", backward), _on_values(title, "forward", forward)
    free, apply = make_gate(title, call.inputs, outputs, *rules, many)
    return shape.unflatten(Tensor(v) for v in apply(*call.operands, *free))


def _batching_on_values(title: str, rule: Function) -> Function:
    def on_values(size: int, batched: tuple[bool, ...], *operands: Value) -> Any:
        returned = rule(size, batched, *[Tensor(v) for v in operands])
        return tuple(_array(title, "batching", x) for x in flatten(returned)[0])

    return on_values


def _split(title: str, returned: Any) -> tuple[Any, Function | None, Function | None]:
    """The result, and the hand-made rules that came with it."""
    if not isinstance(returned, tuple) or not returned or not callable(returned[-1]) or isinstance(returned[-1], Tensor):
        return returned, None, None
    match returned:
        case (result, backward):
            return result, backward, None
        case (result, backward, forward) if callable(backward) or backward is None:
            return result, backward, forward
    raise UsageError(f"gate {title}: return a result, (result, backward) or (result, backward, forward)")


def _takes(title: str, which: str, rule: Function | None, count: int, what: str) -> None:
    """Refuse a rule that cannot be called with so many arguments."""
    try:
        if rule is not None:
            inspect.signature(rule).bind(*[None] * count)
    except TypeError as error:
        raise GradientError(f"gate {title}: its {which} rule is called with {what}, {count} here: {error}") from None


def _array(title: str, which: str, x: Any) -> Value:
    """What a rule returned, as a value."""
    if not isinstance(x, Tensor | np.ndarray | np.generic | int | float):
        raise GradientError(f"gate {title}: its {which} rule returned {x!r:.40}, which is no array of numbers")
    return value_of(unwrap(x))


def _on_values(title: str, which: str, rule: Function | None) -> Callable[..., Any] | None:
    """A rule on tensors as a rule on values."""
    if rule is None:
        return None

    def on_values(*values: Value) -> Any:
        returned = rule(*[Tensor(v) for v in values])
        parts = returned if isinstance(returned, tuple | list) else (returned,)
        return tuple(None if x is None else _array(title, which, x) for x in parts)

    return on_values


def expand(graph: GraphView, *names: str) -> GraphView:
    """The graph with its gates, or only those called ``names``, replaced by their parts; the numbers stay.

    >>> import clew as cl
    >>> x = cl.variable(0.0, name="x")
    >>> fine = cl.expand(cl.gate(lambda x: cl.exp(-x), name="decay")(x).graph())
    >>> [node.op for node in fine.nodes.values()]
    ['input', 'neg', 'exp']
    """
    return graph.open(*names)


def collapse(graph: GraphView, region: Iterable[str], name: str) -> GraphView:
    """The graph with the values called ``region`` made one gate ``name``; the numbers stay.

    The region must be convex: no path may leave it and come back.

    >>> import clew as cl
    >>> x = cl.variable(0.0, name="x")
    >>> coarse = cl.collapse(cl.exp(-x).graph(), ["%0", "%1"], "decay")
    >>> [node.op for node in coarse.nodes.values()]
    ['input', 'decay']
    """
    return graph.collapse(region, name)
