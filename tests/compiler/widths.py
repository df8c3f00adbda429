"""Every op of every dtype, compiled for vectors of so many bits and compared: ``python -m tests.compiler.widths 256``, or with
``256 5 2`` every fifth of these graphs from the second on.

Where LLVM has no instruction for something, it ends the process. So this is a process of its own, which says what it is at
before it compiles it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from clew.compiler import native
from clew.compiler.compiled import Compiled
from clew.errors import ClewError
from clew.ir import DTYPES, Array, Graph, Type, Value, parameter, run
from clew.ops.elementwise import Elementwise
from clew.ops.indexing import Gather
from clew.ops.movement import Flip, Permute, Slice
from clew.ops.rounding import Cast
from tests.ops.contract import Case, Operand

from .models import MODELS
from .test_ops import CASES, close, graph_of


def distinct() -> list[Case]:
    """One case of each op, of each number of axes."""
    found: dict[tuple[str, tuple[int, ...]], Case] = {}
    for case in CASES:
        if not getattr(case.op, "stable", True):  # leaves open which order it gives
            continue
        found.setdefault((case.op.name, tuple(len(x.shape) for x in case.operands)), case)
    return list(found.values())


def of_dtype(x: Operand, name: str) -> Operand:
    """The same operand, of numbers of another dtype that are not 0 or negative."""
    if x.dtype != "f64":
        return x
    low, high = max(x.low, 0.5), max(x.high, 0.75)
    return Operand(x.shape, name) if name == "bool" else replace(x, dtype=name, choices=None, low=low, high=max(high, 3.0))


def cases() -> Iterator[tuple[str, Graph, list[Array]]]:
    """Ops as they are in their cases; elementwise ones of 2 x 37 elements; what moves between dtypes, and gathers."""
    for name, dtype in DTYPES.items():
        for case in distinct():
            operands = [of_dtype(x, name) for x in case.operands]
            if isinstance(case.op, Elementwise):
                operands = [replace(x, shape=(2, 37)) for x in operands]
            made = Case(case.op, tuple(operands))
            try:
                graph = graph_of(made)
            except ClewError:  # the op takes no such numbers
                continue
            rng = np.random.default_rng(1)
            yield made.id, graph, [np.asarray(x.draw(rng))[()] for x in operands]
        yield f"moves of {name}", *moves(dtype)


def moves(dtype: np.dtype) -> tuple[Graph, list[Array]]:
    """Casts from it to all dtypes, of neighbours and of others: rows backwards, columns, every so many, and found ones."""
    x, index = parameter("x", Type(dtype, (35, 40))), parameter("i", Type(DTYPES["i64"], (35,)))
    found: list[Value] = []
    for op in (
        *(Slice((0, 0), (35, 40), (1, step)) for step in (1, 2, 3, 4, 5)),
        Flip((1,)),
        Permute((1, 0)),
        Gather((0,), 0),
        Gather((1,), 0),
    ):
        operands = (x, index) if isinstance(op, Gather) else (x,)
        v = Value(op, operands, op.infer(*[w.type for w in operands]))
        found += [Value(Cast(t), (v,), v.type.with_dtype(t)) for t in DTYPES.values()]
    data = np.random.default_rng(2).integers(0, 2 if dtype.kind == "b" else 100, (35, 40)).astype(dtype)
    return Graph("moves", (x, index), tuple(found)), [data, np.arange(35)[::-1] % 30]


def main(bits: int, every: int = 1, first: int = 0) -> None:
    limited = native.host().limited(bits)
    native.host = lambda: limited  # type: ignore[assignment]
    assert f"<{bits // 32} x float>" in Compiled(MODELS["chain"]()[0]).text
    for what, graph, inputs in islice(cases(), first, None, every):
        print(what, flush=True)
        for actual, wanted in zip(Compiled(graph)(inputs), run(graph, *inputs), strict=True):
            close(np.asarray(actual), np.asarray(wanted))
    print("done")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
