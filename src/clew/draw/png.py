"""From SVG to PNG, on a bare machine too: with a library and a font that pip installs."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import resvg_py

LARGEST = 60e6  # pixels


@cache
def fonts() -> list[str]:
    """The files of the font that is installed with clew."""
    spec = find_spec("font_source_sans_pro")
    assert spec is not None and spec.origin is not None
    return [str(Path(spec.origin).parent / "files" / f"SourceSansPro-{weight}.ttf") for weight in ("Regular", "Semibold")]


def to_png(svg: str, zoom: float = 2.0) -> bytes:
    """The picture at ``zoom`` pixels to the SVG pixel, less where it would become very large.

    The same letters everywhere: the machine's own fonts are only asked for scripts that ours lacks.
    """
    size = re.search(r'width="(\d+)" height="(\d+)"', svg)
    if size is not None:
        zoom = min(zoom, (LARGEST / (int(size[1]) * int(size[2]))) ** 0.5)
    known = not any("\u0530" <= letter < "\u2000" or letter >= "\u2e80" for letter in svg)
    return resvg_py.svg_to_bytes(
        svg_string=svg, zoom=zoom, font_files=fonts(), sans_serif_family="Source Sans Pro", skip_system_fonts=known
    )
