"""How accurate differences are, and the derivatives of single ops by differences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir import FLOATS, Value

WIDE = np.dtype(np.float64)


@dataclass(frozen=True)
class Accuracy:
    """The step of the differences (relative to elements above 1), and how far the two may lie apart."""

    eps: float
    rtol: float
    atol: float

    def tolerance(self, analytic: float, numeric: float, size: float) -> float:
        return self.rtol * max(abs(analytic), abs(numeric)) + self.atol * max(1.0, size)


ACCURACY = {8: Accuracy(2e-5, 1e-6, 1e-7), 4: Accuracy(2e-2, 5e-3, 5e-4), 2: Accuracy(2e-1, 1e-1, 5e-2)}  # by bytes of a float


def suspicious(values: Iterable[Value], mode: str, rng: np.random.Generator) -> str | None:
    """Names the first op, of a graph whose data is known, with a rule that differences of its reference disagree with."""
    for y in values:
        for k, x in enumerate(y.operands):
            precise = all(v.dtype in FLOATS and v.dtype.itemsize >= 4 for v in (x, y))
            if y.op is not None and precise and _differs(y, k, mode, rng):
                return f"look at the rule of {y.op.name} for operand {k}{f' at {y.site}' if y.site else ''}"
    return None


def _differs(y: Value, k: int, mode: str, rng: np.random.Generator) -> bool:
    """Whether ``pull`` (``push`` in forward mode) over edge ``k`` is not what differences of the reference give."""
    assert y.op is not None
    op, arrays, x = y.op, [v.data for v in y.operands], y.operands[k].data
    accuracy = ACCURACY[y.dtype.itemsize]
    g, t = (np.asarray(rng.uniform(0.5, 1.5, a.shape)).astype(a.dtype)[()] for a in (y.data, x))

    def moved(steps: int) -> float:
        there = (x + x.dtype.type(steps * accuracy.eps) * t)[()]
        return dot(g, op.reference(*arrays[:k], there, *arrays[k + 1 :]))

    with np.errstate(all="ignore"):
        numeric = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * accuracy.eps)
        move = op.push(k, t, y.data, *arrays) if mode == "forward" else op.pull(k, g, y.data, *arrays)
    analytic = 0.0 if move is None else dot(move, g if mode == "forward" else t)
    largest = max(float(np.max(np.abs(a.astype(WIDE)), initial=0)) for a in (x, y.data))
    noise = 8 * y.type.size * float(np.finfo(y.dtype).eps) * largest / accuracy.eps
    return not abs(numeric - analytic) <= 10 * accuracy.tolerance(analytic, numeric, abs(dot(g, y.data))) + noise


def dot(a: Any, b: Any) -> float:
    """The inner product, in float64."""
    with np.errstate(all="ignore"):
        return float(np.sum(np.asarray(a).astype(WIDE) * np.asarray(b).astype(WIDE)))
