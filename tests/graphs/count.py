"""Counted operations: what running a graph costs, apart from moving numbers."""

from __future__ import annotations

from math import prod

from clew.ir import INPUT, Graph, Op, Value
from clew.ops import arithmetic, erf, exponential, power, trigonometric
from clew.ops.broadcast import Sum
from clew.ops.contraction import Contract, parse
from clew.ops.elementwise import Elementwise
from clew.ops.kinds import Linear
from clew.ops.rounding import Cast, Identity

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
    """An elementwise op counts for each element: a function as eight additions, a division or a root as four, anything
    else (comparing and choosing too) as one. A sum counts its additions, a contraction its products too. Broadcasting,
    reshaping and the like compute nothing.
    """
    op = v.op
    if op is None or op is INPUT:
        return 0
    if isinstance(op, Contract):
        left, right, _ = parse(op.spec)
        sizes = dict(zip(left + right, v.operands[0].shape + v.operands[1].shape, strict=True))
        terms = prod(sizes.values())
        return terms + max(0, terms - v.type.size)
    if isinstance(op, Sum):
        return max(0, v.operands[0].type.size - v.type.size)
    if isinstance(op, Elementwise | Cast):
        return v.type.size * WEIGHTS.get(type(op), 1)
    assert isinstance(op, Linear), f"the operations of {op.name} are not counted"
    return 0


def cost(graph: Graph) -> int:
    return sum(map(operations, graph.values))
