"""The pool from Python's side: its memory, its size, its end, and what happens at a fork."""

from __future__ import annotations

import ctypes
import os
import threading
import time
import weakref
from functools import cache
from typing import NamedTuple

from ...config import Settings, config
from ..block import Module
from ..native import Library
from . import interrupt, layout, region, system

FAREWELL = 0.1  # seconds that the end waits for a call that owns the pool, on a thread that nobody joins


class Functions(NamedTuple):
    """The native functions; the library keeps them loaded."""

    library: Library
    parallel: int
    listen: int
    prepare: ctypes._CFunctionType
    resize: ctypes._CFunctionType
    unlisten: ctypes._CFunctionType


def text(on: system.System) -> str:
    """The pool's native code."""
    m = Module()
    region.write(m, on)
    interrupt.write(m, on)
    return m.text


@cache
def functions(on: system.System) -> Functions:
    """Compile them."""
    library = Library(text(on))
    pointer, plain = ctypes.c_void_p, ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    return Functions(
        library,
        library.address("clew_parallel"),
        library.address("clew_listen"),
        plain(library.address("clew_prepare")),
        ctypes.CFUNCTYPE(ctypes.c_int32, pointer, ctypes.c_int32)(library.address("clew_resize")),
        plain(library.address("clew_unlisten")),
    )


class Pool:
    """Threads that wait for kernels. They start with the first region that is shared out, and end with the pool.

    ``address`` is the view for calls of the main thread, ``quiet_address`` that for all others; ``here`` chooses.
    The addresses stay the same for life, in a forked child too, where the workers start anew.
    ``symbols`` are the functions that compiled code calls: ``Library(text, symbols=pool().symbols)``.
    """

    def __init__(self, threads: int, on: system.System | None = None) -> None:
        self.system = on or system.here()
        self._functions = functions(self.system)
        self._memory = ctypes.create_string_buffer(layout.SIZE + 128)
        start = -(-ctypes.addressof(self._memory) // 128) * 128
        self.address, self.quiet_address, self._state = start + layout.MAIN_VIEW, start + layout.QUIET_VIEW, start
        self.parallel_address = self._functions.parallel
        self.symbols = {"clew_parallel": self._functions.parallel, "clew_listen": self._functions.listen}
        self._stop = ctypes.c_int32.from_address(self.address + layout.STOP)
        self._begin(threads)
        self._end = weakref.finalize(self, _close, self._functions, self._memory, self._state)
        _pools.add(self)

    def _begin(self, threads: int) -> None:
        """Write the memory as it is when there are no workers."""
        ctypes.memset(self._state, 0, layout.SIZE)
        for view in (self.address, self.quiet_address):
            ctypes.c_void_p.from_address(view + layout.STATE).value = self._state
            ctypes.c_void_p.from_address(view + layout.QUIET).value = self.quiet_address
        ctypes.c_int32.from_address(self._state + layout.THREADS).value = threads
        self._functions.prepare(self._state)

    @property
    def threads(self) -> int:
        """How many threads share the tasks of a region, the calling one included."""
        return ctypes.c_int32.from_address(self._state + layout.THREADS).value

    def resize(self, threads: int) -> None:
        """Have so many threads, once no call owns the pool."""
        while not self._functions.resize(self._state, threads):
            time.sleep(0.0005)

    def close(self) -> None:
        """End the workers. The pool is not to be used after that."""
        self._end()

    def here(self) -> int:
        """The view for a native call from this thread."""
        return self.address if threading.get_ident() == _main else self.quiet_address

    def interrupted(self) -> None:
        """After a native call that stopped: clear the flag and run Python's handlers, which may raise. Then call again."""
        self._stop.value = 0  # before the handlers: a signal from now on sets it again
        ctypes.pythonapi.PyErr_CheckSignals()


def _close(functions: Functions, memory: ctypes.Array[ctypes.c_char], state: int) -> None:
    """End the workers. Where a call on a daemon thread keeps the pool, leave them memory and code: the process ends anyway."""
    functions.unlisten(state + layout.MAIN_VIEW)
    until = time.monotonic() + FAREWELL
    while not functions.resize(state, 1):
        if time.monotonic() > until:
            for kept in (memory, functions):
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
            return
        time.sleep(0.0005)


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_main = threading.main_thread().ident
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
        each._begin(each.threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
