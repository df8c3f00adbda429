"""State, as it is at one time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...ir import INPUT, Array, Label, Value
from ...variable import SLOT, Variable


class Snapshot:
    """What ``restore`` brings back: variables, gradients, random generators, and what is attached to objects.

    The arrays of variables are copied to ``buffers``; where there are none, it holds on to them.
    """

    def __init__(
        self,
        variables: Iterable[Variable],
        labels: Iterable[Label],
        generators: Iterable[Any],
        attached: Iterable[tuple[Any, Any]],
        buffers: Sequence[Array] = (),
    ) -> None:
        self.variables = [(v, SLOT.__get__(v)) for v in variables]
        self.labels = [(label, label.grad, label.fresh) for label in labels]
        self.draws = [(generator, generator.count) for generator in generators]
        self.attached = [(holder, key, holder[key]) for holder, key in attached]
        for k, buffer in enumerate(buffers):
            v, value = self.variables[k]
            np.copyto(buffer, value.data)
            self.variables[k] = v, Value(INPUT, (), value.type, buffer, value.label)

    def restore(self) -> None:
        for v, value in self.variables:
            SLOT.__set__(v, value)
        for label, gradient, fresh in self.labels:
            label.grad, label.fresh = gradient, fresh
        for generator, count in self.draws:
            generator.count = count
        for holder, key, x in self.attached:
            holder[key] = x
