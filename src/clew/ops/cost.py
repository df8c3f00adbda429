"""Counted operations: what computing values costs, apart from moving numbers."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from ..ir import INPUT, UNKNOWN, Op, Value
from . import arithmetic, erf, exponential, power, trigonometric
from .broadcast import Sum
from .contraction import Contract, parse
from .convolution import Convolve
from .elementwise import Elementwise
from .items import Item
from .kinds import Linear
from .rounding import Cast, Identity

DIVISION, FUNCTION = 4, 8  # in additions
WEIGHTS: dict[type[Op], int] = {
    **dict.fromkeys([Identity, Cast], 0),
    **dict.fromkeys([arithmetic.Maximum, arithmetic.Minimum], 3),  # a comparison, a selection, and NaN
    **dict.fromkeys([arithmetic.Div, arithmetic.Reciprocal, arithmetic.FloorDivide, arithmetic.Remainder], DIVISION),
    **dict.fromkeys([arithmetic.Sqrt], DIVISION),
    **dict.fromkeys([arithmetic.Rsqrt, arithmetic.Hypot, erf.Erf, power.Pow], FUNCTION),
    **{type(getattr(trigonometric, name)): FUNCTION for name in "sin cos tan asin acos atan sinh cosh tanh".split()},
    **{type(getattr(trigonometric, name)): FUNCTION for name in "asinh acosh atanh atan2".split()},
    **{type(getattr(exponential, name)): FUNCTION for name in "exp expm1 log log1p log2 log10 sigmoid xlogy".split()},
    **dict.fromkeys([exponential.Softplus, exponential.Logaddexp], 2 * FUNCTION),  # an exponential and a logarithm
}


def operations(v: Value) -> int:
    """The operations that computing ``v`` from its operands takes.

    An elementwise op counts for each element: a function as eight additions, a division or a root as four, anything
    else (comparing and choosing too) as one. A sum counts its additions, a contraction or a convolution its products too.
    Broadcasting, reshaping and the like compute nothing. Any other op counts one for each element of its operands. A gate
    counts its parts; a loop its step, once for each row that it scans or stacks (of unknown number: once); a branch all.
    """
    op = v.op
    if op is None or op is INPUT or isinstance(op, Item):
        return 0
    if op.graphs:
        bodies = cost(w for graph in op.graphs.values() for w in graph.values)
        length = getattr(op, "length", 1)
        return bodies * (1 if length in (None, UNKNOWN) else length)
    if isinstance(op, Contract):
        left, right, _ = parse(op.spec)
        sizes = dict(zip(left + right, v.operands[0].shape + v.operands[1].shape, strict=True))
        terms = prod(sizes.values())
        return terms + max(0, terms - v.type.size)
    if isinstance(op, Convolve):
        kernel = v.operands[1].type
        return 2 * v.type.size * kernel.size // max(1, kernel.shape[0])
    if isinstance(op, Sum):
        return max(0, v.operands[0].type.size - v.type.size)
    if isinstance(op, Elementwise | Cast):
        return v.type.size * WEIGHTS.get(type(op), 1)
    return 0 if isinstance(op, Linear) else sum(x.type.size for x in v.operands)


def cost(values: Iterable[Value]) -> int:
    return sum(map(operations, values))
