"""Elementwise functions of the array API standard, and a few that networks need.

Operands are promoted to one dtype and broadcast to one shape first.
"""

from __future__ import annotations

from ..ir import Value
from ..ops import arithmetic, bitwise, comparison, exponential, power, rounding, trigonometric
from ..ops import erf as error_function
from .broadcasting import broadcast_to, common_shape
from .lifting import ArrayLike, binary, unary
from .promotion import BOOL, cast_to, promoted, value_of

# Arithmetic
add = binary("add", arithmetic.add, "``x1 + x2``.", "cl.add(1.5, 2) -> 3.5")
subtract = binary("subtract", arithmetic.sub, "``x1 - x2``.", "cl.subtract(1.5, 2) -> -0.5")
multiply = binary("multiply", arithmetic.mul, "``x1 * x2``.", "cl.multiply(1.5, 2) -> 3.0")
divide = binary(
    "divide", arithmetic.div, "``x1 / x2``; integers are divided as floats.", "cl.divide(1, 4) -> 0.25", floating=True
)
negative = unary("negative", arithmetic.neg, "``-x``.", "cl.negative(2.0) -> -2.0")
reciprocal = unary("reciprocal", arithmetic.reciprocal, "``1 / x``.", "cl.reciprocal(4.0) -> 0.25", floating=True)
square = unary("square", arithmetic.square, "``x * x``.", "cl.square(3.0) -> 9.0")
sqrt = unary(
    "sqrt",
    arithmetic.sqrt,
    "The square root; NaN below 0. Its derivative at 0 is infinite, but sqrt(sum(x*x)) at 0 has gradient 0.",
    "cl.sqrt(9.0) -> 3.0",
    floating=True,
)
rsqrt = unary("rsqrt", arithmetic.rsqrt, "``1 / sqrt(x)``.", "cl.rsqrt(4.0) -> 0.5", floating=True)
abs = unary("abs", arithmetic.abs, "``|x|``; the derivative at 0 is 0.", "cl.abs(-2.0) -> 2.0")
sign = unary("sign", rounding.sign, "-1, 0 or 1; NaN of NaN. No gradient passes.", "cl.sign(-2.0) -> -1.0")
floor_divide = binary(
    "floor_divide",
    arithmetic.floor_divide,
    "``floor(x1 / x2)``, as Python's ``//``. No gradient passes.",
    "cl.floor_divide(-7, 2) -> -4",
)
remainder = binary(
    "remainder",
    arithmetic.remainder,
    "``x1 - floor(x1 / x2) * x2``, with the sign of ``x2``, as Python's ``%``.",
    "cl.remainder(-7, 3) -> 2",
)
pow = binary(
    "pow",
    power.pow,
    "``x1 ** x2``. The derivative of x**0 at 0 is 0; that by the exponent is 0 where the base is 0.",
    "cl.pow(2.0, 3) -> 8.0",
)
maximum = binary(
    "maximum", arithmetic.maximum, "The larger; of equals, each takes half the gradient.", "cl.maximum(1.0, 2.0) -> 2.0"
)
minimum = binary(
    "minimum", arithmetic.minimum, "The smaller; of equals, each takes half the gradient.", "cl.minimum(1.0, 2.0) -> 1.0"
)
copysign = binary("copysign", arithmetic.copysign, "``|x1|`` with the sign of ``x2``.", "cl.copysign(1.0, -2.0) -> -1.0")
nextafter = binary(
    "nextafter", arithmetic.nextafter, "The float next to ``x1`` towards ``x2``.", "(cl.nextafter(1.0, 2.0) > 1) -> True"
)
hypot = binary("hypot", arithmetic.hypot, "``sqrt(x1**2 + x2**2)``; the gradient at (0, 0) is 0.", "cl.hypot(3.0, 4.0) -> 5.0")

