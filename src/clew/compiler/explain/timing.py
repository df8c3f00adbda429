"""A graph compiled with a clock: it notes the time before each of its steps, and at the end."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence

import numpy as np

from ...ir import Array
from ..block import I64, Block, number
from ..calling import Calling
from ..compiled import DATA, Compiled
from ..native import Part
from ..routine import CONSTANTS, PARAMETERS
from ..writing import Written

RUNS, ENOUGH = 30, 0.5  # runs, and seconds after which there are no more of them
FENCE = "@llvm.x86.sse2.lfence()"
X86 = platform.machine().lower() in ("x86_64", "amd64")


class Ticking(Written):
    """``ticks`` is where it notes the times."""

    def main(self, b: Block) -> None:
        self.ticks = np.zeros(len(self.routine.steps) + 1, np.int64)
        env, place = PARAMETERS[3], CONSTANTS + len(self.shared.constants)
        self.shared.constants.append(self.ticks)
        table = self.given(b)
        clock = b.load(b.gep(env, number(place, I64), "ptr"), "ptr", 8)

        def tick(n: int) -> None:
            """The processor's clock, once what came before is done."""
            if X86:
                b.module.declare(f"declare void {FENCE}")
                b.do(f"call void {FENCE}")
            b.module.declare("declare i64 @llvm.readcyclecounter()")
            b.store(b.put("call i64 @llvm.readcyclecounter()", I64), b.gep(clock, number(n, I64), I64), 8)

        self.routine.write(b, tick, table)


class Timed(Compiled):
    """``seconds`` is the time it took to write its LLVM text, all passes included."""

    def _made(self) -> Calling:
        return self._compiled()  # not what others call

    def _write(self, sink: Callable[[Part], object] | None = None) -> Ticking:
        start = time.perf_counter()
        made = Ticking(self.source, self.updates, DATA, sink)
        self.seconds = time.perf_counter() - start
        return made

    def times(self, inputs: Sequence[Array], runs: int = RUNS) -> list[float]:
        """Seconds that each step takes: the median of some runs."""
        assert isinstance(self.written, Ticking)
        ticks = self.written.ticks
        self(inputs)
        start, first = time.perf_counter(), int(ticks[-1])
        found: list[Array] = []
        while not found or (len(found) < runs and time.perf_counter() < start + ENOUGH):
            self(inputs)
            found.append(np.diff(ticks))
        seconds = (time.perf_counter() - start) / max(1, int(ticks[-1]) - first)
        return [float(x) * seconds for x in np.median(found, axis=0)]
