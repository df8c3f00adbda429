"""Whether calls of compiled functions may go the quick way: they are compiled, and nobody watches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...config import Settings, config


class Switch:
    """``on`` only if functions are compiled and no thread watches: then a call looks at nothing else."""

    on = False  # until a call has looked at the settings
    watching = 0  # in all threads
    lock = threading.Lock()


def compiles() -> bool:
    """Whether functions are compiled, by the settings."""
    _follow(config.settings)
    return config.jit


def _follow(settings: Settings) -> None:
    with Switch.lock:
        Switch.on = settings.jit and not Switch.watching


config.watch(_follow)


@contextmanager
def attentive() -> Iterator[None]:
    """Inside, each call of a compiled function asks whether its thread is watched."""
    with Switch.lock:
        Switch.watching += 1
        Switch.on = False
    try:
        yield
    finally:
        with Switch.lock:
            Switch.watching -= 1  # the next call turns the switch on again
