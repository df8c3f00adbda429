"""``asin``, ``acos``, ``atan``, ``atan2`` within 2 ULP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clew.compiler.mathematics import inverse_trigonometric

from .accuracy import DTYPES, LANES, compiled, sample, spread, ulps, worst

UNARY = ("asin", "acos", "atan")
ELEMENTS = ("float", "double")
WIDE = {"float": np.float64, "double": np.longdouble}


def true(name: str, *xs: Any) -> Any:
    if xs[0].dtype == np.float64 and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("long double is not wider than double here")
    wide = np.float64 if xs[0].dtype == np.float32 else np.longdouble
    with np.errstate(invalid="ignore"):
        return getattr(np, name.replace("a", "arc", 1))(*[x.astype(wide) for x in xs])


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("element", ELEMENTS)
def test_within_two_units(element, name):
    run = compiled(getattr(inverse_trigonometric, name), element, LANES[element][-1])
    for x in (
        spread(element, -1, 1, 200_000, 1),
        spread(element, -0.6, 0.6, 200_000, 2),
        spread(element, -4, 4, 200_000, 3),
        1 - 2.0 ** spread(element, -25, 0, 50_000, 4),
        sample(element, 50_000, 5),
    ):
        got, expected = run(x), true(name, x)
        assert ulps(got, expected).max() < 2, worst(got, expected, x)


@pytest.mark.parametrize("element", ELEMENTS)
def test_angles_of_points(element):
    run = compiled(inverse_trigonometric.atan2, element, LANES[element][-1], 2)
    few = sample(element, 40, 6)
    pairs = [
        (spread(element, -3, 3, 200_000, 7), spread(element, -3, 3, 200_000, 8)),
        (sample(element, 100_000, 9), sample(element, 100_000, 10)),
        tuple(v.ravel() for v in np.meshgrid(few, few)),  # zeros, infinities, NaN, the largest, subnormals
    ]
    for y, x in pairs:
        got, expected = run(y, x), true("atan2", y, x)
        assert ulps(got, expected).max() < 2, worst(got, expected, y, x)


@pytest.mark.parametrize("name", [*UNARY, "atan2"])
@pytest.mark.parametrize("element", ELEMENTS)
def test_a_number_by_itself_and_among_others_give_the_same_bits(element, name):
    operands = 2 if name == "atan2" else 1
    xs = [np.concatenate([sample(element, 1024, k), spread(element, -1, 1, 1024, k)]) for k in range(operands)]
    unsigned = f"u{xs[0].dtype.itemsize}"
    write = getattr(inverse_trigonometric, name)
    results = [np.nan_to_num(compiled(write, element, lanes, operands)(*xs), nan=7) for lanes in (0, 4, 8, 16)]
    assert all((results[0].view(unsigned) == x.view(unsigned)).all() for x in results[1:])


@pytest.mark.parametrize("element", ELEMENTS)
def test_ends(element):
    dtype = DTYPES[element]
    x = np.array([-1, -0.0, 0.0, 1, 1.5, np.nan], dtype)
    half_pi = dtype.type(np.pi / 2)
    asin = compiled(inverse_trigonometric.asin, element, 4)(x)
    acos = compiled(inverse_trigonometric.acos, element, 4)(x)
    assert asin[:4].tolist() == [-half_pi, -0.0, 0.0, half_pi]
    assert np.signbit(asin[:4]).tolist() == [True, True, False, False]
    assert acos[:4].tolist() == [2 * half_pi, half_pi, half_pi, 0.0]
    assert np.isnan(asin[4:]).all()
    assert np.isnan(acos[4:]).all()
    assert compiled(inverse_trigonometric.atan, element, 4)(np.array([-np.inf, np.inf], dtype)).tolist() == [-half_pi, half_pi]
