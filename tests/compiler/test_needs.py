"""What a call needs besides code, packed and unpacked."""

from __future__ import annotations

import numpy as np
import pytest

from clew._source import code, function
from clew.compiler.needs import Needs
from clew.ir import DTYPES


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip(dtype: str) -> None:
    bits = np.random.default_rng(0).integers(0, 256, 6 * DTYPES[dtype].itemsize, np.uint8)
    if dtype == "bool":
        bits &= 1
    first = bits.view(DTYPES[dtype]).reshape(2, 3)
    constants = [first, first[:, :0].copy(), first[0, 0].reshape(()), first.reshape(-1)]
    found = Needs.unpacked(Needs(1234, constants).packed())
    assert found.arena == 1234 and len(found.constants) == 4
    for a, b in zip(found.constants, constants, strict=True):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        assert a.flags.owndata or a.base is not None


def test_the_code_of_a_call() -> None:
    written = code("def call(x): return x + y")
    found = Needs.unpacked(Needs(8, [], True, written).packed())
    assert found.short and found.call is not None and function("call", found.call, {"y": 2})(40) == 42


def test_nothing() -> None:
    assert Needs.unpacked(Needs(0, []).packed()) == Needs(0, [])
