"""A module's parts, compiled by several threads while the others are still being written."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from queue import Empty, PriorityQueue
from types import TracebackType

from ..config import config
from .native import Host, Library, Part, assembled, code_key, linked

THREAD = "clew compiles"
QUICKER = 4  # times that a line of functions which hardly compute takes less than another
QUICK = 0.0002  # seconds after which Python lets another thread go on, while parts are compiled: it is 0.005 as a rule


class Switching:
    """Python's threads take turns ``QUICK``ly as long as anybody compiles: a thread that is busy in LLVM needs Python only for
    a moment now and then, and would wait for it longer than it works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users, self._usual = 0, 0.0

    def begin(self) -> None:
        with self._lock:
            if not self._users:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(QUICK, self._usual))
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                sys.setswitchinterval(self._usual)


switching = Switching()


class Parts:
    """``add`` takes a part, which is a module that knows functions of other parts by their declarations; ``library`` waits
    until all are compiled. Left by an exception, it waits for what is begun, and forgets the rest.

    ``first`` makes something else that calls will need, before the first part is there; a thread of its own for that would
    keep this one from writing, where there are two processors. It is not called where no thread helps.
    """

    def __init__(self, on: Host, threads: int | None = None, first: Callable[[], object] | None = None) -> None:
        self.on = on
        self.parts: list[Part] = []
        self._todo: PriorityQueue[tuple[float, int, Callable[[], object]]] = PriorityQueue()
        self._done: dict[int, bytes] = {}
        self._failures: list[Exception] = []
        self._threads: list[threading.Thread] = []
        self._most = (config.threads if threads is None else threads) - 1  # the one that waits works too
        self._first = first
        self._left = False

    def __enter__(self) -> Parts:
        switching.begin()
        if self._first is not None and self._most:
            self._hand_out(inf, -1, self._first)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._left = True
        self._join()
        switching.end()

    def add(self, part: Part) -> None:
        """Begin to compile the part, if a thread is free."""
        k, lines = len(self.parts), part.text.count("\n")
        self._hand_out(lines / QUICKER if part.calls else lines, k, partial(self._compile, k, part))
        self.parts.append(part)

    def _hand_out(self, work: float, k: int, job: Callable[[], object]) -> None:
        """What is much work is done first: the last thread is then done soon after the others."""
        self._todo.put((-work, k, job))
        self._threads = [x for x in self._threads if x.is_alive()]
        if len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=THREAD)
            thread.start()
            self._threads.append(thread)

    def library(self, last: Sequence[Part], symbols: Mapping[str, int]) -> Library:
        """All parts together, with the last ones."""
        for part in last:
            self.add(part)
        return Library.made(code_key(self.on, self.parts), self._code, symbols)

    def _code(self) -> bytes:
        self._work()
        self._join()
        if self._failures:
            raise self._failures[0]
        return linked([self._done[k] for k in range(len(self.parts))])

    def _work(self) -> None:
        """Do what nobody else does."""
        while not self._left and not self._failures:
            try:
                _, _, job = self._todo.get_nowait()
            except Empty:
                return
            try:
                job()
            except Exception as error:  # raised where the parts are asked for
                self._failures.append(error)

    def _compile(self, k: int, part: Part) -> None:
        self._done[k] = assembled(part, self.on)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()
