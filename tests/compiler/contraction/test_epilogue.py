"""Epilogues get every element once, with its place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from clew.compiler.block import Block, Reg, mangle, number, vector
from clew.compiler.contraction import Axis, Epilogue, Plan, Problem, leaving, plan
from clew.compiler.native import Library, host
from tests.compiler.contraction.calling import POINTERS, TYPES, call, memory, text
from tests.compiler.contraction.problems import WIDTHS, by_kernel, convolution, matmul, tiled

PROBLEMS = {
    "product": matmul(37, 21, 53),
    "turned": matmul(40, 30, 50, tb=True),
    "scattered": matmul(30, 20, 40, "double", tc=True),
    "few": matmul(3, 5, 4),
    "dots": Problem("float", (Axis(20, 33, 0, 1),), (Axis(33, 1, 1),)),
    "dot": Problem("double", (), (Axis(33, 1, 1),)),
    "convolution": convolution(2, 3, 9, 8, 17, 3, 3),
    "by kernel": by_kernel(convolution(2, 3, 9, 8, 17, 3, 3)),
}


def placing(problem: Problem) -> Epilogue:
    """An epilogue that stores ``2 x + position in c`` at ``c``, by its index alone."""

    def epilogue(b: Block, place: Sequence[Reg], steps: Sequence[int], axis: int, x: Reg, mask: Reg | None) -> None:
        kind, lanes = x.element, x.lanes or 1
        position: Reg = number(0, vector("i64", lanes))
        for i, (start, step, y) in enumerate(zip(place, steps, problem.axes, strict=True)):
            here = b.add(start, number(step, "i64"))
            places = b.lanes_from(here, lanes) if i == axis else b.splat(here, lanes)
            position = b.add(position, b.mul(places, number(y.c, vector("i64", lanes))))
        x = x if x.lanes else b.splat(x, 1)
        out = b.fadd(b.fadd(x, x), b.convert("sitofp", position, kind))
        to = b.put(f"getelementptr {kind}, ptr %c, {position}", vector("ptr", lanes))
        flags = mask or Reg("splat (i1 true)", vector("i1", lanes))
        name = f"llvm.masked.scatter.{mangle(out.type)}.v{lanes}p0"
        b.module.declare(f"declare void @{name}({out.type}, {to.type}, {flags.type})")
        b.do(f"call void @{name}({out}, {to.type} align 4 {to.text}, {flags})")

    return Epilogue(epilogue, [POINTERS[2]])


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("name", list(PROBLEMS))
def test_in_loops(name: str, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epilogues that are not written out, however short they are; then in blocks that are functions."""
    monkeypatch.setattr(leaving, "WRITTEN", 0)
    test_epilogue(name, bits)
    monkeypatch.setattr(Plan, "apart", property(lambda made: not made.near))
    test_epilogue(name, bits)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("name", list(PROBLEMS))
def test_epilogue(name: str, bits: int) -> None:
    right(PROBLEMS[name], bits, plan(PROBLEMS[name], bits))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("vectors", [1, 3])
@pytest.mark.parametrize("rows", [1, 5])
def test_of_blocks_in_common(rows: int, vectors: int, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They leave for the stack, and a function goes over them from there."""
    monkeypatch.setattr(leaving, "WRITTEN", 0)
    monkeypatch.setattr(Plan, "apart", property(lambda made: True))
    monkeypatch.setattr("clew.compiler.contraction.common.FULL", 0)
    for columns in (vectors * bits // 32, 2 * vectors * bits // 32 - 1, 3 * vectors * bits // 32 + 1):
        for ta, tc in ((False, False), (True, False), (False, True)):
            problem = matmul(2 * rows + 1, 7, columns, ta=ta, tc=tc)
            right(problem, bits, tiled(problem, bits, rows, vectors))


def right(problem: Problem, bits: int, made: Plan) -> None:
    """What the plan and an epilogue compute is what NumPy does."""
    dtype, rng = TYPES[problem.dtype], np.random.default_rng(0)
    walk = (*problem.axes, *problem.summed)
    (_, a), (_, b) = memory(walk, "a", dtype, rng), memory(walk, "b", dtype, rng)
    flat, c = memory(problem.axes, "c", dtype, None)
    scratch = np.zeros(made.scratch + 1, dtype)
    library = Library(text(made, placing(problem)), host().limited(bits))
    pointers = [x.ctypes.data for x in (a, b, c, scratch)]
    call(library, "packing", pointers, 0, made.packing)
    call(library, "product", pointers, 0, made.tasks)
    position = (
        sum(
            np.arange(x.size).reshape([-1 if k == i else 1 for k in range(len(problem.axes))]) * x.c
            for i, x in enumerate(problem.axes)
        )
        if problem.axes
        else 0
    )
    expected = 2 * (a.astype(np.float64) * b).sum(axis=tuple(range(len(problem.axes), len(walk)))) + position
    np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-4)
    assert np.isnan(flat).sum() == flat.size - c.size


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("problem", [matmul(36, 64, 20), matmul(37, 53, 41), matmul(40, 30, 50, tb=True)])
def test_a_long_epilogue_is_written_few_times(problem: Problem, bits: int) -> None:
    """A block's text does not grow with its accumulators."""

    def epilogue(b: Block, place: Sequence[Reg], steps: Sequence[int], axis: int, x: Reg, mask: Reg | None) -> None:
        for _ in range(100):
            x = b.fneg(x)

    module = text(plan(problem, bits), Epilogue(epilogue, []))
    assert 0 < module.count("fneg") <= 100 * 12


def test_whole_vectors_and_edges_share_an_epilogue() -> None:
    """Where every instruction may have a mask, the long epilogue is written once."""

    def epilogue(b: Block, place: Sequence[Reg], steps: Sequence[int], axis: int, x: Reg, mask: Reg | None) -> None:
        for _ in range(100):
            x = b.fneg(x)
        if mask is not None:
            b.masked_store(x, POINTERS[2], mask, 4)

    counts = [text(plan(matmul(30, 50, 44), bits), Epilogue(epilogue, POINTERS[2:3])).count("fneg") for bits in (256, 512)]
    assert counts == [200, 100]


@pytest.mark.parametrize("bits", WIDTHS)
def test_text_is_short(bits: int) -> None:
    """A product's text stays small whatever its edges, for what it takes to compile grows with it."""
    for problem in (matmul(1024, 1024, 1024), matmul(37, 53, 41), matmul(1000, 999, 501, tb=True), PROBLEMS["convolution"]):
        assert text(plan(problem, bits)).count("\n") < 900
