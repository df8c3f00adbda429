"""The three steps of a layered drawing (Sugiyama): layers, the order within each, coordinates that keep lines straight.

Written for what libraries lack: boxes of any size, ports in a given order, entries and exits at the sides, wires that
share a trunk until they part.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from .scene import Scene

EARLY = 16  # in a scene of at most so many nodes, all inputs stand at the left


def layers(scene: Scene, early: bool = True) -> list[int]:
    """Each node's layer: after its operands, constants right before their user, nodes near where they are used."""
    nodes, count = scene.nodes, len(scene.nodes)
    users: list[list[int]] = [[] for _ in nodes]
    operands: list[set[int]] = [set() for _ in nodes]
    for edge in scene.edges:
        users[edge.source].append(edge.target)
        operands[edge.target].add(edge.source)
    layer = [0] * count
    for n in range(count):
        layer[n] = max([layer[m] + 1 for m in operands[n]], default=0)
    entries, exits = set(scene.entries), set(scene.exits)
    late = {n for n in range(count) if not operands[n] and n not in entries}
    if early and sum(1 for n in nodes if n.kind != "constant") <= EARLY:
        late = {n for n in late if nodes[n].kind == "constant"}
    for n in reversed(range(count)):  # to the right, where that does not make more lines longer than it shortens
        before = operands[n] - late
        if users[n] and n not in entries and (n in late or (len(set(users[n])) > len(before) and operands[n])):
            layer[n] = min([layer[m] for m in users[n]]) - 1
    last = max([layer[n] for n in range(count) if n not in exits], default=0) + 1
    for n in exits:
        layer[n] = last
    low = min(layer, default=0)
    return [n - low for n in layer]


@dataclass
class Item:
    """What has a place in a layer: a node, or a wire that passes."""

    layer: int
    top: float
    bottom: float
    node: int | None = None
    commutes: bool = False  # its operands may come in in any order
    y: float = 0.0


@dataclass
class Link:
    """A piece of wire between neighbouring layers, from a height at one item to a height at the other."""

    source: int
    leave: float
    target: int
    arrive: float
    edge: int | None = None  # the edge that ends here
    weight: float = 1.0


