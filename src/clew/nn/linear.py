"""The linear layer."""

from __future__ import annotations

from math import sqrt
from typing import Any

from .. import random
from ..errors import UsageError
from ..functions import asarray
from ..ir import Site, here
from ..tensor import Tensor
from ..variable import variable
from .module import Module


class Linear(Module):
    """``y = x @ weight.T + bias``: x (..., in_features) to y (..., out_features).

    ``weight`` (out_features, in_features) and ``bias`` (out_features,) start uniform in +-1/sqrt(in_features), as in
    PyTorch, so that its saved weights fit.

    >>> import clew as cl
    >>> cl.nn.Linear(3, 2)(cl.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = None) -> None:
        bound = 1 / sqrt(in_features) if in_features else 0.0
        self.in_features, self.out_features = in_features, out_features
        self.weight = variable(random.uniform(-bound, bound, (out_features, in_features), dtype=dtype))
        self.bias = variable(random.uniform(-bound, bound, (out_features,), dtype=dtype)) if bias else None

    def forward(self, x: Any) -> Tensor:
        x = asarray(x)
        if not x.shape or x.shape[-1] != self.in_features:
            raise UsageError(
                f"{self.scope_name or 'Linear'}: the input {x.value.type} must end in {self.in_features} features\n"
                f"  at {Site(*here())}"
            )
        y: Tensor = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def describe(self) -> str:
        return f"{self.in_features}, {self.out_features}{'' if self.bias is not None else ', bias=False'}"
