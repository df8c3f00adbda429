"""What is seen in a fresh process only: the first call (trace, compile, run), and the memory that steps take.

Beside peers a first call is timed without imports, of no peer. The *start* of a program has them, for clew imports its
compiler when it first compiles, and LLVM only if code is not found on disk; of the first call it is what later calls do not
take.

The process is this module, ``python -m benchmarks.fresh what row peer``, and prints one JSON line. Caches on disk that
peers keep of compiled code lie in a folder of their own, empty for the cold start and kept for the warm one.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from .rows import ROWS
from .steps import knows, load, side
from .work import Row

ROOT = Path(__file__).parents[1]
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
STARTS, STEPS = 3, 5
NOISE = 2  # mebibytes by which two processes of the same program differ


class Failed(Exception):
    """A peer whose process ended without an answer."""


def first_call(row: Row, peer: str) -> dict[str, float]:
    """Seconds of a first call in a new process, with empty caches and with those that it left: the median of some starts."""
    return _cold_and_warm("first", row, peer)


def start(row: Row, peer: str) -> dict[str, float]:
    """Seconds that the first call of a program takes longer than later ones: imports, tracing, compiling or loading."""
    return _cold_and_warm("start", row, peer)


def _cold_and_warm(what: str, row: Row, peer: str) -> dict[str, float]:
    found = []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as caches:
            found.append([_asked(what, row, peer, caches) for _ in range(2)])
    cold, warm = (median(times) for times in zip(*found, strict=True))
    return {"cold": cold, "warm": warm}


def memory(row: Row, peer: str) -> float | None:
    """Mebibytes that the row's size takes while steps run.

    It is the largest resident set during steps (after the first ones, and after what was freed went back), less that of
    the same program at a small size: so the libraries, the compiler and its code do not count, but parameters, data and
    whatever is kept between steps do.
    """
    if not RESET.exists():
        return None
    peaks = []
    for what in ("memory", "memory-small"):
        with tempfile.TemporaryDirectory() as caches:  # each compiles: the compiler's memory counts in both, or in neither
            peaks.append(_asked(what, row, peer, caches))
    return peaks[0] - peaks[1]


def _asked(what: str, row: Row, peer: str, caches: str) -> float:
    own = {
        "CLEW_CACHE_DIR": caches,
        "XDG_CACHE_HOME": caches,
        "TORCHINDUCTOR_CACHE_DIR": caches,
        "PYTENSOR_FLAGS": f"base_compiledir={caches}",
    }
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "benchmarks.fresh", what, row.name, peer]
    env = {**os.environ, **own, "PYTHONPATH": paths}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are found compiled, as pip leaves them
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=ROOT)
    if run.returncode:
        raise Failed(f"{row.name}, {peer}: {(run.stderr.strip().splitlines() or ['no result'])[-1]}")
    return float(json.loads(run.stdout.splitlines()[-1]))


def _first(row: Row, peer: str) -> float:
    load(peer)
    return _calls(row, peer, 1)[0]


def _start(row: Row, peer: str) -> float:
    first, *later = _calls(row, peer, 1 + STEPS)
    return first - min(later)


def _calls(row: Row, peer: str, count: int) -> list[float]:
    knows(peer, row)  # imports the peer, which is not the call's business
    made = side(peer, row, row.work())
    found = []
    with made.context():
        for _ in range(count):
            start = time.perf_counter()
            made.run()
            found.append(time.perf_counter() - start)
    return found


def _peak(row: Row, peer: str, small: bool) -> float:
    made = side(peer, row, row.work(small))
    with made.context():
        for _ in range(3):
            made.run()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        RESET.write_text("5")  # the largest resident set is measured from here on
        for _ in range(STEPS):
            made.run()
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines() if ":" in line)
    return int(lines["VmHWM"].split()[0]) / 1024


def main(what: str, name: str, peer: str) -> Any:
    row = next(row for row in ROWS if row.name == name)
    if what.startswith("memory"):
        return _peak(row, peer, what == "memory-small")
    return _first(row, peer) if what == "first" else _start(row, peer)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
