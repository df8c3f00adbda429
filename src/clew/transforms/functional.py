"""Derivatives of functions: grad, value_and_grad, vjp, jvp, hvp, and gradients of nodes of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from ..array.promotion import value_of
from ..diff.reverse import itself, pull_back
from ..errors import GradientError
from ..ops.elementwise import filled
from ..pytree import tree_map
from ..tensor import Tensor, unwrap
from .run import Function, Run, name_of, parameter_names, part_of


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that returns the gradient of the scalar ``f`` with respect to its arguments ``argnums``.

    Arguments may be nested containers (dicts, lists, tuples, dataclasses) of arrays; the gradient has their structure,
    and the dtypes of its leaves. An argument that does not move the result has gradient zero. With ``has_aux``, ``f``
    returns ``(scalar, aux)``, and the function returns ``(gradient, aux)``.

    >>> import clew as cl
    >>> cl.grad(lambda x: x**3)(2.0).item()
    12.0
    >>> cl.grad(cl.grad(lambda x: x**3))(2.0).item()
    12.0
    """
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that returns ``(value, gradient)`` of the scalar ``f``; see ``grad``.

    With ``has_aux``, ``f`` returns ``(scalar, aux)``, and the function returns ``((value, aux), gradient)``.

    >>> import clew as cl
    >>> (value, aux), gradient = cl.value_and_grad(lambda x: (x * x, {"half": x / 2}), has_aux=True)(3.0)
    >>> value.item(), aux["half"].item(), gradient.item()
    (9.0, 1.5, 6.0)
    """

    @wraps(f, updated=())
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        part, chosen, names = part_of("grad", f, argnums, args, kwargs)
        run = Run("grad", part, chosen, name_of(f), names=names, has_aux=has_aux)
        output = run.scalar()
        gradients = run.pull([filled(1, output.type)])
        value = (run.result, run.aux) if has_aux else run.result
        return value, gradients[0] if isinstance(argnums, int) else gradients

    return value_and_gradient


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """``f(*primals)``, and the function that takes a gradient of that result to gradients of the primals.

    With ``has_aux``, ``f`` returns ``(result, aux)``, and aux comes third.

    >>> import clew as cl
    >>> y, pullback = cl.vjp(lambda x: x * x, 3.0)
    >>> pullback(1.0)[0].item()
    6.0
    """
    run = Run("vjp", f, primals, name_of(f), names=parameter_names(f, len(primals)), has_aux=has_aux)

    def pullback(gradient: Any) -> tuple[Any, ...]:
        return run.pull(run.like_outputs("vjp: the gradient", gradient))

    return (run.result, pullback, run.aux) if has_aux else (run.result, pullback)


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> tuple[Any, ...]:
    """``f(*primals)``, and how it moves when the primals move along the tangents.

    With ``has_aux``, ``f`` returns ``(result, aux)``, and aux comes third.

    >>> import clew as cl
    >>> y, dy = cl.jvp(lambda x: x * x, (3.0,), (1.0,))
    >>> dy.item()
    6.0
    """
    run = Run("jvp", f, tuple(primals), name_of(f), names=parameter_names(f, len(primals)), has_aux=has_aux)
    moved = run.push(tuple(tangents))
    return (run.result, moved, run.aux) if has_aux else (run.result, moved)


def linearize(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """``f(*primals)``, and the linear function that takes tangents of the primals to the result's.

    ``f`` runs once, however many tangents are pushed through its graph afterwards. With ``has_aux``, ``f`` returns
    ``(result, aux)``, and aux comes third.

    >>> import clew as cl
    >>> y, push = cl.linearize(lambda x: x * x, 3.0)
    >>> push(1.0).item(), push(2.0).item()
    (6.0, 12.0)
    """
    run = Run("linearize", f, primals, name_of(f), names=parameter_names(f, len(primals)), has_aux=has_aux)

    def push(*tangents: Any) -> Any:
        return run.push(tangents)

    return (run.result, push, run.aux) if has_aux else (run.result, push)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of the scalar ``f`` at the primals, times the tangents (forward over reverse; no matrix is made)."""
    everything = tuple(range(len(primals)))
    gradient = jvp(grad(f, everything), primals, tangents)[1]
    return gradient[0] if len(primals) == 1 else gradient


def stop_gradient(tree: Any) -> Any:
    """The same values, with their past cut off: no gradient passes. Containers keep their structure.

    >>> import clew as cl
    >>> cl.grad(lambda x: x * cl.stop_gradient(x))(3.0).item()
    3.0
    """
    return tree_map(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)


def gradients(output: Tensor, nodes: Sequence[Tensor], gradient: Any = None) -> tuple[Tensor, ...]:
    """The gradients of ``output`` with respect to any nodes of its graph. They are graph: differentiable again.

    A node that does not move the output has gradient zero.
    """
    v = output.value
    if gradient is None and v.shape:
        raise GradientError(f"gradients: the output is {v.type}; reduce it to a scalar, or give its gradient")
    seed = filled(1, v.type) if gradient is None else value_of(unwrap(gradient), v.dtype)
    wanted = [node.value for node in nodes]
    for node in wanted:
        if not node.type.differentiable:
            raise GradientError(f"gradients: a node of {node.type} has no gradient; it is not floating-point")
    found = pull_back({v: seed}, itself, set(wanted))
    return tuple(Tensor(found.get(node) or filled(0, node.type)) for node in wanted)
