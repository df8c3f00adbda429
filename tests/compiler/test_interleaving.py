"""Vectors that lie side by side in memory, and what of them belongs to one lane each."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from clew.compiler.block import Block, Module, Reg, number, vector
from clew.compiler.interleaving import apart, interleaved
from clew.compiler.native import Library, host
from clew.ir import Array

X, Y = Reg("%x", "ptr"), Reg("%y", "ptr")
KINDS = {"i8": np.int8, "half": np.float16, "float": np.float32, "double": np.float64}
WIDTHS = [bits for bits in (128, 256, 512) if bits <= host().bits]


def run(kind: str, lanes: int, bits: int, x: Array, by: Callable[[Block, Sequence[Reg]], list[Reg]]) -> Array:
    """What becomes of the rows of ``x``, each a vector."""
    size = x.dtype.itemsize

    def write(b: Block) -> None:
        rows = [b.load(b.gep(X, number(k * lanes, "i64"), kind), vector(kind, lanes), size) for k in range(len(x))]
        for k, row in enumerate(by(b, rows)):
            b.store(row, b.gep(Y, number(k * lanes, "i64"), kind), size)
        b.do("ret void")

    module = Module()
    module.function("run", "void", [X, Y], write)
    library = Library(module.text, host().limited(bits))
    result = np.zeros_like(x)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("run"))(x.ctypes.data, result.ctypes.data)
    return result


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind: str, n: int, bits: int) -> None:
    lanes = bits // (64 if kind == "double" else 32)
    x = np.arange(n * lanes).astype(KINDS[kind]).reshape(n, lanes)
    mixed = run(kind, lanes, bits, x, interleaved)
    np.testing.assert_array_equal(mixed.reshape(-1), x.T.reshape(-1))
    np.testing.assert_array_equal(run(kind, lanes, bits, mixed, apart), x)
