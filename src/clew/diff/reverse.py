"""Reverse mode: walk the graph backward, multiply by local gradients, add up where paths meet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ..ir import INPUT, Label, Value, quiet, toposort
from ..ops.arithmetic import add

Read = Callable[[Value], Any]
LABELLED: list[Value] = []  # itself, not what is in it, stands for every value that has a label


def known(v: Value) -> Any:
    """Read a value as its array: rules given arrays compute, and record nothing."""
    return v.data


def itself(v: Value) -> Any:
    """Read a value as itself: rules given values extend the graph, which can be differentiated again."""
    return v


def pull_back(
    seeds: Mapping[Value, Any],
    read: Read = itself,
    wanted: Collection[Value] | None = None,
    edges: dict[tuple[Value, int], Any] | None = None,
) -> dict[Value, Any]:
    """The gradients of ``sum(vdot(seed, value))`` over the seeds, with respect to every value that they depend on.

    ``wanted`` keeps only those gradients, and walks only the paths that lead to them. ``edges`` receives what flows back
    over each edge: from a value to its operand ``k``. A value that is absent from the result has gradient zero.
    """
    order = toposort(seeds)
    active = None if wanted is None else reaching(order, wanted)
    with np.errstate(all="ignore"):
        found = _walk(order, dict(seeds), read, active, wanted, edges)
    if quiet.after is not None and read is not itself:
        quiet.after(seeds, found, read)
    return found


def backward(output: Value, seed: Any) -> dict[Label, Any]:
    """The gradient arrays of every variable and named value that ``output``, whose data is known, depends on."""
    gradients: dict[Label, Any] = {}
    found = quiet.walk(_walk, toposort((output,)), {output: seed}, known, None, LABELLED, None)
    if quiet.after is not None:
        quiet.after({output: seed}, found, known)
    for v, g in found.items():
        label = v.label
        if label is not None:
            gradients[label] = gradients[label] + g if label in gradients else g
    return gradients


def _walk(
    order: list[Value],
    gradients: dict[Value, Any],
    read: Read,
    active: set[Value] | None,
    kept: Collection[Value] | None,  # whose gradients stay, beside those of leaves; None: all
    edges: dict[tuple[Value, int], Any] | None,
) -> dict[Value, Any]:
    direct = read is known
    for y in reversed(order):
        op: Any = y.op
        if op is None or op is INPUT or (active is not None and y not in active):
            continue
        g = gradients.pop(y, None)
        if g is None:
            continue
        if kept is None or (y.label is not None if kept is LABELLED else y in kept):
            gradients[y] = g
        operands = y.operands
        if direct:  # most of the time: save the calls
            result, arrays = y.data, [x.data for x in operands]
        else:
            result, arrays = read(y), [read(x) for x in operands]
        if op.joint:
            wanted = tuple([x.op is not None and x.type.differentiable and (active is None or x in active) for x in operands])
            pull = op.pulling(wanted, g, result, *arrays)
        else:
            pull = op.pull
        for k, x in enumerate(operands):
            if x.op is None or not x.type.differentiable or (active is not None and x not in active):
                continue
            gradient = pull(k, g, result, *arrays)
            if gradient is None:
                continue
            if edges is not None:
                edges[y, k] = gradient
            gradients[x] = together(gradients[x], gradient) if x in gradients else gradient
    return gradients


def seeded(outputs: Iterable[Value], gradients: Iterable[Any]) -> dict[Value, Any]:
    """Seeds for ``pull_back``: the gradients of one value that is several outputs add up."""
    seeds: dict[Value, Any] = {}
    for y, g in zip(outputs, gradients, strict=True):
        seeds[y] = add(seeds[y], g) if y in seeds else g
    return seeds


def together(a: Any, b: Any) -> Any:
    """The sum of two gradients, or of two tangents. Of several results they are tuples, in which None is zero."""
    if a.__class__ is tuple:
        return tuple([y if x is None else x if y is None else add(x, y) for x, y in zip(a, b, strict=True)])
    return add(a, b)


def reaching(order: list[Value], wanted: Collection[Value]) -> set[Value]:
    """The values of ``order`` (operands first) that depend on a wanted one, themselves included."""
    active: set[Value] = set()
    for v in order:
        if v in wanted or (v.operands and not active.isdisjoint(v.operands)):
            active.add(v)
    return active
