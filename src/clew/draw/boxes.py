"""How large each node is, with the stems and labels that belong to it, and where edges meet it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from .scene import Edge, Node, Stem
from .summary import width

TITLE, LABEL, SMALL = 15.0, 12.0, 11.0  # font sizes
LINE = 13.0  # from one line of labels to the next
PITCH = 16.0  # from one port to the next
RADIUS = 17.0
HEADER = 26.0  # of a box that was opened, for its title
PADDING = 14.0


@dataclass(frozen=True)
class Box:
    """The room a node takes, about the centre of its shape; no two boxes of a picture meet."""

    width: float  # of the shape
    height: float
    radius: float  # of its corners
    left: float  # of the whole, with stems and labels
    right: float
    top: float
    bottom: float
    ports: tuple[float, ...]  # heights at which operands come in
    stems: tuple[float, ...]  # heights at which values leave

    def edge(self, y: float) -> float:
        """How far the shape's side is from the centre at height ``y``: less where corners are round."""
        over = max(abs(y) - (self.height / 2 - self.radius), 0.0)
        return self.width / 2 - self.radius + sqrt(max(self.radius**2 - over**2, 0.0))


def stem_width(stem: Stem) -> float:
    text = max((width(line, LABEL) for line in (*stem.value, *stem.gradient)), default=0.0)
    return (text + 12 if text else 0.0) + (18 if stem.result else 0)


def above(stem: Stem) -> float:
    return 4 + LINE * len(stem.value) if stem.value else 3


def below(stem: Stem) -> float:
    return 4 + LINE * len(stem.gradient) if stem.gradient else 3


def box(node: Node, incoming: list[Edge]) -> Box:
    """The box of a node whose shape holds its title alone."""
    text = max(width(node.title, TITLE), width(node.caption, SMALL) if node.kind == "group" else 0)
    rows = [above(stem) + below(stem) for stem in node.stems]
    wide, high, radius = {
        "input": (max(text + 18, 30), 28.0, 6.0),
        "constant": (width(node.title, 13) + 8, 20.0, 4.0),
        "op": (max(2 * RADIUS, text + 20), 2 * RADIUS, RADIUS),
        "gate": (max(2 * RADIUS, text + 24), 2 * RADIUS, 8.0),
        "group": (text + 28, 52.0, 8.0),
        "output": (text + 18, 28.0, 6.0),
        "port": (0.0, 8.0, 0.0),
        "tag": (width(node.title, SMALL) + 10, 16.0, 8.0),
    }[node.kind]
    high = max(high, PITCH * (node.ports - 1) + 20, sum(rows) + 4 if len(rows) > 1 else 0)
    return around(node, incoming, wide, high, radius, heights(node), stacked(node.stems))


def around(
    node: Node,
    incoming: list[Edge],
    wide: float,
    high: float,
    radius: float,
    ports: tuple[float, ...],
    stems: tuple[float, ...],
) -> Box:
    """A shape with the room for its stems, the gradients at its ports, its caption and its note."""
    gradients = max((width(edge.gradient, SMALL) + 10 for edge in incoming if edge.gradient), default=0.0)
    under = 0 if node.kind == "group" else 14 * sum(1 for text in (node.caption, node.note) if text)
    caption = 0 if node.kind == "group" else max(width(node.caption, SMALL), width(node.note, SMALL)) / 2
    out = max((stem_width(stem) for stem in node.stems), default=0.0)
    return Box(
        wide,
        high,
        radius,
        max(wide / 2 + gradients, caption),
        max(wide / 2 + out, caption),
        max([high / 2] + [above(stem) - y for stem, y in zip(node.stems, stems, strict=True)]),
        max(
            [high / 2 + under]
            + [y + below(stem) for stem, y in zip(node.stems, stems, strict=True)]
            + [y + 14 for y in ports[-1:] if gradients]
        ),
        ports,
        stems,
    )


def heights(node: Node) -> tuple[float, ...]:
    """The ports' heights: evenly about the centre, which a single operand has to itself where the others are constants."""
    main = [k for k in range(node.ports) if k not in node.aside]
    centre = main[0] if len(main) == 1 and node.ports <= 3 else (node.ports - 1) / 2
    pitch = PITCH if centre * 2 == node.ports - 1 else 13.0
    return tuple([(k - centre) * pitch for k in range(node.ports)])


def stacked(stems: tuple[Stem, ...]) -> tuple[float, ...]:
    """The heights of several stems, one under the other, so that their labels have room."""
    if len(stems) == 1:
        return (0.0,)
    heights, y = [], -sum(above(stem) + below(stem) for stem in stems) / 2
    for stem in stems:
        heights.append(y + above(stem))
        y += above(stem) + below(stem)
    return tuple(heights)
