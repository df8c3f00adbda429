"""Variables: the leaves that can be assigned to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .array.promotion import cast_to, value_of
from .errors import ConcretizationError, UsageError
from .ir import INPUT, Label, Value, f32, tracing
from .ops.rounding import converted
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
            if tracing.trace is None:
                raise ConcretizationError("a variable needs a value; it cannot be made of a traced tensor")
            tracing.trace.create(self, v, Label(name, variable=True))
            return
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
        trace = tracing.trace
        if v.data is None and trace is None:
            raise ConcretizationError(f"cannot assign a traced tensor to the variable {self.name}")
        if v.shape != old.shape:
            raise UsageError(f"cannot assign {v.type} to the variable {self.name}: {old.type}; the shapes differ")
        if trace is not None:
            trace.assign(self, cast_to(v, old.dtype))
            return
        shared = isinstance(data, np.ndarray)  # a tensor's array never changes, the user's may
        array = converted(v.data, old.dtype)
        if not old.shape:
            array = old.dtype.type(array)
        elif shared and array is v.data:
            array = array.copy()
        self.value = Value(INPUT, (), old.type, array, old.label)


SLOT: Any = Tensor.__dict__["value"]  # reads and writes the leaf of a variable itself, also while it is traced


def _read(self: Variable) -> Value:
    trace = tracing.trace
    return SLOT.__get__(self) if trace is None else trace.read(self)


def _write(self: Variable, v: Value) -> None:
    trace = tracing.trace
    if trace is None:
        SLOT.__set__(self, v)
    else:
        trace.write(self, v)


class _Watched:
    """How many traces are under way, in all threads."""

    count = 0
    lock = threading.Lock()


@contextmanager
def watched() -> Iterator[None]:
    """Inside, variables are read and written through their thread's trace.

    A property stands before the slot for that time alone: it would make eager arithmetic on variables a fifth slower.
    """
    with _Watched.lock:
        _Watched.count += 1
        type.__setattr__(Variable, "value", property(_read, _write))
    try:
        yield
    finally:
        with _Watched.lock:
            _Watched.count -= 1
            if not _Watched.count:
                type.__delattr__(Variable, "value")


class Number:
    """An attribute that is a Python number, such as a learning rate: compiled functions read it anew in every call."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, holder: Any, owner: type | None = None) -> Any:
        if holder is None:
            return self
        attributes = vars(holder)
        if self.name not in attributes:
            raise AttributeError(f"{type(holder).__name__} has no {self.name} yet")
        x, trace = attributes[self.name], tracing.trace
        return x if trace is None or x.__class__ not in (float, int) else trace.number(attributes, self.name)

    def __set__(self, holder: Any, x: Any) -> None:
        vars(holder)[self.name] = x


class Noted:
    """Base of objects that note when one of their attributes is set, all in one count.

    While the count stays, compiled functions need not look at the attributes. Those that they read anew do not count.
    """

    count = 0

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(getattr(type(self), name, None), Number):
            Noted.count += 1
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        Noted.count += 1
        super().__delattr__(name)


def variable(value: Any, name: str | None = None, dtype: Any = None) -> Variable:
    """A leaf to differentiate with respect to. Python numbers become float32, arrays keep their dtype (and are copied).

    >>> import clew as cl
    >>> x = cl.variable(3.0, name="x")
    >>> (x * x).backward()
    >>> x.grad.item()
    6.0
    """
    return Variable(value, name, dtype)
