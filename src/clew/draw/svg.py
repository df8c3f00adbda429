"""A picture as SVG text."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from html import escape

from .boxes import HEADER, LABEL, LINE, SMALL, TITLE, above
from .layout import Picture, Placed, Point, Wire
from .scene import Stem
from .summary import width

FONTS = "'Source Sans Pro', 'Source Sans 3', Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK, LINE_COLOUR, GREEN, RED, GREY = "#1f2328", "#6e7781", "#116329", "#cf222e", "#57606a"
FILL = {
    "input": "#ddf4ff",
    "constant": "none",
    "op": "#ffffff",
    "gate": "#fff8c5",
    "group": "#f0e9fc",
    "output": "#dafbe1",
    "port": "none",
    "tag": "#eaeef2",
}
STROKE = {
    "input": "#54aeff",
    "constant": "none",
    "op": "#424a53",
    "gate": "#9a6700",
    "group": "#8250df",
    "output": "#4ac26b",
    "port": "none",
    "tag": "#eaeef2",
}
OPEN = {"gate": "#fffdf0", "group": "#faf8fe"}
ACTIVE = "#ffb77c"
MARGIN = 16.0


@dataclass(frozen=True)
class Moment:
    """What is shown of the two passes, where that is not everything. ``active`` is the gate at work."""

    values: Collection[str] | None = None  # the nodes whose values are known; None: all
    gradients: Collection[tuple[str, int]] | None = None  # the stems (of which node, which one) whose gradient is whole
    passed: Collection[str] | None = None  # the gates that have passed gradients back
    active: str = ""


ALL = Moment()


def render(
    picture: Picture, title: str = "", moment: Moment = ALL, background: str | None = "#ffffff", wide: float = 0.0
) -> str:
    """The picture as an SVG document, at least ``wide`` pixels. ``background=None`` leaves it transparent."""
    header = 30.0 if title else 0.0
    wide = max(picture.width, width(title, 17), wide) + 2 * MARGIN
    high = picture.height + 2 * MARGIN + header
    lines = [document(wide, high)]
    if background is not None:
        lines.append(f'<rect width="100%" height="100%" fill="{background}"/>')
    if title:
        lines.append(
            f'<text class="title" x="{MARGIN:.0f}" y="{MARGIN + 12:.0f}" font-size="16" font-weight="600">{plain(title)}</text>'
        )
    lines += scene(picture, MARGIN, MARGIN + header, moment)
    return "\n".join([*lines, "</svg>", ""])


def document(wide: float, high: float) -> str:
    """The opening tag."""
    size = f'width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONTS}" fill="{INK}">'


def scene(picture: Picture, x: float, y: float, moment: Moment) -> list[str]:
    lines = [f'<g transform="translate({n(x)} {n(y)})">']
    for wire in picture.wires:
        lines += draw_wire(wire)
    for placed in picture.nodes:
        lines += draw_node(placed, moment)
    return [*lines, "</g>"]


def n(x: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{x:z.1f}".removesuffix(".0")


def draw_wire(wire: Wire) -> list[str]:
    pieces = [f"M{n(a[0])} {n(a[1])}H{n(b[0])}" for a, b in wire.levels if b[0] - a[0] > 0.05]
    for (x, y), (end, to) in wire.curves:
        if abs(y - to) < 0.05:
            pieces.append(f"M{n(x)} {n(y)}H{n(end)}")
        else:
            half = n((x + end) / 2)
            pieces.append(f"M{n(x)} {n(y)}C{half} {n(y)} {half} {n(to)} {n(end)} {n(to)}")
    lines = [f'<path class="wire" d="{"".join(pieces)}" fill="none" stroke="{LINE_COLOUR}" stroke-width="1.3"/>']
    lines += [f'<circle class="fork" cx="{n(x)}" cy="{n(y)}" r="2.6" fill="{LINE_COLOUR}"/>' for x, y in wire.forks]
    lines += [arrow(x, y) for x, y in wire.ends]
    return lines


def arrow(x: float, y: float) -> str:
    return f'<path class="arrow" d="M{n(x)} {n(y)}l-7 -3.2v6.4z" fill="{LINE_COLOUR}"/>'


def alarm(content: str) -> str:
    """What is not finite catches the eye."""
    return ' font-weight="600"' if "NaN" in content or "inf" in content else ""


def text(
    x: float, y: float, size: float, content: str, kind: str, colour: str = "", anchor: str = "middle", style: str = ""
) -> str:
    fill = f' fill="{colour}"' if colour else ""
    return (
        f'<text class="{kind}" x="{n(x)}" y="{n(y)}" font-size="{size:.0f}" text-anchor="{anchor}"{fill}{style}>'
        f"{plain(content)}</text>"
    )


def plain(content: str) -> str:
    """As text of an XML document, which has no control characters."""
    return escape("".join([letter if letter >= " " or letter == "\n" else " " for letter in content]), quote=False)


def draw_node(placed: Placed, moment: Moment) -> list[str]:
    node, box, x, y = placed.node, placed.box, placed.x, placed.y
    lines = [f'<g class="node {node.kind}" data-id="{escape(plain(node.id))}">']
    if node.tip:
        lines.append(f"<title>{plain(node.tip)}</title>")
    lines += shape(placed, moment)
    for edge, height in placed.incoming:
        if edge.gradient and (moment.passed is None or node.id in moment.passed):
            at = x - box.edge(height) - 9
            lines.append(text(at, y + height + 11, SMALL, edge.gradient, "part", RED, "end"))
    for k, (stem, height) in enumerate(zip(node.stems, box.stems, strict=True)):
        value = moment.values is None or node.id in moment.values
        gradient = moment.gradients is None or (node.id, k) in moment.gradients
        lines += draw_stem(stem, (x + box.edge(height), y + height), x + box.right, value, gradient)
    return [*lines, "</g>"]


def shape(placed: Placed, moment: Moment) -> list[str]:
    node, box, x, y = placed.node, placed.box, placed.x, placed.y
    if node.kind == "port":
        return []
    active = node.id == moment.active
    left, top = x - box.width / 2, y - box.height / 2
    fill = ACTIVE if active else FILL[node.kind] if placed.inside is None else OPEN[node.kind]
    dash = ' stroke-dasharray="5 3"' if placed.inside is not None else ""
    lines = []
    if node.kind != "constant":
        lines.append(
            f'<rect x="{n(left)}" y="{n(top)}" width="{n(box.width)}" height="{n(box.height)}" rx="{n(box.radius)}"'
            f' fill="{fill}" stroke="{STROKE[node.kind]}" stroke-width="{"2.4" if active else "1.3"}"{dash}/>'
        )
    bold = ' font-weight="600"' if node.kind in ("gate", "group") else ""
    if placed.inside is not None:
        lines.append(text(left + 10, top + 17, 13, node.title, "name", STROKE[node.kind], "start", bold))
        lines += scene(placed.inside, left, top + HEADER, moment)
    elif node.kind == "group":
        lines.append(text(x, y + (0 if node.caption else 5), TITLE, node.title, "name", style=bold))
        lines.append(text(x, y + 16, SMALL, node.caption, "caption", GREY))
    else:
        size = {"constant": 13.0, "tag": SMALL}.get(node.kind, TITLE)
        lines.append(
            text(x, y + size / 3, size, node.title, "name", GREY if node.kind in ("constant", "tag") else "", style=bold)
        )
    under = [(node.caption, "caption", INK), (node.note, "note", GREY)] if node.kind != "group" else []
    for k, (content, kind, colour) in enumerate([line for line in under if line[0]]):
        lines.append(text(x, y + box.height / 2 + 12 + 13 * k, SMALL, content, kind, colour))
    return lines


def draw_stem(stem: Stem, start: Point, right: float, value: bool, gradient: bool) -> list[str]:
    """The line on which a value leaves, with the value above it and the gradient below, where they are shown."""
    lines = []
    left, y = start
    if stem.result:
        lines += [
            f'<path class="wire" d="M{n(left)} {n(y)}H{n(right - 6)}" stroke="{LINE_COLOUR}" stroke-width="1.3"/>',
            arrow(right, y),
        ]
    for k, line in enumerate(stem.value if value else ()):
        lines.append(text(left + 6, y - above(stem) + LINE * (k + 1), LABEL, line, "value", GREEN, "start", alarm(line)))
    for k, line in enumerate(stem.gradient if gradient else ()):
        lines.append(text(left + 6, y + LINE * (k + 1), LABEL, line, "gradient", RED, "start", alarm(line)))
    return lines
