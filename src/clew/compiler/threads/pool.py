"""The pool from Python's side: its memory, its size, its end, and what happens at a fork."""

from __future__ import annotations

import ctypes
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from ...config import Settings, config
from ..native import Library, recalled, remember
from ..sources import sources
from . import layout, machine

SYMBOLS = {"clew_parallel": "parallel", "clew_listen": "listen"}  # of functions: by what name compiled code calls them
FAREWELL = 0.1  # seconds that the end waits for a call that owns the pool, on a thread that nobody joins


class Functions(NamedTuple):
    """The native functions; the library keeps them loaded."""

    library: Library
    parallel: int
    listen: int
    prepare: ctypes._CFunctionType
    resize: ctypes._CFunctionType
    unlisten: ctypes._CFunctionType


@cache
def functions(on: machine.System) -> Functions:
    """Compile them, or load them."""
    library = _library(on)
    pointer, plain = ctypes.c_void_p, ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    return Functions(
        library,
        library.address("clew_parallel"),
        library.address("clew_listen"),
        plain(library.address("clew_prepare")),
        ctypes.CFUNCTYPE(ctypes.c_int32, pointer, ctypes.c_int32)(library.address("clew_resize")),
        plain(library.address("clew_unlisten")),
    )


def _library(on: machine.System) -> Library:
    key = sources("pool", *map(str, on))
    found = recalled(key)
    if found is not None:
        return found[0]
    from .text import text  # here, not above: what is loaded need not be written

    library = Library(text(on), calls=True)
    remember(key, library)
    return library


class Native(Mapping[str, int]):
    """A pool's memory and, once something asks for them, its functions: small kernels run without. It maps what compiled code
    calls to its addresses."""

    def __init__(self, system: machine.System) -> None:
        self.system = system
        self.memory = ctypes.create_string_buffer(layout.SIZE + 128)
        self.state = -(-ctypes.addressof(self.memory) // 128) * 128
        self.loaded: Functions | None = None
        self._lock = threading.RLock()

    def begin(self) -> None:
        """The memory was written anew, perhaps in a process that has just begun."""
        self._lock = threading.RLock()
        if self.loaded:
            self.loaded.prepare(self.state)

    @property
    def functions(self) -> Functions:
        """They are ready to be called."""
        with self._lock:
            if self.loaded is None:
                made = functions(self.system)
                made.prepare(self.state)
                self.loaded = made
            return self.loaded

    def __getitem__(self, name: str) -> int:
        return int(getattr(self.functions, SYMBOLS[name]))

    def __contains__(self, name: object) -> bool:
        return name in SYMBOLS

    def __iter__(self) -> Iterator[str]:
        return iter(SYMBOLS)

    def __len__(self) -> int:
        return len(SYMBOLS)


class Views(dict[int, int]):
    """The view for native calls, by the thread that calls: the main thread has one, and all others share another."""

    def __init__(self, main: int, quiet: int) -> None:
        super().__init__({_main: main})
        self.main, self.quiet = main, quiet

    def __missing__(self, thread: int) -> int:
        return self.quiet

    def begin(self) -> None:
        """In a forked child, the thread that forked is the main one."""
        self.clear()
        self[_main] = self.main


class Pool:
    """Threads that wait for kernels. They start with the first region that is shared out, and end with the pool.

    ``address`` is the view for calls of the main thread, ``quiet_address`` that for all others; ``here`` chooses.
    The addresses stay the same for life, in a forked child too, where the workers start anew; ``views`` has them by thread.
    ``symbols`` are the functions that compiled code calls: ``Library(text, symbols=pool().symbols)``.
    """

    def __init__(self, threads: int, on: machine.System | None = None) -> None:
        self.system = on or machine.here()
        self._native = Native(self.system)
        start = self._native.state
        self.address, self.quiet_address, self._state = start + layout.MAIN_VIEW, start + layout.QUIET_VIEW, start
        self.views = Views(self.address, self.quiet_address)
        self.symbols = self._native
        self._stop = ctypes.c_int32.from_address(self.address + layout.STOP)
        self._begin(threads)
        self._end = weakref.finalize(self, _close, self._native)
        _pools.add(self)

    def ready(self) -> Functions:
        """The native functions, made now if nothing needed them before."""
        return self._native.functions

    @property
    def parallel_address(self) -> int:
        """Where ``clew_parallel`` is."""
        return self.symbols["clew_parallel"]

    def _begin(self, threads: int) -> None:
        """Write the memory as it is when there are no workers."""
        ctypes.memset(self._state, 0, layout.SIZE)
        for view in (self.address, self.quiet_address):
            ctypes.c_void_p.from_address(view + layout.STATE).value = self._state
            ctypes.c_void_p.from_address(view + layout.QUIET).value = self.quiet_address
        ctypes.c_int32.from_address(self._state + layout.THREADS).value = threads
        self._native.begin()

    @property
    def threads(self) -> int:
        """How many threads share the tasks of a region, the calling one included."""
        return ctypes.c_int32.from_address(self._state + layout.THREADS).value

    def resize(self, threads: int) -> None:
        """Have so many threads, once no call owns the pool."""
        while not self._native.functions.resize(self._state, threads):
            time.sleep(0.0005)

    def close(self) -> None:
        """End the workers. The pool is not to be used after that."""
        self._end()

    def here(self) -> int:
        """The view for a native call from this thread."""
        return self.views[threading.get_ident()]

    def interrupted(self) -> None:
        """After a native call that stopped: clear the flag and run Python's handlers, which may raise. Then call again."""
        self._stop.value = 0  # before the handlers: a signal from now on sets it again
        ctypes.pythonapi.PyErr_CheckSignals()


def _close(native: Native) -> None:
    """End the workers. Where a call on a daemon thread keeps the pool, leave them memory and code: the process ends anyway."""
    if not native.loaded:
        return
    native.functions.unlisten(native.state + layout.MAIN_VIEW)
    until = time.monotonic() + FAREWELL
    while not native.functions.resize(native.state, 1):
        if time.monotonic() > until:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(native))
            return
        time.sleep(0.0005)


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_main = threading.main_thread().ident or 0
_lock = threading.Lock()
_pool: Pool | None = None


def pool() -> Pool:
    """The pool of the process, of ``config.threads`` threads."""
    global _pool
    if _pool is None:
        with _lock:
            if _pool is None:
                made = Pool(config.threads)
                config.watch(_follow)
                _pool = made
    return _pool


def _follow(settings: Settings) -> None:
    if _pool is not None and _pool.threads != settings.threads:
        _pool.resize(settings.threads)


def _after_fork() -> None:
    """The child has its thread alone: forget the workers, and whatever owned the pool."""
    global _main, _lock
    _main, _lock = threading.get_ident(), threading.Lock()
    for each in _pools:
        each.views.begin()
        each._begin(each.threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
