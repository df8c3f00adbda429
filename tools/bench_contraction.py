"""Contractions on one core beside its peak, and beside PyTorch on one thread where it is installed.

python tools/bench_contraction.py [part of a row's name]
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from clew.compiler.block import Block, Module, Reg, number, vector
from clew.compiler.contraction import Axis, Plan, Problem, plan, write, write_finishing, write_packing
from clew.compiler.native import Host, Library, host

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

POINTERS = [Reg(f"%{x}", "ptr") for x in "abcs"]
RANGE = [Reg("%begin", "i64"), Reg("%end", "i64")]
TIMES = Reg("%times", "i64")
KEPT: list[Library] = []


def compiled(made: Plan, on: Host) -> tuple[Callable[..., None], int, float]:
    """The plan as a function of addresses, the lines of its text, and the seconds it took to make."""
    start = time.thread_time()
    module = Module()

    def packing(b: Block) -> None:
        write_packing(b, made, POINTERS[0], POINTERS[1], POINTERS[3], *RANGE)
        b.do("ret void")

    def product(b: Block) -> None:
        write(b, made, *POINTERS, *RANGE)
        b.do("ret void")

    def finishing(b: Block) -> None:
        write_finishing(b, made, *POINTERS[2:], *RANGE)
        b.do("ret void")

    def repeat(b: Block) -> None:
        with b.loop(number(0, "i64"), TIMES):
            for name, tasks in (("packing", made.packing), ("product", made.tasks), ("finishing", made.finishing)):
                if tasks:
                    places = ", ".join(map(str, [*POINTERS, number(0, "i64"), number(tasks, "i64")]))
                    b.do(f"call void @{name}({places})")
        b.do("ret void")

    if made.packing:
        module.function("packing", "void", [*POINTERS, *RANGE], packing)
    if made.finishing:
        module.function("finishing", "void", [*POINTERS, *RANGE], finishing)
    module.function("product", "void", [*POINTERS, *RANGE], product)
    module.function("repeat", "void", [*POINTERS, TIMES], repeat)
    text = module.text
    library = Library(text, on)
    KEPT.append(library)
    took = time.thread_time() - start
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64)(library.address("repeat"))
    return run, text.count("\n"), took


def aligned(size: int, dtype: Any, rng: np.random.Generator) -> Any:
    raw = np.empty(size * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    out = raw[start : start + size * np.dtype(dtype).itemsize].view(dtype)
    out[:] = rng.standard_normal(size)
    return out


def seconds(call: Callable[[], Any], least: float = 0.15) -> float:
    """The best of several timings of a call."""
    call()
    times, once = 1, 0.0
    while once < 0.004:
        times *= 2
        start = time.thread_time()
        for _ in range(times):
            call()
        once = time.thread_time() - start
    best, until = once / times, time.thread_time() + least
    while time.thread_time() < until:
        start = time.thread_time()
        for _ in range(times):
            call()
        best = min(best, (time.thread_time() - start) / times)
    return best


def peak(dtype: str, on: Host) -> float:
    """Floating-point operations per second of independent multiply-adds in registers."""
    lanes = on.bits // (32 if dtype == "float" else 64)
    module, type, turns = Module(), vector(dtype, lanes), 1_000_000

    def body(b: Block) -> None:
        x = b.load(POINTERS[0], type, 4)
        with b.loop(number(0, "i64"), number(turns, "i64"), carried=[x] * 12) as loop:
            loop.next = [b.intrinsic("fmuladd", s, x, x) for s in loop.carried]
        total = loop.results[0]
        for s in loop.results[1:]:
            total = b.fadd(total, s)
        b.store(total, POINTERS[0], 4)
        b.do("ret void")

    module.function("peak", "void", POINTERS[:1], body)
    library = Library(module.text, on)
    KEPT.append(library)
    data = np.zeros(lanes, np.float32 if dtype == "float" else np.float64)
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address("peak"))
    return turns * 12 * lanes * 2 / seconds(lambda: run(data.ctypes.data))


def matmul(m: int, k: int, n: int, dtype: str = "float", ta: bool = False, tb: bool = False) -> tuple[Problem, Any]:
    a, b = (1, m) if ta else (k, 1), (1, k) if tb else (n, 1)
    problem = Problem(dtype, (Axis(m, a[0], 0, n), Axis(n, 0, b[1], 1)), (Axis(k, a[1], b[0]),))

    def peer(x: Any, y: Any) -> Any:
        x = x.view(k, m).T if ta else x.view(m, k)
        y = y.view(n, k).T if tb else y.view(k, n)
        out = torch.empty(m, n, dtype=x.dtype)
        return lambda: torch.mm(x, y, out=out)

    return problem, peer


def batched(n: int, m: int, k: int, p: int, tb: bool = False) -> tuple[Problem, Any]:
    b = (1, k) if tb else (p, 1)
    problem = Problem("float", (Axis(n, m * k, k * p, m * p), Axis(m, k, 0, p), Axis(p, 0, b[1], 1)), (Axis(k, 1, b[0]),))

    def peer(x: Any, y: Any) -> Any:
        x, y, out = x.view(n, m, k), y.view(n, p, k).mT if tb else y.view(n, k, p), torch.empty(n, m, p)
        return lambda: torch.bmm(x, y, out=out)

    return problem, peer


def interleaved(kind: str, n: int, k: int, i: int, j: int, dtype: str = "double") -> tuple[Problem, Any]:
    """Rows of ``k`` short vectors, each with a matrix of its own: their products, or the gradient of the matrices."""
    if kind == "value":
        axes = Axis(n, 0, k * j, k * i), Axis(k, i * j, j, i), Axis(i, j, 0, 1)
        problem = Problem(dtype, axes, (Axis(j, 1, 1),))
    else:
        axes = Axis(k, i, j, i * j), Axis(i, 1, 0, j), Axis(j, 0, 1, 1)
        problem = Problem(dtype, axes, (Axis(n, k * i, k * j),))

    def peer(x: Any, y: Any) -> Any:
        if kind == "value":
            return lambda: torch.einsum("kij,nkj->nki", x.view(k, i, j), y.view(n, k, j))
        return lambda: torch.einsum("nki,nkj->kij", x.view(n, k, i), y.view(n, k, j))

    return problem, peer


def convolution(
    kind: str, n: int, c: int, h: int, o: int, k: int, stride: int = 1, dtype: str = "float"
) -> tuple[Problem, Any]:
    """Over images that are padded already; ``h`` counts the padding."""
    p = (h - k) // stride + 1
    image = (Axis(n, c * h * h, 0, o * p * p), Axis(o, 0, c * k * k, p * p), Axis(p, stride * h, 0, p), Axis(p, stride, 0, 1))
    window = (Axis(c, h * h, k * k), Axis(k, h, k), Axis(k, 1, 1))
    if kind == "forward":
        problem = Problem(dtype, image, window)
    elif kind == "kernel":
        kept = tuple(Axis(x.size, x.c, x.a, x.b) for x in (image[1], *window))
        problem = Problem(dtype, kept, tuple(Axis(x.size, x.c, x.a) for x in (image[0], *image[2:])))
    else:  # by the image: g padded by k - 1, the kernel backwards
        g = h + k - 1
        kept = (Axis(n, o * g * g, 0, c * h * h), Axis(c, 0, k * k, h * h), Axis(h, g, 0, h), Axis(h, 1, 0, 1))
        problem = Problem(dtype, kept, (Axis(o, g * g, c * k * k), Axis(k, g, -k), Axis(k, 1, -1)))

    def peer(x: Any, y: Any) -> Any:
        x, w, g = (
            torch.randn(n, c, h, h, dtype=x.dtype),
            torch.randn(o, c, k, k, dtype=x.dtype),
            torch.randn(n, o, p, p, dtype=x.dtype),
        )
        if kind == "forward":
            return lambda: torch.nn.functional.conv2d(x, w, stride=stride)
        which = [kind == "image", kind == "kernel", False]
        back = torch.ops.aten.convolution_backward
        return lambda: back(g, x, w, None, [stride] * 2, [0, 0], [1, 1], False, [0, 0], 1, which)

    return problem, peer


ROWS: dict[str, tuple[Problem, Any]] = {
    "3x5x4": matmul(3, 5, 4),
    "100x2x16": matmul(100, 2, 16),
    "100x2x16 f64": matmul(100, 2, 16, "double"),
    "100x16x16 f64": matmul(100, 16, 16, "double"),
    "16x16x1": matmul(16, 16, 1),
    "1x784x128": matmul(1, 784, 128),
    "784x128x1": matmul(784, 128, 1),
    "32x784x128": matmul(32, 784, 128),
    "32x128x10": matmul(32, 128, 10),
    "64x64x64": matmul(64, 64, 64),
    "37x53x41": matmul(37, 53, 41),
    "37x53x41 f64": matmul(37, 53, 41, "double"),
    "1024x128x384": matmul(1024, 128, 384),
    "256x256x256": matmul(256, 256, 256),
    "512x512x512": matmul(512, 512, 512),
    "1024x1024x1024": matmul(1024, 1024, 1024),
    "512x512x512 f64": matmul(512, 512, 512, "double"),
    "1000x999x501": matmul(1000, 999, 501),
    "dW 128x784x32": matmul(784, 32, 128, ta=True),
    "dW 784x256x128": matmul(784, 256, 128, ta=True),
    "dx 32x128x784": matmul(32, 128, 784, tb=True),
    "dx 1024x384x128": matmul(1024, 384, 128, tb=True),
    "dx 512x512x512": matmul(512, 512, 512, tb=True),
    "dW 512x512x512": matmul(512, 512, 512, ta=True),
    "both 300x300x300": matmul(300, 300, 300, ta=True, tb=True),
    "batch 64 of 12x8x12": batched(64, 12, 8, 12),
    "batch 32 of 128x32x128": batched(32, 128, 32, 128),
    "batch 32 of 128x32x128'": batched(32, 128, 32, 128, tb=True),
    "batch 32 of 128x128x32": batched(32, 128, 128, 32),
    "LSTM 32x128x512": matmul(32, 128, 512),
    "LSTM dx 32x512x128": matmul(32, 512, 128, tb=True),
    "dW 128x1024x512": matmul(128, 1024, 512, ta=True),
    "dW 768x8192x768": matmul(768, 8192, 768, ta=True),
    "long 64x20000x64": matmul(64, 20000, 64),
    "mixture 10000x10x25 f64": matmul(10000, 10, 25, "double"),
    "interleaved 10000x25 of 10x10 value": interleaved("value", 10000, 25, 10, 10),
    "interleaved 10000x25 of 10x10 gradient": interleaved("gradient", 10000, 25, 10, 10),
    "interleaved 500x12 of 33x20 f32 value": interleaved("value", 500, 12, 33, 20, "float"),
    "interleaved 500x12 of 33x20 f32 gradient": interleaved("gradient", 500, 12, 33, 20, "float"),
    "conv 1-16 28 forward": convolution("forward", 64, 1, 30, 16, 3),
    "conv 1-16 28 kernel": convolution("kernel", 64, 1, 30, 16, 3),
    "conv 16-32 14 forward": convolution("forward", 64, 16, 16, 32, 3),
    "conv 16-32 14 image": convolution("image", 64, 16, 16, 32, 3),
    "conv 16-32 14 kernel": convolution("kernel", 64, 16, 16, 32, 3),
    "conv 5x5/2 8-24 33 forward": convolution("forward", 16, 8, 33, 24, 5, 2),
    "conv 5x5/2 8-24 33 kernel": convolution("kernel", 16, 8, 33, 24, 5, 2),
    "conv 3x3 5-7 19 f64 forward": convolution("forward", 16, 5, 19, 7, 3, 1, "double"),
    "conv 64-64 7 forward": convolution("forward", 32, 64, 9, 64, 3),
}


def span(axes: tuple[Axis, ...], name: str) -> tuple[int, int]:
    """How far an operand reaches before and after its first element."""
    reach = [(x.size - 1) * getattr(x, name) for x in axes]
    return -sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach) + 1


def main(part: str, on: Host) -> None:
    top = {"float": peak("float", on), "double": peak("double", on)}
    print(f"peak f32 {top['float'] / 1e9:.0f}, f64 {top['double'] / 1e9:.0f} GFLOP/s, {on.bits} bits")
    print(f"{'':42}{'us':>10}{'% peak':>8}{'torch us':>10}{'ratio':>7}{'lines':>7}{'plan ms':>9}{'make ms':>9}  plan")
    if torch:
        torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    for name, (problem, peer) in ROWS.items():
        if part not in name:
            continue
        start = time.thread_time()
        made = plan(problem, on.bits)
        planned = time.thread_time() - start
        run, lines, took = compiled(made, on)
        walk = (*problem.axes, *problem.summed)
        spans = [span(walk, x) for x in "abc"]
        dtype = {"float": np.float32, "double": np.float64}[problem.dtype]
        arrays = [aligned(low + high, dtype, rng) for low, high in spans]
        scratch = aligned(made.scratch, dtype, rng)
        places = [x[low:].ctypes.data for x, (low, _) in zip(arrays, spans, strict=True)] + [scratch.ctypes.data]
        times = max(1, int(20_000 / (1 + problem.size * problem.depth / 1000)))  # the call from Python is not measured
        mine = seconds(lambda: run(*places, times)) / times  # noqa: B023
        flops = 2.0 * problem.size * problem.depth
        theirs = float("nan")
        if torch:
            theirs = seconds(peer(*(torch.from_numpy(x) for x in arrays[:2])))
        share = flops / mine / top[problem.dtype] * 100
        print(
            f"{name:42}{mine * 1e6:10.2f}{share:8.1f}{theirs * 1e6:10.2f}{theirs / mine:7.2f}{lines:7}{planned * 1e3:9.1f}"
            f"{took * 1e3:9.1f}  {made.vector} {made.tile} {made.tasks} {made.turn} {made.packing} {made.split} {made.shares}"
        )


if __name__ == "__main__":
    words = sys.argv[1:]
    bits = int(words.pop()) if words and words[-1] in ("128", "256", "512") else host().bits
    main(" ".join(words), host().limited(bits))
