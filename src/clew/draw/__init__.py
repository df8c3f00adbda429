"""Pictures of graphs, and of the two passes over them: as SVG text, and as PNG."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from ..errors import UsageError
from ..ir import Array, Graph, Value
from .build import Passes, scene
from .known import Parts
from .layout import layout
from .play import moments
from .png import to_png
from .scene import Scene
from .show import Frames, Svg
from .summary import width
from .svg import render

__all__ = ["Frames", "Svg", "draw", "frames", "save"]

Arrays = Mapping[Value, Array]


def draw(
    graph: Graph,
    path: str | os.PathLike[str] | None = None,
    *,
    values: Arrays | None = None,
    gradients: Arrays | None = None,
    edge_gradients: Parts | None = None,
    fold: str | Collection[str] = "auto",
    passes: Passes = "both",
    title: str | None = None,
    step: int | None = None,
) -> Svg:
    """The graph as a picture from left to right, in SVG; written to ``path`` (``.svg`` or ``.png``) if given.

    On each line stands the value that flows along it in green above, and the gradient of that value in red below. Where
    a value goes to several places, each branch shows the part that comes back over it; the parts add up. Arrays are
    summed up as ``min … mean … max``. Those who hover see more.

    ``values`` are known as the ``data`` of the graph's values if not given. ``gradients`` that are absent are not shown,
    nor any with ``passes="forward"``. ``edge_gradients[user, k]`` is what comes back over operand ``k`` of ``user``; it
    is worked out if not given. ``fold`` closes scopes and gates: ``"auto"`` closes gates, and scopes of graphs that are
    too large otherwise; ``"all"`` everything; ``"none"`` nothing; a collection of names just those. ``step`` shows a
    moment of the passes: one of ``frames``.
    """
    shown = _scene(graph, values, gradients, edge_gradients, fold, passes)
    if step is None:
        text = Svg(render(layout(shown), title or ""))
    else:
        pictures = _played(shown, title)
        if not 0 <= step < len(pictures):
            raise UsageError(f"draw(step={step}): the passes over {graph.name} have the steps 0 to {len(pictures) - 1}")
        text = pictures[step]
    if path is not None:
        save(text, path)
    return text


def frames(
    graph: Graph,
    *,
    values: Arrays | None = None,
    gradients: Arrays | None = None,
    edge_gradients: Parts | None = None,
    fold: str | Collection[str] = "auto",
    passes: Passes = "both",
    title: str | None = None,
) -> Frames:
    """Both passes to be played: an SVG for each step, all of one size, with everything in the same place.

    First the inputs; then gate after gate gives its value; then the gradient of the result, which is 1; then gate after
    gate, from the end, passes gradients to its operands. See ``draw`` for the arguments.
    """
    return _played(_scene(graph, values, gradients, edge_gradients, fold, passes), title)


def save(svg: str, path: str | os.PathLike[str]) -> Path:
    """Write a picture as the suffix says: ``.svg`` or ``.png``."""
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in (".svg", ".png"):
        raise UsageError(f'"{file.name}": a picture is written as .svg or .png; end the file name with one of the two')
    if not file.parent.is_dir():
        raise UsageError(f'"{file}": there is no folder {file.parent}; make it first')
    if suffix == ".svg":
        file.write_text(svg, encoding="utf-8")
    else:
        file.write_bytes(to_png(svg))
    return file


def _scene(
    graph: Graph,
    values: Arrays | None,
    gradients: Arrays | None,
    parts: Parts | None,
    fold: str | Collection[str],
    passes: Passes,
) -> Scene:
    if passes not in ("both", "forward"):
        raise UsageError(f'draw(passes={passes!r}): say "both" or "forward"')
    return scene(graph, values, gradients, parts=parts, fold=fold, passes=passes)


def _played(shown: Scene, title: str | None) -> Frames:
    picture, states = layout(shown), moments(shown)
    titles = [f"{title} · {text}" if title else text for text, _ in states]
    wide = max([width(text, 17) for text in titles])
    return Frames(render(picture, text, moment, wide=wide) for text, (_, moment) in zip(titles, states, strict=True))
