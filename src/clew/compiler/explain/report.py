"""What a compiled function does, in the words of who wrote it: kernels, passes, memory, and the time to compile."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...ir import Array
from .. import native
from ..compiled import Compiled
from ..routine import nbytes
from .calibration import Limits, limits
from .origin import Effect, Origin
from .rows import Row, rows
from .table import show
from .timing import Timed

RUNS = 30


@dataclass(frozen=True)
class Explanation:
    """What ``explain`` found. Print it for a table.

    ``seconds`` are those of a call of the native function from Python. ``planned`` are the bytes that intermediate results
    take as they share memory, ``unplanned`` what they would take each for itself. ``first`` has the seconds that the first call
    took to trace and to compile, ``compiling`` those of each part of the compilation, as it is without code in the cache.
    """

    name: str
    kernels: tuple[Row, ...]
    passes: tuple[Effect, ...]
    seconds: float
    planned: int
    unplanned: int
    first: dict[str, float]
    compiling: dict[str, float]
    limits: Limits
    trees: str = ""
    llvm: str = ""
    assembly: str = ""

    @property
    def rows(self) -> Iterator[Row]:
        """All kernels, those within loops too."""
        for row in self.kernels:
            yield from row.walk()

    def __str__(self) -> str:
        more = {"loop trees": self.trees, "LLVM": self.llvm, "assembly": self.assembly}
        return "\n".join([show(self), *(f"\n{title}\n\n{text}" for title, text in more.items() if text)])

    __repr__ = __str__


def explain(compiled: Compiled, inputs: Sequence[Array], level: int = 0, first: dict[str, float] | None = None) -> Explanation:
    """Run it, measured, on copies of these inputs. ``first`` are the seconds that its first call took."""
    inputs = [np.array(x, order="C") for x in inputs]
    text = compiled.text
    machine = limits()
    timed = Timed(compiled.source, compiled.updates)
    origin = Origin(compiled.source, timed.routine)
    passes = sum(effect.seconds for effect in origin.effects)
    call = measured(compiled, inputs)
    start = time.perf_counter()
    assembly = native.assembly(text)
    compiling = {"passes": passes, "kernels": max(0.0, timed.seconds - passes), "LLVM": time.perf_counter() - start}
    kernels = tuple(rows(timed, inputs, machine, origin))
    return Explanation(
        compiled.source.name,
        kernels,
        tuple(origin.effects),
        call,
        compiled.routine.size,
        sum(map(nbytes, (*compiled.routine.offsets, *compiled.routine.heirs))),
        dict(first or {}),
        compiling,
        machine,
        "\n\n".join(f"{row.number}: {row.tree}" for top in kernels for row in top.walk() if row.tree) if level > 0 else "",
        text if level > 1 else "",
        assembly if level > 2 else "",
    )


def measured(compiled: Compiled, inputs: Sequence[Array]) -> float:
    """The median time of a call, in seconds."""
    compiled(inputs)
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        compiled(inputs)
        found.append(time.perf_counter() - start)
    return float(np.median(found))
