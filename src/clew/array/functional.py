"""Functions of networks: activations, each one gate, and dropout."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

from ..errors import UsageError
from ..gates import composite
from ..ir import Value
from ..ops import arithmetic, comparison, exponential, trigonometric
from ..ops.erf import erf
from ..ops.rounding import cast
from . import random
from .arguments import floating, number_of, refused
from .lifting import ArrayLike
from .promotion import value_of


def _gate(title: str, build: Callable[..., Value], v: Value, *options: Any) -> Value:
    return composite(title, (v.type,), build, *options).apply(v)


def relu(x: ArrayLike, /) -> Value:
    """``max(x, 0)``. The derivative at 0 is 0.

    >>> import clew as cl
    >>> cl.relu([-1.0, 0.0, 2.0]).tolist()
    [0.0, 0.0, 2.0]
    """
    return _gate("relu", _relu, value_of(x))


def _relu(x: Value) -> Value:
    return comparison.where(_not_positive(x), 0, x)


def _not_positive(x: Value) -> Value:
    """Whether ``x <= 0``; a NaN is not, and so comes through."""
    return comparison.less_equal(x, 0)


def leaky_relu(x: ArrayLike, /, negative_slope: float = 0.01) -> Value:
    """``x`` where it is positive, else ``negative_slope * x``; at 0 the derivative is the slope.

    >>> import clew as cl
    >>> cl.leaky_relu([-2.0, 2.0], 0.5).tolist()
    [-1.0, 2.0]
    """
    slope = float(number_of("leaky_relu", "negative_slope", negative_slope))
    return _gate("leaky_relu", _leaky_relu, floating(x), slope)


def _leaky_relu(x: Value, slope: float) -> Value:
    return comparison.where(_not_positive(x), arithmetic.mul(x, slope), x)


def elu(x: ArrayLike, /, alpha: float = 1.0) -> Value:
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``; at 0 the derivative is ``alpha``.

    >>> import clew as cl
    >>> cl.elu([float("-inf"), 2.0]).tolist()
    [-1.0, 2.0]
    """
    return _gate("elu", _elu, floating(x), float(number_of("elu", "alpha", alpha)))


def _elu(x: Value, alpha: float) -> Value:
    return comparison.where(_not_positive(x), arithmetic.mul(exponential.expm1(x), alpha), x)


def silu(x: ArrayLike, /) -> Value:
    """``x * sigmoid(x)``, also called swish.

    >>> import clew as cl
    >>> cl.silu([0.0, 100.0]).tolist()
    [0.0, 100.0]
    """
    return _gate("silu", _silu, floating(x))


def _silu(x: Value) -> Value:
    return arithmetic.mul(x, exponential.sigmoid(x))


def gelu(x: ArrayLike, /, *, approximate: bool = False) -> Value:
    """``x * (1 + erf(x / sqrt(2))) / 2``: ``x`` times the share of a normal distribution below it.

    With ``approximate``, ``x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x**3))) / 2``. (Hendrycks and Gimpel, "Gaussian error
    linear units", arXiv:1606.08415.)

    >>> import clew as cl
    >>> cl.gelu([0.0, 100.0]).tolist()
    [0.0, 100.0]
    """
    return _gate("gelu", _gelu_tanh if approximate else _gelu, floating(x))


def _gelu(x: Value) -> Value:
    return _share(x, erf(arithmetic.mul(x, sqrt(0.5))))


def _gelu_tanh(x: Value) -> Value:
    cube = arithmetic.mul(arithmetic.mul(arithmetic.square(x), x), 0.044715)
    return _share(x, trigonometric.tanh(arithmetic.mul(arithmetic.add(x, cube), sqrt(2 / pi))))


def _share(x: Value, between: Value) -> Value:
    """``x`` times a number from [-1, 1] brought to [0, 1]."""
    return arithmetic.mul(x, arithmetic.mul(arithmetic.add(between, 1.0), 0.5))


def dropout(x: ArrayLike, rate: float, /, *, key: Any = None) -> Value:
    """Each element set to 0 with probability ``rate``, and the others divided by ``1 - rate``, so that the mean stays.

    ``key`` is a generator, a key or a seed (see ``random``); without one the default generator draws.

    >>> import clew as cl
    >>> y = cl.dropout(cl.ones(1000), 0.5, key=0)
    >>> cl.unique_values(y).tolist(), 400 < cl.count_nonzero(y).item() < 600
    ([0.0, 2.0], True)
    """
    v = floating(x)
    share = float(number_of("dropout", "rate", rate))
    if not 0 <= share < 1:
        raise refused("dropout", f"rate is {rate}; it must be from [0, 1)", v, kind=UsageError)
    if not share:
        return v
    kept = cast(random.bernoulli(1 - share, v.shape, key=key), v.dtype)
    return arithmetic.mul(v, arithmetic.mul(kept, 1 / (1 - share)))
