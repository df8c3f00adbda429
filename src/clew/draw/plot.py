"""Points in the plane with the regions of a classifier, and curves of training: small plots in SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, isfinite, log10

import numpy as np

from ..errors import UsageError
from ..ir import Array
from .show import Svg
from .summary import brief, width
from .svg import GREY, document, n, text

COLOURS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700", "#1b7c83", "#57606a", "#a40e26", "#4d2d00")
LEFT, RIGHT, TOP, BOTTOM = 58.0, 16.0, 16.0, 42.0


class Axes:
    """A rectangle in the plane, and where its points are on paper."""

    def __init__(self, low: tuple[float, float], high: tuple[float, float], size: tuple[int, int], title: str) -> None:
        self.low, self.high = low, high
        self.left, self.top = LEFT, TOP + (24 if title else 0)
        self.wide, self.high_px = size[0] - LEFT - RIGHT, size[1] - self.top - BOTTOM
        self.lines = [document(*size), '<rect width="100%" height="100%" fill="#ffffff"/>']
        if title:
            self.lines.append(text(self.left, 24, 16, title, "title", "", "start", ' font-weight="600"'))

    def x(self, value: float) -> float:
        return self.left + self.wide * (value - self.low[0]) / (self.high[0] - self.low[0])

    def y(self, value: float) -> float:
        return self.top + self.high_px * (self.high[1] - value) / (self.high[1] - self.low[1])

    def frame(self, labels: tuple[str, str], logarithmic: bool = False) -> None:
        """The border, the ticks and what the axes are called."""
        x, y, wide, high = n(self.left), n(self.top), n(self.wide), n(self.high_px)
        bottom = self.top + self.high_px
        for value in ticks(self.low[0], self.high[0]):
            self.lines.append(text(self.x(value), bottom + 16, 11, brief(value), "tick", GREY))
        for value in ticks(self.low[1], self.high[1]):
            shown = brief(10**value if logarithmic else value)
            self.lines.append(f'<path d="M{x} {n(self.y(value))}h{wide}" stroke="#d0d7de" stroke-width="0.6"/>')
            self.lines.append(text(self.left - 6, self.y(value) + 4, 11, shown, "tick", GREY, "end"))
        self.lines.append(f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" fill="none" stroke="{GREY}"/>')
        self.lines.append(text(self.left + self.wide / 2, bottom + 34, 12, labels[0], "label"))
        turned = f' transform="rotate(-90 14 {n(self.top + self.high_px / 2)})"'
        self.lines.append(text(14, self.top + self.high_px / 2, 12, labels[1], "label", style=turned))

    def legend(self, names: Sequence[str], colours: Sequence[str]) -> None:
        """The names, at the upper right."""
        wide = max([width(name, 12) for name in names])
        x, y = self.left + self.wide - wide - 34, self.top + 8
        self.lines.append(
            f'<rect x="{n(x)}" y="{n(y)}" width="{n(wide + 28)}" height="{n(17.0 * len(names) + 6)}" rx="4" fill="#ffffff"'
            ' fill-opacity="0.85" stroke="#d0d7de"/>'
        )
        for k, (name, colour) in enumerate(zip(names, colours, strict=True)):
            self.lines.append(f'<circle cx="{n(x + 11)}" cy="{n(y + 12 + 17 * k)}" r="4.5" fill="{colour}"/>')
            self.lines.append(text(x + 21, y + 16 + 17 * k, 12, name, "legend", "", "start"))

    def svg(self) -> Svg:
        return Svg("\n".join([*self.lines, "</svg>", ""]))


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers between the two: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 5
    power = 10.0 ** floor(log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    return [round(k * step, 12) for k in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def scatter(
    points: Array,
    labels: Array,
    *,
    scores: Array | None = None,
    extent: tuple[float, float, float, float] | None = None,
    title: str = "",
    names: Sequence[str] | None = None,
    axes: tuple[str, str] = ("", ""),
    size: tuple[int, int] = (520, 440),
) -> Svg:
    """Points (N, 2) of classes ``labels`` (N,), integers from 0; over the regions where each class scores highest.

    ``extent`` is (left, right, bottom, top). ``scores`` is a grid over it, (rows, columns, classes) or, for two classes,
    (rows, columns): class 1 where positive. Its first row is the lowest, its values those at the middle of each cell.
    """
    points, labels = np.asarray(points, np.float64), np.asarray(labels)
    if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1]:
        raise UsageError(f"scatter: points {points.shape} and labels {labels.shape} must be (N, 2) and (N,)")
    if labels.dtype.kind not in "iub" or (labels.size and int(labels.min()) < 0):
        raise UsageError(f"scatter: labels must be integers from 0, not {labels.dtype}, as small as {labels.min(initial=0)}")
    left, right, bottom, top = extent or around(points)
    plot = Axes((left, bottom), (right, top), size, title)
    if scores is not None:
        plot.lines += regions(np.asarray(scores), plot)
    plot.frame(axes)
    for (x, y), label in zip(points, labels.astype(int), strict=True):
        if left <= x <= right and bottom <= y <= top:
            colour = COLOURS[label % len(COLOURS)]
            plot.lines.append(
                f'<circle class="point" cx="{n(plot.x(x))}" cy="{n(plot.y(y))}" r="3.6" fill="{colour}" stroke="#ffffff"/>'
            )
    if names:
        plot.legend(names, [COLOURS[k % len(COLOURS)] for k in range(len(names))])
    return plot.svg()


def around(points: Array) -> tuple[float, float, float, float]:
    """An extent with some room about the points."""
    if not len(points):
        return 0.0, 1.0, 0.0, 1.0
    low, high = points.min(0), points.max(0)
    room = 0.08 * np.maximum(high - low, 1e-6 + 0.1 * (high == low))
    low, high = low - room, high + room
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def regions(scores: Array, plot: Axes) -> list[str]:
    """The cells of the grid in the colour of the class that scores highest, those side by side as one rectangle."""
    if scores.ndim not in (2, 3) or 0 in scores.shape:
        raise UsageError(f"scatter: scores {scores.shape} must be (rows, columns, classes), or (rows, columns) for two classes")
    winner = (scores > 0).astype(int) if scores.ndim == 2 else scores.argmax(2)
    rows, columns = winner.shape
    wide, high = plot.wide / columns, plot.high_px / rows
    paths: dict[int, list[str]] = {}
    for r in range(rows):
        edges = [0, *(np.flatnonzero(np.diff(winner[r])) + 1).tolist(), columns]
        for start, end in pairwise(edges):
            x, y = plot.left + start * wide, plot.top + (rows - 1 - r) * high
            paths.setdefault(int(winner[r, start]), []).append(
                f"M{n(x)} {n(y)}H{n(plot.left + end * wide)}V{n(y + high)}H{n(x)}z"
            )
    style = 'fill-opacity="0.22" shape-rendering="crispEdges"'
    return [f'<path class="region" d="{"".join(paths[k])}" fill="{COLOURS[k % len(COLOURS)]}" {style}/>' for k in sorted(paths)]


def curves(
    series: Mapping[str, Sequence[float]],
    *,
    title: str = "",
    axes: tuple[str, str] = ("epoch", "cost"),
    logarithmic: bool = False,
    size: tuple[int, int] = (520, 360),
) -> Svg:
    """One line for each series, against 0, 1, 2, ...; with a gap where a value is not finite (or has no logarithm)."""
    heights: dict[str, list[float]] = {}
    for name, values in series.items():
        numbers = [float(value) for value in values]
        heights[name] = [log10(y) if y > 0 else float("nan") for y in numbers] if logarithmic else numbers
    seen = [y for values in heights.values() for y in values if isfinite(y)]
    if not seen:
        raise UsageError(
            f"curves: there is no finite value{' above 0' if logarithmic else ''} in {', '.join(series) or 'no series'}"
        )
    low, high = min(seen), max(seen)
    room = 0.06 * (high - low) or 0.5
    longest = max(len(values) for values in heights.values())
    plot = Axes((0.0, low - room), (float(max(longest - 1, 1)), high + room), size, title)
    plot.frame(axes, logarithmic)
    for values, colour in zip(heights.values(), COLOURS * (len(heights) // len(COLOURS) + 1), strict=False):
        pieces, pen = [], "M"
        for x, y in enumerate(values):
            if isfinite(y):
                pieces.append(f"{pen}{n(plot.x(x))} {n(plot.y(y))}")
            pen = "L" if isfinite(y) else "M"
        plot.lines.append(f'<path class="curve" d="{"".join(pieces)}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    if len(heights) > 1:
        plot.legend(list(heights), [COLOURS[k % len(COLOURS)] for k in range(len(heights))])
    return plot.svg()
