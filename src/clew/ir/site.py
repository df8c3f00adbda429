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
PYTHON = str(Path(linecache.__file__).parent)
INSTALLED = ("site-packages", "dist-packages", "<frozen")


def installed(file: str) -> bool:
    """Whether code of this file is clew's, Python's, or that of an installed package."""
    return file.startswith((PACKAGE, PYTHON)) or any(place in file for place in INSTALLED)


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


def here(depth: int = 2) -> tuple[CodeType, int, str]:
    """The fields of a ``Site``: the innermost line outside clew, at least ``depth`` calls up from here."""
    frame = sys._getframe(depth)
    code = frame.f_code
    while _ours[code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    return code, frame.f_lasti, scopes.current


class _Ours(dict[str, bool]):
    """Which files are clew's, of those that were met: to look here is quicker than to compare."""

    def __missing__(self, file: str) -> bool:
        made = self[file] = file.startswith(PACKAGE)
        return made


_ours = _Ours()
