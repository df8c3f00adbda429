"""``erf`` within 2 ULP."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clew.compiler.mathematics import erf

from .accuracy import DTYPES, LANES, compiled, exact, sample, spread, ulps, worst

ELEMENTS = ("float", "double")


@pytest.mark.parametrize("element", ELEMENTS)
def test_within_two_units(element):
    mpmath = pytest.importorskip("mpmath")
    run = compiled(erf.erf, element, LANES[element][-1])
    edges = np.array([erf.NEAR, erf.MIDDLE, erf.END[element]], DTYPES[element])
    around = np.concatenate([edges, np.nextafter(edges, 0 * edges), np.nextafter(edges, 2 * edges)])
    small = sample(element, 4000, 3)
    for x in (spread(element, -6.5, 6.5, 5000, 1), spread(element, 0, 1.5, 5000, 2), around, small[abs(small) < 1]):
        got, expected = run(x), exact(mpmath.erf, x)
        expected = np.where(x == 0, x, expected).astype(np.float64 if element == "float" else np.longdouble)
        assert ulps(got, expected).max() < 2, worst(got, expected, x)


def test_single_precision_against_the_standard_library():
    x = np.concatenate([spread("float", -4, 4, 40_000, 4), spread("float", 0.7, 1.2, 40_000, 5)])
    got, expected = compiled(erf.erf, "float", 16)(x), np.array([math.erf(v) for v in x])
    assert ulps(got, expected).max() < 2, worst(got, expected, x)


@pytest.mark.parametrize("element", ELEMENTS)
def test_a_number_by_itself_and_among_others_give_the_same_bits(element):
    x = np.concatenate([sample(element, 2048, 6), spread(element, -5, 5, 2048, 7)])
    unsigned = f"u{x.dtype.itemsize}"
    results = [np.nan_to_num(compiled(erf.erf, element, lanes)(x), nan=7) for lanes in (0, 4, 8, 16)]
    assert all((results[0].view(unsigned) == y.view(unsigned)).all() for y in results[1:])


@pytest.mark.parametrize("element", ELEMENTS)
def test_special_values(element):
    x = np.array([0.0, -0.0, np.inf, -np.inf, 7.0, -30.0, np.nan], DTYPES[element])
    got = compiled(erf.erf, element, 4)(x)
    assert got[:6].tolist() == [0.0, -0.0, 1.0, -1.0, 1.0, -1.0]
    assert np.signbit(got[:2]).tolist() == [False, True]
    assert np.isnan(got[6])
