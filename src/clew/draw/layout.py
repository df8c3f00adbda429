"""Where everything in a scene stands: boxes in layers from left to right, wires in the room between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .boxes import HEADER, PADDING, Box, around, box
from .layers import Item, Layered, Link, layers
from .rows import LONG, wrapped
from .scene import Edge, Node, Scene

GAP = 14.0  # between boxes of a layer, at least
BETWEEN = 40.0  # rows
PASSING = 5.0  # half the room for a wire that passes a layer

Point = tuple[float, float]


@dataclass(frozen=True)
class Placed:
    """A node, with the centre of its shape."""

    node: Node
    x: float
    y: float
    box: Box
    incoming: tuple[tuple[Edge, float], ...]  # with the height at which each edge arrives, from the centre
    inside: Picture | None = None


@dataclass(frozen=True)
class Wire:
    """How one value gets from its stem to all its users: level pieces and curves, (from, to) each."""

    levels: tuple[tuple[Point, Point], ...]
    curves: tuple[tuple[Point, Point], ...]
    forks: tuple[Point, ...]  # where it parts
    ends: tuple[Point, ...]  # arrow heads

    def lowered(self, by: float) -> Wire:
        levels = tuple([((x, y + by), (u, v + by)) for (x, y), (u, v) in self.levels])
        curves = tuple([((x, y + by), (u, v + by)) for (x, y), (u, v) in self.curves])
        return Wire(levels, curves, tuple([(x, y + by) for x, y in self.forks]), tuple([(x, y + by) for x, y in self.ends]))


@dataclass(frozen=True)
class Picture:
    """A scene with places. The origin is its upper left corner."""

    width: float
    height: float
    nodes: tuple[Placed, ...]
    wires: tuple[Wire, ...]
    entries: tuple[float, ...] = ()  # the heights at which wires come in and leave, if it is in a box
    exits: tuple[float, ...] = ()


def layout(scene: Scene) -> Picture:
    """Place everything, in several rows if one would be very long."""
    whole = row(scene)
    long = whole.width > (2 * LONG if scene.framed else LONG)
    parts = wrapped(scene, whole.width, whole.height) if long else [scene]
    if len(parts) == 1:
        return whole
    rows = [row(part) for part in parts]
    return stack([*rows[:-1], row(parts[-1], max([picture.width for picture in rows]))])


def row(scene: Scene, wide: float = 0.0) -> Picture:
    """A scene in layers from left to right. Boxes never meet, and wires cross only between layers, where no box is."""
    incoming: list[list[Edge]] = [[] for _ in scene.nodes]
    for edge in scene.edges:
        incoming[edge.target].append(edge)
    inner = [layout(node.inside) if node.inside is not None else None for node in scene.nodes]
    boxes = [
        box(node, edges) if picture is None else frame(node, edges, picture)
        for node, edges, picture in zip(scene.nodes, incoming, inner, strict=True)
    ]
    if not boxes:
        return Picture(wide, 0, (), ())
    layered = chain(scene, boxes, layers(scene))
    layered.arrange()
    layered.seat_operands()
    layered.align(GAP)
    return finish(scene, boxes, inner, layered, wide)


def frame(node: Node, incoming: list[Edge], picture: Picture) -> Box:
    """The box round a picture. Its ports and stems are level with the entries and exits inside."""
    assert node.inside is not None
    high, wide = picture.height + HEADER + PADDING, picture.width
    origin = HEADER - high / 2
    ports = tuple([origin + y for y in picture.entries])
    stems = tuple([origin + y for y in picture.exits])
    return around(node, incoming, wide, high, 10.0, ports, stems)


def chain(scene: Scene, boxes: list[Box], layer: list[int]) -> Layered:
    """Items and links: every value runs on one trunk, past the layers in between, until its last user."""
    items = [Item(layer[n], b.top, b.bottom, n, scene.nodes[n].commutes) for n, b in enumerate(boxes)]
    links: list[Link] = []
    trunks: dict[tuple[int, int], list[int]] = {}
    for number, edge in enumerate(scene.edges):
        trunk = trunks.setdefault((edge.source, edge.stem), [edge.source])
        leave = boxes[edge.source].stems[edge.stem]
        while layer[edge.source] + len(trunk) < layer[edge.target]:
            items.append(Item(layer[edge.source] + len(trunk), PASSING, PASSING))
            links.append(
                Link(trunk[-1], leave if len(trunk) == 1 else 0.0, len(items) - 1, 0.0, None, 2.0 if len(trunk) == 1 else 8.0)
            )
            trunk.append(len(items) - 1)
        depth = layer[edge.target] - layer[edge.source]
        arrive = boxes[edge.target].ports[edge.port]
        weight = 0.001 if scene.nodes[edge.source].kind == "constant" else 1.0 if depth == 1 else 2.0
        links.append(Link(trunk[depth - 1], leave if depth == 1 else 0.0, edge.target, arrive, number, weight))
    layered = Layered(items, links)
    layered.index()
    return layered


def finish(scene: Scene, boxes: list[Box], inner: list[Picture | None], layered: Layered, wide: float) -> Picture:
    """Give layers their places along the width, and put the wires between."""
    items = layered.items
    top = min([item.y - item.top for item in items])
    for item in items:
        item.y -= top
    columns = Columns(layered, boxes)
    centre = [columns.centres[items[n].layer] for n in range(len(boxes))]
    if scene.framed:  # what crosses the sides of a box starts and ends there, at some distance from what is inside
        columns.shift(PADDING)
        centre = [x + PADDING for x in centre]
        wide = max(wide, columns.ends[-1] + PADDING)
        for n in scene.entries:
            centre[n] = 0.0 if scene.nodes[n].kind == "port" else centre[n]
        for n in scene.exits:
            centre[n] = wide if scene.nodes[n].kind == "port" else centre[n]
    wide = max(wide, columns.ends[-1])
    arrivals: list[list[tuple[Edge, float]]] = [[] for _ in boxes]
    for link in layered.links:
        if link.edge is not None:
            arrivals[link.target].append((scene.edges[link.edge], link.arrive))
    nodes = [Placed(node, centre[n], items[n].y, boxes[n], tuple(arrivals[n]), inner[n]) for n, node in enumerate(scene.nodes)]
    lines = wires(layered, nodes, columns)
    for n in scene.entries:
        if scene.nodes[n].kind == "input":
            tip = centre[n] - boxes[n].width / 2, items[n].y
            lines.append(Wire((((0.0, tip[1]), tip),), (), (), (tip,)))
    entries = [items[n].y for n in scene.entries if scene.nodes[n].kind != "tag"]
    exits = [items[n].y for n in scene.exits if scene.nodes[n].kind != "tag"]
    return Picture(
        wide, max([item.y + item.bottom for item in items]), tuple(nodes), tuple(lines), tuple(entries), tuple(exits)
    )


class Columns:
    """Left side, centre of the shapes and right side of each layer. Where curves are steep, layers stand further apart."""

    def __init__(self, layered: Layered, boxes: list[Box]) -> None:
        self.starts: list[float] = []
        self.centres: list[float] = []
        self.ends: list[float] = []
        items, x = layered.items, 0.0
        for k, row in enumerate(layered.order):
            own = [boxes[n] for n in [items[m].node for m in row] if n is not None]
            if k:
                links = [link for n in row for link in layered.before[n]]
                climbs = [abs(items[a.source].y + a.leave - items[a.target].y - a.arrive) for a in links]
                x += 24 + min(0.2 * max(climbs, default=0.0), 90) + min(2 * len(links), 30)
            self.starts.append(x)
            self.centres.append(x + max([b.left for b in own], default=0.0))
            x = self.centres[-1] + max([b.right for b in own], default=0.0)
            self.ends.append(x)

    def shift(self, by: float) -> None:
        for places in (self.starts, self.centres, self.ends):
            places[:] = [x + by for x in places]


def wires(layered: Layered, nodes: list[Placed], columns: Columns) -> list[Wire]:
    """One wire for each stem that has users, in the order of the nodes."""
    items = layered.items
    made = []
    for root, placed in enumerate(nodes):
        for leave in sorted({link.leave for link in layered.after[root]}):
            links = [link for link in layered.after[root] if link.leave == leave]
            side = placed.x + placed.box.edge(leave), placed.y + leave
            levels: list[tuple[Point, Point]] = []
            curves, forks, tips = [], [], []
            queue = [(items[root].layer, side, links)]
            while queue:
                k, start, links = queue.pop()
                here = columns.ends[k], start[1]
                levels.append((start, here))
                if len(links) > 1:
                    forks.append(here)
                for link in links:
                    there = columns.starts[k + 1], items[link.target].y + link.arrive
                    curves.append((here, there))
                    if items[link.target].node is None:
                        queue.append((k + 1, there, layered.after[link.target]))
                    else:
                        target = nodes[link.target]
                        tip = target.x - target.box.edge(link.arrive), there[1]
                        levels.append((there, tip))
                        if target.node.kind != "port":
                            tips.append(tip)
            made.append(Wire(tuple(levels), tuple(curves), tuple(forks), tuple(tips)))
    return made


def stack(rows: list[Picture]) -> Picture:
    """One picture under the other."""
    nodes: list[Placed] = []
    lines: list[Wire] = []
    entries: list[float] = []
    exits: list[float] = []
    y = 0.0
    for picture in rows:
        entries += [y + height for height in picture.entries]
        exits += [y + height for height in picture.exits]
        nodes += [replace(placed, y=placed.y + y) for placed in picture.nodes]
        lines += [wire.lowered(y) for wire in picture.wires]
        y += picture.height + BETWEEN
    return Picture(
        max([picture.width for picture in rows]), y - BETWEEN, tuple(nodes), tuple(lines), tuple(entries), tuple(exits)
    )
