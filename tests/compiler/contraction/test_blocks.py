"""Every block that the model could choose is right, whether its operand is packed or not; so are turned squares."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace

import numpy as np
import pytest

from clew.compiler.block import Block, Module, Reg, vector
from clew.compiler.contraction import Plan, Problem
from clew.compiler.contraction import plan as best
from clew.compiler.contraction.plan import pack
from clew.compiler.contraction.problem import inward
from clew.compiler.contraction.tiling import Line, packed
from clew.compiler.contraction.turn import turn, turned
from clew.compiler.native import Library, host
from tests.compiler.contraction.calling import check, text
from tests.compiler.contraction.problems import WIDTHS, anything, by_image, by_kernel, convolution, matmul

PROBLEMS = {
    "product": matmul(21, 18, 37),
    "transposed": matmul(37, 21, 18, "double", ta=True, tb=True, tc=True),
    "dots": matmul(9, 35, 20, tb=True),
    "convolution": convolution(2, 3, 9, 20, 19, 3, 2, 2),
    "by kernel": by_kernel(convolution(2, 4, 9, 9, 18, 3, 3)),
    "by image": by_image(2, 4, 6, 7, 3, 3),
    **{f"random {seed}": anything(seed) for seed in (3, 4, 8, 9)},
}


def some_plan(problem: Problem, bits: int, rng: np.random.Generator, copied: bool) -> Plan | None:
    """Any line, any of its blocks, in one stretch or several."""
    summed = inward(problem.summed)
    lines = [Line(problem, bits, summed, i, None) for i, x in enumerate(problem.axes) if x.size > 1]
    lines += [Line(problem, bits, summed, None, k) for k in range(len(summed))]
    if copied:
        lines = [x for x in lines if x.vector is not None and not getattr(x.lane, x.other) and getattr(x.lane, x.held)]
    if not lines:
        return None
    line = lines[rng.integers(len(lines))]
    tiles = list(line.tiles())
    tile = tiles[rng.integers(len(tiles))]
    made = line.plan(tile, line.cycles(tile) * 10)
    if copied and not made.packs and line.vector is not None:
        width = made.tile[line.vector]
        width = width if rng.integers(2) or width < problem.axes[line.vector].size else -(-width // line.lanes) * line.lanes
        made = packed(made, pack(problem, made.summed, line.held, line.vector, width, 0))
    if made.summed and rng.integers(2):
        made = replace(made, split=int(rng.integers(1, made.summed[0].size + 1)))
    return made


@pytest.mark.parametrize("copied", [False, True], ids=["as it lies", "packed"])
@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("name", list(PROBLEMS))
def test_any_block_is_right(name: str, bits: int, copied: bool) -> None:
    rng = np.random.default_rng(len(name) + bits)
    for seed in range(4):
        made = some_plan(PROBLEMS[name], bits, rng, copied)
        if made:
            check(PROBLEMS[name], bits, seed, made)


@pytest.mark.parametrize("copied", [False, True], ids=["as it lies", "packed"])
@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("name", list(PROBLEMS))
def test_any_block_is_right_as_a_function(name: str, bits: int, copied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short it is."""
    monkeypatch.setattr(Plan, "apart", property(lambda made: not made.near))
    test_any_block_is_right(name, bits, copied)


def functions(module: str) -> dict[str, str]:
    return {x[1]: x[0] for x in re.finditer(r"(?ms)^define .*?@(\w+)\(.*?^}", module)}


@pytest.mark.parametrize("bits", WIDTHS)
def test_long_blocks_are_functions(bits: int) -> None:
    """What is compiled in a hurry hardly computes. Blocks of the same text are one function."""
    made = functions(text(best(matmul(192, 700, 192, ta=True), bits)))
    assert "fmuladd" not in made["product"] and "call void @k" in made["product"]
    assert len(made) <= 4 and any("fmuladd" in x for x in made.values())
    assert "fmuladd" in functions(text(best(matmul(160, 7, 160), bits)))["product"]


@pytest.mark.parametrize("bits", WIDTHS)
def test_packing_only_calls(bits: int) -> None:
    for problem in (
        matmul(300, 200, 400, tb=True),
        matmul(1501, 203, 4096),
        matmul(400, 203, 401, "double", tb=True),
    ):
        made = best(problem, bits)
        packing = functions(text(made))["packing"]
        assert made.packs and not re.search(r" load <| store <|shufflevector", packing)


@pytest.mark.parametrize("part", [None, (8, 5), (3, 8), (1, 1)])
@pytest.mark.parametrize(("kind", "dtype"), [("float", np.float32), ("double", np.float64)])
def test_squares_in_memory(kind: str, dtype: type, part: tuple[int, int] | None) -> None:
    module, (tall, wide) = Module(), part or (8, 8)
    source, target = Reg("%a", "ptr"), Reg("%c", "ptr")

    def body(b: Block) -> None:
        turn(b, kind, 8, source, 11, target, 13, tall, wide)
        b.do("ret void")

    module.function("turning", "void", [source, target], body)
    a, c = np.random.default_rng(tall).normal(size=(8, 11)).astype(dtype), np.full((8, 13), np.nan, dtype)
    library = Library(module.text, host())
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("turning"))(a.ctypes.data, c.ctypes.data)
    expected = np.full((8, 13), np.nan, dtype)
    expected[:wide, :tall] = a[:tall, :wide].T
    np.testing.assert_array_equal(c, expected)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("problem", [PROBLEMS["transposed"], matmul(45, 30, 70, ta=True), matmul(3, 40, 33, ta=True, tc=True)])
def test_both_operands_packed(problem: Problem, bits: int) -> None:
    summed = inward(problem.summed)
    for line in [Line(problem, bits, summed, i, None) for i in (0, 1)]:
        for tile in [x for x in line.tiles() if line.rows in x][::5]:
            made = line.plan(tile, 1000.0)
            made = replace(made, walk=problem.axes, inside=problem.axes, summed=made.summed_axes, packs=())
            for operand, axis in ((line.held, line.vector), (line.other, line.rows)):
                assert axis is not None
                start = sum(x.size for x in made.packs)
                made = packed(made, pack(problem, made.summed_axes, operand, axis, made.tile[axis], start))
            check(problem, bits, 0, made)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize(("kind", "dtype"), [("float", np.float32), ("double", np.float64)])
def test_squares_are_turned(kind: str, dtype: type, bits: int) -> None:
    most = bits // (32 if kind == "float" else 64)
    for n in [k for k in (2, 4, 8, 16) if k <= most]:
        module, type_ = Module(), vector(kind, n)
        places = [Reg("%a", "ptr"), Reg("%c", "ptr")]

        def body(b: Block, n: int = n, type_: str = type_, places: list[Reg] = places) -> None:
            rows = [b.load(b.gep(places[0], Reg(str(k * n), "i64"), kind), type_, 4) for k in range(n)]
            for k, x in enumerate(turned(b, rows)):
                b.store(x, b.gep(places[1], Reg(str(k * n), "i64"), kind), 4)
            b.do("ret void")

        module.function("turn", "void", places, body)
        library = Library(module.text, host().limited(bits))
        a, c = np.arange(n * n, dtype=dtype).reshape(n, n), np.zeros((n, n), dtype)
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("turn"))(a.ctypes.data, c.ctypes.data)
        np.testing.assert_array_equal(c, a.T)
