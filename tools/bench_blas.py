"""Products of matrices beside OpenBLAS (``pip install scipy-openblas32``), calls in turn: how long each takes, in microseconds.

python tools/bench_blas.py [threads] [part of a row's name] [seconds a row]
"""

from __future__ import annotations

import ctypes
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clew.compiler.compiled import Compiled
from clew.config import config
from clew.ir import DTYPES, Graph, Type, parameter
from clew.ops.contraction import contract

PLAIN, TURNED, ROWS = 111, 112, 101  # as CBLAS has them
SQUARES = [64, 128, 256, 512, 1024, 2048, 4096]
OTHERS = [  # rows, depth, columns
    (32, 784, 128),
    (1024, 128, 384),
    (1000, 999, 501),
    (10_000, 10, 25),
    (100_000, 32, 16),
    (64, 20_000, 64),
    (512, 128, 20_000),
    (20_000, 512, 128),
    (128, 20_000, 512),
    (4096, 64, 4096),
    (1, 4096, 4096),
]
Timed = Callable[[], None]


def openblas(threads: int) -> Any:
    lib = importlib.import_module("scipy_openblas32")
    library = ctypes.CDLL(str(Path(lib.get_lib_dir()) / "libscipy_openblas.so"))
    library.scipy_openblas_set_num_threads(threads)
    library.scipy_openblas_get_corename.restype = ctypes.c_char_p
    return library


def theirs(library: Any, a: Any, b: Any, turned: bool) -> Timed:
    """``a @ b``, or ``a @ b.T`` where ``b`` is ``turned``; into new memory in each call, as ours."""
    (m, k), n = a.shape, b.shape[0 if turned else 1]
    kind, number = ("s", ctypes.c_float) if a.dtype == np.float32 else ("d", ctypes.c_double)
    gemm = getattr(library, f"scipy_cblas_{kind}gemm")
    x, y = (v.ctypes.data_as(ctypes.c_void_p) for v in (a, b))
    head = ROWS, PLAIN, TURNED if turned else PLAIN, m, n, k, number(1), x, k, y, b.shape[1], number(0)

    def call() -> None:
        out = np.empty((m, n), a.dtype)
        gemm(*head, out.ctypes.data_as(ctypes.c_void_p), n)

    return call


def ours(a: Any, b: Any, turned: bool) -> Timed:
    x, y = (parameter(name, Type(DTYPES["f32" if v.itemsize == 4 else "f64"], v.shape)) for name, v in (("x", a), ("y", b)))
    compiled = Compiled(Graph("product", (x, y), (contract("ij,kj->ik" if turned else "ij,jk->ik", x, y),)))
    return lambda: compiled([a, b])


def best(calls: dict[str, Timed], seconds: float) -> dict[str, float]:
    """The shortest call of each, in turn; of one thread by its own clock, which stands still while others run."""
    clock = time.thread_time if config.threads == 1 else time.perf_counter
    found = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for name, call in calls.items():
            start = clock()
            call()
            found[name] = min(found[name], clock() - start)
    return found


def main(threads: int, part: str, seconds: float) -> None:
    library = openblas(threads)
    print(f"OpenBLAS with kernels for {library.scipy_openblas_get_corename().decode()}, threads: {threads}")
    print(f"{'':30}{'clew':>10}{'OpenBLAS':>10}{'ratio':>8}{'GFLOP/s':>9}")
    rng = np.random.default_rng(0)
    shapes = [*((n, n, n) for n in SQUARES), *OTHERS]
    for dtype in (np.float32, np.float64):
        for m, k, n in shapes:
            for turned in (False, True):
                name = f"{m}x{k}x{n}{' turned' * turned} {np.dtype(dtype).name}"
                if part not in name or (turned and m != k):
                    continue
                a, b = (rng.standard_normal(x).astype(dtype) for x in ((m, k), (n, k) if turned else (k, n)))
                with config(threads=threads):
                    took = best({"clew": ours(a, b, turned), "OpenBLAS": theirs(library, a, b, turned)}, seconds)
                mine, other = took["clew"] * 1e6, took["OpenBLAS"] * 1e6
                print(f"{name:30}{mine:10.1f}{other:10.1f}{mine / other:8.2f}{2e-3 * m * k * n / mine:9.0f}", flush=True)


if __name__ == "__main__":
    words = sys.argv[1:]
    main(int(words[0]) if words else 1, words[1] if len(words) > 1 else "", float(words[2]) if len(words) > 2 else 1.0)
