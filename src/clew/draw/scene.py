"""What a picture shows, apart from where: nodes with their labels, edges, and boxes with scenes inside.

All text is ready to be drawn. A value stands on the stem by which it leaves its node, its gradient under it; where a
value goes to several places, each branch carries the part of the gradient that flows back over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["input", "constant", "op", "gate", "group", "output", "port", "tag"]


@dataclass(frozen=True)
class Stem:
    """A value as it leaves its node."""

    name: str = ""  # the value's own, or its number
    value: tuple[str, ...] = ()  # lines above it, green
    gradient: tuple[str, ...] = ()  # lines under it, red
    result: bool = False  # the graph returns it, and nothing else reads it


@dataclass(frozen=True)
class Node:
    """A gate, or what feeds one. ``ports`` is the number of operands, ``stems`` what leaves it."""

    id: str
    kind: Kind
    title: str
    ports: int = 0
    stems: tuple[Stem, ...] = ()
    caption: str = ""  # the name that the value was given; what a fold holds
    note: str = ""  # a remark that a rewrite left
    tip: str = ""  # the whole story, for those who hover
    aside: tuple[int, ...] = ()  # the ports at which a mere constant comes in
    commutes: bool = False  # the order of its ports says nothing
    inside: Scene | None = None


@dataclass(frozen=True)
class Edge:
    """From stem ``stem`` of node ``source`` to port ``port`` of node ``target`` (positions in the scene's nodes)."""

    source: int
    stem: int
    target: int
    port: int
    gradient: str = ""  # the part of the source's gradient that comes back over this edge


@dataclass(frozen=True)
class Scene:
    """Nodes, sources of edges before targets. ``entries`` and ``exits`` are where it meets its surroundings: the sides
    of a box, or, as tags that say what goes on where, the ends of a row."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    entries: tuple[int, ...] = ()
    exits: tuple[int, ...] = ()
    framed: bool = False  # it is drawn in a box

    def walk(self) -> Iterator[Node]:
        """Every node, those inside boxes after their box."""
        for node in self.nodes:
            yield node
            if node.inside is not None:
                yield from node.inside.walk()

    @property
    def size(self) -> int:
        """How many nodes are seen."""
        return sum(1 for node in self.walk() if node.kind not in ("output", "port", "tag"))
