"""Local algebra: identities that hold exactly, for infinities and NaN too, except where a rule says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from ..ir import Graph, Value
from ..ops.arithmetic import Add, Div, Mul, Neg, Sub, mul, reciprocal, square
from ..ops.broadcast import Broadcast
from ..ops.elementwise import Chain, filled
from ..ops.movement import Permute, Reshape
from ..ops.power import Pow
from .rewrite import number, rewrite

Rule = Callable[[Value], Value | None]


def simplify(graph: Graph) -> Graph:
    """The graph after the rules of ``RULES``, applied to each value until none fits. Named values stay."""

    def simplified(v: Value) -> Value:
        while (rules := RULES.get(v.op.__class__)) is not None and v.name is None:
            for rule in rules:
                better = rule(v)
                if better is not None:
                    v = better
                    break
            else:
                break
        return v

    return rewrite(graph, simplified)


def times_one(v: Value) -> Value | None:
    """``x * 1``, ``1 * x``, ``x / 1`` are x."""
    if isinstance(v.op, Mul | Chain | Div) and number(v.operands[1]) == 1:
        return v.operands[0]
    return v.operands[1] if isinstance(v.op, Mul | Chain) and number(v.operands[0]) == 1 else None


def plus_zero(v: Value) -> Value | None:
    """``x + 0``, ``0 + x``, ``x - 0`` are x (the sign of a zero aside)."""
    if isinstance(v.op, Add | Sub) and number(v.operands[1]) == 0:
        return v.operands[0]
    return v.operands[1] if isinstance(v.op, Add) and number(v.operands[0]) == 0 else None


def chain_of_zero(v: Value) -> Value | None:
    """A zero gradient stays zero over every edge."""
    return filled(0, v.type) if isinstance(v.op, Chain) and number(v.operands[0]) == 0 else None


def chain_of_number(v: Value) -> Value | None:
    """A zero annihilates only what is infinite or NaN: beside a number other than 0 the chain rule's product is a plain one."""
    known = [n for n in map(number, v.operands) if n is not None and n != 0 and isfinite(n)]
    return mul(*v.operands) if isinstance(v.op, Chain) and known else None


def small_power(v: Value) -> Value | None:
    """``x ** 1`` is x, ``x ** 2`` its square, ``x ** 3`` that times x (within 2 units in the last place; ``x ** 4`` would not
    be), ``x ** -1`` its reciprocal."""
    power = number(v.operands[1]) if isinstance(v.op, Pow) and v.type.differentiable else None
    x = v.operands[0]
    if power == 1:
        return x
    if power == 3:
        return mul(square(x), x)  # type: ignore[no-any-return]
    return square(x) if power == 2 else reciprocal(x) if power == -1 else None


def twice_negated(v: Value) -> Value | None:
    """``-(-x)`` is x."""
    inner = v.operands[0] if isinstance(v.op, Neg) else None
    return inner.operands[0] if inner is not None and isinstance(inner.op, Neg) else None


def same_shape(v: Value) -> Value | None:
    """A reshape to the own shape and a permutation that moves nothing are x."""
    still = isinstance(v.op, Permute) and v.op.order == tuple(range(v.ndim))
    return v.operands[0] if still or (isinstance(v.op, Reshape) and v.operands[0].type is v.type) else None


def reshaped_twice(v: Value) -> Value | None:
    """A reshape of a reshape is one."""
    if isinstance(v.op, Reshape) and isinstance(v.operands[0].op, Reshape) and v.operands[0].name is None:
        return v.op(*v.operands[0].operands)  # type: ignore[no-any-return]
    return None


def permuted_twice(v: Value) -> Value | None:
    """A permutation of a permutation is one."""
    inner = v.operands[0] if isinstance(v.op, Permute) else None
    if inner is not None and isinstance(v.op, Permute) and isinstance(inner.op, Permute) and inner.name is None:
        return Permute(tuple(inner.op.order[k] for k in v.op.order))(*inner.operands)  # type: ignore[no-any-return]
    return None


def repeated_number(v: Value) -> Value | None:
    """A broadcast of a filled constant is a filled constant."""
    value = number(v.operands[0]) if isinstance(v.op, Broadcast) else None
    return None if value is None else filled(value, v.type)


RULES: dict[type, tuple[Rule, ...]] = {
    Add: (plus_zero,),
    Broadcast: (repeated_number,),
    Chain: (times_one, chain_of_zero, chain_of_number),
    Div: (times_one,),
    Mul: (times_one,),
    Neg: (twice_negated,),
    Permute: (same_shape, permuted_twice),
    Pow: (small_power,),
    Reshape: (same_shape, reshaped_twice),
    Sub: (plus_zero,),
}
