"""A graph run in NumPy, called as compiled code is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...ir import Array, Graph, run


class Interpreted:
    """``interpreted(inputs)``: the outputs as new arrays, but those that take the place of inputs in their arrays."""

    def __init__(self, graph: Graph, updates: Mapping[int, int]) -> None:
        self.graph, self.updates = graph, updates

    def __call__(self, inputs: Sequence[Array], made: list[Any] | None = None) -> list[Any]:
        """The outputs; in the list ``made``, which is empty before, for who wants to ask whether it is ``done``."""
        made = [] if made is None else made
        made += [np.array(x) if x.ndim else x for x in run(self.graph, *inputs)]  # which may be views of inputs
        self.done(inputs, made)
        return made

    def done(self, inputs: Sequence[Array], made: list[Any]) -> bool:
        """Whether the inputs of a call that raised are updated: they are now, if all was computed."""
        for k, n in self.updates.items() if made else ():
            inputs[n][...] = made[k]
            made[k] = inputs[n]
        return bool(made)