@dataclass
class Layered:
    items: list[Item]
    links: list[Link]
    before: list[list[Link]] = field(default_factory=list)  # the links that arrive at an item
    after: list[list[Link]] = field(default_factory=list)
    order: list[list[int]] = field(default_factory=list)  # items of each layer, from above

    def index(self) -> None:
        self.before, self.after = [[] for _ in self.items], [[] for _ in self.items]
        for link in self.links:
            self.after[link.source].append(link)
            self.before[link.target].append(link)

    # --- order -----------------------------------------------------------------------------------------------------

    def arrange(self, rounds: int = 24) -> None:
        """Order each layer so that few links cross: sweeps by the mean place of the neighbours, the best one kept."""
        depth = max(item.layer for item in self.items) + 1
        self.order = [[] for _ in range(depth)]
        for n in self.first():
            self.order[self.items[n].layer].append(n)
        best, fewest = [list(row) for row in self.order], self.crossings()
        for turn in range(rounds):
            if not fewest:
                break
            forward = turn % 2 == 0
            for k in range(1, depth) if forward else range(depth - 2, -1, -1):
                self.sort(k, forward, turn % 4 >= 2)
            self.swap()
            crossings = self.crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self.order], crossings
        self.order = best

    def first(self) -> list[int]:
        """Depth first from the results, operands from above: a tree comes out without any crossing."""
        seen: set[int] = set()
        placed = []
        for root in range(len(self.items)):
            stack = [root] if not self.after[root] else []
            while stack:
                n = stack.pop()
                if n not in seen:
                    seen.add(n)
                    placed.append(n)
                    stack += [link.source for link in sorted(self.before[n], key=lambda link: -link.arrive)]
        return placed

    def places(self, row: Sequence[int]) -> dict[int, int]:
        return {n: k for k, n in enumerate(row)}

    def sort(self, k: int, forward: bool, stable: bool) -> None:
        """Sort layer ``k`` by where its neighbours stand in the layer before (or after)."""
        row = self.order[k]
        place = self.places(self.order[k - 1 if forward else k + 1])
        keys: dict[int, float] = {}
        previous = -1.0
        for n in row:
            links = self.before[n] if forward else self.after[n]
            seats = [
                place[m] + port / 1000 for m, port in ((x.source, x.leave) if forward else (x.target, x.arrive) for x in links)
            ]
            previous = keys[n] = sum(seats) / len(seats) if seats else previous
        if not stable:
            row.reverse()
        row.sort(key=keys.__getitem__)

    def swap(self) -> None:
        """Exchange neighbours as long as that takes crossings away."""
        for k, row in enumerate(self.order):
            left = self.places(self.order[k - 1]) if k else {}
            right = self.places(self.order[k + 1]) if k + 1 < len(self.order) else {}
            better = True
            while better:
                better = False
                for j in range(len(row) - 1):
                    a, b = row[j], row[j + 1]
                    if self.between(a, b, left, right) > self.between(b, a, left, right):
                        row[j], row[j + 1] = b, a
                        better = True

    def between(self, a: int, b: int, left: dict[int, int], right: dict[int, int]) -> int:
        """Crossings of the links of ``a`` with those of ``b`` when ``a`` stands above."""
        ins = [(left[x.source], x.leave) > (left[y.source], y.leave) for x in self.before[a] for y in self.before[b]]
        outs = [(right[x.target], self.seat(x)) > (right[y.target], self.seat(y)) for x in self.after[a] for y in self.after[b]]
        return sum(ins) + sum(outs)

    def seat(self, link: Link) -> float:
        return 0.0 if self.items[link.target].commutes else link.arrive

    def crossings(self) -> int:
        total = 0
        for k in range(1, len(self.order)):
            left, right = self.places(self.order[k - 1]), self.places(self.order[k])
            links = [link for n in self.order[k] for link in self.before[n]]
            ends = sorted(((left[x.source], x.leave), (right[x.target], self.seat(x))) for x in links)
            seen: list[tuple[int, float]] = []
            for _, end in ends:
                total += len(seen) - bisect_right(seen, end)
                insort(seen, end)
        return total

    def seat_operands(self) -> None:
        """Where the order of operands says nothing, give them ports in the order in which they arrive."""
        for row in self.order[1:]:
            for n in row:
                links = self.before[n]
                if self.items[n].commutes and len(links) > 1:
                    place = self.places(self.order[self.items[n].layer - 1])
                    if not all(link.arrive for link in links):  # one keeps the middle, and a constant takes the side it is on
                        main = min([place[link.source] for link in links if not link.arrive])
                        for link in links:
                            link.arrive = abs(link.arrive) * (-1 if place[link.source] < main else 1)
                        continue
                    ports = sorted(link.arrive for link in links)
                    for port, link in zip(ports, sorted(links, key=lambda x: (place[x.source], x.leave)), strict=True):
                        link.arrive = port

    # --- coordinates -----------------------------------------------------------------------------------------------

    def align(self, gap: float, rounds: int = 40) -> None:
        """Heights such that links run as level as the distances between items allow."""
        for row in self.order:
            y = 0.0
            for n in row:
                self.items[n].y = y + self.items[n].top
                y += self.items[n].top + self.items[n].bottom + gap
        for turn in range(rounds):
            forward = turn % 2 == 0
            both = turn >= rounds // 2
            for row in self.order if forward else reversed(self.order):
                self.settle(row, gap, forward or both, not forward or both)
        for _ in range(2):  # at last, level with the operands: a chain becomes a straight line
            for row in self.order:
                self.settle(row, gap, True, False)

    def settle(self, row: list[int], gap: float, backward: bool, forward: bool) -> None:
        """Move the items of a layer to where their links would be level, as near as they may come to each other.

        Looks ``backward`` at operands, ``forward`` at users, and at those there are where it cannot look so.
        """
        wishes, weights, offsets = [], [], []
        offset = 0.0
        for k, n in enumerate(row):
            item = self.items[n]
            if k:
                offset += self.items[row[k - 1]].bottom + gap + item.top
            heights = []
            if backward or not self.after[n]:
                heights += [(self.items[x.source].y + x.leave - x.arrive, x.weight) for x in self.before[n]]
            if forward or not self.before[n]:
                heights += [(self.items[x.target].y + x.arrive - x.leave, x.weight) for x in self.after[n]]
            weight = sum(w for _, w in heights)
            wish = sum(y * w for y, w in heights) / weight if heights else item.y
            wishes.append(wish - offset)
            weights.append(weight or 0.01)
            offsets.append(offset)
        for n, y, offset in zip(row, rising(wishes, weights), offsets, strict=True):
            self.items[n].y = y + offset


def rising(wishes: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The rising sequence nearest to the wishes, in weighted least squares: neighbours that conflict are pooled."""
    pools: list[tuple[float, float, int]] = []
    for wish, weight in zip(wishes, weights, strict=True):
        count = 1
        while pools and pools[-1][0] >= wish:
            y, w, n = pools.pop()
            wish, weight, count = (y * w + wish * weight) / (w + weight), w + weight, n + count
        pools.append((wish, weight, count))
    return [y for y, _, n in pools for _ in range(n)]
