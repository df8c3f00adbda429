"""What a call needs besides native code, and how it is kept on disk."""

from __future__ import annotations

import marshal
from types import CodeType
from typing import NamedTuple

import numpy as np

from ..ir import DTYPES, NAMES, Array


class Needs(NamedTuple):
    """``arena`` is the bytes of memory for intermediate results, ``call`` Python's code of a call, if it is written already."""

    arena: int
    constants: list[Array]
    call: CodeType | None = None

    def packed(self) -> bytes:
        constants = [(NAMES[x.dtype], x.shape, x.tobytes()) for x in self.constants]
        return marshal.dumps((self.arena, constants, self.call))

    @staticmethod
    def unpacked(data: bytes) -> Needs:
        arena, constants, call = marshal.loads(data)
        return Needs(arena, [np.frombuffer(x, DTYPES[name]).reshape(shape).copy() for name, shape, x in constants], call)
