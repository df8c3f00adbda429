"""LLVM at work: text in, machine code out. Importing this loads LLVM, which takes longer than to load cached code."""

from __future__ import annotations

import ctypes
import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from ..errors import ClewError


def processor() -> tuple[str, str]:
    """This machine's processor and its features, as LLVM spells them."""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple())


_machines: dict[tuple[str, str, int], list[Any]] = {}  # those that no thread uses now


@contextmanager
def _machine(cpu: str, features: str, quick: bool = False) -> Iterator[Any]:
    """One for this thread alone, as long as it lasts."""
    level = 0 if quick else 2
    free = _machines.setdefault((cpu, features, level), [])
    try:
        machine = free.pop()
    except IndexError:
        machine = _target().create_target_machine(cpu, features, opt=level, reloc="pic", codemodel="default")
    yield machine
    free.append(machine)


def assembled(text: str, cpu: str, features: str, quick: bool = False) -> bytes:
    """The object file that the module's text becomes; ``quick`` code takes a quarter of the time to make, and longer to run.
    Threads that call this at once do not wait for one another."""
    with _machine(cpu, features, quick) as machine, _module(text, machine) as module:
        return _emitted(machine, module)


def assembly(text: str, cpu: str, features: str) -> str:
    """The machine code that the module's text becomes, to be read."""
    with _machine(cpu, features) as machine, _module(text, machine) as module:
        return str(machine.emit_assembly(module))


@cache
def _library() -> Any:
    """llvmlite's library, called without llvmlite's lock: LLVM itself lets threads generate code at once where each has a
    context and a target machine of its own, as here."""
    library = ctypes.CDLL(llvm.ffi.lib._name)
    pointer = ctypes.c_void_p
    library.LLVMPY_TargetMachineEmitToMemory.argtypes = [pointer, pointer, ctypes.c_int, ctypes.POINTER(pointer)]
    library.LLVMPY_TargetMachineEmitToMemory.restype = pointer
    library.LLVMPY_GetBufferStart.argtypes = [pointer]
    library.LLVMPY_GetBufferStart.restype = pointer
    library.LLVMPY_GetBufferSize.argtypes = [pointer]
    library.LLVMPY_GetBufferSize.restype = ctypes.c_size_t
    library.LLVMPY_DisposeMemoryBuffer.argtypes = [pointer]
    library.LLVMPY_DisposeMemoryBuffer.restype = None
    return library


def _emitted(machine: Any, module: Any) -> bytes:
    """What ``machine.emit_object(module)`` returns."""
    library, message = _library(), ctypes.c_void_p()
    buffer = library.LLVMPY_TargetMachineEmitToMemory(machine, module, 1, ctypes.byref(message))
    if not buffer:
        raise ClewError("LLVM wrote no code for a module that it had found right; this is a defect of clew: please report it")
    try:
        return ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), library.LLVMPY_GetBufferSize(buffer))
    finally:
        library.LLVMPY_DisposeMemoryBuffer(buffer)


@contextmanager
def _module(text: str, machine: Any) -> Iterator[Any]:
    """The module, verified. One pass: what loops accumulate moves from the stack into registers. The text says what is to run,
    and other passes cost more than they gain.

    It has a context of its own, so that what LLVM shares between modules goes with it, and goes before its context does,
    which the garbage collector would not see to.
    """
    head = f'target datalayout = "{machine.target_data}" target triple = "{machine.triple}" '  # lines keep their numbers
    with closing(llvm.create_context()) as context:
        try:
            module = llvm.parse_assembly(head + text, context)
        except RuntimeError as error:
            raise ClewError(refusal(text, str(error))) from None
        with closing(module):
            try:
                module.verify()
            except RuntimeError as error:
                raise ClewError(refusal(text, str(error))) from None
            if " alloca " in text:
                options = llvm.create_pipeline_tuning_options()
                # Both are closed before the module is: what the builder remembers of it points into it.
                builder, passes = llvm.create_pass_builder(machine, options), llvm.create_new_module_pass_manager()
                with closing(builder), closing(passes):
                    passes.add_sroa_pass()
                    passes.run(module, builder)
            yield module


def refusal(text: str, message: str) -> str:
    """What LLVM said, with the lines that it spoke of and their neighbours."""
    lines = text.split("\n")
    message = message.removeprefix("LLVM IR parsing error\n").strip()
    if place := re.match(r"<string>:(\d+):\d+: error: (.*)", message):
        guilty, message = {int(place[1]) - 1}, place[2]
    else:
        said = {_plain(line) for line in message.split("\n")} - {""}
        guilty = {k for k, line in enumerate(lines) if _plain(line) in said}
    shown = sorted({k for g in sorted(guilty)[:4] for k in range(max(0, g - 2), min(len(lines), g + 3))})
    listing = "\n".join(f"{'>' if k in guilty else ' '}{k + 1:6} | {lines[k]}" for k in shown)
    return (
        f"clew's compiler wrote what LLVM refuses: {message[:2000]}\n{listing}\n"
        "This is a defect of clew: please report it with this text; CLEW_JIT=off runs without the compiler."
    )


def _plain(line: str) -> str:
    """An instruction up to its operands, which LLVM prints in its own way: ``%v2 = fadd float``; a type ends it."""
    found = re.match(r"\s*(%[\w.]+ = \w+|call [^(]*|store [^,]*|ret .*|br .*)", line)
    return " ".join(found[1].split()) if found else ""


# Where this machine's object files are not those that we link ourselves


@cache
def _loader() -> Any:
    with _machine(*processor()) as machine:
        return llvm.create_lljit_compiler(machine)


_numbers = itertools.count()


class Loaded:
    """Object files, each after its length, linked and loaded by LLVM; they stay in memory while this lives."""

    def __init__(self, data: bytes, symbols: Mapping[str, int]) -> None:
        builder = llvm.JITLibraryBuilder().add_current_process()
        while data:
            end = 8 + int.from_bytes(data[:8], "little")
            builder.add_object_img(data[8:end])
            data = data[end:]
        for name, address in symbols.items():
            builder.import_symbol(name, address)
        self._name = f"clew{next(_numbers)}"
        self._jit = _loader()
        self._held = {"": builder.link(self._jit, self._name)}  # what was looked up counts as in use while it is held

    def address(self, name: str) -> int:
        if name not in self._held:
            self._held[name] = self._jit.lookup(self._name, name)
        return int(self._held[name][name])
