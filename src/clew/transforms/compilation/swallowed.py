"""What Python does while a function is traced, and its compiled calls would not do again: a warning names the line."""

from __future__ import annotations

import functools
import os
import random
import sys
import time
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from operator import length_hint
from types import CodeType, FunctionType, GeneratorType, ModuleType
from typing import Any

import numpy as np

from ...errors import TracingWarning
from ...ir import Array, Site, Value
from ...ir.site import PACKAGE, installed
from .named import named

SOURCES = (np.random.Generator, np.random.RandomState, random.Random, Iterator)  # what is another after it was used
NUMPY: Any = np.random.normal.__self__  # type: ignore[attr-defined]  # what np.random's functions draw from
PYTHONS: Any = random.random.__self__  # type: ignore[attr-defined]  # what random's functions draw from
CLOCKS = {getattr(time, name + ns) for name in ("time", "perf_counter", "monotonic", "process_time") for ns in ("", "_ns")}
CLOCKS.add(os.urandom)
DATES = frozenset({"now", "today", "utcnow"})
LARGEST = 1 << 16  # elements of an array that is compared with what it was
TEXTS = frozenset({"__repr__", "__str__", "__format__"})
Path = tuple[str, ...]

_registry: dict[Any, Any] = {}  # of warnings: one for a line


class Swallowed:
    """Looks at the world outside before a trace, and again when it is over.

    ``sources`` are random generators and iterators that the function leads to, ``arrays`` its arrays, each with what it is
    called. ``functions`` are those whose code was searched.
    """

    def __init__(self, sources: list[tuple[Any, str]], arrays: list[tuple[Array, str]], functions: list[FunctionType]) -> None:
        self.functions = list(dict.fromkeys(functions))
        known = {id(x): (x, what) for x, what in [*sources, (PYTHONS, "random"), (NUMPY, "np.random")]}
        self.sources = [(x, what, _position(x)) for x, what in known.values()]
        self.arrays = [(x, what, x.copy()) for x, what in arrays if x.size <= LARGEST]

    def tell(self, function: str) -> None:
        """Warn of what is another now, and of clocks that are read."""
        for x, what, before in self.sources:
            if not _same(_position(x), before) and (site := self._use(x, what)) is not None:
                if isinstance(x, Iterator):
                    why = f"takes from {what} while it is traced, and all its calls would use the same items; take them outside"
                else:
                    why = f"draws from {what} while it is traced, and all its calls would use the same numbers; use cl.random"
                _warn(f"{function} {why}, or pass them as an argument", site)
        for x, what, was in self.arrays:
            if not np.array_equal(x, was, equal_nan=True) and (site := self._use(x, what)) is not None:
                _warn(
                    f"{function} changes the array {what} while it is traced, and its calls would not; keep it in a variable "
                    f"(v = cl.variable(...) outside, v.assign(...) inside)",
                    site,
                )
        for called, site in self._clocks():
            _warn(
                f"{function} calls {called} while it is traced, and all its calls would use that result; call it outside", site
            )

    def _use(self, x: Any, what: str) -> Site | None:
        """Where the code mentions it: by the way that leads there, or else by its last name."""
        by_name = None
        for f in self.functions:
            for code, place, path in _paths(f.__code__):
                if any(o is x or getattr(o, "__self__", None) is x for o in _along(f, path)):
                    return Site(code, place, "")
                if by_name is None and what.rpartition(".")[2] in path:
                    by_name = Site(code, place, "")
        return by_name

    def _clocks(self) -> Iterator[tuple[str, Site]]:
        for f in self.functions:
            for code, place, path in _paths(f.__code__):
                objects = _along(f, path)
                if any(callable(o) and _hashable(o) and o in CLOCKS for o in objects) or (
                    path[-1] in DATES and any(o is datetime or o is date for o in objects)
                ):
                    yield f"{'.'.join(path)}()", Site(code, place, "")


def shown(function: str, v: Value) -> None:
    """Warn of a text that the user's program makes of a tensor without a value."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_name in TEXTS:
        frame = frame.f_back
    if frame.f_code.co_filename.startswith(PACKAGE):
        return
    outer: Any = frame
    while outer is not None and (outer.f_code.co_filename == "<string>" or installed(outer.f_code.co_filename)):
        outer = outer.f_back  # such as logging
    frame = outer or frame
    _warn(
        f"{function} makes a text of {v.name or 'a tensor'}: {v.type}, which has no value while it is traced, and its calls "
        f"will not do so; return it, or name it and ask {function}.fetch(..., values=its name)",
        Site(frame.f_code, frame.f_lasti, ""),
    )


def _warn(why: str, site: Site) -> None:
    warnings.warn_explicit(f"{why}\n  at {site}", TracingWarning, site.code.co_filename, site.line, registry=_registry)


@functools.lru_cache(maxsize=4096)
def _paths(code: CodeType) -> list[tuple[CodeType, int, Path]]:
    """Names and attributes of them, such as ``np.random.normal``, in a function's code and in the functions inside it."""
    found: list[tuple[CodeType, int, Path]] = []
    follows = False
    for x in named(code):
        if follows and x.next and x.operation in ("LOAD_ATTR", "LOAD_METHOD"):
            _, _, path = found.pop()
            found.append((code, x.place, (*path, x.name)))
        elif follows := x.is_variable or x.operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            found.append((code, x.place, (x.name,)))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found += _paths(inner)
    return found


def _along(f: FunctionType, path: Path) -> list[Any]:
    """What a path leads to, object by object, through modules and classes."""
    closed = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
    if path[0] in closed:
        try:
            found = [closed[path[0]].cell_contents]
        except ValueError:
            return []
    elif path[0] in f.__globals__:
        found = [f.__globals__[path[0]]]
    else:
        return []
    for name in path[1:]:
        if not isinstance(found[-1], ModuleType | type) or name not in vars(found[-1]):
            break
        found.append(vars(found[-1])[name])
    return found


def _hashable(x: Any) -> bool:
    return type(x).__hash__ is not None


def _position(x: Any) -> Any:
    """How far it is."""
    if isinstance(x, np.random.Generator):
        return x.bit_generator.state
    if isinstance(x, np.random.RandomState):
        return x.get_state(legacy=False)
    if isinstance(x, random.Random):
        return x.getstate()
    if isinstance(x, GeneratorType):
        return x.gi_frame and x.gi_frame.f_lasti
    return repr(x) if type(x).__module__ == "itertools" else length_hint(x, -1)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return all(_same(x, b[key]) for key, x in a.items())
    return a.tobytes() == b.tobytes() if isinstance(a, np.ndarray) else bool(a == b)
