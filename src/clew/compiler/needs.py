"""What a call needs besides native code, and how it is kept on disk."""

from __future__ import annotations

import marshal
from types import CodeType
from typing import NamedTuple

import numpy as np

from ..ir import DTYPES, NAMES, Array


class Needs(NamedTuple):
    """``arena`` is the bytes of memory for intermediate results; a ``short`` call uses no other threads and takes microseconds;
    ``call`` is Python's code of a call, if it is written already."""

    arena: int
    constants: list[Array]
    short: bool = False
    call: CodeType | None = None

    def packed(self) -> bytes:
        constants = [(NAMES[x.dtype], x.shape, x.tobytes()) for x in self.constants]
        return marshal.dumps((self.arena, constants, self.short, self.call))

    @staticmethod
    def unpacked(data: bytes) -> Needs:
        arena, constants, short, call = marshal.loads(data)
        arrays = [np.frombuffer(x, DTYPES[name]).reshape(shape).copy() for name, shape, x in constants]
        return Needs(arena, arrays, short, call)
