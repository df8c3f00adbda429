"""``sin``, ``cos``, ``tan`` within 2 ULP of arguments of every size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clew.compiler.mathematics import large_arguments, trigonometric

from .accuracy import DTYPES, LANES, compiled, sample, spread, ulps, worst

FUNCTIONS = ("sin", "cos", "tan")
ELEMENTS = ("float", "double")


def true(name: str, x: Any) -> Any:
    """NumPy's float64 for float32, and mpmath for float64."""
    if x.dtype == np.float32:
        with np.errstate(invalid="ignore"):
            return getattr(np, name)(x.astype(np.float64))
    mpmath = pytest.importorskip("mpmath")
    finite = np.where(np.isfinite(x), x, 1)
    with mpmath.workprec(1400):  # the digits of pi that the largest number asks for
        found = np.array([exact_one(getattr(mpmath, name)(mpmath.mpf(float(v)))) for v in finite], np.longdouble)
    found[~np.isfinite(x)] = np.nan
    return np.where((x == 0) & (name != "cos"), x, found)


def exact_one(y: Any) -> np.longdouble:
    return np.longdouble(float(y)) + np.longdouble(float(y - float(y)))


def near_quarters(element: str, count: int, seed: int) -> Any:
    """The numbers next to multiples of pi / 2, small multiples and large ones, and the one that is next of all."""
    nearest = {"float": 16367173 * 2.0**72, "double": 6381956970095103 * 2.0**797}[element]
    random = np.random.default_rng(seed)
    largest = {"float": 2**22, "double": 2**50}[element]
    k = np.concatenate([np.arange(1, count // 2), (2 ** random.uniform(10, np.log2(largest), count // 2)).astype(np.int64)])
    x = (k.astype(np.longdouble) * np.longdouble(np.pi) / 2).astype(DTYPES[element])
    return np.concatenate([x, np.nextafter(x, x.dtype.type(0)), np.nextafter(x, 2 * x), -x, [x.dtype.type(nearest)]])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("element", ELEMENTS)
def test_within_two_units(element, name):
    count = {"float": 200_000, "double": 1500}[element]
    run = compiled(getattr(trigonometric, name), element, LANES[element][-1])
    limit = trigonometric.LARGE[element]
    for x in (
        spread(element, -8, 8, count, 1),
        spread(element, -1000, 1000, count, 2),
        spread(element, -2 * limit, 2 * limit, count, 3),
        near_quarters(element, count // 4, 4),
        sample(element, count, 5),
    ):
        got, expected = run(x), true(name, x)
        assert ulps(got, expected).max() < 2, worst(got, expected, x)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("element", ELEMENTS)
def test_a_number_by_itself_and_among_others_give_the_same_bits(element, name):
    """Also where a neighbour is so large that its lane takes another way."""
    x = np.concatenate([sample(element, 4096, 6), spread(element, -100, 100, 4096, 7)])
    x = np.random.default_rng(8).permutation(x)
    unsigned = f"u{x.dtype.itemsize}"
    results = [compiled(getattr(trigonometric, name), element, lanes)(x) for lanes in (0, 4, 8, 16)]
    for other in results[1:]:
        assert (np.isnan(other) == np.isnan(results[0])).all()
        number = ~np.isnan(other)
        assert (other.view(unsigned) == results[0].view(unsigned))[number].all()


@pytest.mark.parametrize("element", ELEMENTS)
def test_sines_never_leave_the_unit_interval(element):
    x = np.concatenate([near_quarters(element, 20_000, 9), spread(element, -1e-3, 1e-3, 10_000, 10)])
    for name in ("sin", "cos"):
        assert abs(compiled(getattr(trigonometric, name), element, 8)(x)).max() == 1


@pytest.mark.parametrize("element", ELEMENTS)
def test_special_values(element):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], DTYPES[element])
    for name, zeros in (("sin", [0.0, -0.0]), ("tan", [0.0, -0.0]), ("cos", [1.0, 1.0])):
        got = compiled(getattr(trigonometric, name), element, 4)(x)
        assert got[:2].tolist() == zeros
        assert np.signbit(got[:2]).tolist() == np.signbit(zeros).tolist()
        assert np.isnan(got[2:]).all()


def test_the_digits_of_the_table():
    digits = large_arguments.inverse_pi(large_arguments.DIGITS)
    assert digits.bit_length() == large_arguments.DIGITS - 1  # 1/4 < 1 / pi < 1/2
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(1300):
        assert digits == int(mpmath.floor(mpmath.mpf(2) ** large_arguments.DIGITS / mpmath.pi))
