"""Functions as ``jit`` sees them: the graph of a call, with the state that it reads and changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..transforms.compilation.arguments import describe
from ..transforms.compilation.bound import Bound
from ..transforms.compilation.build import build
from ..transforms.jit import Jit
from ..transforms.run import name_of, parameter_names


def is_compiled(f: Any) -> bool:
    """Whether ``jit`` made it."""
    return isinstance(f, Jit | Bound)


class Side:
    """A function, compiled or not, at some arguments. It is traced, not run, and its state stays as it is.

    ``function`` is the plain one. ``entry`` knows the graph and the state, and ``inputs`` are all that a call would be given
    now: copies, which may be written to.
    """

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], wish: Any = None) -> None:
        jit, holder = (f.func, f.args) if isinstance(f, Bound) else (f, ())
        plain = jit.function if isinstance(jit, Jit) else jit
        self.compiled = is_compiled(f)
        self.name = f"compiled {name_of(f)}" if self.compiled else name_of(f)
        self.function: Callable[..., Any] = partial(plain, *holder) if holder else plain
        args = (*holder, *args)
        leaves: list[Any] = []
        for x in args:
            describe(x, [], leaves, {})
        named = list(zip(parameter_names(plain, len(args)), args, strict=True))
        self.entry = build(plain, name_of(f), named, {}, wish=wish, native=False)
        self.inputs = [np.array(x, order="C") if np.ndim(x) else x for x in self.entry.peek(leaves)]
