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


def suspicious(values: Iterable[Value], rng: np.random.Generator) -> str | None:
    """The first value of a known graph whose op's ``pull`` is not what differences of its reference give."""
    for y in values:
        if y.op is None or not y.operands or not y.type.differentiable or y.dtype.itemsize < 4:
            continue
        arrays = [x.data for x in y.operands]
        g = np.asarray(rng.uniform(0.5, 1.5, y.shape)).astype(y.dtype)[()]
        accuracy = ACCURACY[y.dtype.itemsize]
        for k, x in enumerate(arrays):
            if x.dtype not in FLOATS or x.dtype.itemsize < 4:
                continue
            t = np.asarray(rng.uniform(0.5, 1.5, x.shape)).astype(x.dtype)[()]
            with np.errstate(all="ignore"):
                moved = [
                    dot(g, y.op.reference(*arrays[:k], (x + x.dtype.type(s * accuracy.eps) * t)[()], *arrays[k + 1 :]))
                    for s in (-2, -1, 1, 2)
                ]
                pulled = y.op.pull(k, g, y.data, *arrays)
            numeric = (8 * (moved[2] - moved[1]) - (moved[3] - moved[0])) / (12 * accuracy.eps)
            analytic = 0.0 if pulled is None else dot(pulled, t)
            largest = max([float(np.max(np.abs(a.astype(WIDE)), initial=0)) for a in (x, y.data)])
            noise = 8 * y.type.size * float(np.finfo(y.dtype).eps) * largest / accuracy.eps
            if not abs(numeric - analytic) <= 10 * accuracy.tolerance(analytic, numeric, abs(moved[1])) + noise:
                place = f" at {y.site}" if y.site else ""
                return f"look at the rule of {y.op.name} for operand {k}{place}"
    return None


def dot(a: Any, b: Any) -> float:
    """The inner product, in float64."""
    with np.errstate(all="ignore"):
        return float(np.sum(np.asarray(a).astype(WIDE) * np.asarray(b).astype(WIDE)))
