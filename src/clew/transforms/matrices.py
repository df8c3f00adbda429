"""Whole matrices of derivatives: jacobian and hessian."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any, Literal

import numpy as np

from ..diff.batching import batch_forward
from ..diff.forward import push_forward
from ..diff.reverse import pull_back
from ..errors import GradientError, UsageError
from ..ir import Site, Value, constant, here, parameter
from ..ops.elementwise import filled
from ..ops.movement import permute, reshape
from .functional import grad
from .run import Function, Run, name_of, part_of


def jacobian(
    f: Function, argnums: int | Sequence[int] = 0, mode: Literal["forward", "reverse"] | None = None, has_aux: bool = False
) -> Function:
    """The function that returns the Jacobian matrix of ``f``: the derivative of every result by every argument ``argnums``.

    For a result of shape R and an argument of shape A it has shape ``R + A``: element ``[r, a]`` is d result[r] / d
    argument[a]. Where the result is a container, so is what is returned, and within it, for each result, so is the
    argument. All of it is one batched pass: forward, one direction for each element of the arguments; or in reverse, one for
    each element of the results. The cheaper one is taken if ``mode`` does not say. With ``has_aux``, ``f`` returns
    ``(result, aux)``, and the function returns ``(jacobian, aux)``.

    >>> import clew as cl
    >>> cl.jacobian(lambda x: cl.stack([x[0] * x[1], x[1]]))(cl.asarray([2.0, 3.0])).tolist()
    [[3.0, 2.0], [0.0, 1.0]]
    """
    if mode not in (None, "forward", "reverse"):
        raise UsageError(f"jacobian: mode is 'forward', 'reverse' or None, not {mode!r}")

    @wraps(f, updated=())
    def matrix(*args: Any, **kwargs: Any) -> Any:
        part, chosen, names = part_of("jacobian", f, argnums, args, kwargs)
        run = Run("jacobian", part, chosen, name_of(f), names=names, has_aux=has_aux)
        for v, path in zip(run.outputs, run.result_tree.paths, strict=True):
            if not v.type.differentiable:
                got = f"{v.type}{path and ' at '}{path}"
                raise GradientError(f"jacobian: {name_of(f)} returned {got}, which has no derivative\n  at {Site(*here())}")
        size = [sum(v.type.size for v in values) for values in (run.leaves, run.outputs)]
        forward = mode == "forward" or (mode is None and size[0] <= size[1])
        blocks = _forward(run) if forward else _reverse(run)
        made = run.result_tree.unflatten(_arguments(run, row, argnums) for row in blocks)
        return (made, run.aux) if has_aux else made

    return matrix


def _arguments(run: Run, row: list[Value], argnums: int | Sequence[int]) -> Any:
    arguments = run.tree.unflatten(run.wrap(v) for v in row)
    return arguments[0] if isinstance(argnums, int) else arguments


def basis(like: Value) -> Value:
    """The directions of every element: ``[n, *shape]``, with one 1 in each."""
    return constant(np.eye(like.type.size, dtype=like.dtype).reshape(like.type.size, *like.shape))


def _forward(run: Run) -> list[list[Value]]:
    """For each result, the derivative by each leaf: every direction pushed at once."""
    columns: list[list[Value]] = []
    for leaf in run.leaves:
        t = parameter("direction", leaf.type)
        moved = push_forward({leaf: t}, run.outputs)
        tangents = [moved.get(y) or filled(0, y.type) for y in run.outputs]
        many = batch_forward({t: basis(leaf)}, leaf.type.size, tangents)
        columns.append([_placed(many.get(v), y, leaf) for v, y in zip(tangents, run.outputs, strict=True)])
    return [[column[k] for column in columns] for k in range(len(run.outputs))]


def _placed(many: Value | None, y: Value, leaf: Value) -> Value:
    """``[n, *result]`` as ``[*result, *argument]``."""
    if many is None:
        return filled(0, y.type.with_shape((*y.shape, *leaf.shape)))
    last = permute(many, (*range(1, many.ndim), 0)) if many.ndim > 1 else many
    return reshape(last, (*y.shape, *leaf.shape))  # type: ignore[no-any-return]


def _reverse(run: Run) -> list[list[Value]]:
    """For each result, the derivative by each leaf: the gradient of every element pulled at once."""
    rows: list[list[Value]] = []
    for y in run.outputs:
        g = parameter("direction", y.type)
        found = pull_back({y: g}, wanted=set(run.leaves)) if y.op is not None else {}
        gradients = [found.get(x) for x in run.leaves]
        many = batch_forward({g: basis(y)}, y.type.size, [v for v in gradients if v is not None])
        row = []
        for v, x in zip(gradients, run.leaves, strict=True):
            shape = (*y.shape, *x.shape)
            row.append(reshape(many[v], shape) if v is not None and v in many else filled(0, x.type.with_shape(shape)))
        rows.append(row)
    return rows


def hessian(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that returns the Hessian matrix of the scalar ``f``: all second derivatives, forward over reverse.

    For an argument of shape A it has shape ``A + A``; of containers, and of several arguments, a container of containers,
    as ``jacobian(grad(f))`` has it. ``hvp`` multiplies it by a vector without making it.

    >>> import clew as cl
    >>> cl.hessian(lambda x: x[0] ** 2 * x[1])(cl.asarray([2.0, 3.0])).tolist()
    [[6.0, 4.0], [4.0, 0.0]]
    """
    return jacobian(grad(f, argnums, has_aux), argnums, "forward", has_aux)
