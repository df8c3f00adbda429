"""What a call returns, put together from arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..._source import function
from ...array.promotion import Weak, value_of
from ...ir import Array, Type, Value
from ...pytree import children_of, with_children
from ...tensor import Tensor, unwrap

new = object.__new__


MOST = 8  # tensors up to which each is made where it stands: a call would take a tenth longer
WRITTEN = (
    "v = new(Value)",
    "v.op = v._first = v._second = v.label = v._code = None",
    "v.type = t{k}",
    "v.data = x[{k}]",
    "r{k} = new(Tensor)",
    "r{k}.value = v",
)
CALLED = ("r{k} = plain(t{k}, x[{k}])",)
GIVEN = ("r{k} = x[{k}]",)


def plain(type: Type, data: Array) -> Tensor:
    """``Tensor(Value(None, (), type, data))``, at two thirds of the time."""
    v: Any = new(Value)
    v.op = v._first = v._second = v.label = v._code = None
    v.type, v.data = type, data
    t = new(Tensor)
    t.value = v
    return t


class Results:
    """The tensors in what a function returned, and others in their places; other leaves stay as they are.

    ``of_arrays`` makes the whole from a call's arrays, ``of_tensors`` from tensors. Both are written out, such as
    ``(r0, [r1])`` after what makes the tensors: calls are too short to walk a tree in each. ``once`` is ``of_arrays`` in fewer
    lines, for the first call, which waits until Python has compiled them.
    """

    def __init__(self, returned: Any) -> None:
        self.values: list[Value] = []
        self._names: dict[str, Any] = {"plain": plain, "new": new, "Value": Value, "Tensor": Tensor}
        whole = self._expression(returned)
        self._names |= {f"t{k}": v.type for k, v in enumerate(self.values)}
        self._whole, self._count = whole, len(self.values)

    @cached_property
    def once(self) -> Callable[[Any], Any]:
        return self._function(CALLED)

    @cached_property
    def of_arrays(self) -> Callable[[Any], Any]:
        return self._function(WRITTEN) if self._count <= MOST else self.once

    @cached_property
    def of_tensors(self) -> Callable[[Any], Any]:
        return self._function(GIVEN)

    def _function(self, making: tuple[str, ...]) -> Callable[[Any], Any]:
        lines = [line.format(k=k) for k in range(self._count) for line in making]
        return function("made", "\n    ".join(["def made(x):", *lines, f"return {self._whole}"]), self._names)

    def _expression(self, x: Any) -> str:
        if isinstance(x, Tensor | Weak | np.ndarray | np.generic):
            self.values.append(value_of(unwrap(x)))
            return f"r{len(self.values) - 1}"
        children = children_of(x)
        if children is None or x is None:
            return self._named(x)
        if type(x) is dict:
            return f"{{{', '.join([f'{self._named(key)}: {self._expression(item)}' for key, item in x.items()])}}}"
        parts = ", ".join([self._expression(child) for _, child in children])
        if type(x) is tuple:
            return f"({parts},)" if parts else "()"
        if type(x) is list:
            return f"[{parts}]"
        return f"{self._named(lambda items: with_children(x, items))}([{parts}])"

    def _named(self, x: Any) -> str:
        name = f"n{len(self._names)}"
        self._names[name] = x
        return name
