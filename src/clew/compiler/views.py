"""Strided views: which values are another one's memory, read with other steps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from ..ir import Shape, Value
from ..ops.broadcast import Broadcast, weave
from ..ops.movement import Flip, Permute, Reshape, Slice
from ..ops.pooling import Windows
from ..ops.rounding import Identity


@dataclass(frozen=True)
class View:
    """Element ``i`` is that of ``base`` at ``offset + sum(i * strides)``."""

    base: Value
    offset: int
    strides: tuple[int, ...]


def row_major(shape: Shape) -> tuple[int, ...]:
    """The steps of the axes of an array that lies in memory in order."""
    return tuple(prod(shape[k + 1 :]) for k in range(len(shape)))


def along(shape: Shape, cut: int) -> tuple[int, ...]:
    """The steps of an array's axes in a copy in which ``cut`` is the outermost.

    >>> along((4, 5, 6), 1)
    (6, 24, 1)
    """
    order = [cut, *(k for k in range(len(shape)) if k != cut)]
    steps, step = [0] * len(shape), 1
    for k in reversed(order):
        steps[k], step = step, step * shape[k]
    return tuple(steps)


def view(v: Value) -> View:
    """How ``v`` is read from the value that it is a view of; of any other value, from itself."""
    found, *steps = _moves(v)
    of = View(found, 0, row_major(found.shape))
    for x in steps:
        of = _step(x, of)
    return of


def chain(v: Value) -> list[Value]:
    """The value that ``v`` is a view of, and what leads from there to ``v``."""
    base = view(v).base
    found = _moves(v)
    return found[found.index(base) :]


def _moves(v: Value) -> list[Value]:
    """``v`` after all that it is moved from."""
    found = [v]
    while isinstance(found[-1].op, Broadcast | Flip | Identity | Permute | Reshape | Slice | Windows):
        found.append(found[-1].operands[0])
    return found[::-1]


def _step(v: Value, of: View) -> View:
    op, strides, offset = v.op, of.strides, of.offset
    if isinstance(op, Broadcast):
        return View(of.base, offset, weave(op.axes, (0,) * len(op.axes), strides))
    if isinstance(op, Permute):
        return View(of.base, offset, tuple(strides[a] for a in op.order))
    if isinstance(op, Flip):
        shape = v.shape
        offset += sum(strides[a] * (shape[a] - 1) for a in op.axes)
        return View(of.base, offset, tuple(-s if a in op.axes else s for a, s in enumerate(strides)))
    if isinstance(op, Slice):
        offset += sum(a * s for a, s in zip(op.start, strides, strict=True))
        return View(of.base, offset, tuple(s * k for s, k in zip(strides, op.step, strict=True)))
    if isinstance(op, Windows):
        n = len(op.window)
        lead, last = strides[: len(strides) - n], strides[len(strides) - n :]
        taps = tuple(s * d for s, d in zip(last, op.dilation, strict=True))
        places = tuple(s * k for s, k in zip(last, op.stride, strict=True))
        return View(of.base, offset, (*lead, *taps, *places))
    if isinstance(op, Reshape):
        made = reshaped(v.operands[0].shape, strides, v.shape)
        return View(v, 0, row_major(v.shape)) if made is None else View(of.base, offset, made)
    return of


def reshaped(shape: Shape, strides: tuple[int, ...], new: Shape) -> tuple[int, ...] | None:
    """The steps of the same elements in another shape; None where no steps do.

    >>> reshaped((2, 3, 4), (12, 4, 1), (6, 4)), reshaped((2, 3), (1, 2), (6,))
    ((4, 1), None)
    """
    if 0 in shape:
        return row_major(new)
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    made = [0] * len(new)
    k = 0
    axes = [a for a, n in enumerate(new) if n != 1]
    while axes:
        size, step = 1, 0
        group: list[int] = []
        run: list[tuple[int, int]] = []
        while not run or prod(n for n, _ in run) != size:  # the fewest old axes and new ones that hold as many elements
            if size <= prod(n for n, _ in run) or k == len(old):
                size *= new[axes[0]]
                group.append(axes.pop(0))
            else:
                run.append(old[k])
                k += 1
        if any(s != m * t for (_, s), (m, t) in pairwise(run)):
            return None
        step = run[-1][1]
        for a in reversed(group):
            made[a] = step
            step *= new[a]
    return tuple(made)
