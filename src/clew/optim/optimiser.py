"""What optimisers have in common: the parameters, and one update for each."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..errors import UsageError
from ..ir import Label, tracing
from ..tensor import Tensor, no_grad
from ..variable import Noted, Variable
from .memory import Cell, Memory


class Optimiser(Noted, abc.ABC):
    """Moves parameters along their gradients. A subclass states the update of one parameter.

    ``backward()`` sets gradients, so there is nothing to clear between steps. A gradient moves its parameter once: one
    that no backward pass has reached since the last step stays where it is. A step that fails, or that Ctrl-C ends,
    changes nothing.
    """

    def __init__(self, parameters: Iterable[Variable]) -> None:
        kind = type(self).__name__
        if isinstance(parameters, Tensor):
            raise UsageError(f"{kind} takes a list of parameters, not one alone; write [parameter]")
        self.parameters = tuple(parameters)
        if not self.parameters:
            raise UsageError(f"{kind} was given no parameters; pass model.parameters(), or a list of variables")
        for p in self.parameters:
            if not isinstance(p, Variable):
                raise UsageError(f"{kind} updates variables, not {type(p).__name__}; make it a cl.variable")
        if len({id(p) for p in self.parameters}) != len(self.parameters):
            raise UsageError(f"{kind}: a parameter is listed twice, and would move twice")
        self.memory = Memory(len(self.parameters))

    @property
    def states(self) -> list[Any]:
        """What is remembered of each parameter; None of one that has not moved yet."""
        return [self.memory.state(k) for k in range(len(self.parameters))]

    def start(self, p: Tensor) -> Any:
        """What is remembered of a parameter before its first step."""
        return None

    @abc.abstractmethod
    def update(self, p: Tensor, g: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The new value of a parameter that is ``p`` and has the gradient ``g``, and what to remember of it.

        ``state`` is what was remembered at its last step, and at the first what ``start`` says: nothing, None.
        """

    def together(self, moving: Sequence[int], values: dict[Variable, Tensor]) -> Callable[[int], Any] | None:
        """What is computed once for all parameters that move: parts that the state of each, by its number, gets for its update.

        What variables of the optimiser's own are to be is added to ``values``.
        """
        return None

    def step(self) -> None:
        """Update every parameter that has a new gradient, once."""
        values: dict[Variable, Tensor] = {}
        cells: dict[int, Cell] = {}
        labels = [p.value.label for p in self.parameters]
        moving = [k for k, label in enumerate(labels) if label is not None and _is_fresh(label)]
        with no_grad():
            together = self.together(moving, values)
            for k in moving:
                p = self.parameters[k]
                before = self._before(k, p)
                state = before if together is None else (*before, *together(k))
                values[p], state = self.update(p, p.grad, state)  # type: ignore[arg-type]
                cell = self.memory.planned(k, state, values)
                if cell is not None:
                    cells[k] = cell
        old_values = {v: v.value for v in values}
        try:
            for v, value in values.items():
                v.assign(value)
        except BaseException:  # Ctrl-C too: half a step would be worse than none
            for v, old in old_values.items():
                v.value = old
            raise
        self.memory.keep(cells)
        for k in moving:
            _use(labels[k])

    def _before(self, k: int, p: Variable) -> Any:
        if self.memory.cells[k] is None:
            start = self.start(p)
            if tracing.trace is None or start is None:
                return start
            self.memory.begin(k, start)
        return self.memory.state(k)


def _use(label: Label | None) -> None:
    if tracing.trace is not None and label is not None:
        tracing.trace.use(label)
    elif label is not None:
        label.fresh = False


def _is_fresh(label: Label) -> bool:
    return label.fresh if tracing.trace is None else tracing.trace.is_fresh(label)
