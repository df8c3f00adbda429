"""Where in the user's program a node was made."""

from __future__ import annotations

import linecache
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import NamedTuple

PACKAGE = str(Path(__file__).parents[1]) + "/"


class Site(NamedTuple):
    """An instruction of the user's code, and the scope (of modules) it ran in. The line is looked up when asked for."""

    code: CodeType
    instruction: int
    scope: str

    @property
    def line(self) -> int:
        for start, end, number in self.code.co_lines():
            if start <= self.instruction < end:
                return number or self.code.co_firstlineno
        return self.code.co_firstlineno

    @property
    def source(self) -> str:
        return linecache.getline(self.code.co_filename, self.line).strip()

    def __str__(self) -> str:
        text = f"{Path(self.code.co_filename).name}:{self.line}"
        return f"{text}: {self.source}" if self.source else text


class _Scopes(threading.local):
    current = ""


scopes = _Scopes()


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Nodes made inside carry the scope ``name`` (nested scopes join with dots); pictures fold by it."""
    outer = scopes.current
    scopes.current = f"{outer}.{name}" if outer else name
    try:
        yield
    finally:
        scopes.current = outer


def here() -> tuple[CodeType, int, str]:
    """The fields of a ``Site``: the innermost line outside clew that led to the caller's caller."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti, scopes.current
