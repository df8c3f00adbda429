"""JAX's side: the whole step under one jit, parameters and optimiser state donated; optax has the optimisers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..work import Arrays, Work


def make(function: Callable[..., Any], work: Work) -> Values | Training:
    with jax.enable_x64(work.double):
        return Training(function, work) if work.optimiser else Values(function, work)


class Wide:
    """float64 is a mode of JAX's: what runs a side enters ``context()`` first, outside of what is timed."""

    double: bool

    def context(self) -> AbstractContextManager[Any]:
        return jax.enable_x64(self.double)


class Values(Wide):
    def __init__(self, function: Callable[..., Any], work: Work) -> None:
        self.double, self.names = work.double, list(work.parameters)
        self.arguments = [jnp.array(a) for a in (*work.parameters.values(), *work.data)]
        self.function = jax.jit(jax.value_and_grad(function, argnums=tuple(range(len(self.names)))))

    def run(self) -> Any:
        return jax.block_until_ready(self.function(*self.arguments))

    def loss(self) -> float:
        return float(self.run()[0])

    def gradients(self) -> Arrays:
        return {name: np.asarray(g) for name, g in zip(self.names, self.run()[1], strict=True)}


class Training(Wide):
    def __init__(self, function: Callable[..., Any], work: Work) -> None:
        self.double, self.function = work.double, function
        optimiser = {"sgd": optax.sgd, "adam": optax.adam}[str(work.optimiser)](work.rate)
        self.parameters = {name: jnp.array(a) for name, a in work.parameters.items()}
        self.state = optimiser.init(self.parameters)
        self.data = [jnp.array(a) for a in work.data]

        def step(parameters: Any, state: Any, *data: Any) -> Any:
            loss, gradients = jax.value_and_grad(function)(parameters, *data)
            updates, state = optimiser.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state, loss

        self.step = jax.jit(step, donate_argnums=(0, 1))

    def run(self) -> Any:
        self.parameters, self.state, loss = self.step(self.parameters, self.state, *self.data)
        jax.block_until_ready((self.parameters, loss))
        return loss

    def loss(self) -> float:
        return float(self.run())

    def gradients(self) -> Arrays:
        gradients = jax.jit(jax.grad(self.function))(self.parameters, *self.data)
        return {name: np.asarray(g) for name, g in gradients.items()}
