"""Contractions compiled and called on arrays, and the same by NumPy."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from clew.compiler.block import Block, Module, Reg
from clew.compiler.contraction import Axis, Epilogue, Plan, Problem, plan, write, write_finishing, write_packing
from clew.compiler.native import Library, host

TYPES: dict[str, Any] = {"float": np.float32, "double": np.float64}
loaded: list[Library] = []
POINTERS = [Reg(f"%{x}", "ptr") for x in "abcs"]
RANGE = [Reg("%begin", "i64"), Reg("%end", "i64")]


def text(plan: Plan, epilogue: Epilogue | None = None) -> str:
    """A module with the plan's function ``product(a, b, c, scratch, begin, end)``."""
    module = Module()

    def body(b: Block) -> None:
        write(b, plan, *POINTERS, *RANGE, None if plan.finishing else epilogue)
        b.do("ret void")

    def finishing(b: Block) -> None:
        write_finishing(b, plan, *POINTERS[2:], *RANGE, epilogue)
        b.do("ret void")

    def packing(b: Block) -> None:
        write_packing(b, plan, POINTERS[0], POINTERS[1], POINTERS[3], *RANGE)
        b.do("ret void")

    module.function("product", "void", [*POINTERS, *RANGE], body)
    module.function("packing", "void", [*POINTERS, *RANGE], packing)
    if plan.finishing:
        module.function("finishing", "void", [*POINTERS, *RANGE], finishing)
    return module.text


def call(library: Library, name: str, pointers: list[int], begin: int, end: int) -> None:
    kinds = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 2
    ctypes.CFUNCTYPE(None, *kinds)(library.address(name))(*pointers, begin, end)


def memory(axes: tuple[Axis, ...], name: str, dtype: Any, rng: np.random.Generator | None) -> tuple[Any, Any]:
    """Memory that holds an operand and nothing more, and the view of it that the loops walk: random, or NaN."""
    strides = [getattr(x, name) for x in axes]
    reach = [(x.size - 1) * s for x, s in zip(axes, strides, strict=True) if x.size]
    low, high = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
    size = high - low + 1
    flat = np.full(size + 19, np.nan, dtype)  # NaN before and after; a vector's alignment nowhere
    if rng is not None:
        flat[9 : 9 + size] = rng.standard_normal(size)
    view = as_strided(flat[9 - low :], [x.size for x in axes], [s * flat.itemsize for s in strides])
    return flat, view


def check(problem: Problem, bits: int, seed: int = 0, plan_: Plan | None = None, cuts: int = 1) -> Any:
    """Compile, run in ``cuts`` runs of tasks, compare with NumPy; the result."""
    rng = np.random.default_rng(seed)
    dtype = TYPES[problem.dtype]
    walk = (*problem.axes, *problem.summed)
    _, a = memory(walk, "a", dtype, rng)
    _, b = memory(walk, "b", dtype, rng)
    fc, c = memory(problem.axes, "c", dtype, None)
    made = plan_ or plan(problem, bits)
    library = Library(text(made), host().limited(bits))
    loaded.append(library)
    scratch = np.full(made.scratch + 1, np.nan, dtype)
    pointers = [x.ctypes.data for x in (a, b, c, scratch)]
    for k in range(made.packing):
        call(library, "packing", pointers, k, k + 1)
    edges = [made.tasks * k // cuts for k in range(cuts + 1)]
    for begin, end in pairwise(edges):
        call(library, "product", pointers, begin, end)
    for k in range(made.finishing):
        call(library, "finishing", pointers, k, k + 1)
    over = tuple(range(len(problem.axes), len(walk)))
    expected = (a.astype(np.float64) * b).sum(axis=over)
    scale = np.abs(a.astype(np.float64) * b).sum(axis=over)
    assert np.all(np.abs(c - expected) <= np.finfo(dtype).eps * (problem.depth + 1) * scale), (made, c, expected)
    assert np.isnan(fc).sum() == fc.size - c.size, "stored beside c"
    return c.copy()
