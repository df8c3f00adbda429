"""Vectors of a short last axis: what lies side by side in memory, and belongs to one lane, is in one vector each."""

from __future__ import annotations

from collections.abc import Sequence

from .block import Block, Reg


def interleaved(b: Block, xs: Sequence[Reg]) -> list[Reg]:
    """The first lane of each, the second of each, and so on, as vectors that lie one after the other."""
    n, lanes = len(xs), xs[0].lanes
    return [_of_several(b, xs, [divmod(p, n)[::-1] for p in range(j * lanes, (j + 1) * lanes)]) for j in range(n)]


def apart(b: Block, xs: Sequence[Reg]) -> list[Reg]:
    """The vectors that ``interleaved`` makes these of."""
    n, lanes = len(xs), xs[0].lanes
    return [_of_several(b, xs, [divmod(lane * n + k, lanes) for lane in range(lanes)]) for k in range(n)]


def _of_several(b: Block, xs: Sequence[Reg], places: Sequence[tuple[int, int]]) -> Reg:
    """A vector of lanes, each of one of several vectors: one after the other adds its own."""
    kind = xs[0].element
    bits = {"half": "i16", "bfloat": "i16"}.get(kind, kind)  # not all vectors of halves can be shuffled
    vectors = [x if bits == kind else b.bitcast(x, bits) for x in xs]
    found = vectors[0]
    for k, x in enumerate(vectors[1:], 1):
        before = [lane if k == 1 and source == 0 else t for t, (source, lane) in enumerate(places)]
        found = b.shuffle(
            found, x, [len(places) + lane if source == k else t for (source, lane), t in zip(places, before, strict=True)]
        )
    return found if bits == kind else b.bitcast(found, kind)
