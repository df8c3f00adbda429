"""Sides held to each other, and timed in turn, so that all of them see the same machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles

import numpy as np

from .work import Arrays, Side

BATCH = 10e-3  # seconds that calls in a row last, where one call is shorter
ROUNDS = 5, 1_000  # at least, at most


@dataclass(frozen=True)
class Numbers:
    """What a side computes: the losses of its first runs, and the gradients where it starts."""

    losses: tuple[float, ...]
    gradients: Arrays


def numbers(side: Side, steps: int = 3) -> Numbers:
    with side.context():
        gradients = {name: np.array(g) for name, g in side.gradients().items()}
        return Numbers(tuple(side.loss() for _ in range(steps)), gradients)


def apart(ours: Numbers, theirs: Numbers) -> float:
    """The largest difference: of a loss relative to it, of a gradient relative to the largest element of its array."""
    if {name: g.shape for name, g in ours.gradients.items()} != {name: g.shape for name, g in theirs.gradients.items()}:
        return float("inf")
    pairs = [(np.asarray(ours.losses), np.asarray(theirs.losses))]
    pairs += [(ours.gradients[name], g) for name, g in theirs.gradients.items()]
    errors = [np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1e-30) for a, b in pairs]
    return float(np.max(errors))  # a NaN stays one


def seconds_per_call(side: Side, calls: int) -> float:
    """The mean over calls in a row, after some that are not timed: they find caches and threads as others left them."""
    with side.context():
        for _ in range(calls // 4):
            side.run()
        start = time.perf_counter()
        for _ in range(calls):
            side.run()
        return (time.perf_counter() - start) / calls


def interleaved(sides: Mapping[str, Side], seconds: float) -> dict[str, list[float]]:
    """Seconds per call of each side, round after round, for ``seconds`` each; who begins changes."""
    once = {name: min(seconds_per_call(side, 1) for _ in range(3)) for name, side in sides.items()}
    calls = {name: max(1, int(BATCH / one)) for name, one in once.items()}
    names, times = list(sides), {name: [] for name in sides}
    end = time.perf_counter() + seconds * len(names)
    while len(times[names[-1]]) < ROUNDS[0] or (time.perf_counter() < end and len(times[names[-1]]) < ROUNDS[1]):
        for name in names:
            times[name].append(seconds_per_call(sides[name], calls[name]))
        names = names[1:] + names[:1]
    return times


def of_rounds(ours: list[float], theirs: list[float]) -> float:
    """Our share of their time: the median of each round's, since a machine's clock changes between rounds."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def summary(times: list[float]) -> dict[str, float]:
    """Microseconds: the median and the quartiles."""
    low, middle, high = (round(t * 1e6, 3) for t in quantiles(times, n=4, method="inclusive"))
    return {"median": middle, "low": low, "high": high}
