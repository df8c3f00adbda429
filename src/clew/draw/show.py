"""Pictures that show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Iterable


class Svg(str):
    """The text of an SVG picture: a string, which a notebook shows as the picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


class Frames(tuple[Svg, ...]):
    """Pictures to be played one after the other: a tuple, which a notebook shows with a slider."""

    __slots__ = ()

    def __new__(cls, pictures: Iterable[str]) -> Frames:
        return super().__new__(cls, map(Svg, pictures))

    def __repr__(self) -> str:
        return f"<{len(self)} pictures, to be played one after the other>"

    def _repr_html_(self) -> str:
        shown = [f'<div{HIDDEN if k else ""} style="overflow-x: auto">{svg}</div>' for k, svg in enumerate(self)]
        slider = f'<input type="range" min="0" max="{len(self) - 1}" value="0" aria-label="step" oninput="{CHOOSE}">'
        return f'<div class="clew-frames">{slider}<div>{"".join(shown)}</div></div>'


HIDDEN = " hidden"
CHOOSE = "[...this.nextElementSibling.children].forEach((picture, k) => picture.hidden = k != this.value)"
