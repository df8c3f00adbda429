"""Text in, addresses of native functions out, through the cache of compiled code."""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol

from ..errors import UsageError
from . import cache as disk
from .image import Image

lock = threading.RLock()  # what LLVM loads is shared: one does so at a time


class Busy:
    """Who generates code at the moment: several threads may. A fork waits for all others to be done, since the child gets
    no half-done work of another thread; those who come meanwhile wait for the fork."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._threads: set[int] = set()

    def __enter__(self) -> None:
        with self._changed:
            self._threads.add(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._threads.discard(threading.get_ident())
            self._changed.notify_all()

    def before_fork(self) -> None:
        lock.acquire()
        self._changed.acquire()
        while self._threads - {threading.get_ident()}:
            self._changed.wait()

    def after_fork(self) -> None:
        self._changed.release()
        lock.release()


busy = Busy()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=busy.before_fork, after_in_parent=busy.after_fork, after_in_child=busy.after_fork)

CPUINFO = Path("/proc/cpuinfo")
OURS = sys.platform == "linux" and platform.machine() == "x86_64"  # what image.py can link; LLVM does it elsewhere


class Host(NamedTuple):
    """The processor that code is written for: its name and features as LLVM spells them, and its vectors' bits."""

    cpu: str
    features: str
    bits: int

    def limited(self, bits: int) -> Host:
        """A processor with shorter vectors whose code runs here too: 256 is AVX2, 128 is SSE4.2, without FMA."""
        levels = {256: "x86-64-v3", 128: "x86-64-v2"}
        if bits > self.bits or bits not in (512, *levels):
            raise UsageError(f"this processor's vectors have {self.bits} bits; {bits} is not one of 128, 256, 512 within that")
        return self if bits == self.bits else Host(levels[bits], "", bits)


@cache
def host() -> Host:
    """This machine's processor."""
    known = processor()
    key = disk.key("processor", known)
    data = disk.load(key) if known else None
    if data is None:
        with lock:
            data = "\n".join(_llvm().processor()).encode()
        if known:
            disk.store(key, data)
    cpu, features = data.decode().split("\n")
    has = set(features.split(",")).__contains__
    bits = 512 if all(has(f"+avx512{x}") for x in ("f", "dq", "bw", "vl")) else 256 if has("+avx2") and has("+fma") else 128
    return Host(cpu, features, bits)


@cache
def processor() -> str:
    """What Linux says of the first x86 processor, which is all that LLVM's answer follows from; empty on other systems."""
    text = b""
    with suppress(OSError), CPUINFO.open("rb", buffering=0) as file:
        while b"\n\n" not in text and (more := file.read(4096)):  # what is not read is not gathered
            text += more
    wanted = ("vendor_id", "cpu family", "model", "stepping", "flags")
    lines = text.decode().partition("\n\n")[0].split("\n")
    return "\n".join([line for line in lines if line.partition("\t")[0] in wanted])


class Part(NamedTuple):
    """A module of some functions, which knows those of other parts by their declarations."""

    text: str
    calls: bool = False  # they call what computes, and are compiled in the quickest way


class Code(Protocol):
    """Machine code in memory."""

    def address(self, name: str) -> int: ...


class Library:
    """The module's functions, compiled for ``on``; they stay in memory while this lives.

    ``symbols`` are addresses of functions that the text declares; others are C's. Each Library is a copy of its own, with
    its own global variables.
    """

    def __init__(
        self, text: str, on: Host | None = None, symbols: Mapping[str, int] | None = None, calls: bool = False
    ) -> None:
        on, part = on or host(), Part(text, calls)
        self.key = code_key(on, [part])
        self._code = _in_memory(_kept(self.key, lambda: linked([assembled(part, on)])), symbols or {})

    @classmethod
    def made(cls, key: bytes, make: Callable[[], bytes], symbols: Mapping[str, int] | None = None) -> Library:
        """The library of this key: from the cache, or of the code that ``make`` returns."""
        return cls._of(key, _kept(key, make), symbols)

    @classmethod
    def loaded(cls, key: bytes, symbols: Mapping[str, int] | None = None) -> Library | None:
        """The library of this key, from the cache; None if it is not there."""
        data = disk.load(key)
        return None if data is None else cls._of(key, data, symbols)

    @classmethod
    def _of(cls, key: bytes, data: bytes, symbols: Mapping[str, int] | None) -> Library:
        library = cls.__new__(cls)
        library.key, library._code = key, _in_memory(data, symbols or {})
        return library

    def address(self, name: str) -> int:
        """Where the function or variable stands that the text defines under this name."""
        return self._code.address(name)


def remember(key: bytes | None, library: Library, details: bytes = b"") -> None:
    """Keep for other processes which library belongs to a key that is known before its text is, and what else they need."""
    if key is not None:
        disk.store(key, library.key + details)


def recalled(key: bytes | None, symbols: Mapping[str, int] | None = None) -> tuple[Library, bytes] | None:
    """The library that was remembered under the key, and its details."""
    found = None if key is None else disk.load(key)
    if found is None:
        return None
    size = len(key or b"")
    library = Library.loaded(found[:size], symbols)
    return None if library is None else (library, found[size:])


def assembly(text: str, on: Host | None = None) -> str:
    """The module's machine code, to be read."""
    on = on or host()
    with lock:
        return str(_llvm().assembly(text, on.cpu, on.features))


def code_key(on: Host, parts: Sequence[Part]) -> bytes:
    """The name in the cache of what these parts become."""
    given = (x for part in parts for x in (str(part.calls), part.text))
    return disk.key("code", "linked" if OURS else "objects", on.cpu, on.features, *given)


def assembled(part: Part, on: Host) -> bytes:
    """The object file that a part becomes."""
    with busy:
        data: bytes = _llvm().assembled(part.text, on.cpu, on.features, part.calls)
    return data


def linked(objects: Sequence[bytes]) -> bytes:
    """Object files as what is kept, and loaded into memory."""
    if not OURS:
        return b"".join(x for data in objects for x in (len(data).to_bytes(8, "little"), data))
    from .linking import link  # here, not above: code from the cache is linked

    return link(objects)


def _kept(key: bytes, make: Callable[[], bytes]) -> bytes:
    """The code of this key."""
    data = disk.load(key)
    if data is None:
        data = make()
        disk.store(key, data)
    return data


def _in_memory(data: bytes, symbols: Mapping[str, int]) -> Code:
    if OURS:
        return Image(data, symbols)
    with lock:
        loaded: Code = _llvm().Loaded(data, symbols)
    return loaded


def _llvm() -> ModuleType:
    from . import llvm  # here, not above: loading LLVM takes longer than all that cached code needs

    return llvm
