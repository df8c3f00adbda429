"""PyTorch's side, on as many threads as clew has; ``wrap`` is where ``torch.compile`` comes in."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from ..work import Arrays, Work

torch.set_num_threads(len(os.sched_getaffinity(0)))


def make(function: Any, work: Work, wrap: Callable[[Any], Any] = lambda f: f) -> Values | Training:
    return Training(function, work, wrap) if work.optimiser else Values(function, work, wrap)


def tensor(a: np.ndarray, differentiated: bool = False) -> torch.Tensor:
    return torch.tensor(a.copy(), requires_grad=differentiated)


class Values:
    context = nullcontext

    def __init__(self, function: Callable[..., Any], work: Work, wrap: Callable[[Any], Any]) -> None:
        self.function = wrap(function)
        self.leaves = {name: tensor(a, True) for name, a in work.parameters.items()}
        self.arguments = [*self.leaves.values(), *map(tensor, work.data)]

    def run(self) -> Any:
        for leaf in self.leaves.values():
            leaf.grad = None
        value = self.function(*self.arguments)
        value.backward()
        return value

    def loss(self) -> float:
        return self.run().item()

    def gradients(self) -> Arrays:
        self.run()
        return {name: leaf.grad.numpy() for name, leaf in self.leaves.items()}


class Plain:
    """A function of a dict of parameters."""

    def __init__(self, function: Callable[..., Any], arrays: Arrays) -> None:
        self.function, self.leaves = function, {name: tensor(a, True) for name, a in arrays.items()}

    def parameters(self) -> list[torch.Tensor]:
        return list(self.leaves.values())

    def given(self, read: Callable[[Any], Any]) -> dict[str, Any]:
        return {name: read(leaf) for name, leaf in self.leaves.items()}

    def __call__(self, *data: Any) -> Any:
        return self.function(self.leaves, *data)


class Training:
    context = nullcontext

    def __init__(self, function: Any, work: Work, wrap: Callable[[Any], Any]) -> None:
        fused = isinstance(function, type)
        self.model = function(work.parameters) if fused else Plain(wrap(function), work.parameters)
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[str(work.optimiser)]
        self.optimiser = kind(self.model.parameters(), lr=work.rate)
        self.data = [tensor(a) for a in work.data]

    def run(self) -> Any:
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.model(*self.data)
        loss.backward()
        self.optimiser.step()
        return loss

    def loss(self) -> float:
        return self.run().item()

    def gradients(self) -> Arrays:
        self.optimiser.zero_grad(set_to_none=True)
        self.model(*self.data).backward()
        return self.model.given(lambda leaf: leaf.grad.numpy().copy())
