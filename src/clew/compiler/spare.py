"""Memory of large results: what nobody holds any more is used again.

The system's allocator gives large blocks back to the system when they are freed, and clears the pages of new ones, which takes
as long as to compute them.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..ir import Array, Dtype, Shape

LARGE = 1 << 25  # bytes from which on glibc's allocator keeps no block


class Spare:
    """``spare()`` is an array of that shape, not filled. Of arrays that have been dropped, with all views of them, one block is
    kept as long as this lives.

    >>> spare = Spare((3,), np.dtype("f8"))
    >>> x = spare()
    >>> place = x.ctypes.data
    >>> del x
    >>> spare().ctypes.data == place
    True
    """

    def __init__(self, shape: Shape, dtype: Dtype) -> None:
        self.shape, self.dtype = shape, dtype
        self.free: list[Array] = []

    def __call__(self) -> Array:
        try:
            memory = self.free.pop()
        except IndexError:
            memory = np.empty(prod(self.shape) * self.dtype.itemsize, np.uint8)
        made: Array = np.asarray(_Block(memory, self.free)).view(self.dtype).reshape(self.shape)
        return made


class _Block:
    """What an array and its views hold; it goes with the last of them."""

    def __init__(self, memory: Array, free: list[Array]) -> None:
        self.memory, self.free = memory, free
        self.__array_interface__: dict[str, Any] = memory.__array_interface__

    def __del__(self) -> None:
        if not self.free:
            self.free.append(self.memory)
