"""Losses: how wrong predictions are, as one number to go down on.

A loss refuses operands whose shapes would silently broadcast, such as (N, 1) beside (N,).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import functions as cl
from ..errors import UsageError
from ..ir import Site, here
from ..tensor import Tensor

REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"mean": cl.mean, "sum": cl.sum, "none": lambda losses: losses}


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The squared error, ``mean((prediction - target)**2)``.

    >>> import clew as cl
    >>> cl.nn.mse_loss([1.0, 3.0], [1.0, 1.0]).item()
    2.0
    """
    p, t = _alike("mse_loss", prediction, target)
    return _reduce("mse_loss", cl.square(p - t), reduction)


def hinge_loss(scores: Any, labels: Any, *, reduction: str = "mean") -> Tensor:
    """The hinge of a margin classifier, ``mean(max(0, 1 - labels * scores))``, with labels -1 and 1.

    The gradient exactly at the margin is 0.

    >>> import clew as cl
    >>> cl.nn.hinge_loss([2.0, 0.5], [1, 1]).item()
    0.25
    """
    s, y = _alike("hinge_loss", scores, labels)
    return _reduce("hinge_loss", cl.relu(1 - y * s), reduction)


def cross_entropy(logits: Any, labels: Any, *, reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of the labels, ``mean(logsumexp(logits) - logits[label])`` over the examples.

    ``logits`` (..., classes) are scores before the softmax; ``labels`` (...) are class numbers, or probabilities of
    the logits' shape.

    >>> import clew as cl
    >>> cl.nn.cross_entropy([[0.0, 0.0]], [1]).item()
    0.6931...
    """
    z, y = cl.asarray(logits), cl.asarray(labels)
    if not z.shape:
        raise UsageError(f"cross_entropy: the logits need an axis of classes, they are a scalar\n  at {Site(*here())}")
    if y.dtype.kind in "iu":
        if y.shape != z.shape[:-1]:
            _refuse("cross_entropy", z, y, f"class numbers for logits {z.value.type} must have shape {z.shape[:-1]}")
        picked = cl.take_along_axis(cl.log_softmax(z, axis=-1), cl.expand_dims(y, axis=-1), axis=-1)
        return _reduce("cross_entropy", -cl.squeeze(picked, axis=-1), reduction)
    p, q = _alike("cross_entropy", z, y)
    return _reduce("cross_entropy", -cl.sum(q * cl.log_softmax(p, axis=-1), axis=-1), reduction)


def _alike(loss: str, prediction: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors, if their shapes are the same."""
    p, t = cl.asarray(prediction), cl.asarray(target)
    if p.shape != t.shape:
        _refuse(loss, p, t, "the two must have one shape, or broadcasting would compare every pair")
    return p, t


def _refuse(loss: str, p: Tensor, t: Tensor, why: str) -> None:
    mend = f"reshape one of them, e.g. target.reshape({p.shape})"
    if p.size == t.size and p.ndim == t.ndim + 1 and p.shape[-1] == 1:
        mend = "write prediction[:, 0] or target[:, None]"
    elif p.size == t.size and t.ndim == p.ndim + 1 and t.shape[-1] == 1:
        mend = "write target[:, 0]"
    raise UsageError(f"{loss}: prediction {p.value.type} against target {t.value.type}: {why}; {mend}\n  at {Site(*here())}")


def _reduce(loss: str, losses: Tensor, reduction: str) -> Tensor:
    if reduction not in REDUCTIONS:
        raise UsageError(f"{loss}: reduction must be one of {', '.join(REDUCTIONS)}; got {reduction!r}")
    return REDUCTIONS[reduction](losses)
