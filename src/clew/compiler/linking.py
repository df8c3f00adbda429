"""An object file's sections, put side by side: the image that ``image.py`` loads.

For x86-64 and ELF (System V Application Binary Interface, AMD64 supplement, "Relocation"); LLVM loads what others run.
"""

from __future__ import annotations

import json
import struct
from typing import NamedTuple

from ..errors import ClewError
from .image import PAGE

SLOT = 16
JUMP = bytes.fromhex("ff25f2ffffff cccc")  # jmp *-14(%rip): to the address in the 8 bytes before

WRITE, ALLOCATED, THREAD_LOCAL = 1, 2, 0x400  # flags of sections
SYMBOLS, RELOCATIONS, EMPTY, ORDINARY = 2, 4, 8, (1, 8, 0x70000001)  # kinds of sections
ABSOLUTE, NEAR, CALL, FAR, OVER_SLOT = 1, 2, 4, 24, (9, 41, 42, 43)  # kinds of relocations


class _Section(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int


class _Symbol(NamedTuple):
    name: str
    binding: int  # 0: it is known in its file only
    section: int  # 0: it is defined elsewhere
    value: int


class _Relocation(NamedTuple):
    section: int
    offset: int
    kind: int
    symbol: int
    addend: int


class _Object:
    """What an object file says: its sections, which of them are kept, its symbols, and its relocations."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        start, (entry, count, names) = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<HHH", data, 58)
        self.sections = [_Section(*struct.unpack_from("<IIQQQQIIQQ", data, start + k * entry)) for k in range(count)]
        self.kept = [k for k, s in enumerate(self.sections) if s.flags & ALLOCATED and self._keep(s, names)]
        self.symbols: list[_Symbol] = []
        self.relocations: list[_Relocation] = []
        for s in self.sections:
            if s.kind == SYMBOLS:
                for name, info, _, section, value, _ in struct.iter_unpack("<IBBHQQ", self.content(s)):
                    self.symbols.append(_Symbol(self._text(s.link, name), info >> 4, section, value))
            elif s.kind == RELOCATIONS and s.info in self.kept:
                for offset, info, addend in struct.iter_unpack("<QQq", self.content(s)):
                    self.relocations.append(_Relocation(s.info, offset, info & 0xFFFFFFFF, info >> 32, addend))

    def content(self, s: _Section) -> bytes:
        return bytes(s.size) if s.kind == EMPTY else self.data[s.offset : s.offset + s.size]

    def _text(self, table: int, offset: int) -> str:
        start = self.sections[table].offset + offset
        return self.data[start : self.data.index(0, start)].decode()

    def _keep(self, s: _Section, names: int) -> bool:
        name = self._text(names, s.name)
        if s.kind not in ORDINARY or s.flags & THREAD_LOCAL:
            raise ClewError(f"clew's compiler wrote a section {name} that it cannot link; this is a defect of clew")
        return not name.startswith(".eh_frame")  # for exceptions, of which there are none


class _Linker:
    """An object file's sections in their places."""

    def __init__(self, file: _Object) -> None:
        self.file = file
        self.block = bytearray()
        self.places: dict[int, int] = {}
        self.slots: dict[int, int] = {}  # of a symbol: where its address will stand
        self.addresses: list[tuple[int, str, int]] = []  # where to put the address of which name ("": the image), plus what
        self._place(writable=False)
        self._align(SLOT)
        for r in file.relocations:
            called = r.kind == CALL and not file.symbols[r.symbol].section
            if (called or r.kind in OVER_SLOT) and r.symbol not in self.slots:
                self.slots[r.symbol] = len(self.block)
                self.block += bytes(8) + JUMP
        self._align(PAGE)
        self.code = len(self.block)
        self._place(writable=True)
        self._align(PAGE)
        for symbol, slot in self.slots.items():
            self._absolute(slot, symbol, 0)
        for r in file.relocations:
            self._relocate(r)

    def _align(self, to: int) -> None:
        self.block += bytes(-len(self.block) % max(to, 1))

    def _place(self, writable: bool) -> None:
        for k in self.file.kept:
            s = self.file.sections[k]
            if bool(s.flags & WRITE) is writable:
                self._align(s.alignment)
                self.places[k] = len(self.block)
                self.block += self.file.content(s)

    def _absolute(self, at: int, symbol: int, addend: int) -> None:
        name, _, home, value = self.file.symbols[symbol]
        self.addresses.append((at, "", self.places[home] + value + addend) if home else (at, name, addend))

    def _relocate(self, r: _Relocation) -> None:
        name, _, home, value = self.file.symbols[r.symbol]
        at = self.places[r.section] + r.offset
        if r.kind == ABSOLUTE:
            self._absolute(at, r.symbol, r.addend)
        elif r.kind in OVER_SLOT:
            struct.pack_into("<i", self.block, at, self.slots[r.symbol] + r.addend - at)
        elif home and r.kind in (NEAR, CALL, FAR):
            struct.pack_into("<q" if r.kind == FAR else "<i", self.block, at, self.places[home] + value + r.addend - at)
        elif r.kind == CALL:
            struct.pack_into("<i", self.block, at, self.slots[r.symbol] + 8 + r.addend - at)
        else:
            raise ClewError(f"clew's compiler wrote a reference of kind {r.kind} to {name!r}; this is a defect of clew")


def link(data: bytes) -> bytes:
    """The image of an object file."""
    file = _Object(data)
    done = _Linker(file)
    names = {s.name: done.places[s.section] + s.value for s in file.symbols if s.binding and s.section in done.places}
    head = json.dumps([done.code, len(done.block), names, done.addresses], separators=(",", ":")).encode()
    return struct.pack("<Q", len(head)) + head + done.block
