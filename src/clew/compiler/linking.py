"""Object files' sections, put side by side: the image that ``image.py`` loads.

For x86-64 and ELF (System V Application Binary Interface, AMD64 supplement, "Relocation"); LLVM loads what others run.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import ClewError
from .image import PAGE

SLOT = 16
JUMP = bytes.fromhex("ff25f2ffffff cccc")  # jmp *-14(%rip): to the address in the 8 bytes before

WRITE, ALLOCATED, THREAD_LOCAL = 1, 2, 0x400  # flags of sections
SYMBOLS, RELOCATIONS, EMPTY, ORDINARY = 2, 4, 8, (1, 8, 0x70000001)  # kinds of sections
HIDDEN = 2  # a symbol's visibility
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
    hidden: bool  # it is known among the files, and not outside
    section: int  # 0: it is defined elsewhere
    value: int


class _Relocation(NamedTuple):
    section: int
    offset: int
    kind: int
    symbol: int
    addend: int


class _Target(NamedTuple):
    """What a symbol stands for: a place in a section of a file, or something of the process by its name."""

    file: int
    section: int
    value: int
    name: str


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
                for name, info, other, section, value, _ in struct.iter_unpack("<IBBHQQ", self.content(s)):
                    self.symbols.append(_Symbol(self._text(s.link, name), info >> 4, other & 3 == HIDDEN, section, value))
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
    """The object files' sections in their places."""

    def __init__(self, files: Sequence[_Object]) -> None:
        self.files = files
        self.shared = {s.name: (n, s) for n, file in enumerate(files) for s in file.symbols if s.binding and s.section}
        self.block = bytearray()
        self.places: dict[tuple[int, int], int] = {}  # of a file's section
        self.slots: dict[_Target, int] = {}  # where its address will stand
        self.addresses: list[tuple[int, str, int]] = []  # where to put the address of which name ("": the image), plus what
        self._place(writable=False)
        self._align(SLOT)
        found = [(n, r, self._target(n, r.symbol)) for n, file in enumerate(files) for r in file.relocations]
        for _, r, target in found:
            if (r.kind in OVER_SLOT or (r.kind == CALL and target.name)) and target not in self.slots:
                self.slots[target] = len(self.block)
                self.block += bytes(8) + JUMP
        self._align(PAGE)
        self.code = len(self.block)
        self._place(writable=True)
        self._align(PAGE)
        for target, slot in self.slots.items():
            self._absolute(slot, target, 0)
        for n, r, target in found:
            self._relocate(self.places[n, r.section] + r.offset, r, target)

    @property
    def names(self) -> dict[str, int]:
        """Where what is known outside stands."""
        known = ((s, (n, s.section)) for n, s in self.shared.values() if not s.hidden)
        return {s.name: self.places[home] + s.value for s, home in known if home in self.places}

    def _align(self, to: int) -> None:
        self.block += bytes(-len(self.block) % max(to, 1))

    def _place(self, writable: bool) -> None:
        for n, file in enumerate(self.files):
            for k in file.kept:
                s = file.sections[k]
                if bool(s.flags & WRITE) is writable:
                    self._align(s.alignment)
                    self.places[n, k] = len(self.block)
                    self.block += file.content(s)

    def _target(self, file: int, symbol: int) -> _Target:
        found = self.files[file].symbols[symbol]
        if not found.section:
            if found.name not in self.shared:
                return _Target(0, 0, 0, found.name)
            file, found = self.shared[found.name]
        return _Target(file, found.section, found.value, "")

    def _at(self, target: _Target) -> int:
        return self.places[target.file, target.section] + target.value

    def _absolute(self, at: int, target: _Target, addend: int) -> None:
        self.addresses.append((at, target.name, addend) if target.name else (at, "", self._at(target) + addend))

    def _relocate(self, at: int, r: _Relocation, target: _Target) -> None:
        if r.kind == ABSOLUTE:
            self._absolute(at, target, r.addend)
        elif r.kind in OVER_SLOT:
            struct.pack_into("<i", self.block, at, self.slots[target] + r.addend - at)
        elif not target.name and r.kind in (NEAR, CALL, FAR):
            struct.pack_into("<q" if r.kind == FAR else "<i", self.block, at, self._at(target) + r.addend - at)
        elif r.kind == CALL:
            struct.pack_into("<i", self.block, at, self.slots[target] + 8 + r.addend - at)
        else:
            raise ClewError(f"clew's compiler wrote a reference of kind {r.kind} to {target.name!r}; this is a defect of clew")


def link(objects: Sequence[bytes]) -> bytes:
    """The image of some object files."""
    done = _Linker([_Object(data) for data in objects])
    head = marshal.dumps((done.code, len(done.block), done.names, done.addresses))
    return struct.pack("<Q", len(head)) + head + done.block
