"""The first few of rows, in native code, against NumPy's order."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.native import host
from clew.ir import DTYPES, Type
from clew.ops.sorting import ArgSort, Sort

from .calling import Run, expected, same_bits
from .test_sorting import numbers


@pytest.mark.parametrize("bits", [bits for bits in (128, 256, 512) if bits <= host().bits])
@pytest.mark.parametrize("name", DTYPES)
def test_the_first_ones(name, bits):
    """Of rows that are sorted as a whole, and of those that are gone through."""
    on = host().limited(bits)
    for n, count in [(7, 3), (300, 20), (2219, 40), (20_000, 300), (70_001, 5)]:
        few, descending = n % 3 == 0, (n + bits + len(name)) % 5 < 2
        x = numbers(name, (2, n), n, few)
        x[1] = np.sort(x[1])[:: 1 if descending else -1] if x.dtype.kind in "iub" else x[1]  # each is less than all before
        t = Type(x.dtype, x.shape)
        places = Run(ArgSort(1, descending, count), [t], on)(x)
        np.testing.assert_array_equal(places, expected(ArgSort(1, descending, count), x), f"{n}")
        got, true = Run(Sort(1, descending, count), [t], on)(x), np.take_along_axis(x, places, 1)
        with np.errstate(invalid="ignore"):
            assert ((got == true) | ((got != got) & (true != true))).all(), n


@pytest.mark.parametrize(("shape", "axis"), [((2, 3000, 3), 1), ((2100, 2), 0)], ids=str)
@pytest.mark.parametrize("name", ["f32", "f64", "u8"])
def test_the_first_ones_along_axes(name, shape, axis):
    x = numbers(name, shape, 5, False)
    for op in (ArgSort(axis, True, 9), ArgSort(axis, False, 100), Sort(axis, True, 11)):
        got, true = Run(op, [Type(x.dtype, shape)])(x), expected(op, x)
        if isinstance(op, Sort):
            assert same_bits(got + x.dtype.type(0), true + x.dtype.type(0))
        else:
            np.testing.assert_array_equal(got, true)
