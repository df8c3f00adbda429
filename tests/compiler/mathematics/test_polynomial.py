import numpy as np
import pytest

from clew.compiler.mathematics.polynomial import estrin, horner, polynomial
from tests.compiler.mathematics.accuracy import compiled, spread


@pytest.mark.parametrize("degree", range(13))
@pytest.mark.parametrize("scheme", [horner, estrin, polynomial])
def test_the_schemes_sum_the_polynomial(scheme, degree):
    coefficients = np.random.default_rng(degree).normal(size=degree + 1)
    x = spread("double", -1, 1, 50, degree)
    found = compiled(lambda b, r: b.fadd(b.fsub(r, r), scheme(b, r, coefficients)), "double", 4)(x)
    np.testing.assert_allclose(found, np.polynomial.polynomial.polyval(x, coefficients), rtol=1e-13, atol=1e-14)
