"""Machine code that needs no linker any more: an *image* is linked once, kept on disk, and later only copied to memory.

Loading LLVM takes longer than everything else that a second process has to do, and all that it would be needed for is to
put sections of an object file side by side. ``linking.link`` does that when the code is compiled. An image is one block: code
and constants, then *slots*, 8 bytes each for the address of a function of the process (and the jump that calls it), then
writable data. ``Image`` copies it, fills the slots, and makes everything before the data executable and read-only.
"""

from __future__ import annotations

import ctypes
import marshal
import mmap
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..errors import ClewError

PAGE = mmap.PAGESIZE


class Image:
    """An image in memory, where it stays while this lives."""

    def __init__(self, data: bytes, symbols: Mapping[str, int]) -> None:
        (length,) = struct.unpack_from("<Q", data)
        code, size, self._names, addresses = marshal.loads(data[8 : 8 + length])
        self._memory = memory = mmap.mmap(-1, max(size, PAGE), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        memory[:size] = data[8 + length :]
        for at, name, addend in addresses:
            address = self._base if not name else symbols[name] if name in symbols else process(name)
            struct.pack_into("<Q", memory, at, address + addend)
        if code:
            _protect(self._base, code, mmap.PROT_READ | mmap.PROT_EXEC)

    def address(self, name: str) -> int:
        return self._base + int(self._names[name])


@cache
def process(name: str) -> int:
    """The address of a function of the process: of C's library, or of what compilers add to it."""
    for library in (None, "libm.so.6", "libgcc_s.so.1"):
        try:
            return ctypes.cast(getattr(_loaded(library), name), ctypes.c_void_p).value or 0
        except (AttributeError, OSError):
            continue
    raise ClewError(f"compiled code calls {name!r}, which this process does not have; this is a defect of clew")


@cache
def _loaded(library: str | None) -> Any:
    return ctypes.CDLL(library, use_errno=True)


def _protect(address: int, size: int, to: int) -> None:
    if _loaded(None).mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), to):
        raise ClewError(
            f"the system does not let memory hold code ({ctypes.get_errno()}); CLEW_JIT=off runs without the compiler"
        )
