"""Repairs: patterns that lose all their digits, and the stable values that stand for them.

A rule is tried when its op is applied to tracked or symbolic values, so that ``log(1 + exp(x))`` is ``softplus(x)`` from
the start, in value and in gradient; the node that results says so when it is printed. Importing ``clew.ops`` puts the
rules in force.
"""

from __future__ import annotations

from typing import Any

from ..ir import Op, Value
from .arithmetic import Add, Div, Mul, Neg, Reciprocal, Sub, neg, sub
from .broadcast import Broadcast, Sum
from .comparison import is_filled_with
from .elementwise import Elementwise, Rule, chain
from .exponential import Exp, Log, Log1p, Sigmoid, log, logaddexp, softplus, xlogy
from .indexing import Gather
from .movement import Flip, Permute, Reshape, Slice
from .reductions import logsumexp
from .rounding import identity

Repaired = Any  # a Value, or None (calls of ops are not typed more closely)
MOVES = (Broadcast, Reshape, Permute, Flip, Slice, Gather)  # these rearrange elements, and change none


def made_by(x: Value, op: type[Op]) -> bool:
    return x.op.__class__ is op


def one_plus_exp_of(u: Value) -> Value | None:
    """``v`` where ``u`` is ``1 + exp(v)``, in either order."""
    if made_by(u, Add):
        for one, e in (u.operands, u.operands[::-1]):
            if made_by(e, Exp) and is_filled_with(one, 1.0):
                return e.operands[0]
    return None


def logit(s: Value) -> Repaired:
    """``x`` where ``s`` is ``sigmoid(x)``, or is that written as ``1 / (1 + exp(-x))``."""
    if made_by(s, Sigmoid):
        return s.operands[0]
    if made_by(s, Reciprocal) or (made_by(s, Div) and is_filled_with(s.operands[0], 1.0)):
        minus = one_plus_exp_of(s.operands[-1])
        if minus is not None:
            return minus.operands[0] if made_by(minus, Neg) else neg(minus)
    return None


def of_exp(u: Value) -> Repaired:
    return identity(u.operands[0])


def of_one_plus_exp(u: Value) -> Repaired:
    x = one_plus_exp_of(u)
    return None if x is None else softplus(x)


def of_exp_plus_exp(u: Value) -> Repaired:
    a, b = u.operands
    return logaddexp(a.operands[0], b.operands[0]) if made_by(a, Exp) and made_by(b, Exp) else None


def of_sum_of_exp(u: Value) -> Repaired:
    assert isinstance(u.op, Sum)
    return logsumexp(u.operands[0].operands[0], u.op.axes) if made_by(u.operands[0], Exp) else None


def of_sigmoid(u: Value) -> Repaired:
    return neg(softplus(neg(u.operands[0])))


def of_one_minus_sigmoid(u: Value) -> Repaired:
    one, s = u.operands
    x = logit(s) if is_filled_with(one, 1.0) else None
    return None if x is None else neg(softplus(x))


def of_reciprocal(u: Value) -> Repaired:
    return neg(log(u.operands[0]))


def of_one_over(u: Value) -> Repaired:
    return neg(log(u.operands[1])) if is_filled_with(u.operands[0], 1.0) else None


def of_exp_over(u: Value) -> Repaired:
    a, b = u.operands
    return sub(a.operands[0], log(b)) if made_by(a, Exp) else None


def of_repaired_over(u: Value) -> Repaired:
    a, b = u.operands
    stable = log.repair(a)
    return None if stable is None else sub(stable, log(b))


def of_moved(u: Value) -> Repaired:
    assert u.op is not None
    stable = log.repair(u.operands[0])
    return None if stable is None else u.op.apply(stable, *u.operands[1:])


def one_plus_exp(u: Value) -> Repaired:
    return softplus(u.operands[0])


def one_minus_sigmoid(u: Value) -> Repaired:
    x = logit(u.operands[0])
    return None if x is None else neg(softplus(x))


def times_own_log(a: Value, b: Value) -> Repaired:
    if made_by(b, Log) and b.operands[0] is a:
        return xlogy(a, a)
    return xlogy(b, b) if made_by(a, Log) and a.operands[0] is b else None


def times_own_repaired_log(a: Value, b: Value) -> Repaired:
    """``log(p)`` of ``p = exp(x) / s`` has become ``x - log(s)``: -inf where ``p`` is 0."""
    for p, logarithm in ((a, b), (b, a)):
        if made_by(p, Div) and made_by(logarithm, Sub):
            e = p.operands[0]
            if made_by(e, Exp) and e.operands[0] is logarithm.operands[0]:
                return chain(p, logarithm)
    return None


RULES: dict[type[Elementwise], list[Rule]] = {
    Log: [
        Rule("log(exp(a)) is a", Exp, of_exp),
        Rule("log(1 + exp(x)) is softplus(x)", Add, of_one_plus_exp),
        Rule("log(exp(a) + exp(b)) is logaddexp(a, b)", Add, of_exp_plus_exp),
        Rule("log(sum(exp(a))) is logsumexp(a)", Sum, of_sum_of_exp),
        Rule("log(sigmoid(x)) is -softplus(-x)", Sigmoid, of_sigmoid),
        Rule("log(1 - sigmoid(x)) is -softplus(x)", Sub, of_one_minus_sigmoid),
        Rule("log(1 / u) is -log(u)", Reciprocal, of_reciprocal),
        Rule("log(1 / u) is -log(u)", Div, of_one_over),
        Rule("log(exp(a) / b) is a - log(b)", Div, of_exp_over),
        Rule("log(a / b) is log(a) - log(b), as log(a) is repaired", Div, of_repaired_over),
        *[Rule("the log of moved elements is moved, as it is repaired", move, of_moved) for move in MOVES],
    ],
    Log1p: [
        Rule("log(1 + exp(x)) is softplus(x)", Exp, one_plus_exp),
        Rule("log(1 - sigmoid(x)) is -softplus(x)", Neg, one_minus_sigmoid),
    ],
    Mul: [
        Rule("x * log(x) is xlogy(x, x)", Log, times_own_log),
        Rule("p * log(p) is 0 where p is", Sub, times_own_repaired_log),
    ],
}

for _op, _rules in RULES.items():
    _op.rules = {rule.of: [r for r in _rules if r.of is rule.of] for rule in _rules}
