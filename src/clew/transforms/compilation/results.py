"""What a call returns, put together from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...array.promotion import Weak, value_of
from ...ir import Array, Type, Value
from ...pytree import children_of, with_children
from ...tensor import Tensor, unwrap

new = object.__new__


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

    ``of_arrays`` makes the whole from a call's arrays, ``of_tensors`` from tensors. Both are written out as expressions, such
    as ``(plain(t0, x[0]), [plain(t1, x[1])])``: calls are too short to walk a tree in each.
    """

    def __init__(self, returned: Any) -> None:
        self.values: list[Value] = []
        self._names: dict[str, Any] = {"plain": plain}
        whole = self._expression(returned)
        self._names |= {f"t{k}": v.type for k, v in enumerate(self.values)}
        self.of_arrays = eval(f"lambda x: {whole}", self._names)
        self.of_tensors = eval(f"lambda x: {whole}", {**self._names, "plain": lambda type, tensor: tensor})

    def _expression(self, x: Any) -> str:
        if isinstance(x, Tensor | Weak | np.ndarray | np.generic):
            k = len(self.values)
            self.values.append(value_of(unwrap(x)))
            return f"plain(t{k}, x[{k}])"
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
