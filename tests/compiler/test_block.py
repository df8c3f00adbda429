"""Instructions as they are written, where LLVM would make something else of them."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from clew.compiler.block import Block, Module, Reg, alone, number, vector
from clew.compiler.native import Library, host

KINDS = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64}
X, Y = Reg("%x", "ptr"), Reg("%y", "ptr")


def mask(lanes: int, chosen: set[int]) -> Reg:
    return Reg("<" + ", ".join(f"i1 {int(k in chosen)}" for k in range(lanes)) + ">", vector("i1", lanes))


@pytest.mark.parametrize("chosen", [{0}, {3}, {0, 1}, {2, 3}, set(), {0, 1, 2, 3}], ids=str)
@pytest.mark.parametrize("bits", [512, 256, 128])
@pytest.mark.parametrize(("wide", "narrow"), [("i32", "i16"), ("i32", "i8"), ("i16", "i8"), ("i64", "i32"), ("i64", "i16")])
def test_a_masked_store_of_narrowed_lanes(wide: str, narrow: str, bits: int, chosen: set[int]) -> None:
    """It writes these lanes, and nothing beside them (llvm-project#179489: a lane alone was stored as wide as it had been)."""
    if bits > host().bits:
        pytest.skip(f"this processor has vectors of {host().bits} bits")
    lanes, size = bits // int(wide[1:]), int(narrow[1:]) // 8

    def write(b: Block) -> None:
        x = b.load(X, vector(wide, lanes), int(wide[1:]) // 8)
        made = b.convert("trunc", b.add(x, number(7, x.type)), narrow)
        b.masked_store(made, Y, mask(lanes, {k % lanes for k in chosen}), size)
        b.do("ret void")

    module = Module()
    module.function("run", "void", [X, Y], write)
    given = np.arange(lanes, dtype=KINDS[wide])
    result = np.full(lanes + 8, -1, KINDS[narrow])
    library = Library(module.text, host().limited(bits))
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("run"))
    run(given.ctypes.data, result.ctypes.data)
    expected = np.full_like(result, -1)
    for k in {k % lanes for k in chosen}:
        expected[k] = given[k] + 7
    np.testing.assert_array_equal(result, expected)


def test_a_lane_alone() -> None:
    assert alone(mask(8, {5})) == 5
    assert alone(mask(8, {0, 5})) is None
    assert alone(mask(8, set())) is None
    assert alone(Reg("%v3", "<8 x i1>")) is None
