"""An explanation as text, no wider than 120 characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from textwrap import fill
from typing import TYPE_CHECKING

from .origin import Effect
from .rows import Row

if TYPE_CHECKING:
    from .report import Explanation

COLUMNS = {"": 6, "computes": 26, "where": 25, "loops": 19, "flop": 6, "bytes": 6, "time": 7, "limit": 5, "threads": 7}
RIGHT = frozenset(("flop", "bytes", "time", "limit"))
GAP = " "
WIDTH = 120


def show(found: Explanation) -> str:
    """The table of kernels, and what else was found."""
    count = len(found.kernels)
    inside = sum(row.seconds for row in found.kernels)
    flops, moved = sum(row.flops for row in found.kernels), sum(row.nbytes for row in found.kernels)
    total = f"{count} kernel{'s' * (count != 1)}, {amount(flops)} flop, {amount(moved)} bytes, {duration(inside)} in them"
    below = {
        "machine": str(found.limits),
        "passes": passed(found.passes),
        "memory": f"{size(found.planned)} for what is computed on the way; {size(found.unplanned)} if nothing shared a place",
        "compiling": f"{spent(found.compiling)}, without the cache",
        "first call": spent(found.first),
    }
    lines = [f"{found.name}: {total}; a call takes {duration(found.seconds)}", "", *table(found.kernels), ""]
    lines += [fill(f"{title}: {text}", WIDTH, subsequent_indent="  ") for title, text in below.items() if text]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> Iterator[str]:
    yield joined(list(COLUMNS))
    yield joined(["-" * width for width in COLUMNS.values()])
    for top in rows:
        for row in top.walk():
            yield from row_lines(row)


def row_lines(row: Row) -> Iterator[str]:
    """A row; what is longer than its column goes on below."""
    depth = row.number.count(".")
    computes = wrapped(f"{row.part}: " * bool(row.part) + "+".join(row.gates), COLUMNS["computes"], "+")
    for name in row.names:
        computes += wrapped(f"-> {name}", COLUMNS["computes"], ".")
    cells: list[str | list[str]] = [
        "  " * depth + row.number.rpartition(".")[2],
        computes,
        [part for scope in row.scopes for part in wrapped(scope, COLUMNS["where"], ".")][:2]
        + wrapped(places(row.lines), COLUMNS["where"], ", "),
        wrapped(loops(row), COLUMNS["loops"], "; "),
        amount(row.flops),
        amount(row.nbytes),
        duration(row.seconds),
        "" if row.kind == "NumPy" or isnan(row.share) else f"{row.share:.0%}",
        "NumPy" if row.kind == "NumPy" else f"{row.threads}" + (f" ({row.tasks})" if row.tasks > 1 else ""),
    ]
    parts = [cell if isinstance(cell, list) else [cell] for cell in cells]
    for k in range(max(map(len, parts))):
        yield joined([part[k] if k < len(part) else "" for part in parts])


def loops(row: Row) -> str:
    if row.note:
        return row.note
    if row.kind == "band":
        return f"{row.turns} slices of"
    if row.kind in ("scan", "while", "branches"):
        return f"{row.turns} turns of" if row.turns is not None else "turns, while" if row.kind == "while" else "one of"
    return row.loops


def places(lines: Sequence[str]) -> str:
    """``model.py:7,12 train.py:3``."""
    files: dict[str, list[str]] = {}
    for text in lines:
        file, _, number = text.rpartition(":")
        files.setdefault(file, []).append(number)
    return " ".join(f"{file}:{','.join(sorted(numbers, key=int))}" for file, numbers in files.items())


def joined(cells: Sequence[str]) -> str:
    return GAP.join(
        cell.rjust(width) if title in RIGHT else cell.ljust(width)
        for cell, (title, width) in zip(cells, COLUMNS.items(), strict=True)
    ).rstrip()


def wrapped(text: str, width: int, breaks: str) -> list[str]:
    """The text in lines of the width, broken after one of ``breaks`` where there is one; three lines at most."""
    found: list[str] = []
    while len(text) > width:
        if len(found) == 2:
            return [*found, text[: width - 3] + "..."]
        end = 1 + max((text.rfind(mark, 0, width) for mark in breaks), default=-1)
        end = end if end > width // 3 else width
        found.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*found, text]


def spent(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {duration(took)}" for name, took in seconds.items())


def passed(effects: Sequence[Effect]) -> str:
    """The nodes before the first pass, and after each that changed their number."""
    told = [f"{effects[0].before} nodes"] if effects else []
    told += [f"{effect.name} {effect.after}" for effect in effects if effect.after != effect.before]
    return ", ".join(told)


def amount(n: float) -> str:
    """A number in three digits: 1.23M."""
    for unit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= 0.9995 * unit:
            return f"{n / unit:#.3g}".rstrip(".") + letter
    return f"{n:.0f}"


def size(n: int) -> str:
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if n >= 1 << power:
            return f"{n / (1 << power):#.3g}".rstrip(".") + f" {unit}"
    return f"{n} bytes"


def duration(seconds: float) -> str:
    """A time in three digits: 1.23 ms."""
    if isnan(seconds):
        return "not run"
    for unit, letter in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= 0.9995 * unit:
            return f"{seconds / unit:#.3g}".rstrip(".") + f" {letter}"
    return f"{seconds * 1e9:.0f} ns"
