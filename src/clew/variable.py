"""Variables: the leaves that can be assigned to."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array.promotion import value_of
from .errors import ConcretizationError, UsageError
from .ir import INPUT, Label, Value, f32
from .tensor import Tensor, unwrap

SCALAR = f32()


class Variable(Tensor):
    """A named leaf that can be differentiated with respect to, and assigned to.

    A graph holds the values that variables had when it was recorded: assigning between forward and backward changes
    neither.
    """

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None, dtype: Any = None) -> None:
        if data.__class__ is float and dtype is None:  # scalar programs make many of these
            self.value = Value(INPUT, (), SCALAR, np.float32(data), Label(name, None, True))
            return
        v = value_of(unwrap(data), dtype)
        if v.data is None:
            raise ConcretizationError("a variable needs a value; it cannot be made of a traced tensor")
        if not v.type.differentiable and dtype is None and v.dtype.kind in "iu" and not isinstance(data, np.ndarray | Tensor):
            v = value_of(data, np.dtype(np.float32))
        array = v.data if not v.type.shape else np.array(v.data)
        super().__init__(Value(INPUT, (), v.type, array, Label(name, variable=True)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Variable, (self.known("pickle"), self.name)

    def assign(self, data: Any) -> None:
        """Give it another value of the same shape and dtype. What was computed from the old one keeps the old one."""
        old = self.value
        v = value_of(unwrap(data))
        if v.data is None:
            raise ConcretizationError(f"cannot assign a traced tensor to the variable {self.name}")
        if v.shape != old.shape:
            raise UsageError(f"cannot assign {v.type} to the variable {self.name}: {old.type}; the shapes differ")
        shared = isinstance(data, np.ndarray)  # a tensor's array never changes, the user's may
        array = v.data.astype(old.dtype, copy=shared) if old.shape else old.dtype.type(v.data)
        self.value = Value(INPUT, (), old.type, array, old.label)


def variable(value: Any, name: str | None = None, dtype: Any = None) -> Variable:
    """A leaf to differentiate with respect to. Python numbers become float32, arrays keep their dtype (and are copied).

    >>> import clew as cl
    >>> x = cl.variable(3.0, name="x")
    >>> (x * x).backward()
    >>> x.grad.item()
    6.0
    """
    return Variable(value, name, dtype)
