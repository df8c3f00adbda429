"""Sums over the result of a product, taken before it: ``sum_n sum_i q[i, j] z[n, i]`` is ``sum_i q[i, j] (sum_n z[n, i])``.

So does the gradient of what was repeated for every row of a product, and the product of all rows is never made. Sums are
added up in another order. Nothing else changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import isfinite

from ..ir import Graph, Value
from ..ops.arithmetic import Mul, Neg
from ..ops.broadcast import Sum
from ..ops.broadcast import sum as summed
from ..ops.contraction import Contract, contract, parse
from ..ops.elementwise import Chain, filled
from ..passes.rewrite import number, renewed, replaced
from .products import is_product

Scaling = Callable[[Value], Value]


def factored(graph: Graph) -> Graph:
    """The graph in which a product that only sums read is one of sums."""
    uses = Counter([x for v in graph.values for x in v.operands] + list(graph.outputs))
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    for v in graph.values:
        if v in new:
            continue
        found = _product_below(v, uses)
        if found:
            x, scalings = found
            better = _summed_first(x, [new[y] for y in x.operands], v.op.axes)  # type: ignore[union-attr]
            for scaled in reversed(scalings):
                better = scaled(better)
            new[v] = better
            continue
        new[v] = replaced(v, new)
    return renewed(graph, new)


def _product_below(v: Value, uses: Counter[Value]) -> tuple[Value, list[Scaling]] | None:
    """The contraction that a sum alone reads, and what it was multiplied by on the way, the last first."""
    if not isinstance(v.op, Sum):
        return None
    x, scalings = v.operands[0], []
    while uses[x] == 1 and (scaled := _scaling(x)):
        x, scaling = scaled
        scalings.append(scaling)
    return (x, scalings) if uses[x] == 1 and isinstance(x.op, Contract) and is_product(x) else None


def _scaling(v: Value) -> tuple[Value, Scaling] | None:
    """What ``v`` is a multiple of, and that multiplication."""
    if isinstance(v.op, Neg):
        return v.operands[0], v.op
    if not isinstance(v.op, Mul | Chain):
        return None
    op = v.op
    for k in (1, 0) if isinstance(op, Mul) else (1,):
        by, x = number(v.operands[k]), v.operands[1 - k]
        if by is not None and isfinite(by):
            return x, lambda y, by=by: op(y, filled(by, y.type))
    return None


def _summed_first(v: Value, operands: list[Value], axes: tuple[int, ...]) -> Value:
    """The sum of a contraction over ``axes`` of its result."""
    assert isinstance(v.op, Contract)
    *letters, result = parse(v.op.spec)
    gone = {result[a] for a in axes}
    alone = [gone - set(letters[1 - k]) for k in (0, 1)]  # a letter of both is added up by the contraction itself
    parts = [
        summed(x, tuple(a for a, letter in enumerate(of) if letter in mine))
        for x, of, mine in zip(operands, letters, alone, strict=True)
    ]
    left, right = ("".join(x for x in of if x not in mine) for of, mine in zip(letters, alone, strict=True))
    return contract(f"{left},{right}->{''.join(x for x in result if x not in gone)}", *parts)  # type: ignore[no-any-return]
