"""Convolutions of inputs that are spread apart, as the gradient of a stride is, without the zeros between.

Along such an axis, every ``d``-th result meets the same taps of the kernel, every ``d``-th of them, and all others meet zeros.
So each of these phases is a plain convolution with a part of the kernel, and the results of all phases interleave.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ..ir import Graph, Value
from ..ops.convolution import Convolve
from ..ops.elementwise import filled
from ..ops.movement import concat, reshape
from ..ops.movement import slice as sliced
from ..passes.rewrite import rewrite
from .products import padded

WORTH = 1_000_000  # multiplications with zeros that cost more than further kernels do


def phased(graph: Graph) -> Graph:
    """The graph with such convolutions in phases, where that saves enough."""
    return rewrite(graph, lambda v: _phased(v) or v)


@dataclass(frozen=True)
class Phase:
    """Every ``d``-th result along an axis: the first tap that it meets, how many it meets, and where it begins to read."""

    tap: int
    taps: int
    start: int


def phases(spread: int, low: int, taps: int) -> list[Phase]:
    """The phases along an axis with so much padding before it.

    >>> phases(2, 1, 5)
    [Phase(tap=1, taps=2, start=0), Phase(tap=0, taps=3, start=0)]
    """
    firsts = [(low - r) % spread for r in range(spread)]
    return [Phase(t, max(0, -((t - taps) // spread)), (r + t - low) // spread) for r, t in enumerate(firsts)]


def _phased(v: Value) -> Value | None:
    op = v.op
    if not isinstance(op, Convolve) or not v.type.size or not _saves(v, op):
        return None
    x, kernel = v.operands
    counts = [-(-p // d) for p, d in zip(v.shape[2:], op.input_dilation, strict=True)]
    found = {k: phases(d, op.padding[k][0], kernel.shape[2 + k]) for k, d in enumerate(op.input_dilation) if d > 1}
    pads = list(op.padding)
    for k, mine in found.items():
        last = max(counts[k] + phase.taps - 2 + phase.start for phase in mine)
        pads[k] = max(0, *(-phase.start for phase in mine)), max(0, last - x.shape[2 + k] + 1)
    source = padded(x, pads, (1,) * len(pads))
    plain = Convolve(op.stride, ((0, 0),) * len(pads), op.dilation, (1,) * len(pads), op.groups)

    def one(chosen: dict[int, Phase]) -> Value:
        start, stop = [0] * source.ndim, list(source.shape)
        tap, end, step = [0] * kernel.ndim, list(kernel.shape), [1] * kernel.ndim
        for k, phase in chosen.items():
            start[2 + k] = pads[k][0] + phase.start
            stop[2 + k] = start[2 + k] + counts[k] + phase.taps - 1
            tap[2 + k], step[2 + k] = phase.tap, op.input_dilation[k]
        if not all(phase.taps for phase in chosen.values()):
            places = [counts[k] if k in chosen else p for k, p in enumerate(v.shape[2:])]
            return filled(0, v.type.with_shape((*v.shape[:2], *places)))
        part = sliced(kernel, tuple(tap), tuple(end), tuple(step))
        return plain.apply(sliced(source, tuple(start), tuple(stop)), part)

    def all_of(left: list[int], chosen: dict[int, Phase]) -> Value:
        if not left:
            return one(chosen)
        k, *rest = left
        return interleaved([all_of(rest, {**chosen, k: phase}) for phase in found[k]], 2 + k, v.shape[2 + k])

    return all_of(list(found), {})


def _saves(v: Value, op: Convolve) -> bool:
    axes = zip(op.input_dilation, op.stride, op.dilation, strict=True)
    if not all(d == 1 or s == e == 1 for d, s, e in axes):
        return False
    spread = prod(op.input_dilation)
    each = v.operands[1].type.size // v.shape[1]
    return v.type.size * each * (spread - 1) // spread >= WORTH


def interleaved(parts: list[Value], axis: int, size: int) -> Value:
    """The parts' elements in turn along an axis, of which ``size`` are wanted."""
    shape = parts[0].shape
    apart = [reshape(x, (*shape[: axis + 1], 1, *shape[axis + 1 :])) for x in parts]
    whole = reshape(concat(*apart, axis=axis + 1), (*shape[:axis], shape[axis] * len(parts), *shape[axis + 1 :]))
    stop = (*whole.shape[:axis], size, *whole.shape[axis + 1 :])
    return sliced(whole, (0,) * whole.ndim, stop) if stop != whole.shape else whole  # type: ignore[no-any-return]
