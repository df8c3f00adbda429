"""The machine that figures are read on: its names, and what it can do at most, measured."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import clew
from clew.compiler.block import Block, Module, Reg, number, vector
from clew.compiler.native import Library, host

CHAINS = 12  # products that wait for none of the others: more than a core has under way
TURNS = 4_000_000
NEAR = 1 << 18  # bytes that stay in a core's own cache
FAR = 1 << 28  # bytes that do not stay in any


@dataclass(frozen=True)
class Ceiling:
    """Floating-point operations per second, and bytes per second from memory and from the cores' caches; all cores."""

    single: float
    double: float
    memory: float
    caches: float


def cores() -> int:
    return len(os.sched_getaffinity(0))


class Others:
    """How much of the cores programs other than this one take, from when it is made; None where nobody tells."""

    def __init__(self) -> None:
        self.start = self._times()

    @staticmethod
    def _times() -> tuple[float, float, float] | None:
        lines = _lines("/proc/stat")
        if not lines:
            return None
        all_cores = [float(t) / os.sysconf("SC_CLK_TCK") for t in lines[0].split()[1:9]]
        own = os.times()
        return sum(all_cores), all_cores[3] + all_cores[4], own.user + own.system  # the fourth and fifth are idle

    def share(self) -> float | None:
        end = self._times()
        if self.start is None or end is None:
            return None
        total, idle, own = (b - a for a, b in zip(self.start, end, strict=True))
        return max(0.0, (total - idle - own) / total) if total else 0.0


def wait_for_quiet(seconds: float, share: float = 0.1) -> None:
    """Until others take less than ``share`` of the cores, or time is up."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        others = Others()
        time.sleep(0.5)
        if (others.share() or 0.0) < share:
            return


@cache
def ceiling() -> Ceiling:
    return Ceiling(_operations("float"), _operations("double"), _copies(FAR, 1), _copies(NEAR, 1_000))


def facts() -> dict[str, Any]:
    """What a reader of figures wants to know."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    versions: dict[str, str | None] = {"clew": clew.__version__}
    for package in ("numpy", "llvmlite", "torch", "jax", "optax", "pytensor"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "processor": names[0] if names else platform.processor(),
        "as LLVM calls it": host().cpu,
        "vector bits": host().bits,
        "cores": cores(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _least(work: Callable[[int], Any], repeat: int = 40) -> float:
    """Seconds that ``work(core)`` takes on all cores at once, at best; it must leave Python's lock alone."""
    with ThreadPoolExecutor(cores()) as pool:
        times = []
        for _ in range(repeat):
            start = time.perf_counter()
            list(pool.map(work, range(cores())))
            times.append(time.perf_counter() - start)
    return min(times)


def _native(name: str, result: Any, *arguments: Any, write: Callable[[Block], Any], parameters: list[Reg]) -> Any:
    """A native function of its own module; called through ctypes it leaves Python's lock alone."""
    module = Module()
    module.function(name, "i64", parameters, write)
    library = Library(module.text)
    function = ctypes.CFUNCTYPE(result, *arguments)(library.address(name))
    return lambda *given, keep=library: function(*given)


def _operations(element: str) -> float:
    """Multiplications and additions in registers: a loop of fused ones, in chains side by side; of one core, times cores."""
    lanes = host().bits // {"float": 32, "double": 64}[element]
    wide = vector(element, lanes)

    def body(b: Block) -> None:
        x = b.splat(b.convert("sitofp", Reg("%x", "i64"), element), lanes)
        starts = [b.fadd(x, number(float(k), wide)) for k in range(CHAINS)]
        with b.loop(number(0, "i64"), number(TURNS, "i64"), carried=starts) as loop:
            loop.next = [b.fma(c, x, x) for c in loop.carried]
        total = loop.results[0]
        for other in loop.results[1:]:
            total = b.fadd(total, other)
        first = b.put(f"extractelement {total}, i64 0", element)
        b.do(f"ret i64 {b.convert('fptosi', first, 'i64').text}")

    chains = _native("chains", ctypes.c_int64, ctypes.c_int64, write=body, parameters=[Reg("%x", "i64")])
    times = []
    for _ in range(40):  # one core alone, as often as another program may have it
        start = time.perf_counter()
        chains(0)
        times.append(time.perf_counter() - start)
    return cores() * 2 * CHAINS * lanes * TURNS / min(times)


def _copies(size: int, times: int) -> float:
    """Bytes read and written when each core copies an array to another one, ``times``."""
    lanes = host().bits // 64
    wide = vector("double", lanes)
    to, start, end, turns = (Reg(f"%{name}", type) for name, type in zip("abnt", ("ptr", "ptr", "i64", "i64"), strict=True))

    def body(b: Block) -> None:
        with b.loop(number(0, "i64"), turns), b.loop(number(0, "i64"), end, step=4 * lanes) as loop:
            for k in range(4):
                i = b.add(loop.i, number(k * lanes, "i64"))
                b.store(b.load(b.gep(start, i, "double"), wide, 64), b.gep(to, i, "double"), 64)
        b.do("ret i64 0")

    kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    copy = _native("copy", ctypes.c_int64, *kinds, write=body, parameters=[to, start, end, turns])
    arrays = [[np.ones(size // 8 + 8) for _ in range(2)] for _ in range(cores())]
    places = [[-(-a.ctypes.data // 64) * 64 for a in pair] for pair in arrays]
    return cores() * 2 * times * size / _least(lambda core: copy(*places[core], size // 8, times))
