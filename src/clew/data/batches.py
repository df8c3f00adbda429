"""Examples along the first axis of arrays, and mini-batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import random
from ..errors import UsageError
from ..functions import asarray


def arrays_of(data: Any) -> tuple[Any, ...]:
    """One array, or several in a tuple or list, as NumPy arrays with the same number of examples along axis 0."""
    parts = data if isinstance(data, tuple | list) else (data,)
    arrays = tuple(part if isinstance(part, np.ndarray) else asarray(part).numpy() for part in parts)
    shapes = ", ".join(str(a.shape) for a in arrays)
    if not arrays or not all(a.ndim for a in arrays):
        raise UsageError(f"data is an array of examples, or a tuple of such arrays; the shapes are {shapes or 'none'}")
    if len({len(a) for a in arrays}) > 1:
        raise UsageError(f"the arrays must have the same number of examples along axis 0; their shapes are {shapes}")
    if not len(arrays[0]):
        raise UsageError(f"there are no examples: axis 0 of the arrays is empty; their shapes are {shapes}")
    return arrays


def batches(data: Any, size: int, *, key: Any = None) -> Iterator[tuple[Any, ...]]:
    """The examples of an array, or of a tuple of arrays, in tuples of ``size`` of them; the last may have fewer.

    With ``key``, a seed or a ``cl.random.Generator``, in random order; a generator gives another order each time.

    >>> import clew as cl
    >>> [x.tolist() for x, in cl.data.batches(cl.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    if size < 1:
        raise UsageError(f"a batch has at least one example, not {size}")
    arrays = arrays_of(data)
    examples = len(arrays[0])
    order = np.arange(examples) if key is None else random.permutation(examples, key=key).numpy()
    for start in range(0, examples, size):
        chosen = order[start : start + size]
        yield tuple(a[chosen] for a in arrays)
