import numpy as np
import pytest

from clew.compiler.mathematics.hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from tests.compiler.mathematics.accuracy import DTYPES, check_bits, check_double, check_float, check_values, compiled

INF, NAN = np.inf, np.nan
LIMITS = [  # ULP
    (sinh, np.sinh, 1.9),
    (cosh, np.cosh, 1.35),
    (tanh, np.tanh, 1.9),
    (asinh, np.arcsinh, 1.5),
    (acosh, np.arccosh, 1.9),
    (atanh, np.arctanh, 1.6),
]
RANGES = [(-0.3, 0.3), (-1, 3), (-25, 25), (1, 1.1), (86, 91), (708, 711.5), (0, 1e20)]


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
@pytest.mark.parametrize(
    ("function", "inputs", "outputs"),
    [
        (sinh, [0.0, -0.0, INF, -INF, NAN, 1e4, -1e4], [0.0, -0.0, INF, -INF, NAN, INF, -INF]),
        (cosh, [0.0, -0.0, INF, -INF, NAN, 1e4, -1e4], [1, 1, INF, INF, NAN, INF, INF]),
        (tanh, [0.0, -0.0, INF, -INF, NAN, 40, -40], [0.0, -0.0, 1, -1, NAN, 1, -1]),
        (asinh, [0.0, -0.0, INF, -INF, NAN], [0.0, -0.0, INF, -INF, NAN]),
        (acosh, [1, INF, -INF, NAN, 0.5, 0.0, -3], [0.0, INF, NAN, NAN, NAN, NAN, NAN]),
        (atanh, [0.0, -0.0, 1, -1, 1.5, -1.5, INF, NAN], [0.0, -0.0, INF, -INF, NAN, NAN, NAN, NAN]),
    ],
)
def test_special_values(function, element, inputs, outputs):
    check_values(function, element, inputs, outputs)


@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("function", [sinh, tanh, asinh, atanh])
def test_subnormal_numbers_stay_what_they_are(function, element):
    tiny = np.finfo(DTYPES[element]).smallest_subnormal * np.arange(1, 50)
    check_values(function, element, [*tiny, *-tiny], [*tiny, *-tiny])


@pytest.mark.parametrize("element", ["float", "double"])
def test_tanh_never_exceeds_one(element):
    x = np.linspace(7, 20, 100_000).astype(DTYPES[element])
    assert compiled(tanh, element, 4)(x).max() == 1
