"""PyTensor's side: one compiled function, through C; a step updates shared variables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from ..work import Arrays, Work

MODE = "CVM"  # its other way, numba, wants an older llvmlite than clew's
pytensor.config.blas__ldflags = ""  # NumPy's BLAS: the rows are too small for it to matter


def make(function: Callable[..., Any], work: Work) -> Values | Training:
    return Training(function, work) if work.optimiser else Values(function, work)


class Values:
    context = nullcontext

    def __init__(self, function: Callable[..., Any], work: Work) -> None:
        self.function, self.names = function, list(work.parameters)
        self.arguments = [*work.parameters.values(), *work.data]

    @cached_property
    def compiled(self) -> Callable[..., Any]:
        symbols = [pt.tensor(dtype=a.dtype, shape=a.shape) for a in self.arguments]
        value = self.function(*symbols)
        return pytensor.function(symbols, [value, *pytensor.grad(value, symbols[: len(self.names)])], mode=MODE)

    def run(self) -> Any:
        return self.compiled(*self.arguments)

    def loss(self) -> float:
        return float(self.run()[0])

    def gradients(self) -> Arrays:
        return dict(zip(self.names, self.run()[1:], strict=True))


class Training:
    context = nullcontext

    def __init__(self, function: Callable[..., Any], work: Work) -> None:
        self.shared = {name: pytensor.shared(a.copy()) for name, a in work.parameters.items()}
        self.value = function(self.shared, *map(pytensor.shared, work.data))
        self.slopes = dict(zip(self.shared, pytensor.grad(self.value, list(self.shared.values())), strict=True))
        self.rate = np.asarray(work.rate, self.value.dtype)

    @cached_property
    def compiled(self) -> Callable[..., Any]:
        updates = [(p, p - self.rate * self.slopes[name]) for name, p in self.shared.items()]
        return pytensor.function([], self.value, updates=updates, mode=MODE)

    def run(self) -> Any:
        return self.compiled()

    def loss(self) -> float:
        return float(self.run())

    def gradients(self) -> Arrays:
        values = pytensor.function([], list(self.slopes.values()), mode=MODE)()
        return dict(zip(self.slopes, values, strict=True))
