"""Losses: how wrong predictions are, as one number to go down on.

A loss refuses operands whose shapes would silently broadcast, such as (N, 1) beside (N,). ``reduction`` is ``"mean"`` over
the examples, ``"sum"``, or ``"none"`` for the loss of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .. import functions as cl
from ..errors import UsageError
from ..ir import Site, here
from ..tensor import Tensor

REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"mean": cl.mean, "sum": cl.sum, "none": lambda losses: losses}


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The squared error, ``mean((prediction - target)**2)``, of operands of one shape.

    >>> import clew as cl
    >>> cl.nn.mse_loss([1.0, 3.0], [1.0, 1.0]).item()
    2.0
    """
    p, t = _alike("mse_loss", prediction, target)
    return _reduce("mse_loss", cl.square(p - t), reduction)


def hinge_loss(scores: Any, labels: Any, *, reduction: str = "mean") -> Tensor:
    """The hinge of a margin classifier, ``mean(max(0, 1 - labels * scores))``, with labels -1 and 1 of the scores' shape.

    The gradient exactly at the margin is 0.

    >>> import clew as cl
    >>> cl.nn.hinge_loss([2.0, 0.5], [1, 1]).item()
    0.25
    """
    s, y = _alike("hinge_loss", scores, labels)
    if y.value.data is not None and not np.all(np.abs(y.value.data) == 1):
        raise UsageError(f"hinge_loss: labels are -1 or 1; of 0 and 1 make them by 2 * labels - 1\n  at {Site(*here())}")
    return _reduce("hinge_loss", cl.relu(1 - y * s), reduction)


def cross_entropy(logits: Any, labels: Any, *, reduction: str = "mean") -> Tensor:
    """The negative log-likelihood of the labels, ``mean(logsumexp(logits) - logits[label])`` over the examples.

    ``logits`` (..., classes) are scores before the softmax; ``labels`` (...) are class numbers from 0, or probabilities
    of the logits' shape: then it is ``mean(sum(-labels * log_softmax(logits)))``.

    >>> import clew as cl
    >>> cl.nn.cross_entropy([[0.0, 0.0]], [1]).item()
    0.6931...
    """
    z, y = cl.asarray(logits), cl.asarray(labels)
    if not z.shape:
        raise UsageError(f"cross_entropy: the logits need an axis of classes, they are a scalar\n  at {Site(*here())}")
    if y.dtype.kind in "iu":
        _check_classes(z, y)
        picked = cl.take_along_axis(cl.log_softmax(z, axis=-1), cl.expand_dims(y, axis=-1), axis=-1)
        return _reduce("cross_entropy", -cl.squeeze(picked, axis=-1), reduction)
    if y.shape != z.shape:
        _refuse(
            "cross_entropy", z, y, "labels that are no integers are probabilities, of the logits' shape", _mend_classes(z, y)
        )
    return _reduce("cross_entropy", -cl.sum(y * cl.log_softmax(z, axis=-1), axis=-1), reduction)


def _check_classes(z: Tensor, y: Tensor) -> None:
    """Integer labels must be one class number for each example."""
    if y.shape != z.shape[:-1]:
        _refuse("cross_entropy", z, y, f"class numbers for these logits have the shape {z.shape[:-1]}", _mend_classes(z, y))
    data, classes = y.value.data, z.shape[-1]
    if data is not None and y.size and not (np.min(data) >= 0 and np.max(data) < classes):
        raise UsageError(
            f"cross_entropy: labels of {classes} classes are 0 to {classes - 1}, here they are {np.min(data)} to "
            f"{np.max(data)}\n  at {Site(*here())}"
        )


def _mend_classes(z: Tensor, y: Tensor) -> str:
    if y.shape == (*z.shape[:-1], 1):
        return "write labels[..., 0]"
    if y.shape == z.shape:
        return "for the classes of one-hot rows write labels.argmax(-1), for probabilities labels.astype(cl.float32)"
    if y.shape == z.shape[:-1]:
        return "for class numbers write labels.astype(cl.int64)"
    return "give one label for each row of logits"


def _alike(loss: str, prediction: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors, if their shapes are the same."""
    p, t = cl.asarray(prediction), cl.asarray(target)
    if p.shape != t.shape:
        mend = f"write target.reshape({p.shape})" if p.size == t.size else "give one target for each prediction"
        if p.shape == (*t.shape, 1):
            mend = "write prediction[..., 0]"
        elif t.shape == (*p.shape, 1):
            mend = "write target[..., 0]"
        _refuse(loss, p, t, "they must have one shape, or broadcasting would compare all with all", mend)
    return p, t


def _refuse(loss: str, p: Tensor, t: Tensor, why: str, mend: str) -> NoReturn:
    names = ("logits", "labels") if loss == "cross_entropy" else ("prediction", "target")
    raise UsageError(f"{loss}: {names[0]} {p.value.type}, {names[1]} {t.value.type}: {why}; {mend}\n  at {Site(*here())}")


def _reduce(loss: str, losses: Tensor, reduction: str) -> Tensor:
    if reduction not in REDUCTIONS:
        raise UsageError(f"{loss}: reduction is one of {', '.join(REDUCTIONS)}, not {reduction!r}\n  at {Site(*here())}")
    return REDUCTIONS[reduction](losses)
