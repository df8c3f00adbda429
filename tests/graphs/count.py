"""Counted operations: what running a graph costs, apart from moving numbers."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from clew.ir import INPUT, Graph, Value
from clew.ops.broadcast import Sum
from clew.ops.contraction import Contract, parse
from clew.ops.elementwise import Elementwise
from clew.ops.kinds import Linear
from clew.ops.rounding import Cast, Identity


def operations(values: Iterable[Value]) -> int:
    return sum(map(operations_of, values))


def operations_of(v: Value) -> int:
    """An elementwise op is one operation for each element, a contraction a product and a sum for each term.

    Broadcasting, reshaping and the like compute nothing.
    """
    op = v.op
    if op is None or op is INPUT or isinstance(op, Identity):
        return 0
    if isinstance(op, Contract):
        left, right, result = parse(op.spec)
        sizes = dict(zip(left + right, v.operands[0].shape + v.operands[1].shape, strict=True))
        summed = set(left) & set(right) - set(result)
        return prod(sizes.values()) * (2 if summed else 1)
    if isinstance(op, Sum):
        return v.operands[0].type.size
    if isinstance(op, Elementwise | Cast):
        return v.type.size
    assert isinstance(op, Linear), f"the operations of {op.name} are not counted"
    return 0


def cost(graph: Graph) -> int:
    return operations(graph.values)
