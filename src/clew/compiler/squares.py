"""Reads across memory, as of a transposed array: lanes follow one axis, and neighbours in memory another.

Instead of an address for each lane, vectors are read along memory, as many as there are lanes, and the square is turned in
registers. Its rows are what as many turns of the other axis read, which therefore follow one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from .costs import cost
from .expression import Expr, flat, walk
from .index import Ix, Var
from .kernel import Kernel

MOST = 4  # reads: each takes many instructions
NEAR = 4  # elements: over such steps, what lies between is read too
PART = 128  # bits: shorter vectors are not shuffled


class Squares(NamedTuple):
    """Reads that neighbours along ``var``, an axis of the rows, are neighbours in memory for."""

    var: Var
    reads: tuple[Expr, ...]
    tiles: Var  # runs of as many turns of it as there are lanes


def squares(kernel: Kernel, rows: Sequence[Var], lane: Var, lanes: int) -> Squares | None:
    """Of the axis that has the most such reads; None where no axis that is long enough has any."""
    written = {x.memory for x in kernel.written}
    steps = walk(x.expr for x in kernel.items)
    found: dict[Var, list[Expr]] = defaultdict(list)
    for e in steps:
        if e.kind == "load" and not e.args and e.attr[0].memory not in written and 8 * e.dtype.itemsize * lanes >= PART:
            for v in rows:
                if v.size >= lanes <= lane.size and _across(e, v, lane, {*rows, lane}):
                    found[v].append(e)
    for v in list(found):
        if any(v in e.vars and lane not in e.vars and cost(e) > 1 for e in steps):  # once for a row, which is cut then
            del found[v]
    if not found:
        return None
    v = max(found, key=lambda v: len(found[v]))
    return Squares(v, tuple(found[v][:MOST]), Var(v.place, -(-v.size // lanes)))


def _across(e: Expr, v: Var, lane: Var, axes: set[Var]) -> bool:
    """Whether a read steps from one element to the next along ``v``, and far along the lanes."""
    position = flat(*e.attr)
    if not isinstance(position, Ix) or any(atom not in axes for atom, _ in position.terms):
        return False
    return position.coefficient(v) == 1 and not -1 <= (position.coefficient(lane) or 0) <= NEAR
