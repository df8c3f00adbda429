import pytest

from clew.compiler.mathematics.exponential import exp, expm1
from clew.compiler.mathematics.hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from clew.compiler.mathematics.logarithm import log, log1p, log10
from clew.compiler.mathematics.power import pow
from tests.compiler.mathematics.accuracy import LANES, compiled, exact, spread, ulps, worst

mpmath = pytest.importorskip("mpmath")
HARD = [  # where reductions change their integer, results are near 0, overflow or are subnormal
    (exp, mpmath.exp, [(0.34, 0.37)], 0.98),
    (exp, mpmath.exp, [(-745, -708)], 0.98),
    (exp, mpmath.exp, [(700, 709.7)], 0.98),
    (expm1, mpmath.expm1, [(0.34, 0.4)], 1.6),
    (log, mpmath.log, [(0.99, 1.01)], 0.98),
    (log, mpmath.log, [(1.35, 1.5)], 0.98),
    (log10, mpmath.log10, [(0.65, 0.75)], 1.0),
    (log1p, mpmath.log1p, [(-0.3, 0.5)], 1.6),
    (sinh, mpmath.sinh, [(0.34, 0.4)], 1.9),
    (cosh, mpmath.cosh, [(1, 6)], 1.35),
    (tanh, mpmath.tanh, [(0.2, 0.25)], 1.9),
    (asinh, mpmath.asinh, [(0.2, 1.2)], 1.5),
    (acosh, mpmath.acosh, [(1.01, 1.1)], 1.9),
    (atanh, mpmath.atanh, [(0.2, 0.6)], 1.6),
    (pow, mpmath.power, [(0.3, 40), (-190, 190)], 0.7),
    (pow, mpmath.power, [(1e-300, 1e300), (-1.02, 1.02)], 0.7),
]


@pytest.mark.parametrize(("function", "reference", "ranges", "limit"), HARD)
def test_doubles_are_near_the_true_value_in_hard_ranges(function, reference, ranges, limit):
    x = [spread("double", *r, 3000, seed) for seed, r in enumerate(ranges)]
    found = compiled(function, "double", LANES["double"][-1], len(ranges))(*x)
    true = exact(reference, *x)
    assert ulps(found, true).max() <= limit, worst(found, true, *x)
