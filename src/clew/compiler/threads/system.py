"""What the pool asks of the operating system, as LLVM text: threads, sleep, time, signals.

Linux is asked through futexes; other systems through a mutex and a condition variable of POSIX threads.
"""

from __future__ import annotations

from ..block import Block, Reg, number
from . import layout
from .machine import System

WAIT, WAKE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE, of this process only
BYTES = 256  # at least a sigset_t, and at least a struct sigaction
PROCESSORS = 128  # bytes of a set of them
NULL = Reg("null", "ptr")


def at(b: Block, base: Reg, offset: int) -> Reg:
    """The address ``offset`` bytes on."""
    return b.gep(base, number(offset, "i64"), "i8")


def space(b: Block, bytes: int = BYTES) -> Reg:
    """Memory of the running function."""
    return b.put(f"alloca [{bytes} x i8], align 16", "ptr")


def pause(b: Block, system: System) -> None:
    """Tell the processor that this is a loop that waits."""
    if system.machine in ("x86_64", "AMD64"):
        b.module.declare("declare void @llvm.x86.sse2.pause()")
        b.do("call void @llvm.x86.sse2.pause()")
    elif system.machine in ("aarch64", "arm64"):
        b.module.declare("declare void @llvm.aarch64.hint(i32)")
        b.do("call void @llvm.aarch64.hint(i32 1)")


def give_way(b: Block) -> None:
    """Let another thread have the processor."""
    _ask(b, "sched_yield")


def nanoseconds(b: Block, system: System, now: Reg) -> Reg:
    """A clock that only goes forward, read into ``now``, of 16 bytes."""
    _ask(b, "clock_gettime", number(6 if system.name == "darwin" else 1, "i32"), now)
    seconds = b.mul(b.load(now, "i64", 8), number(10**9, "i64"))
    return b.add(seconds, b.load(at(b, now, 8), "i64", 8))


def prepare(b: Block, system: System, state: Reg) -> None:
    """Make ready what ``sleep`` and ``wake`` use."""
    if not system.futex:
        _ask(b, "pthread_mutex_init", at(b, state, layout.MUTEX), NULL)
        _ask(b, "pthread_cond_init", at(b, state, layout.CONDITION), NULL)


def sleep(b: Block, system: System, state: Reg, seen: Reg) -> None:
    """Sleep unless the gate is no longer as ``seen``; may wake without reason."""
    gate = at(b, state, layout.GATE)
    if system.futex:
        _futex(b, system, gate, WAIT, seen)
        return
    mutex = at(b, state, layout.MUTEX)
    _ask(b, "pthread_mutex_lock", mutex)
    now = b.put(f"load atomic i32, ptr {gate.text} seq_cst, align 4", "i32")
    with b.when(b.icmp("eq", now, seen)):
        _ask(b, "pthread_cond_wait", at(b, state, layout.CONDITION), mutex)
    _ask(b, "pthread_mutex_unlock", mutex)


def wake(b: Block, system: System, state: Reg) -> None:
    """Wake all that sleep, after the gate has changed."""
    if system.futex:
        _futex(b, system, at(b, state, layout.GATE), WAKE, number(2**31 - 1, "i32"))
        return
    mutex = at(b, state, layout.MUTEX)
    _ask(b, "pthread_mutex_lock", mutex)
    _ask(b, "pthread_cond_broadcast", at(b, state, layout.CONDITION))
    _ask(b, "pthread_mutex_unlock", mutex)


def block_signals(b: Block, system: System) -> Reg:
    """Threads started from here on get no signals. The result is for ``unblock_signals``."""
    every, before = space(b), space(b)
    _ask(b, "sigfillset", every)
    _ask(b, "pthread_sigmask", _set_mask(system), every, before)
    return before


def unblock_signals(b: Block, system: System, before: Reg) -> None:
    _ask(b, "pthread_sigmask", _set_mask(system), before, NULL)


def _set_mask(system: System) -> Reg:
    return number(3 if system.name == "darwin" else 2, "i32")  # SIG_SETMASK


def create(b: Block, handle: Reg, function: str, state: Reg) -> Reg:
    """Start a thread. The result is 0, or an error."""
    return _ask(b, "pthread_create", handle, NULL, Reg(f"@{function}", "ptr"), state)


def place(b: Block, system: System, state: Reg, handles: Reg, count: Reg) -> None:
    """Forbid the threads the processor on which this one runs, unless it is forbidden already. (Linux)

    In a virtual machine Linux takes an idle processor for a busy one, and would wake a worker on the processor of the
    thread that wakes it, where it waits for milliseconds: longer than most regions take.
    """
    if system.name != "linux":
        return
    avoided = at(b, state, layout.AVOIDED)
    here = _ask(b, "sched_getcpu")
    known = b.bits_and(b.icmp("sge", here, number(0, "i32")), b.icmp("slt", here, number(8 * PROCESSORS, "i32")))
    with b.when(b.bits_and(known, b.icmp("ne", here, b.load(avoided, "i32", 4)))):
        b.store(here, avoided, 4)
        allowed = at(b, state, layout.ALLOWED)
        byte = b.gep(allowed, b.convert("zext", b.lshr(here, number(3, "i32")), "i64"), "i8")
        before = b.load(byte, "i8", 1)
        bit = b.shl(number(1, "i8"), b.convert("trunc", b.bits_and(here, number(7, "i32")), "i8"))
        b.store(b.bits_and(before, b.bits_xor(bit, number(-1, "i8"))), byte, 1)
        with b.loop(number(0, "i32"), count, empty=True) as loop:  # refused where it is the only processor
            thread = b.load(b.gep(handles, loop.i, "i64"), "i64", 8)
            _ask(b, "pthread_setaffinity_np", thread, number(PROCESSORS, "i64"), allowed)
        b.store(before, byte, 1)


def note_processors(b: Block, system: System, state: Reg) -> None:
    """Note which processors this thread may use; the threads that it starts may use the same. (Linux)"""
    if system.name == "linux":
        allowed = at(b, state, layout.ALLOWED)
        _ask(b, "sched_getaffinity", number(0, "i32"), number(PROCESSORS, "i64"), allowed)
        b.store(number(-1, "i32"), at(b, state, layout.AVOIDED), 4)


def join(b: Block, handle: Reg) -> None:
    """Wait until the thread has ended."""
    _ask(b, "pthread_join", b.load(handle, "i64", 8), NULL)


def sigaction(b: Block, signal: int, new: Reg, old: Reg) -> None:
    """Read and set what a signal does. The handler is what such a struct begins with, on all systems."""
    _ask(b, "sigaction", number(signal, "i32"), new, old)


def _ask(b: Block, function: str, *operands: Reg) -> Reg:
    """Call a function of the C library that returns an int."""
    b.module.declare(f"declare i32 @{function}({', '.join(x.type for x in operands)})")
    return b.call(function, "i32", *operands)


def _futex(b: Block, system: System, word: Reg, operation: int, value: Reg) -> None:
    b.module.declare("declare i64 @syscall(i64, ...)")
    operands = [number(system.futex, "i64"), word, number(operation, "i32"), value, NULL, NULL, number(0, "i32")]
    b.put(f"call i64 (i64, ...) @syscall({', '.join(map(str, operands))})", "i64")
