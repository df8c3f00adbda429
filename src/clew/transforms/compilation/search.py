"""Finding what a function reads of Python, in its code.

The names that code mentions are looked up in its globals, its closure and the attributes of the objects that these lead to;
functions and methods that it mentions are searched in turn. Numbers and strings are then compared, other objects must be the
same ones. Python's own modules, clew's and those of installed packages are taken to stay as they are.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ...ir import FLOATS
from ...ir.site import PACKAGE, installed
from ...tensor import Tensor
from ...variable import Noted, Number
from .bound import Bound
from .guards import VALUES, Guards, content
from .named import named
from .swallowed import SOURCES

SKIPPED = frozenset({"clew", "numpy", *sys.stdlib_module_names})
MOST = 256  # items of a container, or of an array of integers, that are looked at
Names = frozenset[str]


class Search:
    """Fills ``guards`` with what is found."""

    def __init__(self) -> None:
        self.guards = Guards()
        self.functions: list[FunctionType] = []  # of the user's, whose code was read
        self.sources: list[tuple[Any, str]] = []  # random generators and iterators, with what they are called
        self._seen: dict[int, tuple[Any, set[str]]] = {}
        self._listed: set[tuple[int, Any]] = set()

    def visit(self, x: Any, what: str, names: Names = frozenset()) -> None:
        """Everything that ``x``, called ``what``, leads to when code that mentions ``names`` uses it."""
        if isinstance(x, VALUES | Tensor):
            return
        _, seen = self._seen.setdefault(id(x), (x, set()))
        if seen and names <= seen:
            return
        seen |= names | {""}
        if isinstance(x, SOURCES):
            self.sources.append((x, what))
        for kinds, search in self._searches:
            if isinstance(x, kinds):
                search(self, x, what, names)
                return
        if hasattr(x, "__wrapped__"):  # another compiled function
            self.visit(x.__wrapped__, what, names)
        elif _is_followed(x):
            self._object(x, what, names)

    def _array(self, x: Any, what: str, names: Names) -> None:
        if x.dtype in FLOATS:
            self.guards.arrays[id(x)] = (x, what)
        elif x.size <= MOST:
            self.guards.contents.append((x, x.copy(), what))

    def _function(self, f: FunctionType, what: str, names: Names) -> None:
        read, inside = mentioned(f.__code__)
        if not installed(f.__code__.co_filename):
            self.functions.append(f)
            for name in sorted(read):
                if name in f.__globals__:
                    self._item(f.__globals__, name, f"the global {name}", inside)
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            held = content(cell)
            if held is not cell:
                self.guards.cells.append((cell, held, name))
                self.visit(held, name, inside)
        for x in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self.visit(x, f"a default of {f.__name__}", inside)

    def _method(self, f: MethodType | Bound, what: str, names: Names) -> None:
        self.visit(f.__func__, what, names)
        self.visit(f.__self__, what, mentioned_in(f))

    def _partial(self, f: functools.partial[Any], what: str, names: Names) -> None:
        for part in (f.func, *f.args, *f.keywords.values()):
            self.visit(part, what, names)

    def _parts(self, x: Iterable[Any], what: str, names: Names) -> None:
        for part in x:
            self.visit(part, what, names)

    def _container(self, x: list[Any] | dict[Any, Any], what: str, names: Names) -> None:
        self.guards.lengths.append((x, len(x), what))
        for key in list(x)[:MOST] if isinstance(x, dict) else range(min(len(x), MOST)):
            self._item(x, key, f"{what}[{key!r}]", names)

    def _space(self, x: ModuleType | type, what: str, names: Names) -> None:
        module = x.__name__ if isinstance(x, ModuleType) else x.__module__
        if module.partition(".")[0] not in SKIPPED:
            self._attributes(vars(x), what, names)

    def _object(self, x: Any, what: str, names: Names) -> None:
        """The attributes that the code around it mentions, or its own methods do that are called."""
        of_class: dict[str, Any] = {}
        for base in reversed(type(x).__mro__):
            of_class.update(vars(base))
        found, waiting = set(names), [*names, "__call__"]
        while waiting:
            method = _plain(of_class.get(waiting.pop()))
            if isinstance(method, FunctionType) and (_is_clew(method.__code__) or not installed(method.__code__.co_filename)):
                more = mentioned(method.__code__)[1] - found
                found |= more
                waiting += more
                self.visit(method, what)
        own, inside = vars(x), frozenset(found)
        names = frozenset(name for name in inside if not isinstance(of_class.get(name), Number))
        self._attributes(own, what, names, self.guards.noted if isinstance(x, Noted) else self.guards.items)
        attributes = self.guards.noted_attributes if isinstance(x, Noted) else self.guards.attributes
        for name in sorted(inside & of_class.keys() - own.keys()):
            if isinstance(of_class[name], VALUES) and name[:2] != "__":
                attributes.append((x, name, of_class[name], f"{what}.{name}"))

    def _attributes(self, held: Any, what: str, names: Names, guards: list[Any] | None = None) -> None:
        for name in sorted(names):
            if name in held:
                self._item(held, name, f"{what}.{name}", names, guards)

    def _item(self, holder: Any, key: Any, what: str, names: Names, guards: list[Any] | None = None) -> None:
        x = holder[key]
        if (id(holder), key) not in self._listed and not isinstance(x, ModuleType):
            self._listed.add((id(holder), key))
            (self.guards.items if guards is None else guards).append((holder, key, x, what))
        self.visit(x, what.removeprefix("the global "), names)

    _searches: tuple[tuple[Any, Any], ...] = (
        (np.ndarray, _array),
        (FunctionType, _function),
        (MethodType | Bound, _method),
        (functools.partial, _partial),
        (list | dict, _container),
        (tuple | set | frozenset, _parts),
        (ModuleType | type, _space),
    )


def mentioned_in(f: Any) -> Names:
    """The names of attributes in the code of a function, if it has any."""
    code = getattr(_plain(f), "__code__", None)
    return frozenset() if code is None else mentioned(code)[1]


@functools.lru_cache(maxsize=4096)
def mentioned(code: CodeType) -> tuple[Names, Names]:
    """The names of globals, and those of attributes, in a function's code and in the functions inside it."""
    read: set[str] = set()
    attributes: set[str] = set()
    for found in named(code):
        if not found.is_variable:
            (read if found.is_global else attributes).add(found.name)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            for mine, theirs in zip((read, attributes), mentioned(inner), strict=True):
                mine |= theirs
    return frozenset(read), frozenset(attributes)


def _is_clew(code: CodeType) -> bool:
    return code.co_filename.startswith(PACKAGE)


def _plain(f: Any) -> Any:
    """The function behind a method, a property, or what wraps a function."""
    for name in ("fget", "__func__", "__wrapped__"):
        f = getattr(f, name, f)
    return f


def _is_followed(x: Any) -> bool:
    """Whether an object's attributes matter: of clew's own those of modules and optimisers."""
    if not hasattr(x, "__dict__"):
        return False
    module = type(x).__module__
    return not module.startswith("clew.") or module.startswith(("clew.nn.", "clew.optim."))
