"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from ..errors import UsageError
from ..functions import zeros_like
from ..tensor import Tensor
from ..variable import Number, Variable
from .optimiser import Optimiser


class SGD(Optimiser):
    """Gradient descent with momentum, as PyTorch's ``SGD``.

    For each parameter ``p`` with gradient ``g``::

        g = g + weight_decay * p
        v = momentum * v + g            (v = g at the first step)
        p = p - lr * (g + momentum * v if nesterov else v)

    without momentum ``p = p - lr * g``. ``lr`` may be set between steps. Momentum after Polyak (1964),
    "Some methods of speeding up the convergence of iteration methods"; its look-ahead form after Nesterov (1983).

    >>> import clew as cl
    >>> v = cl.variable(0.0, name="v")
    >>> optimiser = cl.optim.SGD([v], lr=0.01)
    >>> ((v * 2 - 5) ** 2).backward()
    >>> optimiser.step()
    >>> round(v.item(), 6)
    0.2
    """

    lr = Number()

    def __init__(
        self,
        parameters: Iterable[Variable],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters)
        for name, number in {"lr": lr, "weight_decay": weight_decay}.items():
            if not 0 <= number < inf:
                raise UsageError(f"SGD: {name} is a number from 0 up, not {number}")
        if not 0 <= momentum < 1:
            raise UsageError(f"SGD: momentum lies from 0 up to, but not including, 1; it is {momentum}")
        if nesterov and not momentum:
            raise UsageError("SGD: nesterov=True needs a momentum, such as momentum=0.9")
        self.lr, self.momentum, self.weight_decay, self.nesterov = lr, momentum, weight_decay, nesterov

    def start(self, p: Tensor) -> Tensor | None:
        return zeros_like(p) if self.momentum else None

    def update(self, p: Tensor, g: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if state is not None:
            state = self.momentum * state + g
            g = g + self.momentum * state if self.nesterov else state
        return p - self.lr * g, state
