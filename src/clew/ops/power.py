"""Powers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..ir import Array
from .arithmetic import mul, sub
from .comparison import equal, greater_equal, logical_and, where
from .elementwise import Numeric, chain
from .exponential import log


class Pow(Numeric):
    """``a**b``, NaN where ``a`` is negative, finite, and ``b`` is not whole; ``a**0`` is 1 for every ``a``.

    The derivative by ``a`` is ``b * a**(b-1)``, and 0 where ``b`` is. The derivative by ``b`` is ``y * log(a)``, and 0
    where ``a`` is 0 and ``b`` is not negative; it is NaN where ``a`` is negative. Integers have no negative powers.
    """

    partials = (
        lambda y, a, b: chain(b, pow(a, sub(b, 1.0))),
        lambda y, a, b: mul(y, log(where(logical_and(equal(a, 0.0), greater_equal(b, 0.0)), 1.0, a))),
    )

    def reference(self, a: Array, b: Array) -> Array:
        if b.dtype.kind == "i" and (b < 0).any():
            raise self.refuse("integers have no negative powers; cast to a float first")
        y = operator.pow(a, b)
        if b.dtype.kind != "i" and b.size and not any(b.strides) and b.flat[0] == 0.5:
            # one exponent for all: NumPy has taken square roots, which differ from powers at -0.0 and -inf
            return np.where(a == -np.inf, y.dtype.type(np.inf), y + y.dtype.type(0))[()]
        return y


pow: Any = Pow()
