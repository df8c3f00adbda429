"""When training stops. A criterion looks at the state after each epoch and gives a reason to stop, or None."""

from __future__ import annotations

import abc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError


@dataclass(frozen=True)
class State:
    """Where training stands after an epoch."""

    epoch: int  # how many are done
    costs: tuple[float, ...]  # the mean cost of each epoch
    gradient_norm: float  # the 2-norm of all gradients at the epoch's last step
    started: float  # time.monotonic() at the start


class Criterion(abc.ABC):
    """A reason to stop."""

    @abc.abstractmethod
    def reason(self, state: State) -> str | None:
        """Why to stop now, in words; None to go on."""


@dataclass(frozen=True)
class Epochs(Criterion):
    """Stop after ``n`` passes over the data."""

    n: int

    def __post_init__(self) -> None:
        _at_least_one("Epochs", self.n)

    def reason(self, state: State) -> str | None:
        return f"{self.n} epoch{' is' if self.n == 1 else 's are'} done" if state.epoch >= self.n else None


@dataclass(frozen=True)
class TargetCost(Criterion):
    """Stop when an epoch's mean cost is at most ``cost``."""

    cost: float

    def reason(self, state: State) -> str | None:
        return f"the cost is at most {self.cost:g}" if state.costs[-1] <= self.cost else None


@dataclass(frozen=True)
class GradientNorm(Criterion):
    """Stop when the 2-norm of all gradients is at most ``norm``: the ground is flat."""

    norm: float

    def reason(self, state: State) -> str | None:
        return f"the gradient's norm is at most {self.norm:g}" if state.gradient_norm <= self.norm else None


@dataclass(frozen=True)
class NoImprovement(Criterion):
    """Stop when the lowest cost has not fallen by more than ``by`` for ``epochs`` epochs."""

    epochs: int
    by: float = 0.0

    def __post_init__(self) -> None:
        _at_least_one("NoImprovement", self.epochs)

    def reason(self, state: State) -> str | None:
        if state.epoch <= self.epochs:
            return None
        before = min(state.costs[: -self.epochs])
        lately = min(state.costs[-self.epochs :])
        return f"the cost has not improved for {self.epochs} epochs" if not lately < before - self.by else None


@dataclass(frozen=True)
class TimeLimit(Criterion):
    """Stop after the epoch in which ``seconds`` have passed."""

    seconds: float

    def reason(self, state: State) -> str | None:
        return f"{self.seconds:g} seconds have passed" if time.monotonic() - state.started >= self.seconds else None


def criteria(epochs: int | None, stop: Criterion | Sequence[Criterion]) -> tuple[Criterion, ...]:
    """The criteria in force, or an error when nothing would ever end training."""
    given: tuple[Any, ...] = tuple(stop) if isinstance(stop, Sequence) else (stop,)
    for criterion in given:
        if not isinstance(criterion, Criterion):
            raise UsageError(f"fit: stop takes criteria such as cl.train.TargetCost(0.1), not {criterion!r}")
    if epochs is not None:
        given = (*given, Epochs(epochs))
    if not given:
        raise UsageError("fit: nothing would end the training; give epochs=..., or stop=... (e.g. cl.train.NoImprovement(5))")
    return given


def _at_least_one(criterion: str, epochs: Any) -> None:
    if not isinstance(epochs, int) or epochs < 1:
        raise UsageError(f"{criterion}: the number of epochs is an integer from 1 up, not {epochs!r}")
