"""What an optimiser remembers of each parameter from step to step."""

from __future__ import annotations

from typing import Any

from ..ir import Value, tracing, untraced
from ..pytree import Tree, flatten
from ..tensor import Tensor
from ..variable import Variable

Cell = tuple[Tree, list[Any]]  # a state's shape, and its leaves: arrays are held in variables


class Memory:
    """A state for each parameter, None before its first step.

    Its arrays are held in variables, so a compiled function updates them as it does parameters.
    """

    __slots__ = ("cells",)

    def __init__(self, count: int) -> None:
        self.cells: list[Cell | None] = [None] * count

    def begin(self, k: int, state: Any) -> None:
        """Parameter ``k`` has this state before its first step. It is made for good, also while a function is traced."""
        with untraced():
            self.cells[k] = held(state)

    def state(self, k: int) -> Any:
        """The state of parameter ``k``, with plain tensors."""
        cell = self.cells[k]
        return None if cell is None else cell[0].unflatten(plain(x) for x in cell[1])

    def planned(self, k: int, state: Any, values: dict[Variable, Tensor]) -> Cell | None:
        """Add what the variables of parameter ``k`` are to be; a new cell where they cannot hold the new state."""
        leaves, tree = flatten(state)
        cell = self.cells[k]
        if cell is None or cell[0].structure != tree.structure or not all(map(fits, cell[1], leaves)):
            return held(state)
        values.update((v, x) for v, x in zip(cell[1], leaves, strict=True) if isinstance(v, Variable))
        return None

    def keep(self, cells: dict[int, Cell]) -> None:
        """Take new cells over."""
        for k, cell in cells.items():
            if tracing.trace is None:
                self.cells[k] = cell
            else:
                tracing.trace.attach(self.cells, k, cell, [x for x in cell[1] if isinstance(x, Variable)])


def held(state: Any) -> Cell | None:
    leaves, tree = flatten(state)
    return (tree, [Variable(x) if isinstance(x, Tensor) else x for x in leaves]) if leaves else None


def plain(x: Any) -> Any:
    if not isinstance(x, Variable):
        return x
    v = x.value
    return Tensor(v if v.data is None else Value(None, (), v.type, v.data))


def fits(old: Any, new: Any) -> bool:
    if isinstance(old, Variable):
        return isinstance(new, Tensor) and new.value.type is old.value.type
    return old is new
