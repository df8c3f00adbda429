"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .module import Module


class Sequential(Module):
    """Modules (or plain functions) one after the other.

    >>> import clew as cl
    >>> net = cl.nn.Sequential(cl.nn.Linear(2, 8), cl.tanh, cl.nn.Linear(8, 1))
    >>> net(cl.ones((5, 2))).shape
    (5, 1)
    """

    def __init__(self, *layers: Any) -> None:
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, k: int) -> Any:
        return self.layers[k]
