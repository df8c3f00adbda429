"""A progress line on a terminal; nothing in a log."""

from __future__ import annotations

import sys
import time
from math import ceil
from types import TracebackType
from typing import TextIO

WIDTH = 24


class Progress:
    """Shows the epoch, the cost and the time on one line of ``stream``, at most ten times a second."""

    def __init__(self, wanted: bool | None, epochs: int | None, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.on = self.stream.isatty() if wanted is None else wanted
        self.epochs = epochs
        self.started = time.monotonic()
        self.shown = -1.0
        self.line = ""

    def __enter__(self) -> Progress:
        return self

    def show(self, epochs: float, cost: float) -> None:
        """So many epochs are done, the last one perhaps in part, with this mean cost in the last one."""
        if self.on:
            elapsed = time.monotonic() - self.started
            self.line = f"{self.bar(epochs)}  cost {cost:.4g}  {elapsed:.1f} s"
            if elapsed - self.shown >= 0.1:
                self.shown = elapsed
                self.write(self.line)

    def bar(self, epochs: float) -> str:
        """How much is done, where that is known."""
        if self.epochs is None:
            return f"epoch {ceil(epochs)}"
        done = int(WIDTH * epochs / self.epochs)
        return f"[{'=' * done}{' ' * (WIDTH - done)}] epoch {ceil(epochs)}/{self.epochs}"

    def write(self, text: str) -> None:
        self.stream.write(f"\r{text}\x1b[K")
        self.stream.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.on and self.line:
            self.write(self.line)
            self.stream.write("\n")
