"""A long scene in several rows, like a long line of text. Tags say which value goes on from one row in another."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

from .boxes import box
from .layers import layers
from .scene import Edge, Node, Scene

LONG = 1500.0  # pixels: shorter rows are not broken
SHAPE = 1.8  # width to height of a picture in rows
SPACE = 60.0  # what lies between two layers, about


def wrapped(scene: Scene, width: float, height: float) -> list[Scene]:
    """The scene cut into rows, between layers, where few values go across. ``width`` and ``height`` are those of one row."""
    layer = layers(scene, early=False)
    count = round(sqrt(width / (SHAPE * (height + 60))))
    if count < 2:
        return [scene]
    widths = measure(scene, layer)
    starts = cuts(scene, layer, widths, max(sum(widths) / count, LONG / 2))
    row_of = [sum([1 for start in starts if start <= k]) for k in layer]
    fed = {edge.target for edge in scene.edges}
    for edge in reversed(scene.edges):  # what only feeds others stands in the row of its first user
        if edge.source not in fed and edge.source not in scene.entries:
            row_of[edge.source] = row_of[edge.target]
    return [part(scene, row_of, row) for row in range(len(starts) + 1)]


def measure(scene: Scene, layer: list[int]) -> list[float]:
    """About how wide each layer is."""
    widths = [SPACE] * (max(layer, default=0) + 1)
    for node, k in zip(scene.nodes, layer, strict=True):
        widths[k] = max(widths[k], extent(node) + SPACE)
    return widths


def extent(node: Node) -> float:
    if node.inside is None:
        room = box(node, [])
        return room.left + room.right
    return sum(measure(node.inside, layers(node.inside)))


def cuts(scene: Scene, layer: list[int], widths: list[float], goal: float) -> list[int]:
    """The layers with which a new row begins: near ``goal`` pixels from the one before, where few values cross."""
    crossing = [0] * (len(widths) + 1)
    last: dict[tuple[int, int], int] = {}
    for edge in scene.edges:
        key = edge.source, edge.stem
        last[key] = max(last.get(key, 0), layer[edge.target])
    for (n, _), end in last.items():
        for k in range(layer[n] + 1, end + 1):
            crossing[k] += 1
    starts: list[int] = []
    first, length = 0, 0.0
    rest = sum(widths)
    candidates: list[tuple[float, int]] = []
    for k, wide in enumerate(widths):
        if k > first and length > 0.6 * goal:
            candidates.append((crossing[k] + 6 * abs(length / goal - 1), k))
        length += wide
        if candidates and length > 1.3 * goal and rest > 1.3 * goal:
            _, start = min(candidates)
            starts.append(start)
            rest -= sum(widths[first:start])
            first, length, candidates = start, sum(widths[start : k + 1]), []
    return starts


def part(scene: Scene, row_of: list[int], row: int) -> Scene:
    """One row: its nodes, with tags in place of what comes from other rows and what goes there."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    entries: dict[tuple[int, int], int] = {}
    place: dict[int, int] = {}
    for edge in scene.edges:
        key = edge.source, edge.stem
        if row_of[edge.target] == row != row_of[edge.source] and key not in entries:
            entries[key] = len(nodes)
            nodes.append(tag(scene, key, row))
    for n, node in enumerate(scene.nodes):
        if row_of[n] == row:
            place[n] = len(nodes)
            nodes.append(node)
            if n in scene.entries:
                entries[n, -1] = place[n]
    exits: dict[tuple[int, int], int] = {}
    for edge in scene.edges:
        key = edge.source, edge.stem
        if row_of[edge.target] == row:
            source, stem = (place[edge.source], edge.stem) if row_of[edge.source] == row else (entries[key], 0)
            edges.append(replace(edge, source=source, stem=stem, target=place[edge.target]))
        elif row_of[edge.source] == row and key not in exits:
            exits[key] = len(nodes)
            nodes.append(replace(tag(scene, key, row), ports=1, stems=()))
            edges.append(Edge(place[edge.source], edge.stem, exits[key], 0))
    for n in scene.exits:
        if row_of[n] == row:
            exits[n, -1] = place[n]
    return Scene(tuple(nodes), tuple(edges), tuple(entries.values()), tuple(exits.values()), scene.framed)


def tag(scene: Scene, key: tuple[int, int], row: int) -> Node:
    """The name of a value, at the end of a row or at the start of one."""
    node = scene.nodes[key[0]]
    stem = node.stems[key[1]]
    return Node(f"{node.id}-{key[1]}-row{row}", "tag", stem.name, stems=(replace(stem, value=(), gradient=(), result=False),))
