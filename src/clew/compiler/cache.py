"""Compiled code on disk, so that the next process need not compile it.

A folder of the user's own holds one file per entry, named by the entry's key: a hash of everything that the code follows
from. Whoever can write such a file can run code as this user, so nothing is believed: the folder has to belong to this user
and nobody else may write to it, links are not followed, and a file counts only if its checksum fits. A cache that cannot be
used is no error. Everything is compiled again then.

A file is ``MAGIC``, the payload's length in 8 bytes, a SHA-256 of key and payload, the payload.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .._version import __version__
from ..config import config

MAGIC = b"clewobj2"  # another layout of entries or of what they hold is another number
HEADER = len(MAGIC) + 8 + hashlib.sha256().digest_size
DAY = 86_400.0
FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW if sys.platform != "win32" else 0

_warned: set[Path] = set()


@cache
def _made_by() -> str:
    """The versions that made an entry: clew's, Python's, which writes some of it in its own form, and llvmlite's build, each
    of which holds one LLVM."""
    folder = llvmlite()
    with os.scandir(folder / "binding") as files:
        sizes = sorted([file.stat().st_size for file in files if "llvmlite." in file.name])
    version = (folder / "_version.py").read_bytes()
    python = f"{sys.implementation.cache_tag} {importlib.util.MAGIC_NUMBER!r}"
    return f"{MAGIC!r} clew {__version__} {python} llvmlite {version!r} {sizes}"


def llvmlite() -> Path:
    """Where llvmlite is; importing it takes longer than to load code that it made."""
    found = importlib.util.find_spec("llvmlite")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent


def key(*parts: str) -> bytes:
    """The name of what follows from these texts, and from the versions of clew and LLVM."""
    hashed = hashlib.sha256()
    for part in (_made_by(), *parts):
        data = part.encode()
        hashed.update(len(data).to_bytes(8, "little"))
        hashed.update(data)
    return hashed.digest()


def load(key: bytes) -> bytes | None:
    """What was stored under the key, if it is there and unharmed. What is harmed is deleted."""
    with suppress(OSError), _folder() as folder:
        if folder is not None:
            payload = _read(folder, key)
            if payload is None:
                os.unlink(key.hex(), dir_fd=folder)
            return payload
    return None


def store(key: bytes, payload: bytes) -> None:
    """Keep the payload for other processes, if that is possible."""
    with suppress(OSError), _folder() as folder:
        if folder is not None:
            _write(folder, key, payload)
            if key[0] < 16 or len(payload) > config.cache_size // 16:  # looking at all entries is slow: one time in 16
                _trim(folder, config.cache_size)


# The folder


@contextmanager
def _folder() -> Iterator[int | None]:
    """The folder, open, so that what was checked is what is used; None where there is no cache."""
    place = config.cache_dir
    if sys.platform == "win32" or not config.cache_size or str(place) == "off":
        yield None
        return
    try:
        folder = _opened(place)
    except NotADirectoryError:
        if os.path.lexists(place):  # else what should be a folder above it is none
            _warn(place, "is a link or a file")
        raise
    try:
        found = os.fstat(folder)
        if found.st_uid != os.geteuid():
            _warn(place, "belongs to another user")
        elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            _warn(place, "can be written to by other users")
        else:
            yield folder
            return
        yield None
    finally:
        os.close(folder)


def _opened(place: Path) -> int:
    try:
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | FLAGS)
    except FileNotFoundError:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(place, os.O_RDONLY | os.O_DIRECTORY | FLAGS)


def _warn(place: Path, why: str) -> None:
    if place not in _warned:
        _warned.add(place)
        mend = "remove it, or set CLEW_CACHE_DIR to a folder of your own, or to off"
        warnings.warn(f"compiled code is not kept: {str(place)!r} {why}; {mend}", RuntimeWarning, stacklevel=2)


# Entries


def _read(folder: int, key: bytes) -> bytes | None:
    """The payload; None if the entry is not what this user stored under the key."""
    if not stat.S_ISREG(os.lstat(key.hex(), dir_fd=folder).st_mode):
        return None
    with os.fdopen(os.open(key.hex(), os.O_RDONLY | FLAGS, dir_fd=folder), "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return None
        data = file.read()
        payload = data[HEADER:]
        if data[:HEADER] != _header(key, payload):
            return None
        if time.time() - found.st_mtime > DAY:  # the time says when it was used; once a day is exact enough
            with suppress(OSError):
                os.utime(file.fileno())
        return payload


def _header(key: bytes, payload: bytes) -> bytes:
    return MAGIC + len(payload).to_bytes(8, "little") + hashlib.sha256(key + payload).digest()


def _write(folder: int, key: bytes, payload: bytes) -> None:
    """A whole file under another name, which then takes the place: nobody ever reads half an entry."""
    name = f".{key.hex()[:16]}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FLAGS, 0o600, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_header(key, payload))
            file.write(payload)
        os.replace(name, key.hex(), src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


def _trim(folder: int, most: int) -> None:
    """Delete what was used least lately, if there is more than ``most`` bytes, until a quarter is free; and what writers
    that were killed have left."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    total = sum(status.st_size for _, status in found)
    full = total > most
    for name, status in sorted(found, key=lambda entry: entry[1].st_mtime):
        abandoned = name.startswith(".") and time.time() - status.st_mtime > DAY
        if abandoned or (full and total > most * 3 // 4):
            total -= status.st_size
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
