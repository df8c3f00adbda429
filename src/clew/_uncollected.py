"""No looking for garbage while much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made inside is not searched for circles that nobody holds; what is not in a circle goes as ever.

    A graph of some thousand nodes stays as long as it is traced and compiled: looking for garbage in between takes up to a
    third of that time, and finds none.

    >>> with uncollected():
    ...     gc.isenabled()
    False
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
