"""What a function reads of Python beside its arguments: globals, closed-over names, attributes of objects.

A compiled call repeats none of Python's work, so all that is looked at before it: if something is another, the function is
traced anew. ``search`` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..._source import function
from ...errors import ConcretizationError
from ...ir import Site, here
from ...pytree import flatten
from ...tensor import Tensor
from ...variable import Noted, Variable

GONE = "(KeyError, IndexError, ValueError, AttributeError)"  # what is raised where it was
VALUES = int | float | complex | str | bytes | bool | None


@dataclass(eq=False)
class Guards:
    """What is looked at, each with what it was and what it is called."""

    items: list[tuple[Any, Any, Any, str]] = field(default_factory=list)  # holder and key
    noted: list[tuple[Any, Any, Any, str]] = field(default_factory=list)  # attributes of objects that note changes
    cells: list[tuple[Any, Any, str]] = field(default_factory=list)  # of closures
    lengths: list[tuple[Any, int, str]] = field(default_factory=list)  # of containers
    attributes: list[tuple[Any, str, Any, str]] = field(default_factory=list)  # of a class, which an object may get of its own
    noted_attributes: list[tuple[Any, str, Any, str]] = field(default_factory=list)
    contents: list[tuple[Any, Any, str]] = field(default_factory=list)  # of small arrays of integers
    arrays: dict[int, tuple[Any, str]] = field(default_factory=dict)  # of floats; not looked at: a trace makes inputs of them

    def __bool__(self) -> bool:
        found = self.items, self.noted, self.cells, self.lengths, self.attributes, self.noted_attributes, self.contents
        return any(found)

    @cached_property
    def hold(self) -> Callable[[], bool]:
        """``holds``, written out, when all has been added: a function that is called once need not have it."""
        return self._written()

    def holds(self) -> bool:
        """Whether all is as it was."""
        return self.hold()

    def changed(self) -> str | None:
        """What is another now, in words; None if nothing is."""
        return None if self.hold() else self._change()

    def _written(self) -> Callable[[], bool]:
        """All that is asked as one expression, for every call waits for it."""
        names: dict[str, Any] = {"same": same, "array_equal": np.array_equal, "Noted": Noted}
        asked: list[str] = []

        def ask(text: str, *values: Any) -> None:
            own = [f"v{len(names) + k}" for k in range(len(values))]
            names.update(zip(own, values, strict=True))
            asked.append(text.format(*own))

        for holder, key, was, _ in self.items:
            ask("({0}[{1}] is {2} or same({0}[{1}], {2}))", holder, key, was)
        if self.noted or self.noted_attributes:
            ask(
                "({0}[0] == Noted.count or {1}())", count := [-1], partial(noted_hold, self.noted, self.noted_attributes, count)
            )
        for cell, was, _ in self.cells:
            ask("({0}.cell_contents is {1} or same({0}.cell_contents, {1}))", cell, was)
        for container, length, _ in self.lengths:
            ask("len({0}) == {1}", container, length)
        for x, name, was, _ in self.attributes:
            ask("getattr({0}, {1}) is {2}", x, name, was)
        for x, was, _ in self.contents:
            ask("array_equal({0}, {1})", x, was)
        source = f"def hold():\n try:\n  return {' and '.join(asked) or True}\n except {GONE}:\n  return False"
        return function("hold", source, names)

    def _change(self) -> str | None:
        for what, now, was in self._looked_at():
            if now is not was and not same(now, was):
                if isinstance(was, VALUES) and isinstance(now, VALUES):
                    return f"{what} is {now!r:.40}, it was {was!r:.40}"
                return f"{what} is another {type(now).__name__}"
        changed = [what for x, was, what in self.contents if not np.array_equal(x, was)]
        return f"{changed[0]} has other elements" if changed else None

    def _looked_at(self) -> Iterator[tuple[str, Any, Any]]:
        for holder, key, was, what in (*self.items, *self.noted):
            try:
                yield what, holder[key], was
            except (KeyError, IndexError):
                yield what, "gone", was
        for cell, was, what in self.cells:
            yield what, content(cell), was
        for container, length, what in self.lengths:
            yield f"the length of {what}", len(container), length
        for x, name, was, what in (*self.attributes, *self.noted_attributes):
            yield what, getattr(x, name, "gone"), was

    def refuse_leaks(self, function: str) -> None:
        """An error if the trace put tensors of its own into something from outside."""
        for what, now, was in self._looked_at():
            if now is not was:
                _refuse_tensors(function, what, now)
        for container, length, what in self.lengths:
            if len(container) > length:
                _refuse_tensors(function, what, container)


def noted_hold(noted: list[tuple[Any, Any, Any, str]], attributes: list[tuple[Any, str, Any, str]], last: list[int]) -> bool:
    """Whether what objects note is as it was; if so, the ``last`` count of changes with which it was looked at."""
    count = Noted.count
    for holder, key, was, _ in noted:
        if holder[key] is not was and not same(holder[key], was):
            return False
    for x, name, was, _ in attributes:
        if getattr(x, name) is not was:
            return False
    last[0] = count
    return True


def _refuse_tensors(function: str, what: str, x: Any) -> None:
    for leaf in flatten(x)[0] if isinstance(x, list | tuple | dict | Tensor) else []:
        if isinstance(leaf, Tensor) and not isinstance(leaf, Variable) and leaf.value.data is None:
            made = f", made at {leaf.value.site}" if leaf.value.site else ""
            raise ConcretizationError(
                f"{function} puts a tensor into {what}, which is outside, and the compiled calls would not: "
                f"{leaf.name or 'it'} is {leaf.value.type}{made}; return it from {function}, or keep it in a variable "
                f"(v = cl.variable(...) outside, v.assign(...) inside)\n  at {Site(*here())}"
            )


def content(cell: Any) -> Any:
    """What a cell of a closure holds; itself, if nothing."""
    try:
        return cell.cell_contents
    except ValueError:
        return cell


def same(a: Any, b: Any) -> bool:
    return a.__class__ is b.__class__ and isinstance(a, VALUES) and bool(a == b)
