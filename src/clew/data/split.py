"""Holding examples back, to see what was really learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UsageError
from .batches import count


def split(arrays: tuple[Any, ...], held_out: float, seed: int = 0) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The examples of ``arrays`` (along axis 0) at random in two: those to learn from, and the share ``held_out``.

    >>> import clew as cl
    >>> learn, test = cl.data.split((cl.arange(9).numpy(),), 1 / 3)
    >>> len(learn[0]), len(test[0])
    (6, 3)
    """
    if not 0 < held_out < 1:
        raise UsageError(f"split: the share held out lies between 0 and 1, it is {held_out}")
    examples = tuple(np.asarray(a) for a in arrays)
    order = np.random.default_rng(seed).permutation(count(examples))
    cut = round(len(order) * held_out)
    return tuple(a[order[cut:]] for a in examples), tuple(a[order[:cut]] for a in examples)
