"""Repairs: patterns that lose all their digits, and the stable values that stand for them.

A rule is tried when its last op is applied to tracked or symbolic values, so that ``log(1 + exp(x))`` is ``softplus(x)``
from the start, in value and in gradient; the node that results says so when it is printed. Importing ``clew.ops``
puts these rules in force.
"""

from __future__ import annotations

from ..ir import Op, Value
from .arithmetic import Add, Div, Mul, Neg, Reciprocal, Sub, neg, sub
from .broadcast import Broadcast, Sum
from .comparison import is_filled_with
from .elementwise import Elementwise, Rule
from .exponential import Exp, Log, Log1p, Sigmoid, log, logaddexp, softplus, xlogy
from .indexing import Gather
from .movement import Flip, Permute, Reshape, Slice
from .reductions import logsumexp
from .rounding import identity

MOVES = (Broadcast, Reshape, Permute, Flip, Slice, Gather)  # these rearrange elements, and change none


def made_by(x: Value, *ops: type[Op]) -> bool:
    return x.op.__class__ in ops


def log_of_exp(u: Value) -> Value | None:
    return identity(u.operands[0]) if made_by(u, Exp) else None


def log_of_one_plus_exp(u: Value) -> Value | None:
    if not made_by(u, Add):
        return None
    for one, e in (u.operands, u.operands[::-1]):
        if made_by(e, Exp) and is_filled_with(one, 1.0):
            return softplus(e.operands[0])
    return None


def log_of_exp_plus_exp(u: Value) -> Value | None:
    if made_by(u, Add) and all([made_by(e, Exp) for e in u.operands]):
        return logaddexp(*[e.operands[0] for e in u.operands])
    return None


def log_of_sum_of_exp(u: Value) -> Value | None:
    if isinstance(u.op, Sum) and made_by(u.operands[0], Exp):
        return logsumexp(u.operands[0].operands[0], u.op.axes)
    return None


def log_of_sigmoid(u: Value) -> Value | None:
    return neg(softplus(neg(u.operands[0]))) if made_by(u, Sigmoid) else None


def log_of_one_minus_sigmoid(u: Value) -> Value | None:
    if made_by(u, Sub) and made_by(u.operands[1], Sigmoid) and is_filled_with(u.operands[0], 1.0):
        return neg(softplus(u.operands[1].operands[0]))
    return None


def log_of_reciprocal(u: Value) -> Value | None:
    if made_by(u, Reciprocal) or (made_by(u, Div) and is_filled_with(u.operands[0], 1.0)):
        return neg(log(u.operands[-1]))
    return None


def log_of_exp_over(u: Value) -> Value | None:
    if made_by(u, Div) and made_by(u.operands[0], Exp):
        return sub(u.operands[0].operands[0], log(u.operands[1]))
    return None


def log_of_repaired_over(u: Value) -> Value | None:
    numerator = log.repair(u.operands[0]) if made_by(u, Div) else None
    return None if numerator is None else sub(numerator, log(u.operands[1]))


def log_of_moved(u: Value) -> Value | None:
    moves = []
    while made_by(u, *MOVES):
        moves.append(u)
        u = u.operands[0]
    stable = log.repair(u) if moves else None
    if stable is None:
        return None
    for move in reversed(moves):
        assert move.op is not None
        stable = move.op.apply(stable, *move.operands[1:])
    return stable


def log1p_of_exp(u: Value) -> Value | None:
    return softplus(u.operands[0]) if made_by(u, Exp) else None


def log1p_of_minus_sigmoid(u: Value) -> Value | None:
    if made_by(u, Neg) and made_by(u.operands[0], Sigmoid):
        return neg(softplus(u.operands[0].operands[0]))
    return None


def times_log(a: Value, b: Value) -> Value | None:
    if b.op.__class__ is Log and b.operands[0] is a:
        return xlogy(a, a)
    if a.op.__class__ is Log and a.operands[0] is b:
        return xlogy(b, b)
    return None


RULES: dict[type[Elementwise], tuple[Rule, ...]] = {
    Log: (
        Rule("log(exp(a)) is a", log_of_exp),
        Rule("log(1 + exp(x)) is softplus(x)", log_of_one_plus_exp),
        Rule("log(exp(a) + exp(b)) is logaddexp(a, b)", log_of_exp_plus_exp),
        Rule("log(sum(exp(a))) is logsumexp(a)", log_of_sum_of_exp),
        Rule("log(sigmoid(x)) is -softplus(-x)", log_of_sigmoid),
        Rule("log(1 - sigmoid(x)) is -softplus(x)", log_of_one_minus_sigmoid),
        Rule("log(1 / u) is -log(u)", log_of_reciprocal),
        Rule("log(exp(a) / b) is a - log(b)", log_of_exp_over),
        Rule("log(a / b) is log(a) - log(b), as log(a) is repaired", log_of_repaired_over),
        Rule("the log of moved elements is moved, as it is repaired", log_of_moved),
    ),
    Log1p: (
        Rule("log(1 + exp(x)) is softplus(x)", log1p_of_exp),
        Rule("log(1 - sigmoid(x)) is -softplus(x)", log1p_of_minus_sigmoid),
    ),
    Mul: (
        Rule("x * log(x) is xlogy(x, x)", times_log),
    ),
}

for _op, _rules in RULES.items():
    _op.rules = _rules
