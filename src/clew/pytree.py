"""Nested containers of arrays: dicts, lists, tuples, named tuples, dataclasses, None, and classes registered here.

A tree is flattened to its leaves and a ``Tree`` that puts other leaves in the same places.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Any

from .errors import UsageError

Children = list[tuple[str, Any]]  # (path element, child)
Rebuild = Callable[[list[Any]], Any]

_registered: dict[type, tuple[Callable[[Any], Children], Callable[[Any, list[Any]], Any]]] = {}
_leaves: set[type] = set()  # classes that were found to be no containers


@dataclasses.dataclass(frozen=True)
class Tree:
    """The shape of a flattened tree: one path and place per leaf."""

    paths: tuple[str, ...]
    rebuild: Rebuild = dataclasses.field(compare=False)
    structure: Any = None

    def leaves_like(self, tree: Any) -> list[Any] | None:
        """The leaves of a tree of this shape, in this order; None if it has another. A dict may list its keys in any order."""
        leaves, given = flatten(tree)
        if given.structure == self.structure:
            return leaves
        if _unordered(given.structure) != _unordered(self.structure):
            return None
        at = dict(zip(given.paths, leaves, strict=True))
        return [at[path] for path in self.paths]

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree with these leaves."""
        items = list(leaves)
        if len(items) != len(self.paths):
            raise UsageError(f"a tree of {len(self.paths)} leaves cannot hold {len(items)}")
        return self.rebuild(items)


def _unordered(structure: Any) -> Any:
    if structure == "*":
        return structure
    cls, parts = structure
    inner = [(name, _unordered(below)) for name, below in parts]
    return cls, frozenset(inner) if issubclass(cls, dict) else tuple(inner)


def register(cls: type, children: Callable[[Any], Sequence[tuple[str, Any]]], rebuild: Callable[[Any, list[Any]], Any]) -> None:
    """Make ``cls``, and what inherits from it, a container.

    ``children(x)`` lists (path element, child); ``rebuild(x, children)`` makes one like ``x`` that holds other children.

    >>> import clew as cl
    >>> class Line:
    ...     def __init__(self, slope, start):
    ...         self.slope, self.start = slope, start
    >>> cl.pytree.register(Line, lambda p: [(".slope", p.slope), (".start", p.start)], lambda p, parts: Line(*parts))
    >>> cl.grad(lambda line: line.slope * 2 + line.start)(Line(3.0, 1.0)).slope.item()
    2.0
    """
    _registered[cls] = (lambda x: list(children(x)), rebuild)
    _leaves.clear()


def flatten(tree: Any, path: str = "") -> tuple[list[Any], Tree]:
    """The leaves of a tree, in order, and the tree to put leaves back into."""
    opened = _open(tree)
    if opened is None:
        return [tree], Tree((path,), lambda leaves: leaves[0], "*")
    children, rebuild = opened
    leaves: list[Any] = []
    subtrees: list[Tree] = []
    for name, child in children:
        more, subtree = flatten(child, path + name)
        leaves += more
        subtrees.append(subtree)

    def build(items: list[Any]) -> Any:
        built, start = [], 0
        for subtree in subtrees:
            stop = start + len(subtree.paths)
            built.append(subtree.rebuild(items[start:stop]))
            start = stop
        return rebuild(built)

    structure = (type(tree), tuple((name, s.structure) for (name, _), s in zip(children, subtrees, strict=True)))
    return leaves, Tree(tuple(p for s in subtrees for p in s.paths), build, structure)


def leaves_of(tree: Any) -> list[Any]:
    return flatten(tree)[0]


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """``function`` applied to the leaves of ``tree`` (and to the leaves in the same places of ``others``)."""
    leaves, shape = flatten(tree)
    columns = [leaves]
    for other in others:
        more = shape.leaves_like(other)
        if more is None:
            raise UsageError(f"the trees differ: leaves at {list(shape.paths)} and at {list(flatten(other)[1].paths)}")
        columns.append(more)
    return shape.unflatten(function(*row) for row in zip(*columns, strict=True))


def children_of(tree: Any) -> Children | None:
    """The named children of a container; None for a leaf."""
    opened = _open(tree)
    return None if opened is None else opened[0]


def with_children(tree: Any, children: list[Any]) -> Any:
    """A container like ``tree`` that holds these, in the order of ``children_of``."""
    opened = _open(tree)
    assert opened is not None
    return opened[1](children)


def _dict_like(x: dict[Any, Any], items: dict[Any, Any]) -> dict[Any, Any]:
    """The items as a dict of the same class, made as ``x`` was (a ``defaultdict`` keeps what it makes)."""
    if type(x) is dict:
        return items
    made = copy(x)
    made.clear()
    made.update(items)
    return made


def _open(x: Any) -> tuple[Children, Rebuild] | None:
    """The named children of a container and how to rebuild it; None for a leaf."""
    cls = type(x)
    if cls in _leaves:
        return None
    known = next((base for base in cls.__mro__ if base in _registered), None)
    if known is not None:
        children, rebuild = _registered[known]
        return children(x), lambda items: rebuild(x, items)
    if x is None:
        return [], lambda items: None
    if isinstance(x, dict):
        keys = list(x)
        return [(f"[{k!r}]", x[k]) for k in keys], lambda items: _dict_like(x, dict(zip(keys, items, strict=True)))
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return [(f".{name}", item) for name, item in zip(x._fields, x, strict=True)], lambda items: cls(*items)
    if cls in (list, tuple):
        return [(f"[{k}]", item) for k, item in enumerate(x)], cls
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        names = [f.name for f in dataclasses.fields(x) if f.init]
        return [(f".{n}", getattr(x, n)) for n in names], lambda items: dataclasses.replace(
            x, **dict(zip(names, items, strict=True))
        )
    _leaves.add(cls)
    return None
