"""Softmax and its logarithm as gates with stable derivatives, and the rules that join the two."""

from __future__ import annotations

from collections.abc import Callable

from ..gates import Gate, composite
from ..ir import Value
from ..ops import arithmetic, comparison, exponential, reductions
from ..ops.broadcast import Broadcast, broadcast, sum
from ..ops.elementwise import Rule, chain
from .arguments import axis_of, floating
from .lifting import ArrayLike

Built = tuple[Value, Callable[[Value], Value]]


def softmax(x: ArrayLike, /, *, axis: int = -1) -> Value:
    """``exp(x) / sum(exp(x))`` along ``axis``, without overflow. One gate.

    The gradient is ``y * (g - sum(g * y))``. Where every element along the axis is -inf the result is 0, and so is the
    gradient. The logarithm of a softmax is taken by ``log_softmax``.

    >>> import clew as cl
    >>> cl.softmax([1000.0, 1000.0]).tolist()
    [0.5, 0.5]
    """
    return _applied("softmax", _softmax, x, axis)


def log_softmax(x: ArrayLike, /, *, axis: int = -1) -> Value:
    """``x - log(sum(exp(x)))`` along ``axis``, without overflow. One gate.

    The gradient is ``g - softmax(x) * sum(g)``. Where every element along the axis is -inf, so is the result.

    >>> import clew as cl
    >>> cl.log_softmax([0.0, 1000.0]).tolist()
    [-1000.0, 0.0]
    """
    return _applied("log_softmax", _log_softmax, x, axis)


def _applied(title: str, build: Callable[[Value, int], Built], x: ArrayLike, axis: int) -> Value:
    v = floating(x)
    return composite(title, (v.type,), build, axis_of(title, axis, v)).apply(v)


def _shifted(x: Value, axis: int) -> Value:
    """``x`` less its largest element (where that is finite)."""
    largest = reductions.max(x, (axis,))
    taken = comparison.where(comparison.isfinite(largest), largest, 0.0)
    return arithmetic.sub(x, _beside(taken, axis, x))


def _beside(y: Value, axis: int, x: Value) -> Value:
    return broadcast(y, (axis,), (x.shape[axis],))


def _total(e: Value, axis: int) -> Value:
    """The sum of exponentials; 1 where all of them are 0."""
    total = sum(e, (axis,))
    return comparison.where(comparison.equal(total, 0.0), 1.0, total)


def _softmax(x: Value, axis: int) -> Built:
    e = exponential.exp(_shifted(x, axis))
    y = arithmetic.div(e, _beside(_total(e, axis), axis, x))

    def backward(g: Value) -> Value:
        mean = sum(chain(g, y), (axis,))
        return chain(arithmetic.sub(g, _beside(mean, axis, x)), y)

    return y, backward


def _log_softmax(x: Value, axis: int) -> Built:
    shifted = _shifted(x, axis)
    total = _total(exponential.exp(shifted), axis)
    y = arithmetic.sub(shifted, _beside(exponential.log(total), axis, x))

    def backward(g: Value) -> Value:
        return arithmetic.sub(g, chain(_beside(sum(g, (axis,)), axis, x), exponential.exp(y)))

    return y, backward


def _log_of_softmax(u: Value) -> Value | None:
    axis = _softmax_axis(u)
    return None if axis is None else _applied("log_softmax", _log_softmax, u.operands[0], axis)


def _times_own_log(a: Value, b: Value) -> Value | None:
    """``p * log(p)``, which is 0 where ``p`` is, though the log is -inf there."""
    for p, logarithm in ((a, b), (b, a)):
        axis = _softmax_axis(p)
        if axis is not None and isinstance(logarithm.op, Gate) and logarithm.op.title == "log_softmax":
            same = logarithm.operands[0] is p.operands[0] and _log_softmax_axis(logarithm) == axis
            return chain(p, logarithm) if same else None
    return None


def _softmax_axis(u: Value) -> int | None:
    """The axis along which ``u`` is a softmax, if it is one; read from the gate's parts, which may have been batched."""
    if not isinstance(u.op, Gate) or u.op.title != "softmax" or not isinstance(u.op.body.outputs[0].op, arithmetic.Div):
        return None
    return _spread_axis(u.op.body.outputs[0].operands[1])


def _log_softmax_axis(u: Value) -> int | None:
    assert isinstance(u.op, Gate)
    return _spread_axis(u.op.body.outputs[0].operands[1]) if isinstance(u.op.body.outputs[0].op, arithmetic.Sub) else None


def _spread_axis(v: Value) -> int | None:
    return v.op.axes[0] if isinstance(v.op, Broadcast) else None


# Rules of repair live beside the ops; these two need the gates above.
exponential.Log.rules = {**exponential.Log.rules, Gate: [Rule("log(softmax(x)) is log_softmax(x)", Gate, _log_of_softmax)]}
arithmetic.Mul.rules = {**arithmetic.Mul.rules, Gate: [Rule("p * log(p) is 0 where p is", Gate, _times_own_log)]}
