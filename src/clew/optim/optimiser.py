"""What optimisers have in common: the parameters, and one update for each."""

from __future__ import annotations

import abc
from collections.abc import Iterable

from ..errors import UsageError
from ..tensor import Tensor, no_grad
from ..variable import Variable


class Optimiser(abc.ABC):
    """Moves parameters along their gradients. A subclass states one parameter's update.

    ``backward()`` sets gradients, so there is nothing to clear between steps.
    """

    def __init__(self, parameters: Iterable[Variable]) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise UsageError(f"{type(self).__name__} was given no parameters; pass model.parameters()")
        for p in self.parameters:
            if not isinstance(p, Variable):
                raise UsageError(f"{type(self).__name__} updates variables, not {type(p).__name__}; make it a cl.variable")
        if len({id(p) for p in self.parameters}) != len(self.parameters):
            raise UsageError(f"{type(self).__name__}: a parameter is listed twice")

    @abc.abstractmethod
    def update(self, k: int, p: Tensor, g: Tensor) -> Tensor:
        """The new value of parameter number ``k``, which is ``p`` and has the gradient ``g``."""

    def step(self) -> None:
        """Update every parameter that has a gradient, once."""
        with no_grad():
            for k, parameter in enumerate(self.parameters):
                gradient = parameter.grad
                if gradient is not None:
                    parameter.assign(self.update(k, parameter, gradient))