# Exponentials and logarithms
exp = unary("exp", exponential.exp, "``e ** x``.", "cl.exp(0.0) -> 1.0", floating=True)
expm1 = unary("expm1", exponential.expm1, "``e ** x - 1``, exact near 0.", "cl.expm1(0.0) -> 0.0", floating=True)
log = unary(
    "log",
    exponential.log,
    "The natural logarithm: -inf at 0, NaN below. Of a tracked 1 + exp(x), sigmoid(x), softmax and the like, the stable "
    "form is taken, and the node says so.",
    "cl.log(1.0) -> 0.0",
    floating=True,
)
log1p = unary("log1p", exponential.log1p, "``log(1 + x)``, exact near 0.", "cl.log1p(0.0) -> 0.0", floating=True)
log2 = unary("log2", exponential.log2, "The logarithm to base 2.", "cl.log2(8.0) -> 3.0", floating=True)
log10 = unary("log10", exponential.log10, "The logarithm to base 10.", "cl.log10(1.0) -> 0.0", floating=True)
logaddexp = binary(
    "logaddexp",
    exponential.logaddexp,
    "``log(exp(x1) + exp(x2))`` without overflow.",
    "cl.logaddexp(1000.0, float('-inf')) -> 1000.0",
    floating=True,
)
xlogy = binary(
    "xlogy", exponential.xlogy, "``x1 * log(x2)``, and 0 where ``x1`` is 0.", "cl.xlogy(0.0, 0.0) -> 0.0", floating=True
)
erf = unary(
    "erf",
    error_function.erf,
    "``2 / sqrt(pi)`` times the integral of exp(-t*t) from 0 to x.",
    "cl.erf(0.0) -> 0.0",
    floating=True,
)
sigmoid = unary(
    "sigmoid", exponential.sigmoid, "``1 / (1 + exp(-x))``, without overflow.", "cl.sigmoid(0.0) -> 0.5", floating=True
)
softplus = unary(
    "softplus", exponential.softplus, "``log(1 + exp(x))``, without overflow.", "cl.softplus(1000.0) -> 1000.0", floating=True
)

# Trigonometric and hyperbolic; angles in radians
sin = unary("sin", trigonometric.sin, "The sine of an angle in radians.", "cl.sin(0.0) -> 0.0", floating=True)
cos = unary("cos", trigonometric.cos, "The cosine of an angle in radians.", "cl.cos(0.0) -> 1.0", floating=True)
tan = unary("tan", trigonometric.tan, "The tangent of an angle in radians.", "cl.tan(0.0) -> 0.0", floating=True)
asin = unary("asin", trigonometric.asin, "The angle in [-pi/2, pi/2] of this sine.", "cl.asin(0.0) -> 0.0", floating=True)
acos = unary("acos", trigonometric.acos, "The angle in [0, pi] of this cosine.", "cl.acos(1.0) -> 0.0", floating=True)
atan = unary("atan", trigonometric.atan, "The angle in [-pi/2, pi/2] of this tangent.", "cl.atan(0.0) -> 0.0", floating=True)
atan2 = binary(
    "atan2",
    trigonometric.atan2,
    "The angle in [-pi, pi] of the point (x2, x1); the gradient at (0, 0) is 0.",
    "cl.atan2(0.0, 1.0) -> 0.0",
    floating=True,
)
sinh = unary("sinh", trigonometric.sinh, "The hyperbolic sine.", "cl.sinh(0.0) -> 0.0", floating=True)
cosh = unary("cosh", trigonometric.cosh, "The hyperbolic cosine.", "cl.cosh(0.0) -> 1.0", floating=True)
tanh = unary("tanh", trigonometric.tanh, "The hyperbolic tangent.", "cl.tanh(0.0) -> 0.0", floating=True)
asinh = unary("asinh", trigonometric.asinh, "The inverse of sinh.", "cl.asinh(0.0) -> 0.0", floating=True)
acosh = unary("acosh", trigonometric.acosh, "The inverse of cosh, from 1 up.", "cl.acosh(1.0) -> 0.0", floating=True)
atanh = unary("atanh", trigonometric.atanh, "The inverse of tanh, between -1 and 1.", "cl.atanh(0.0) -> 0.0", floating=True)

# Rounding; no gradient passes
floor = unary("floor", rounding.floor, "The largest whole number not above x.", "cl.floor(1.5) -> 1.0")
ceil = unary("ceil", rounding.ceil, "The smallest whole number not below x.", "cl.ceil(1.5) -> 2.0")
trunc = unary("trunc", rounding.trunc, "The whole number next to x towards 0.", "cl.trunc(-1.5) -> -1.0")
round = unary("round", rounding.round, "The nearest whole number; of two, the even one.", "cl.round(2.5) -> 2.0")

