import numpy as np
import pytest

from clew.compiler.mathematics.power import pow
from tests.compiler.mathematics.accuracy import DTYPES, LANES, check_bits, check_double, check_float, compiled, ulps

EDGES = [0.0, 5e-324, 1e-310, 1e-45, 0.5, 1, 1.5, 2, 3, 2**24 - 1, 2**24, 2**53 - 1, 2**53, 1e30, 1e300, np.inf]
RANGES = [((0, 10), (-5, 5)), ((0.9, 1.1), (-2000, 2000)), ((0, 1e-38), (0, 1.2)), ((0, 1e3), (9, 15)), ((1, 1e30), (0, 20))]


def test_floats_are_near_the_true_value():
    check_float(pow, np.power, 0.8, RANGES, operands=2)


def test_doubles_are_near_the_true_value():
    check_double(pow, np.power, 0.7, RANGES, operands=2)


def test_every_width_gives_the_same_bits():
    check_bits(pow, operands=2)


@pytest.mark.parametrize(("element", "wide"), [("float", np.float64), ("double", np.longdouble)])
def test_all_pairs_of_special_values(element, wide):
    with np.errstate(over="ignore"):
        near = 1 + np.finfo(DTYPES[element]).eps * np.array([-0.5, 1])
        edges = np.array([*EDGES, *np.negative(EDGES), *near, *-near, np.nan]).astype(DTYPES[element])
    x, y = (a.ravel() for a in np.meshgrid(edges, edges))
    with np.errstate(all="ignore"):
        true = np.power(x.astype(wide), y.astype(wide))
    far = ulps(compiled(pow, element, LANES[element][-1], 2)(x, y), true)
    assert far.max() < 1, [(x[k], y[k]) for k in np.flatnonzero(far >= 1)]


@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize(("power", "highest"), [(1, 4000), (2, 4000), (3, 250), (0.5, 4000), (-1, 0)])
def test_results_that_are_floats_are_exact(element, power, highest):
    base = np.arange(1, highest + 1) if highest else 2.0 ** np.arange(-100, 100)
    whole, inverse = base.astype(DTYPES[element]), 1 / base
    run = compiled(pow, element, 4, 2)
    x = whole * whole if power == 0.5 else whole
    true = {0.5: whole, -1: inverse.astype(whole.dtype)}.get(power, base**power if highest else whole)
    assert (run(x, np.full_like(x, power)) == true).all()
