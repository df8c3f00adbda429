import numpy as np
import pytest

from clew.compiler.mathematics.logarithm import log, log1p, log2, log10
from tests.compiler.mathematics.accuracy import DTYPES, check_bits, check_double, check_float, check_values

INF, NAN = np.inf, np.nan
LIMITS = [(log, np.log, 0.98), (log2, np.log2, 1.25), (log10, np.log10, 1.05), (log1p, np.log1p, 1.6)]  # ULP
RANGES = [(0, 1e-30), (0.6, 1.6), (0.999, 1.001), (-1, 3), (-0.01, 0.01), (0, 1e20)]


@pytest.mark.parametrize(("function", "reference", "limit"), LIMITS)
def test_floats_are_near_the_true_value(function, reference, limit):
    check_float(function, reference, limit, RANGES)


@pytest.mark.parametrize(("function", "reference", "limit"), LIMITS)
def test_doubles_are_near_the_true_value(function, reference, limit):
    check_double(function, reference, limit, RANGES)


@pytest.mark.parametrize(("function", "reference", "limit"), LIMITS)
def test_every_width_gives_the_same_bits(function, reference, limit):
    check_bits(function)


@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("function", [log, log2, log10])
def test_special_values(function, element):
    check_values(function, element, [1, 0.0, -0.0, INF, -INF, NAN, -1], [0.0, -INF, -INF, INF, NAN, NAN, NAN])


@pytest.mark.parametrize("element", ["float", "double"])
def test_special_values_beside_one(element):
    check_values(log1p, element, [0.0, -0.0, -1, INF, -INF, NAN, -1.5], [0.0, -0.0, -INF, INF, NAN, NAN, NAN])


@pytest.mark.parametrize(("element", "lowest", "highest"), [("float", -149, 127), ("double", -1074, 1023)])
def test_powers_of_two_are_exact(element, lowest, highest):
    n = np.arange(lowest, highest + 1)
    check_values(log2, element, np.ldexp(np.ones(len(n), DTYPES[element]), n), n)


@pytest.mark.parametrize(("element", "highest"), [("float", 38), ("double", 308)])
def test_powers_of_ten_are_exact(element, highest):
    n = range(highest + 1)
    check_values(log10, element, [float(f"1e{k}") for k in n], n)


@pytest.mark.parametrize("element", ["float", "double"])
def test_subnormal_numbers_stay_what_they_are(element):
    tiny = np.finfo(DTYPES[element]).smallest_subnormal * np.arange(1, 50)
    check_values(log1p, element, [*tiny, *-tiny], [*tiny, *-tiny])
