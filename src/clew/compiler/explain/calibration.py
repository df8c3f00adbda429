"""What this machine can do at most: multiply-adds and bytes a second, measured once with code of our own.

Arithmetic: each thread keeps ``CHAINS`` independent multiply-adds of full vectors going, which hides their latency. Bytes:
the triad ``a = b + s * c`` of McCalpin's STREAM ("Memory bandwidth and machine balance in current high performance
computers", 1995) over arrays from those that fit the nearest caches to some that fit none. The best of some runs counts, for
whatever else the machine does can only slow a run down. The figures are kept with the compiled code, for as long as
processor, threads and versions stay the same.
"""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial

import numpy as np

from .. import cache as disk
from ..block import I64, Block, Module, Reg, number, vector
from ..emit import BEGIN, CONTEXT, END
from ..native import Library, host
from ..threads import pool

CHAINS = 12
TURNS = 20_000  # of a task's loop of multiply-adds
NEAR, MIDDLE, LAST, BEYOND = 1 << 17, 1 << 22, 1 << 24, 96 << 20  # bytes of the triad's arrays; NEAR is for each thread
SPENT = 0.03  # seconds on each figure
KINDS = ("float", 32), ("double", 64)
WAY = repr((CHAINS, TURNS, NEAR, MIDDLE, LAST, BEYOND, SPENT))


@dataclass(frozen=True)
class Limits:
    """Operations a second in each dtype, of all threads and of one, and bytes a second, of all threads."""

    threads: int
    f32: float
    f64: float
    f32_thread: float
    f64_thread: float
    near: float  # where NEAR bytes a thread are moved, and so on
    middle: float
    last: float
    memory: float

    def arithmetic(self, bits: int) -> float:
        """Operations a second on numbers of so many bits; half precision is computed in f32."""
        return self.f64 if bits == 64 else self.f32

    def bandwidth(self, nbytes: int) -> float:
        """Bytes a second where so many are moved, and so come from that far."""
        for most, rate in ((NEAR * self.threads, self.near), (MIDDLE, self.middle), (LAST, self.last)):
            if nbytes <= most:
                return rate
        return self.memory

    def __str__(self) -> str:
        single, double, one, two = (f"{x / 1e9:.0f}" for x in (self.f32, self.f64, self.f32_thread, self.f64_thread))
        flops = f"{single} GFLOP/s of f32 ({one} a thread), {double} of f64 ({two})"
        count = f"{self.threads} thread" + "s" * (self.threads > 1)
        near, middle, last, memory = (f"{x / 1e9:.0f}" for x in (self.near, self.middle, self.last, self.memory))
        return f"{count}, {flops}; {near} GB/s within near caches, {middle} in 4 MiB, {last} in 16, {memory} from memory"


def limits() -> Limits:
    """The limits of this machine on the threads that there are now."""
    return _limits(pool().threads)


@cache
def _limits(threads: int) -> Limits:
    on = host()
    key = disk.key("limits", on.cpu, on.features, str(threads), WAY)
    data = disk.load(key)
    if data is not None:
        return Limits(**json.loads(data))
    found = measure(threads)
    disk.store(key, json.dumps(asdict(found)).encode())
    return found


def measure(threads: int) -> Limits:
    """Measure now. It takes less than half a second."""
    bits = host().bits
    m = Module()
    for kind, width in KINDS:
        m.function(kind, "void", [CONTEXT, BEGIN, END], partial(_multiply, kind=kind, lanes=bits // width))
    m.function("triad", "void", [CONTEXT, BEGIN, END], lambda b: _triad(b, bits // 32))
    library = Library(m.text)
    parallel = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(pool().parallel_address)
    table = (ctypes.c_void_p * 4)()

    def seconds(name: str, tasks: int) -> float:
        address, view = library.address(name), pool().here()
        return best(lambda: parallel(view, address, ctypes.addressof(table), tasks))

    sink = np.zeros(64 * threads)
    table[0] = sink.ctypes.data
    rates = [
        tasks * 2 * TURNS * CHAINS * (bits // width) / seconds(kind, tasks) for tasks in (threads, 1) for kind, width in KINDS
    ]
    memory = np.ones(BEYOND // 4 + 16, np.float32)
    for nbytes in (NEAR * threads, MIDDLE, LAST, BEYOND):
        each = nbytes // 3 // threads // 256 * 256  # bytes of one array that a thread goes over
        turns = max(1, MIDDLE // nbytes)
        start = -(-memory.ctypes.data // 64) * 64
        work = np.array([each // 4, turns], np.int64)
        table[:] = [*(start + k * each * threads for k in range(3)), work.ctypes.data]
        rates.append(3.0 * each * threads * turns / seconds("triad", threads))
    return Limits(threads, *rates)


def best(run: Callable[[], None]) -> float:
    """Seconds of the fastest of some runs, after one that does not count."""
    run()
    until = time.perf_counter() + SPENT
    found: list[float] = []
    while not found or time.perf_counter() < until:
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def _multiply(b: Block, kind: str, lanes: int) -> None:
    """Multiply-adds that do not wait for each other; without such an instruction, a product and a sum."""
    type = vector(kind, lanes)
    factor, term = number(0.999, type), number(0.001, type)
    fused = host().bits > 128
    with b.loop(BEGIN, END) as task:
        with b.loop(number(0, I64), number(TURNS, I64), carried=[number(k, type) for k in range(CHAINS)]) as loop:
            loop.next = [b.fma(x, factor, term) if fused else b.fadd(b.fmul(x, factor), term) for x in loop.carried]
        total = loop.results[0]
        for x in loop.results[1:]:
            total = b.fadd(total, x)
        sink = b.load(CONTEXT, "ptr", 8)
        b.store(total, b.gep(sink, b.mul(task.i, number(64, I64)), "double"), 8)
    b.do("ret void")


def _triad(b: Block, lanes: int) -> None:
    """Each task goes over its part of the arrays, again and again: ``context`` holds them, and how long and how often."""
    type = vector("float", lanes)
    a, x, y, work = (b.load(b.gep(CONTEXT, number(k, I64), "ptr"), "ptr", 8) for k in range(4))
    length, turns = (b.load(b.gep(work, number(k, I64), I64), I64, 8) for k in range(2))
    with b.loop(BEGIN, END) as task:
        first = b.mul(task.i, length)
        last = b.add(first, length)
        with b.loop(number(0, I64), turns), b.loop(first, last, lanes * 4) as loop:
            for k in range(4):
                place = b.add(loop.i, number(k * lanes, I64))

                def at(base: Reg, place: Reg = place) -> Reg:
                    return b.gep(base, place, "float")

                z = b.fadd(b.load(at(x), type, 64), b.fmul(b.load(at(y), type, 64), number(0.5, type)))
                b.store(z, at(a), 64)
    b.do("ret void")
