"""What optimisers have in common: the parameters, and one update for each."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any

from ..errors import UsageError
from ..tensor import Tensor, no_grad
from ..variable import Variable


class Optimiser(abc.ABC):
    """Moves parameters along their gradients. A subclass states the update of one parameter.

    ``backward()`` sets gradients, so there is nothing to clear between steps. A gradient moves its parameter once: one
    that no backward pass has reached since the last step stays where it is. A step that fails, or that Ctrl-C ends,
    changes nothing.
    """

    def __init__(self, parameters: Iterable[Variable]) -> None:
        kind = type(self).__name__
        if isinstance(parameters, Tensor):
            raise UsageError(f"{kind} takes a list of parameters, not one alone; write [parameter]")
        self.parameters = list(parameters)
        if not self.parameters:
            raise UsageError(f"{kind} was given no parameters; pass model.parameters(), or a list of variables")
        for p in self.parameters:
            if not isinstance(p, Variable):
                raise UsageError(f"{kind} updates variables, not {type(p).__name__}; make it a cl.variable")
        if len({id(p) for p in self.parameters}) != len(self.parameters):
            raise UsageError(f"{kind}: a parameter is listed twice, and would move twice")
        self.states: list[Any] = [None] * len(self.parameters)

    @abc.abstractmethod
    def update(self, p: Tensor, g: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The new value of a parameter that is ``p`` and has the gradient ``g``, and what to remember of it.

        ``state`` is what was remembered at its last step, None at the first.
        """

    def step(self) -> None:
        """Update every parameter that has a new gradient, once."""
        moved, states = {}, list(self.states)
        with no_grad():
            for k, p in enumerate(self.parameters):
                gradient, label = p.grad, p.value.label
                if gradient is not None and label is not None and label.fresh:
                    moved[p], states[k] = self.update(p, gradient, states[k])
        before = {p: p.value for p in moved}
        try:
            for p, value in moved.items():
                p.assign(value)
        except BaseException:  # Ctrl-C too: half a step would be worse than none
            for p, old in before.items():
                p.value = old
            raise
        self.states = states
        for old in before.values():
            if old.label is not None:
                old.label.fresh = False
