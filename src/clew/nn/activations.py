"""Activation functions as modules."""

from __future__ import annotations

from .. import functions as cl
from ..errors import UsageError
from ..tensor import Tensor
from .module import Module


class ReLU(Module):
    """``max(x, 0)``; the derivative at 0 is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return cl.relu(x)


class LeakyReLU(Module):
    """``x`` where positive, else ``negative_slope * x``."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return cl.leaky_relu(x, self.negative_slope)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``."""

    def forward(self, x: Tensor) -> Tensor:
        return cl.sigmoid(x)


class Tanh(Module):
    """``tanh(x)``."""

    def forward(self, x: Tensor) -> Tensor:
        return cl.tanh(x)


class Softplus(Module):
    """``log(1 + exp(x))``."""

    def forward(self, x: Tensor) -> Tensor:
        return cl.softplus(x)


class SiLU(Module):
    """``x * sigmoid(x)``."""

    def forward(self, x: Tensor) -> Tensor:
        return cl.silu(x)


class GELU(Module):
    """``x`` times the normal distribution function of ``x``."""

    def forward(self, x: Tensor) -> Tensor:
        return cl.gelu(x)


class Softmax(Module):
    """``exp(x) / sum(exp(x))`` along an axis."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return cl.softmax(x, axis=self.axis)


class Dropout(Module):
    """While training, zero each element with probability ``p`` and scale the others by ``1 / (1 - p)``.

    After Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting".
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise UsageError(f"Dropout needs a probability 0 <= p < 1, got {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return cl.dropout(x, self.p) if self.training else x
