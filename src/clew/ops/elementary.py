"""The functions of the scalar language on Python numbers, total as in IEEE 754: where ``math`` raises, infinities and NaN.

The results are those of float64 or of unbounded integers; the interpreter rounds and wraps them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from math import copysign, inf, nan
from typing import Any

Function = Callable[..., Any]

POLES: dict[tuple[str, float], float] = {
    ("log", 0): -inf,
    ("log2", 0): -inf,
    ("log10", 0): -inf,
    ("log1p", -1): -inf,
    ("atanh", 1): inf,
    ("atanh", -1): -inf,
}


def total(name: str) -> Function:
    """A function of ``math`` that gives an infinity where it overflows or has a pole, NaN where it has no value."""
    function = getattr(math, name)

    def of(x: float) -> float:
        try:
            return float(function(x))
        except OverflowError:
            return inf if name == "cosh" else copysign(inf, x)
        except ValueError:
            return POLES.get((name, x), nan)

    return of


def integral(function: Function) -> Function:
    """To a whole number, as a float, with the sign of what it came from (-0.5 rounds to -0.0)."""
    return lambda x: copysign(float(function(x)), x) if x - x == 0 else x


def quotient(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return nan if a == 0 or a != a else copysign(inf, a) * copysign(1, b)


def power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except (OverflowError, ValueError):
        if a < 0 and b != math.floor(b):
            return nan
        return copysign(inf, a) if math.fmod(abs(b), 2) == 1 else inf  # % rounds


def integer_power(a: int, b: int) -> int:
    """Modulo 2**64, of which every integer width is a divisor."""
    if b < 0:
        raise ValueError(f"integers have no negative powers: {a} ** {b}")
    return pow(a, b, 2**64)


def sign(x: Any) -> Any:
    return x if x != x else type(x)((x > 0) - (x < 0))


PREDICATES: dict[str, Function] = {
    "equal": operator.eq,
    "less": operator.lt,
    "less_equal": operator.le,
    "logical_and": lambda a, b: a and b,
    "logical_or": lambda a, b: a or b,
    "logical_not": operator.not_,
    "isnan": lambda x: x != x,
    "isinf": lambda x: abs(x) == inf,
    "signbit": lambda x: copysign(1, x) < 0,
}

EITHER: dict[str, Function] = {  # for floats and integers alike
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "abs": abs,
    "sign": sign,
    "maximum": lambda a, b: a if a != a or a >= b else b,
    "minimum": lambda a, b: a if a != a or a <= b else b,
}

FLOAT: dict[str, Function] = {
    **EITHER,
    **{name: total(name) for name in ("sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "erf")},
    **{name: total(name) for name in ("sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: total(name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "div": quotient,
    "floor_div": lambda a, b: a // b if b != 0 else quotient(a, b),
    "remainder": lambda a, b: a % b if b != 0 else nan,
    "pow": power,
    "atan2": math.atan2,
    "floor": integral(math.floor),
    "ceil": integral(math.ceil),
    "trunc": integral(math.trunc),
    "round": integral(round),
    "copysign": copysign,
}

INTEGER: dict[str, Function] = {
    **EITHER,
    "floor_div": lambda a, b: a // b if b != 0 else 0,
    "remainder": lambda a, b: a % b if b != 0 else 0,
    "pow": integer_power,
    "bit_and": operator.and_,
    "bit_or": operator.or_,
    "bit_xor": operator.xor,
    "bit_not": lambda x: not x if isinstance(x, bool) else ~x,
    "shift_left": lambda a, b: a << b if 0 <= b < 64 else 0,
    "shift_right": lambda a, b: a >> b if b >= 0 else -(a < 0),
}
