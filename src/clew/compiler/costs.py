"""About how long steps of expressions take."""

from __future__ import annotations

from math import prod

from .expression import Expr

CHEAP = frozenset("add sub mul neg abs maximum minimum equal less less_equal logical_and logical_or logical_not".split())
CALLED = 15  # cycles that a function such as exp takes for a vector


def cost(e: Expr) -> int:
    """About how many cycles an expression's last step takes."""
    if e.kind == "reduce":
        return prod(v.size for v in e.attr[1])
    return 1 if e.kind != "call" or e.attr in CHEAP else CALLED
