"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import UsageError
from ..tensor import Tensor
from ..variable import Variable
from .optimiser import Optimiser


class SGD(Optimiser):
    """Gradient descent with momentum, as PyTorch's ``SGD``.

    For each parameter ``p`` with gradient ``g``::

        g = g + weight_decay * p
        v = momentum * v + g            (v = g at the first step)
        p = p - lr * (g + momentum * v if nesterov else v)

    without momentum ``p = p - lr * g``. Parameters that have no gradient stay. Momentum after Polyak (1964),
    "Some methods of speeding up the convergence of iteration methods"; its look-ahead form after Nesterov (1983).

    >>> import clew as cl
    >>> v = cl.variable(0.0, name="v")
    >>> optimiser = cl.optim.SGD([v], lr=0.01)
    >>> ((v * 2 - 5) ** 2).backward()
    >>> optimiser.step()
    >>> round(v.item(), 6)
    0.2
    """

    def __init__(
        self,
        parameters: Iterable[Variable],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters)
        if lr < 0 or not 0 <= momentum < 1 or weight_decay < 0:
            raise UsageError(f"SGD needs lr >= 0, 0 <= momentum < 1, weight_decay >= 0; got {lr}, {momentum}, {weight_decay}")
        if nesterov and not momentum:
            raise UsageError("SGD: nesterov=True needs a momentum")
        self.lr, self.momentum, self.weight_decay, self.nesterov = lr, momentum, weight_decay, nesterov
        self.velocities: list[Tensor | None] = [None] * len(self.parameters)

    def update(self, k: int, p: Tensor, g: Tensor) -> Tensor:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if self.momentum:
            v = self.velocities[k]
            v = self.velocities[k] = g if v is None else self.momentum * v + g
            g = g + self.momentum * v if self.nesterov else v
        return p - self.lr * g
