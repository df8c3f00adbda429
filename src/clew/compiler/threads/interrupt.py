"""Ctrl-C while native code runs, in LLVM text.

Python's own handler of SIGINT only takes a note; the main thread reads it when it is back from native code. So a
handler of ours stands before it: it sets the stop flag of the view that listens and then calls Python's. ``clew_listen``
puts it there. It is called by native code that may run long, for it costs a system call; it does so again whenever Python
has put its own handler back (``signal.signal`` does). Anybody else's handler is left alone: it may call ours.
"""

from __future__ import annotations

from signal import SIGINT

from ..block import Block, Module, Reg
from . import layout, system
from .machine import System
from .system import NULL, at

VIEW = Reg("%view", "ptr")
OURS = Reg("@clew_interrupt", "ptr")
ARGUMENTS = [Reg("%signal", "i32"), Reg("%info", "ptr"), Reg("%context", "ptr")]  # the last two: only if it was so installed
LISTENING, PREVIOUS = Reg("@clew_listening", "ptr"), Reg("@clew_previous", "ptr")


def write(m: Module, on: System) -> None:
    """Define ``clew_listen`` and ``clew_unlisten``."""
    if not on.threads:
        m.function("clew_listen", "void", [VIEW], lambda b: b.do("ret void"))
        m.function("clew_unlisten", "void", [VIEW], lambda b: b.do("ret void"))
        return
    m.declare(f"{LISTENING.text} = internal global ptr null")  # the view
    m.declare(f"{PREVIOUS.text} = internal global ptr null")  # Python's handler
    m.function("clew_interrupt", "void", ARGUMENTS, interrupt, "internal")
    m.function("clew_listen", "void", [VIEW], listen)
    m.function("clew_unlisten", "void", [VIEW], unlisten)


def interrupt(b: Block) -> None:
    """The handler: set the flag, and do what was done before."""
    view = b.put(f"load atomic ptr, ptr {LISTENING.text} monotonic, align 8", "ptr")
    with b.when(b.icmp("ne", view, NULL)):
        b.do(f"store atomic i32 1, ptr {view.text} monotonic, align 4")
    previous = b.load(PREVIOUS, "ptr", 8)
    b.do(f"call void {previous.text}({', '.join(map(str, ARGUMENTS))})")
    b.do("ret void")


def listen(b: Block) -> None:
    """``void clew_listen(view)``: from now on SIGINT sets the view's stop flag; a quiet view's is never set."""
    action = system.space(b)
    loud = b.icmp("ne", b.load(at(b, VIEW, layout.QUIET), "ptr", 8), VIEW)
    with b.when(loud):
        b.do(f"store atomic {VIEW}, ptr {LISTENING.text} monotonic, align 8")
        system.sigaction(b, SIGINT, NULL, action)
        now, known = b.load(action, "ptr", 8), b.load(PREVIOUS, "ptr", 8)
        does = b.icmp("ugt", now, Reg("inttoptr (i64 1 to ptr)", "ptr"))  # neither the default nor ignored
        pythons = b.bits_or(b.icmp("eq", known, NULL), b.icmp("eq", known, now))
        with b.when(b.bits_and(b.bits_and(does, pythons), b.icmp("ne", now, OURS))):
            b.store(now, PREVIOUS, 8)
            b.store(OURS, action, 8)
            system.sigaction(b, SIGINT, action, NULL)
    b.do("ret void")


def unlisten(b: Block) -> None:
    """``void clew_unlisten(view)``: the view's memory ends."""
    action = system.space(b)
    listening = b.put(f"load atomic ptr, ptr {LISTENING.text} monotonic, align 8", "ptr")
    with b.when(b.icmp("eq", listening, VIEW)):
        b.do(f"store atomic ptr null, ptr {LISTENING.text} monotonic, align 8")
        system.sigaction(b, SIGINT, NULL, action)
        with b.when(b.icmp("eq", b.load(action, "ptr", 8), OURS)):
            b.store(b.load(PREVIOUS, "ptr", 8), action, 8)
            system.sigaction(b, SIGINT, action, NULL)
    b.do("ret void")
