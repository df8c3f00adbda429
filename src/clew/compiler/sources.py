"""What is compiled follows from this package's own source files too: keys of the cache that hold until one of those changes.

Those are the compiler's files and those of what it imports; the layers above it are not looked at. Any write to a file sets
its time of change, which nobody can set back. A file that was written after this process began to import the package may
not be what runs here; then nothing is looked up or stored.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import cache
from pathlib import Path

import numpy as np

from .._version import LOADED
from . import cache as disk
from . import native

MARGIN = 1_000_000_000  # nanoseconds: clocks of files are coarse
ABOVE = frozenset({"array", "cli", "data", "diagnose", "draw", "explore", "nn", "optim", "train", "transforms"})  # the compiler


def sources(*parts: str) -> bytes | None:
    """The key of what follows from these texts, this processor, the package's source files and NumPy's version."""
    files = _files()
    on = native.processor() or repr(native.host())
    return None if files is None else disk.key("sources", files, np.__version__, on, *parts)


@cache
def _files() -> str | None:
    found = sorted(stamps(Path(__file__).parents[1], ABOVE))
    return repr(found) if all([changed < LOADED - MARGIN for _, changed, *_ in found]) else None


def stamps(folder: Path, without: Collection[str] = ()) -> list[tuple[str, int, int, int]]:
    """Each Python file below the folder, with when it was changed last, its number and its size; ``without`` names folders
    in it that do not count."""
    found = []
    folders, skipped = [str(folder)], {"__pycache__", *without}
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    found.append((entry.path, status.st_ctime_ns, status.st_ino, status.st_size))
                elif entry.name not in skipped and entry.is_dir():
                    folders.append(entry.path)
        skipped = {"__pycache__"}
    return found
