"""Quotients and remainders of places, as Python has them."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from clew.compiler.block import Block, Module, Reg, number
from clew.compiler.native import Library
from clew.compiler.quotients import divided, from_first

X, TO = Reg("%x", "i64"), Reg("%to", "ptr")


def call(write: object, x: int, count: int) -> list[int]:
    module = Module()
    module.function("f", "void", [X, TO], write)  # type: ignore[arg-type]
    library, found = Library(module.text), np.zeros(count, np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(library.address("f"))(x, found.ctypes.data)
    return found.tolist()


@pytest.mark.parametrize("n", [1, 3, 7, 8])
@pytest.mark.parametrize("x", [-17, -8, -7, -1, 0, 1, 6, 7, 8, 1000])
def test_as_python_divides(x: int, n: int) -> None:
    def write(b: Block) -> None:
        for k, y in enumerate(divided(b, X, number(n, "i64"), x < 0)):
            b.store(y, b.gep(TO, number(k, "i64"), "i64"), 8)
        b.do("ret void")

    assert call(write, x, 2) == list(divmod(x, n))
    b = Block(Module())
    assert [y.text for y in divided(b, number(x, "i64"), number(n, "i64"), x < 0)] == [str(y) for y in divmod(x, n)]
    assert not b.lines  # of constants


@pytest.mark.parametrize("n", [2, 3, 5, 8, 11])
@pytest.mark.parametrize("x", [0, 1, 6, 29])
def test_neighbours_by_the_first(x: int, n: int) -> None:
    def write(b: Block) -> None:
        floor, rest = divided(b, X, number(n, "i64"), False)
        more, less = from_first(b, rest, n, 8)
        b.store(b.add(b.splat(floor, 8), more), TO, 8)
        b.store(less, b.gep(TO, number(8, "i64"), "i64"), 8)
        b.do("ret void")

    found = call(write, x, 16)
    assert [*zip(found[:8], found[8:], strict=True)] == [divmod(x + k, n) for k in range(8)]
