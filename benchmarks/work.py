"""What a row is: a function known to every peer by its name, and the numbers it works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Work:
    """The numbers of a row: what is differentiated by, what is read besides, and how parameters move (None: not at all)."""

    parameters: Arrays
    data: tuple[np.ndarray, ...] = ()
    optimiser: str | None = None
    rate: float = 0.0

    @property
    def double(self) -> bool:
        return any(a.dtype == np.float64 for a in self.parameters.values())

    def moved_by_gradient(self) -> Work:
        """The same with steps that subtract the gradient, many times over: nothing of it is lost beside the parameter."""
        return replace(self, optimiser="sgd", rate=1024.0)

    def in_double(self) -> Work:
        """The same numbers with the precision that a comparison by differences needs."""
        wide = {name: a.astype(np.float64) for name, a in self.parameters.items()}
        return replace(self, parameters=wide, data=tuple(a.astype(np.float64) if a.dtype.kind == "f" else a for a in self.data))


class Side(Protocol):
    """One peer, ready to work. What calls it enters ``context()`` first."""

    def context(self) -> AbstractContextManager[Any]: ...

    def run(self) -> Any:
        """One step, or value and gradients once; it returns when they are there."""

    def loss(self) -> float:
        """Run once, and tell the value."""

    def gradients(self) -> Arrays:
        """Those at the row's parameters, in their layout. A side is asked this before anything else, or not at all."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ``small`` are keyword arguments of ``data`` for a size that a test can afford. The bound is microseconds (``at_most``),
    or a share of the best peer's time. ``issue`` is the best peer's figure in microseconds as the issue states it.
    """

    name: str
    function: str
    data: Callable[..., Work]
    size: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0
    at_most: float | None = None
    issue: float | None = None
    without: tuple[str, ...] = ()  # peers that are left out, and why is said beside it

    def work(self, small: bool = False) -> Work:
        return self.data(**{**self.size, **(self.small if small else {})})

    def bound(self, best: float | None) -> float | None:
        """The microseconds that clew may take, beside those of the best peer."""
        if self.at_most is not None:
            return self.at_most
        return None if best is None else self.share * best

    def met(self, ours: float | None, ratio: float | None) -> bool | None:
        """Whether clew keeps within it, which takes so many microseconds, and that share of the best peer's time."""
        if self.at_most is not None:
            return None if ours is None else ours <= self.at_most
        return None if ratio is None else ratio <= self.share
