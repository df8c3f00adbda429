"""What a call needs besides code, and how it is kept on disk: in JSON, and the constants' bytes behind that."""

from __future__ import annotations

import json
import struct
from typing import NamedTuple

import numpy as np

from ..ir import DTYPES, NAMES, Array


class Needs(NamedTuple):
    """``arena`` is the bytes of memory for intermediate results."""

    arena: int
    constants: list[Array]

    def packed(self) -> bytes:
        head = json.dumps([self.arena, [[NAMES[x.dtype], x.shape] for x in self.constants]]).encode()
        return struct.pack("<Q", len(head)) + head + b"".join([x.tobytes() for x in self.constants])

    @staticmethod
    def unpacked(data: bytes) -> Needs:
        (length,) = struct.unpack_from("<Q", data)
        place = 8 + length
        arena, described = json.loads(data[8:place])
        constants = []
        for name, shape in described:
            count = int(np.prod(shape, dtype=np.int64))
            constants.append(np.frombuffer(data, DTYPES[name], count, place).reshape(shape).copy())
            place += constants[-1].nbytes
        return Needs(arena, constants)
