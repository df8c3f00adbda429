"""Functions whose source is made when they are needed: what a call does, written out for its signature."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any


def function(name: str, source: str | CodeType, names: dict[str, Any]) -> Callable[..., Any]:
    """The function that the source defines under this name, with ``names`` as its globals. It is not one of them, so that all
    of them go when nobody needs it any more.

    >>> function("double", "def double(x): return two * x", {"two": 2})(21)
    42
    """
    exec(code(source) if isinstance(source, str) else source, names)
    made: Callable[..., Any] = names.pop(name)
    return made


@lru_cache(maxsize=512)
def code(source: str) -> CodeType:
    """The source as Python compiles it."""
    return compile(source, f"{__file__}, written out", "exec")  # a file of clew's: errors show the line that called it
