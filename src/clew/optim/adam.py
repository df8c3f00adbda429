"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np

from ..errors import UsageError
from ..functions import sqrt, zeros_like
from ..tensor import Tensor
from ..variable import Number, Variable
from .optimiser import Optimiser

Moments = tuple[Tensor, Tensor]  # the running means of the gradients and of their squares


class Adam(Optimiser):
    """Steps of a size that follows from running means of the gradient and of its square, as PyTorch's ``Adam``.

    For each parameter ``p`` with gradient ``g``, at its step number ``t`` = 1, 2, ...::

        g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2          (m = v = 0 before the first step)
        p = p - lr / (1 - beta1**t) * m / (sqrt(v) / sqrt(1 - beta2**t) + eps)

    The powers are computed in float64. ``lr`` may be set between steps. After Kingma and Ba (2015), "Adam: a method for
    stochastic optimization", arXiv:1412.6980.

    >>> import clew as cl
    >>> v = cl.variable(0.0, name="v")
    >>> optimiser = cl.optim.Adam([v], lr=0.1)
    >>> for _ in range(100):
    ...     ((v * 2 - 5) ** 2).backward()
    ...     optimiser.step()
    >>> round(v.item(), 1)
    2.5
    """

    lr = Number()
    decoupled: ClassVar[bool] = False  # whether weight decay passes by the means

    def __init__(
        self,
        parameters: Iterable[Variable],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters)
        kind = type(self).__name__
        for name, number in {"lr": lr, "eps": eps, "weight_decay": weight_decay}.items():
            if not 0 <= number < inf:
                raise UsageError(f"{kind}: {name} is a number from 0 up, not {number}")
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise UsageError(f"{kind}: betas are two numbers from 0 up to, but not including, 1, not {betas}")
        self.lr, self.betas, self.eps, self.weight_decay = lr, (betas[0], betas[1]), eps, weight_decay
        self.steps = Variable(np.zeros(len(self.parameters)), name="steps")  # of each parameter

    def start(self, p: Tensor) -> Moments:
        return zeros_like(p), zeros_like(p)

    def together(self, moving: Sequence[int], values: dict[Variable, Tensor]) -> Callable[[int], Any]:
        """The length of a step and the size of its denominator, of all parameters: the powers are taken once."""
        beta1, beta2 = self.betas
        moved = np.zeros(len(self.parameters))
        moved[list(moving)] = 1
        t = values[self.steps] = self.steps + moved
        lengths, roots = self.lr / (1 - beta1**t), sqrt(1 - beta2**t)
        return lambda k: (lengths[k], roots[k])

    def update(self, p: Tensor, g: Tensor, state: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, Moments]:
        m, v, length, root = state
        beta1, beta2 = self.betas
        if self.decoupled:
            p = p * (1 - self.lr * self.weight_decay)
        elif self.weight_decay:
            g = g + self.weight_decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        return p - length.astype(p.dtype) * m / (sqrt(v) / root.astype(p.dtype) + self.eps), (m, v)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves, as PyTorch's ``AdamW``: ``p = p - lr * weight_decay * p``
    before Adam's step, which knows nothing of it.

    After Loshchilov and Hutter (2019), "Decoupled weight decay regularization", arXiv:1711.05101.

    >>> import clew as cl
    >>> cl.optim.AdamW([cl.variable(1.0)]).weight_decay
    0.01
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Variable],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)