# Comparison and logic; no gradient passes
equal = binary("equal", comparison.equal, "``x1 == x2``.", "cl.equal(1, 1) -> True")
not_equal = binary("not_equal", comparison.not_equal, "``x1 != x2``.", "cl.not_equal(1, 1) -> False")
less = binary("less", comparison.less, "``x1 < x2``.", "cl.less(1, 2) -> True")
less_equal = binary("less_equal", comparison.less_equal, "``x1 <= x2``.", "cl.less_equal(1, 1) -> True")
greater = binary("greater", comparison.greater, "``x1 > x2``.", "cl.greater(1, 2) -> False")
greater_equal = binary("greater_equal", comparison.greater_equal, "``x1 >= x2``.", "cl.greater_equal(1, 1) -> True")
logical_and = binary("logical_and", comparison.logical_and, "Both hold.", "cl.logical_and(True, False) -> False")
logical_or = binary("logical_or", comparison.logical_or, "One or both hold.", "cl.logical_or(True, False) -> True")
logical_xor = binary("logical_xor", comparison.logical_xor, "Exactly one holds.", "cl.logical_xor(True, True) -> False")
logical_not = unary("logical_not", comparison.logical_not, "It does not hold.", "cl.logical_not(True) -> False")
isnan = unary("isnan", comparison.isnan, "Whether x is NaN.", "cl.isnan(float('nan')) -> True", floating=True)
isinf = unary("isinf", comparison.isinf, "Whether x is infinite.", "cl.isinf(float('-inf')) -> True", floating=True)
isfinite = unary(
    "isfinite", comparison.isfinite, "Whether x is neither infinite nor NaN.", "cl.isfinite(1.0) -> True", floating=True
)
signbit = unary("signbit", comparison.signbit, "Whether the sign of x is minus, -0.0 included.", "cl.signbit(-0.0) -> True")

# Bits of integers
bitwise_and = binary("bitwise_and", bitwise.bitwise_and, "Bits set in both.", "cl.bitwise_and(6, 3) -> 2")
bitwise_or = binary("bitwise_or", bitwise.bitwise_or, "Bits set in either.", "cl.bitwise_or(6, 3) -> 7")
bitwise_xor = binary("bitwise_xor", bitwise.bitwise_xor, "Bits set in one of the two.", "cl.bitwise_xor(6, 3) -> 5")
bitwise_invert = unary("bitwise_invert", bitwise.bitwise_invert, "Every bit turned.", "cl.bitwise_invert(0) -> -1")
bitwise_left_shift = binary(
    "bitwise_left_shift", bitwise.bitwise_left_shift, "``x1 * 2**x2``.", "cl.bitwise_left_shift(1, 3) -> 8"
)
bitwise_right_shift = binary(
    "bitwise_right_shift", bitwise.bitwise_right_shift, "``floor(x1 / 2**x2)``.", "cl.bitwise_right_shift(8, 3) -> 1"
)


def positive(x: ArrayLike, /) -> Value:
    """``+x``: x itself.

    >>> import clew as cl
    >>> cl.positive(2.0).item()
    2.0
    """
    return value_of(x)


def where(condition: ArrayLike, x1: ArrayLike, x2: ArrayLike, /) -> Value:
    """``x1`` where the condition holds, ``x2`` elsewhere.

    The gradient goes to the branch taken alone: infinities and NaN of the other one do not leak.

    >>> import clew as cl
    >>> cl.where([True, False], [1.0, 2.0], 0).tolist()
    [1.0, 0.0]
    """
    c = cast_to(value_of(condition), BOOL)
    a, b = promoted("where", x1, x2)
    shape = common_shape("where", c, a, b)
    return comparison.where(*(broadcast_to(v, shape) for v in (c, a, b)))


def clip(x: ArrayLike, /, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Value:
    """``x`` limited to [min, max]; a missing limit does not limit. The result has x's dtype.

    The gradient passes inside the limits and stops outside; exactly at a limit it passes half.

    >>> import clew as cl
    >>> cl.clip([-2.0, 0.5, 2.0], 0, 1).tolist()
    [0.0, 0.5, 1.0]
    """
    v = value_of(x)
    for limit, bound in ((min, maximum), (max, minimum)):
        if limit is not None:
            v = cast_to(bound(v, limit), v.dtype)
    return v
