import numpy as np
import pytest

from clew.compiler.mathematics.exponential import exp, exp2, expm1
from tests.compiler.mathematics.accuracy import DTYPES, check_bits, check_double, check_float, check_values

INF, NAN = np.inf, np.nan
LIMITS = [(exp, np.exp, 0.98), (exp2, np.exp2, 0.95), (expm1, np.expm1, 1.6)]  # ULP
RANGES = [(-0.1, 0.1), (-3, 3), (-750, 750)]


@pytest.mark.parametrize(("function", "reference", "limit"), LIMITS)
def test_floats_are_near_the_true_value(function, reference, limit):
    check_float(function, reference, limit, [*RANGES, (-105, -86), (87, 89)])


@pytest.mark.parametrize(("function", "reference", "limit"), LIMITS)
def test_doubles_are_near_the_true_value(function, reference, limit):
    check_double(function, reference, limit, [*RANGES, (-746, -707), (708, 710)])


@pytest.mark.parametrize(("function", "reference", "limit"), LIMITS)
def test_every_width_gives_the_same_bits(function, reference, limit):
    check_bits(function)


@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize(
    ("function", "inputs", "outputs"),
    [
        (exp, [0.0, -0.0, INF, -INF, NAN, 1e4, -1e4], [1, 1, INF, 0, NAN, INF, 0]),
        (exp2, [0.0, -0.0, INF, -INF, NAN, 1e4, -1e4], [1, 1, INF, 0, NAN, INF, 0]),
        (expm1, [0.0, -0.0, INF, -INF, NAN, 1e4, -1e4], [0.0, -0.0, INF, -1, NAN, INF, -1]),
    ],
)
def test_special_values(function, element, inputs, outputs):
    check_values(function, element, inputs, outputs)


@pytest.mark.parametrize(("element", "lowest", "highest"), [("float", -149, 127), ("double", -1074, 1023)])
def test_powers_of_two_are_exact(element, lowest, highest):
    n = np.arange(lowest, highest + 1)
    check_values(exp2, element, n, np.ldexp(np.ones(len(n), DTYPES[element]), n))


@pytest.mark.parametrize("element", ["float", "double"])
def test_subnormal_numbers_stay_what_they_are(element):
    tiny = np.finfo(DTYPES[element]).smallest_subnormal * np.arange(1, 50)
    check_values(expm1, element, [*tiny, *-tiny], [*tiny, *-tiny])
