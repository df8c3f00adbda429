"""What a check found, and how such findings are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison: the largest difference found in it, where, and both numbers there."""

    what: str
    argument: str
    compared: str
    difference: float
    where: str
    analytic: float
    expected: float


@dataclass(frozen=True)
class Report:
    """A check that passed. Print it for a table."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def largest(self) -> float:
        """The largest difference of all."""
        return max((row.difference for row in self.rows), default=0.0)

    def __str__(self) -> str:
        cells = [
            (r.what, r.argument, r.compared, f"{r.difference:.2g}", r.where, f"{r.analytic:.6g}", f"{r.expected:.6g}")
            for r in self.rows
        ]
        return f"{self.title}\n{table(self.columns, cells)}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is in them; numbers to the right."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    right = [all(_is_number(cell) for cell in column) for column in zip(*rows, strict=True)] if rows else [False] * len(columns)
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in (columns, *rows)
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def _is_number(cell: str) -> bool:
    try:
        float(cell.split(" ")[0])
    except ValueError:
        return not cell
    return True
