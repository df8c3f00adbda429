"""The accumulators of one register block."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from clew.compiler.contraction.plan import Plan, pieces


@dataclass(frozen=True)
class Slot:
    """One accumulator: the elements of c it stands for, as offsets from its block's first."""

    index: tuple[int, ...]  # along each kept axis
    lanes: int  # 0: a scalar
    count: int  # lanes that count
    a: int  # elements from the block's first
    b: int
    c: int


def slots(plan: Plan, tile: list[int]) -> list[Slot]:
    """The accumulators of a block of so many elements along each kept axis, those that share a passing element together."""
    v, kept = plan.vector, plan.inside
    held = "a" if v is not None and kept[v].a else "b"
    ranges: list[list[tuple[int, int, int]]] = [[(k, 0, 1) for k in range(n)] for n in tile]
    if v is not None:
        ranges[v] = pieces(tile[v], plan.lanes, plan.masks)
    order = sorted(range(len(tile)), key=lambda i: (i == v, bool(getattr(kept[i], held))))
    out = []
    for combination in product(*(ranges[i] for i in order)):
        place = dict(zip(order, combination, strict=True))
        index = tuple(place[i][0] for i in range(len(tile)))
        lanes, count = place[v][1:] if v is not None else (plan.lanes if plan.summed else 0, 1)
        a, b, c = (sum(k * getattr(x, name) for k, x in zip(index, kept, strict=True)) for name in "abc")
        out.append(Slot(index, lanes, count, a, b, c))
    return out
