"""Where the conditions of a loop do not change: at the edges of a padded array they do, and elsewhere need no asking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from .expression import Expr, walk
from .index import Ix, Var

CLEAR = 2  # vectors: a shorter stretch gets no loop of its own


class Stretch(NamedTuple):
    """Turns of a loop from ``start`` to ``stop``; which conditions hold in all of them, or in none, and which in all others."""

    start: int
    stop: int
    facts: Mapping[Expr, bool]
    elsewhere: Mapping[Expr, bool]


def facts(clear: Stretch | None, inside: bool) -> Mapping[Expr, bool]:
    """The conditions that are known in a stretch, if there is one, or beside it."""
    return {} if clear is None else clear.facts if inside else clear.elsewhere


def stretch(exprs: Iterable[Expr], v: Var, lanes: int = 1) -> Stretch | None:
    """The longest one of a loop over ``v``, in whole vectors; None where nothing is asked of ``v`` alone, or it is short."""
    asked = {e: turns for e in walk(exprs) if e.kind == "inside" and (turns := _turns(e, v)) is not None}
    cuts = sorted({0, v.size, *(min(max(cut, 0), v.size) for turns in asked.values() for cut in turns)})
    if not asked or len(cuts) < 2:
        return None
    low, high = max(pairwise(cuts), key=lambda cut: cut[1] - cut[0])
    start, stop = -(-low // lanes) * lanes, high // lanes * lanes
    if stop - start < CLEAR * lanes:
        return None
    others = [(0, start), (stop, v.size)]
    return Stretch(start, stop, _known(asked, [(low, high)]), _known(asked, [(a, b) for a, b in others if a < b]))


def _known(asked: Mapping[Expr, tuple[int, int]], turns: Sequence[tuple[int, int]]) -> dict[Expr, bool]:
    """The conditions that hold in all of these turns, or in none."""
    found = {}
    for e, (first, last) in asked.items():
        if all(first <= low and high <= last for low, high in turns):
            found[e] = True
        elif all(high <= first or last <= low for low, high in turns):
            found[e] = False
    return found


def _turns(e: Expr, v: Var) -> tuple[int, int] | None:
    """From which turn to which a condition on ``v`` alone holds."""
    ix, low, high = e.attr
    step = ix.coefficient(v) if isinstance(ix, Ix) and ix.vars == {v} else None
    if not step:
        return None
    if step < 0:  # as of -ix
        low, high, step, ix = 1 - high, 1 - low, -step, -ix
    return -((ix.constant - low) // step), -((ix.constant - high) // step)
