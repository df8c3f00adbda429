"""``vmap``: a function of one example as a function of many."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from ..array import manipulation
from ..array.promotion import value_of
from ..diff.batching import batch_forward, stacked_or_repeated
from ..errors import AxisError, TypeRuleError, UsageError
from ..ir import Site, Value, here, parameter
from ..pytree import children_of, flatten
from ..tensor import Tensor, unwrap
from .run import Function, argument_names, name_of, transformed


def vmap(f: Function, in_axes: Any = 0, out_axes: Any = 0, axis_size: int | None = None) -> Function:
    """The function of many examples at once, of ``f``, a function of one.

    ``in_axes`` says along which axis of each argument the examples lie, None for an argument that all share: one number for
    all, or one for each argument, or containers of them that follow the arguments' own containers as far as they differ.
    Arguments by keyword are mapped over their first axis. ``out_axes`` says the same of the results; None is for a result
    that is the same for every example. ``axis_size`` is needed where no argument is mapped. ``f`` runs once, on tensors
    without values, so Python's control flow cannot depend on them; each op of its graph is replaced by the op of all
    examples. Nested, the maps' axes multiply.

    Random numbers follow their key: drawn with one key (or from a default generator) inside ``f`` they are the same in every
    example; map over ``cl.random.split(key, n)`` to have each example draw its own.

    >>> import clew as cl
    >>> cl.vmap(lambda x, w: cl.sum(x * w), in_axes=(0, None))(cl.ones((3, 2)), cl.asarray([1.0, 2.0])).tolist()
    [3.0, 3.0, 3.0]
    """

    @wraps(f, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, tree = flatten((args, kwargs))
        names = argument_names(f, args, kwargs)
        axes = (in_axes, 0) if isinstance(in_axes, int | None) else (_per_argument(in_axes, args), 0)
        found = [*leaf_axes("in_axes", axes[0], args), *leaf_axes("in_axes", axes[1], kwargs)]
        values = {
            k: _front(names[k], x, axis) for k, (x, axis) in enumerate(zip(leaves, found, strict=True)) if axis is not None
        }
        size = _size(f, names, values, axis_size)
        given = {k: parameter(names[k], v.type.with_shape(v.shape[1:])) for k, v in values.items()}
        positional, keywords = tree.unflatten(Tensor(given[k]) if k in given else x for k, x in enumerate(leaves))
        with transformed():
            returned = f(*positional, **keywords)
        results, shape = flatten(returned)
        outputs = [_result(f, path, x) for path, x in zip(shape.paths, results, strict=True)]
        stacked = batch_forward({given[k]: v for k, v in values.items()}, size, outputs)
        placed = []
        for v, path, axis in zip(outputs, shape.paths, leaf_axes("out_axes", out_axes, returned), strict=True):
            if axis is None and v in stacked:
                raise UsageError(
                    f"vmap: the result{path} of {name_of(f)} differs from example to example; out_axes needs an axis for it"
                )
            placed.append(v if axis is None else _moved(f"the result{path}", stacked_or_repeated(stacked, v, size), 0, axis))
        return shape.unflatten(Tensor(v) for v in placed)

    return mapped


def _per_argument(in_axes: Any, args: tuple[Any, ...]) -> Any:
    axes = tuple(in_axes) if isinstance(in_axes, tuple | list) else in_axes
    if isinstance(axes, tuple) and len(axes) != len(args):
        raise UsageError(f"vmap: in_axes has {len(axes)} entries for {len(args)} arguments")
    return axes


def leaf_axes(what: str, axes: Any, tree: Any, path: str = "") -> list[int | None]:
    """An axis for each leaf of ``tree``, from a container of axes that may stop at one for a whole part of the tree."""
    if axes is None or isinstance(axes, int):
        return [axes] * len(flatten(tree)[0])
    parts, inner = children_of(tree), children_of(axes)
    if parts is None or inner is None or {name for name, _ in parts} != {name for name, _ in inner}:
        has = "is one array" if parts is None else f"has ({', '.join(name for name, _ in parts)})"
        raise UsageError(f"vmap: {what}{path} does not follow the containers it stands for: {axes!r}, while that {has}")
    below = dict(inner)
    return [axis for name, part in parts for axis in leaf_axes(what, below[name], part, path + name)]


def _front(name: str, x: Any, axis: int) -> Value:
    if not isinstance(x, Tensor | np.ndarray | np.generic | int | float):
        raise TypeRuleError(f"vmap: the argument {name} is {x!r:.40}, which has no axis to map; its in_axes must be None")
    return _moved(f"the argument {name}", value_of(unwrap(x)), axis, 0)


def _result(f: Function, path: str, x: Any) -> Value:
    if isinstance(x, str) or callable(x):
        raise TypeRuleError(f"vmap: the result{path} of {name_of(f)} is {x!r:.40}, which is no array of numbers")
    return value_of(unwrap(x))


def _moved(what: str, v: Value, source: int, target: int) -> Value:
    axis = source if target == 0 else target
    if not -v.ndim <= axis < v.ndim:
        raise AxisError(f"vmap: {what} is {v.type}; it has no axis {axis} to map\n  at {Site(*here())}")
    return manipulation.moveaxis(v, source, target) if source != target else v


def _size(f: Function, names: list[str], values: dict[int, Value], axis_size: int | None) -> int:
    sizes = {v.shape[0] for v in values.values()} | ({axis_size} if axis_size is not None else set())
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise UsageError(
            f"vmap: no argument of {name_of(f)} is mapped; axis_size says how many examples there are\n  at {Site(*here())}"
        )
    shown = ", ".join(f"{names[k]} has {v.shape[0]}" for k, v in values.items())
    given = f", axis_size is {axis_size}" if axis_size is not None else ""
    raise TypeRuleError(
        f"vmap: the arguments of {name_of(f)} differ in the number of examples: {shown}{given}\n  at {Site(*here())}"
    )
