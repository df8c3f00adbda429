"""Instructions that only the pool needs: words of memory that several threads change, and loops without a count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..block import Block, Reg, number
from .system import at


@contextmanager
def until(b: Block) -> Iterator[tuple[Callable[[Reg], None], Reg]]:
    """A loop that ends where ``leave(condition)`` says so; and the number of the turn."""
    n, before = b.fresh(), b.label
    b.do(f"br label %again{n}")
    b.begin(f"again{n}")
    place = len(b.lines)
    b.lines.append("")
    turn = Reg(f"%turn{n}", "i64")

    def leave(condition: Reg) -> None:
        stay = f"stay{b.fresh()}"
        b.do(f"br i1 {condition.text}, label %left{n}, label %{stay}")
        b.begin(stay)

    yield leave, turn
    after = b.add(turn, number(1, "i64"))
    b.lines[place] = f"  {turn.text} = phi i64 [ 0, %{before} ], [ {after.text}, %{b.label} ]"
    b.do(f"br label %again{n}")
    b.begin(f"left{n}")


@contextmanager
def returning(b: Block, condition: Reg) -> Iterator[None]:
    """What stands inside runs only where the condition holds, and ends with ``ret``."""
    n = b.fresh()
    b.do(f"br i1 {condition.text}, label %last{n}, label %else{n}")
    b.begin(f"last{n}")
    yield
    b.begin(f"else{n}")


def local(b: Block, x: Reg) -> Reg:
    """A variable of the running function."""
    place = b.put(f"alloca {x.type}", "ptr")
    b.store(x, place, 4 if x.type == "i32" else 8)
    return place


def get(b: Block, state: Reg, offset: int, type: str = "i32") -> Reg:
    return b.load(at(b, state, offset), type, 4 if type == "i32" else 8)


def load(b: Block, address: Reg, type: str, order: str) -> Reg:
    return b.put(f"load atomic {type}, ptr {address.text} {order}, align 4", type)


def store(b: Block, x: Reg, address: Reg, order: str) -> None:
    b.do(f"store atomic {x}, ptr {address.text} {order}, align 4")


def change(b: Block, how: str, address: Reg, by: int, order: str) -> Reg:
    """Change a word of memory in one step; the result is what it was."""
    return b.put(f"atomicrmw {how} ptr {address.text}, {i32(by)} {order}, align 4", "i32")


def swap(b: Block, address: Reg, old: Reg, new: Reg) -> Reg:
    """Change a word in one step if it is ``old``; whether it was. What others released before is seen after."""
    both = b.put(f"cmpxchg ptr {address.text}, {old}, {new} acquire monotonic, align 4", "{ i32, i1 }")
    return b.put(f"extractvalue {both}, 1", "i1")


def i32(bits: int) -> Reg:
    """The number with these bits."""
    return number((bits & 0xFFFFFFFF) - ((bits & 0x80000000) << 1), "i32")


def has(b: Block, word: Reg, bit: int) -> Reg:
    return b.icmp("ne", b.bits_and(word, i32(bit)), number(0, "i32"))


def larger(b: Block, x: Reg, y: Reg) -> Reg:
    return b.intrinsic("smax", x, y)


def smaller(b: Block, x: Reg, y: Reg) -> Reg:
    return b.intrinsic("smin", x, y)
