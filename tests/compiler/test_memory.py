"""The arena's plan: what lives at the same time does not overlap, and no more is taken than needed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clew.compiler.memory import ALIGNMENT, Life, arrange, lowest

SPANS = st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 5000))


@given(st.lists(SPANS, max_size=30))
def test_plans(spans: list[tuple[int, int, int]]) -> None:
    lives = {k: Life(first, first + more, nbytes) for k, (first, more, nbytes) in enumerate(spans)}
    offsets, total = arrange(lives)
    assert offsets.keys() == lives.keys()
    for k, life in lives.items():
        assert offsets[k] % ALIGNMENT == 0 and offsets[k] >= 0 and offsets[k] + life.nbytes <= total
    for (j, a), (k, b) in combinations(lives.items(), 2):
        together = a.first <= b.last and b.first <= a.last
        apart = offsets[j] + a.nbytes <= offsets[k] or offsets[k] + b.nbytes <= offsets[j]
        assert apart or not together or not a.nbytes or not b.nbytes, f"{a} at {offsets[j]} overlaps {b} at {offsets[k]}"
    rounded = {k: -(-life.nbytes // ALIGNMENT) * ALIGNMENT for k, life in lives.items()}
    assert total <= sum(rounded.values())
    at_once = [sum(rounded[k] for k, x in lives.items() if x.first <= n <= x.last) for n in range(20)]
    assert total >= max(at_once)


def test_a_chain_takes_two_places() -> None:
    lives = {k: Life(k, k + 1, 1000) for k in range(50)}
    assert arrange(lives)[1] == 2 * 1024


def test_the_lowest_free_place() -> None:
    for taken, size, place in (
        ([], 64, 0),
        ([(0, 64), (128, 192)], 64, 64),
        ([(128, 192), (0, 64)], 128, 192),
        ([(0, 256), (64, 128)], 64, 256),
    ):
        start, end = np.array(taken, np.int64).reshape(-1, 2).T
        assert lowest(start, end, size) == place
    assert arrange({}) == ({}, 0)
