"""The trace that is under way: while a function is compiled, whoever reads or changes state does so through it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..errors import GradientError
from .site import Site, here
from .value import Label, Value


class State(Protocol):
    """What a trace keeps in place of the state outside: variables, gradients, random numbers, numbers of optimisers."""

    def operands(self, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        """What an op takes for these operands."""

    def made(self, v: Value) -> None:
        """A value without data was made."""

    def read(self, variable: Any) -> Value:
        """The leaf that stands for a variable now."""

    def write(self, variable: Any, v: Value) -> None:
        """Another leaf stands for it."""

    def assign(self, variable: Any, v: Value) -> None:
        """The variable has this value from now on."""

    def create(self, variable: Any, v: Value, label: Label) -> None:
        """A variable was made that has this value."""

    def attach(self, holder: Any, key: Any, x: Any, variables: list[Any]) -> None:
        """``holder[key] = x``, which holds new variables, is done now, undone when the trace is over, and done by each call."""

    def array(self, x: Any) -> Value | None:
        """The input that stands for an array of the user's, or a view of it; None for any other array."""

    def draw(self, generator: Any) -> tuple[Value, Value]:
        """The key and the number of a generator's next draw."""

    def number(self, holder: dict[str, Any], name: str) -> Any:
        """The Python number ``holder[name]``, which each call reads anew."""

    def shown(self, v: Value) -> None:
        """Somebody makes a text of a value that is not known."""

    def backward(self, output: Value, seed: Value, accumulate: bool) -> None:
        """Follow the thread back."""

    def gradient(self, label: Label) -> Value | None:
        """The gradient that a label has."""

    def set_gradient(self, label: Label, gradient: Value | None) -> None:
        """Give it one."""

    def is_fresh(self, label: Label) -> bool:
        """Whether its gradient waits to be used."""

    def use(self, label: Label) -> None:
        """Its gradient has been used."""


class _Tracing(threading.local):
    trace: State | None = None


tracing = _Tracing()  # per thread


@contextmanager
def untraced() -> Iterator[None]:
    """Inside, state is read and changed as if no trace were under way."""
    trace, tracing.trace = tracing.trace, None
    try:
        yield
    finally:
        tracing.trace = trace


class Used:
    """Stands where a gradient was, once a compiled call has used it up."""

    def __init__(self, function: str) -> None:
        self.function = function


def kept(label: Label) -> Any:
    """The gradient of a label, if it was not used up where nobody could keep it."""
    if isinstance(label.grad, Used):
        raise GradientError(
            f"the gradient of {label.name or 'a variable'} was used up inside the compiled {label.grad.function}, which does "
            f"not keep it; return it from there: return loss, {label.name or 'w'}.grad, or fetch it: "
            f"{label.grad.function}.fetch(..., gradients='{label.name or 'w'}')\n  at {Site(*here())}"
        )
    return label.grad
