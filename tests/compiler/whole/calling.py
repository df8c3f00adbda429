"""A whole op's native form, run on arrays: what the tests of these share."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from clew.compiler.block import Block, Module, Reg
from clew.compiler.native import Host, Library, host
from clew.compiler.whole import NATIVE
from clew.ir import Op, Type, Value, parameter, quiet

GUARD = 64  # bytes before and after what may be written
CHANGED = 0xA5


class Run:
    """The native form of ``op`` for operands of these types."""

    def __init__(self, op: Op, types: Sequence[Type], on: Host | None = None) -> None:
        on = on or host()
        inputs = tuple(parameter(f"x{k}", t) for k, t in enumerate(types))
        self.value = Value(op, inputs, op.infer(*types))
        self.native = NATIVE[type(op)]
        assert self.native.suits(self.value)
        self.tasks = self.native.tasks(self.value)
        self.cycles = self.native.cycles(self.value)
        operands = [Reg(f"%x{k}", "ptr") for k in range(len(types))]
        result, scratch, begin, end = Reg("%y", "ptr"), Reg("%s", "ptr"), Reg("%begin", "i64"), Reg("%end", "i64")

        def write(b: Block) -> None:
            self.native.write(b, self.value, operands, result, scratch, begin, end, on.bits)
            b.do("ret void")

        module = Module()
        module.function("run", "void", [*operands, result, scratch, begin, end], write)
        self.library = Library(module.text, on)
        kinds = [*[ctypes.c_void_p] * (len(types) + 2), ctypes.c_int64, ctypes.c_int64]
        self.function = ctypes.CFUNCTYPE(None, *kinds)(self.library.address("run"))
        raw = np.full(self.native.scratch(self.value) + 2 * GUARD + 64, CHANGED, np.uint8)
        at = -raw.ctypes.data % 64 + GUARD
        self.memory, self.scratch = raw, raw[at : at + self.native.scratch(self.value)]

    def __call__(self, *xs: np.ndarray, cuts: Sequence[int] = ()) -> np.ndarray:
        """The result; ``cuts`` share the tasks out among several calls, the last ones first."""
        y = self.value.type
        raw = np.full(y.nbytes + 2 * GUARD, CHANGED, np.uint8)
        held = [np.ascontiguousarray(x) for x in xs]
        addresses = [x.ctypes.data for x in held]
        bounds = [0, *cuts, self.tasks]
        for begin, end in reversed(list(pairwise(bounds))):
            if begin < end:
                self.function(*addresses, raw.ctypes.data + GUARD, self.scratch.ctypes.data, begin, end)
        outside = np.concatenate([raw[:GUARD], raw[GUARD + y.nbytes :]])
        assert (outside == CHANGED).all()
        if self.scratch.size:
            after = self.memory[self.scratch.ctypes.data - self.memory.ctypes.data + self.scratch.size :]
            assert (after == CHANGED).all()
        return raw[GUARD : GUARD + y.nbytes].view(y.dtype).reshape(y.shape)


def expected(op: Op, *xs: np.ndarray) -> np.ndarray:
    """What the op's reference says."""
    return np.ascontiguousarray(quiet.run(op.reference, *xs))


def same_bits(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays hold the same bytes, but for the bits of NaN."""
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    equal = x.ravel().view(f"u{x.itemsize}") == y.ravel().view(f"u{x.itemsize}")
    return bool((equal | ((x.ravel() != x.ravel()) & (y.ravel() != y.ravel()))).all())
