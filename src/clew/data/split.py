"""Holding examples back, to see what was really learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import random
from ..errors import UsageError
from .batches import arrays_of

Arrays = tuple[Any, ...]


def split(data: Any, share: float, seed: int = 0, *, stratify: Any = None) -> tuple[Arrays, Arrays]:
    """The examples of an array, or of a tuple of arrays, at random in two: those to learn from, and ``share`` held out.

    With ``stratify``, the class of each example, the share is held out of each class.

    >>> import clew as cl
    >>> (seen,), (held_out,) = cl.data.split(cl.arange(9), 1 / 3)
    >>> len(seen), len(held_out)
    (6, 3)
    """
    if not 0 < share < 1:
        raise UsageError(f"split: the share held out lies between 0 and 1, it is {share}")
    arrays = arrays_of(data)
    examples = len(arrays[0])
    order = random.permutation(examples, key=seed).numpy()
    held_out = np.zeros(examples, bool)
    for group in _groups(examples, stratify):
        chosen = order[group[order]]
        held_out[chosen[: round(len(chosen) * share)]] = True
    if not 0 < held_out.sum() < examples:
        raise UsageError(f"split: a share of {share:g} of {examples} examples leaves one of the two parts empty")
    mixed = held_out[order]
    return tuple(a[order[~mixed]] for a in arrays), tuple(a[order[mixed]] for a in arrays)


def _groups(examples: int, stratify: Any) -> list[Any]:
    """Masks of the examples that are divided apart from the others."""
    if stratify is None:
        return [np.ones(examples, bool)]
    (classes,) = arrays_of((stratify,))
    if classes.shape != (examples,):
        raise UsageError(f"split: stratify needs the class of each of {examples} examples; its shape is {classes.shape}")
    return [classes == each for each in np.unique(classes)]
