"""clew's side: one jitted function, of value and gradients, or of a whole training step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import clew as cl

from ..work import Arrays, Work


def make(function: Any, work: Work) -> Values | Training:
    return Training(function, work) if work.optimiser else Values(function, work)


class Values:
    context = nullcontext

    def __init__(self, function: Callable[..., Any], work: Work) -> None:
        self.names = list(work.parameters)
        self.arguments = [cl.asarray(a) for a in (*work.parameters.values(), *work.data)]
        self.alone = len(self.names) == 1
        self.function = cl.jit(cl.value_and_grad(function, argnums=0 if self.alone else tuple(range(len(self.names)))))

    def run(self) -> Any:
        return self.function(*self.arguments)

    def loss(self) -> float:
        return self.run()[0].item()

    def gradients(self) -> Arrays:
        _, gradients = self.run()
        return {name: g.numpy() for name, g in zip(self.names, [gradients] if self.alone else gradients, strict=True)}


class Plain:
    """A function of a dict of variables."""

    def __init__(self, function: Callable[..., Any], arrays: Arrays) -> None:
        self.function, self.variables = function, {name: cl.variable(a, name=name) for name, a in arrays.items()}

    def parameters(self) -> list[Any]:
        return list(self.variables.values())

    def given(self, read: Callable[[Any], Any]) -> dict[str, Any]:
        return {name: read(v) for name, v in self.variables.items()}

    def __call__(self, *data: Any) -> Any:
        return self.function(self.variables, *data)


class Training:
    context = nullcontext

    def __init__(self, function: Any, work: Work) -> None:
        self.function, self.work = function, work
        self.model = model = function(work.parameters) if isinstance(function, type) else Plain(function, work.parameters)
        kind = {"sgd": "SGD", "adam": "Adam"}[str(work.optimiser)]
        optimiser = getattr(cl.optim, kind)(model.parameters(), lr=work.rate)
        self.data = [cl.asarray(a) for a in work.data]

        @cl.jit
        def step(*data: Any) -> Any:
            loss = model(*data)
            loss.backward()
            optimiser.step()
            return loss

        self.step = step

    def run(self) -> Any:
        return self.step(*self.data)

    def loss(self) -> float:
        return self.run().item()

    def gradients(self) -> Arrays:
        """How far a step moves that subtracts the gradient, many times over so that nothing is lost beside the parameter."""
        moving = Training(self.function, self.work.moved_by_gradient())
        moving.run()
        after = moving.model.given(lambda v: v.numpy())
        return {name: (a - after[name]) / moving.work.rate for name, a in self.work.parameters.items()}
