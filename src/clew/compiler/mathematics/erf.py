"""The error function.

Near 0 a polynomial in ``x**2``, as the function is odd; from there on ``1 - 2**p(|x|)``, with a polynomial for the logarithm
of the complement, so that its error counts the less, the smaller the complement is. Tables: ``tools/fit_trigonometric.py``.
"""

from __future__ import annotations

from ..block import Block, Reg, number
from .exponential import EXP2
from .parts import at_most, fabs, form, nearest, real
from .polynomial import horner

NEAR, MIDDLE = 0.9, 1.0
END = {"float": 4.0, "double": 6.0}  # from here on the result is 1
# erf(x) = x + x * ERF(x^2), |x| <= NEAR
ERF = {
    "float": (0.12837917, -0.37612632, 0.112836815, -0.026859023, 0.005200722, -0.0008144158, 8.3922685e-05),
    "double": (
        0.1283791670955126,
        -0.3761263890318387,
        0.11283791670958289,
        -0.0268661706454886,
        0.005223977627238139,
        -0.0008548327039275298,
        0.00012055330253897127,
        -1.4925495274961597e-05,
        1.6457919172527546e-06,
        -1.629896997864101e-07,
        1.416232040684235e-08,
        -8.731993811675517e-10,
    ),
}
# log2(1 - erf(x)) = ERFC(x - MIDDLE), NEAR <= x <= END
ERFC = {
    "float": (-2.6684167, -3.8072257, -1.2163435, -0.05994861, 0.014393453, -0.0027223625, 0.00028985043),
    "double": (
        -2.6684166967815997,
        -3.8072253458536043,
        -1.2163466576859132,
        -0.05995999004678629,
        0.01447575020670178,
        -0.0028535108551094686,
        0.0003423863924568363,
        3.790489686711668e-05,
        -3.917198855334643e-05,
        1.3850261329273196e-05,
        -2.9605615659341235e-06,
        1.9844929897419885e-07,
        1.4524407127092438e-07,
        -7.746019890968348e-08,
        2.261547784011813e-08,
        -4.538203553126632e-09,
        6.397226915497965e-10,
        -6.078094728158782e-11,
        3.497484849514374e-12,
        -9.199455535853514e-14,
    ),
}


def erf(b: Block, x: Reg) -> Reg:
    """``2 / sqrt(pi)`` times the integral of ``exp(-t*t)`` from 0 to ``x``. Largest error measured: 1.1 ULP."""
    size = fabs(b, x)
    near = b.fma(x, horner(b, b.fmul(x, x), ERF[x.element]), x)
    place = b.fsub(at_most(b, size, END[x.element]), number(MIDDLE, x.type))
    logarithm = horner(b, place, ERFC[x.element])
    n, exponent = nearest(b, logarithm, 1.0, form(x).bias)
    power = horner(b, b.fsub(logarithm, n), (1, *EXP2[x.element]))
    one = number(1, x.type)
    far = b.intrinsic("copysign", b.fma(b.fneg(real(b, exponent)), power, one), x)
    return b.select(b.fcmp("olt", size, number(NEAR, x.type)), near, far)
