"""Folds in registers: their functions, neutral elements, and the fold of a vector's own lanes."""

from __future__ import annotations

from ..ir import Dtype
from ..ops.reductions import neutral as neutral_extreme
from .block import Block, Reg, vector
from .scalar_functions import call


def neutral(function: str, dtype: Dtype) -> float | int | bool:
    """What leaves every number as it is."""
    if function == "add":
        return 0
    if function == "mul":
        return 1
    if function in ("logical_and", "logical_or"):
        return function == "logical_and"
    found = neutral_extreme(function, dtype)
    return found.item() if hasattr(found, "item") else found


def combine(b: Block, function: str, dtype: Dtype, x: Reg, y: Reg) -> Reg:
    return call(b, function, dtype, x, y)


def horizontal(b: Block, function: str, dtype: Dtype, x: Reg) -> Reg:
    """The fold of all lanes: halves are combined until one is left."""
    n = x.lanes
    while n > 1:
        half = n // 2
        low, high = (
            b.put(
                f"shufflevector {x}, {x.type} poison, <{half} x i32> <{', '.join(f'i32 {k + at}' for k in range(half))}>",
                vector(x.element, half),
            )
            for at in (0, half)
        )
        x, n = combine(b, function, dtype, low, high), half
    return b.put(f"extractelement {x}, i64 0", x.element) if x.lanes else x
