"""Text in, addresses of native functions out, through the cache of compiled code."""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol

from ..errors import UsageError
from . import cache as disk
from .image import Image

lock = threading.RLock()  # LLVM's parts are shared: one compiles at a time
if hasattr(os, "register_at_fork"):  # a child gets no half-done work of another thread
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)

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
    known = _processor()
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


def _processor() -> str:
    """What Linux says of the first x86 processor, which is all that LLVM's answer follows from; empty elsewhere."""
    if not OURS:
        return ""
    with Path("/proc/cpuinfo").open() as file:
        lines = file.read(8192).split("\n\n")[0].split("\n")
    wanted = ("vendor_id", "cpu family", "model", "stepping", "flags")
    return "\n".join(line for line in lines if line.split("\t")[0].strip() in wanted)


class Code(Protocol):
    """Machine code in memory."""

    def address(self, name: str) -> int: ...


class Library:
    """The module's functions, compiled for ``on``; they stay in memory while this lives.

    ``symbols`` are addresses of functions that the text declares; others are C's. Each Library is a copy of its own, with
    its own global variables.
    """

    def __init__(self, text: str, on: Host | None = None, symbols: Mapping[str, int] | None = None) -> None:
        on = on or host()
        self.key = disk.key("code", "linked" if OURS else "object", on.cpu, on.features, text)
        data = disk.load(self.key)
        if data is None:
            data = _compiled(text, on)
            disk.store(self.key, data)
        self._code = _in_memory(data, symbols or {})

    @classmethod
    def loaded(cls, key: bytes, symbols: Mapping[str, int] | None = None) -> Library | None:
        """The library of this key, from the cache; None if it is not there."""
        data = disk.load(key)
        if data is None:
            return None
        made = cls.__new__(cls)
        made.key, made._code = key, _in_memory(data, symbols or {})
        return made

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


def _compiled(text: str, on: Host) -> bytes:
    with lock:
        data: bytes = _llvm().assembled(text, on.cpu, on.features)
    if not OURS:
        return data
    from .linking import link  # here, not above: code from the cache is linked

    return link(data)


def _in_memory(data: bytes, symbols: Mapping[str, int]) -> Code:
    if OURS:
        return Image(data, symbols)
    with lock:
        loaded: Code = _llvm().Loaded(data, symbols)
    return loaded


def _llvm() -> ModuleType:
    from . import llvm  # here, not above: loading LLVM takes longer than all that cached code needs

    return llvm
