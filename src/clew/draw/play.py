"""The two passes over a scene, moment by moment."""

from __future__ import annotations

from collections.abc import Iterator

from .scene import Node, Scene
from .svg import Moment


def runs(node: Node) -> bool:
    """It is a gate at work, not a leaf, an open box or a place where wires pass."""
    return node.kind in ("op", "gate", "group") and node.inside is None


def moments(scene: Scene) -> list[tuple[str, Moment]]:
    """Every state of the forward pass, then of the backward pass, with a line that says what happened."""
    gates = [node for node in scene.walk() if runs(node)]
    known = {node.id for node in scene.walk() if not runs(node)}
    frames = [("forward: the inputs are known", Moment(frozenset(known), (), ()))]
    for number, node in enumerate(gates, 1):
        known.add(node.id)
        text = f"forward {number}/{len(gates)}: {label(node)} gives {', '.join(' '.join(stem.value) for stem in node.stems)}"
        frames.append((text, Moment(frozenset(known), (), (), node.id)))
    return frames + list(backward(scene, [node for node in reversed(gates) if any(stem.gradient for stem in node.stems)]))


def backward(scene: Scene, gates: list[Node]) -> Iterator[tuple[str, Moment]]:
    """Gradients appear as soon as every gate that reads the value has passed its part back."""
    users = readers(scene)
    needed = {gate.id for gate in gates}
    boxes = {node.id: {x.id for x in node.inside.walk()} & needed for node in scene.walk() if node.inside is not None}
    passed: set[str] = set()

    def moment(active: str) -> Moment:
        whole = frozenset([stem for stem, names in users.items() if names & needed <= passed])
        through = frozenset([name for name, parts in boxes.items() if parts <= passed])
        return Moment(None, whole, passed | through, active)

    if gates:
        yield "backward: it begins at the result", moment("")
    for number, node in enumerate(gates, 1):
        passed.add(node.id)
        upstream = ", ".join(" ".join(stem.gradient) for stem in node.stems if stem.gradient)
        yield f"backward {number}/{len(gates)}: {upstream} flows back through {label(node)}", moment(node.id)


def label(node: Node) -> str:
    return f"{node.title} ({node.caption})" if node.caption else node.title


def readers(scene: Scene) -> dict[tuple[str, int], frozenset[str]]:
    """The gates that read the value of each stem, also through the sides of boxes."""
    found: dict[tuple[str, int], frozenset[str]] = {}
    collect(scene, {}, found)
    return found


def collect(scene: Scene, beyond: dict[int, frozenset[str]], found: dict[tuple[str, int], frozenset[str]]) -> None:
    """Add the stems of a scene to ``found``. ``beyond``: who reads, outside, what leaves by each exit."""
    users: dict[tuple[int, int], set[str]] = {}
    ports: dict[int, list[frozenset[str]]] = {}  # of an open box: who reads, inside, what comes in at each port
    for edge in sorted(scene.edges, key=lambda edge: -edge.target):
        target = scene.nodes[edge.target]
        if target.inside is not None and edge.target not in ports:
            outside = {n: frozenset(users.get((edge.target, k), ())) for k, n in enumerate(target.inside.exits)}
            collect(target.inside, outside, found)
            ports[edge.target] = [found[target.inside.nodes[n].id, 0] for n in target.inside.entries]
        reading = users.setdefault((edge.source, edge.stem), set())
        if edge.target in beyond:
            reading |= beyond[edge.target]
        elif edge.target in ports:
            reading |= ports[edge.target][edge.port]
        else:
            reading.add(target.id)
    for n, node in enumerate(scene.nodes):
        for k in range(len(node.stems)):
            found[node.id, k] = frozenset(users.get((n, k), ()))
