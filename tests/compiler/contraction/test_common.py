"""Register blocks that products have in common."""

from __future__ import annotations

import re

import pytest

from clew.compiler.block import Block, Module
from clew.compiler.contraction import Plan, write
from clew.compiler.contraction.common import ROWS
from tests.compiler.contraction.calling import POINTERS, RANGE, check
from tests.compiler.contraction.problems import WIDTHS, matmul, tiled


def module(plans: list[Plan]) -> str:
    """The functions of all of them."""
    made = Module()
    for k, each in enumerate(plans):

        def body(b: Block, each: Plan = each) -> None:
            write(b, each, *POINTERS, *RANGE)
            b.do("ret void")

        made.function(f"product{k}", "void", [*POINTERS, *RANGE], body)
    return made.text


def blocks(text: str) -> int:
    """How many functions multiply."""
    return sum("fmuladd" in x for x in re.findall(r"(?ms)^define .*?^}", text))


@pytest.mark.parametrize("kind", ["float", "double"])
@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("rows", [1, 3, 5, ROWS])
@pytest.mark.parametrize("vectors", [1, 2, 4])
def test_blocks_of_any_size(rows: int, vectors: int, bits: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "apart", property(lambda made: True))
    monkeypatch.setattr("clew.compiler.contraction.common.FULL", 0)
    lanes = bits // (32 if kind == "float" else 64)
    for columns in (vectors * lanes, 2 * vectors * lanes - 1, 3 * vectors * lanes + 1):
        for ta in (False, True):
            problem = matmul(2 * rows, 7, columns, kind, ta=ta)
            made = tiled(problem, bits, rows, vectors)
            text = module([made])
            assert "%held_step" in text or (columns % lanes and not made.masks)
            check(problem, bits, columns, made)


@pytest.mark.parametrize("bits", WIDTHS)
def test_products_share_them(bits: int) -> None:
    """Whatever their sizes, and whichever operand is transposed."""
    lanes = bits // 32
    rows, vectors = (5, 5) if bits == 512 else (4, 3)
    sizes = [(10 * rows, 400, vectors * lanes), (4 * rows, 917, 3 * vectors * lanes), (rows, 600, vectors * lanes)]
    problems = [matmul(*size, ta=k == 1) for k, size in enumerate(sizes)]
    assert blocks(module([tiled(x, bits, rows, vectors) for x in problems])) == 1


def test_masks_of_the_widest_vectors_are_a_parameter() -> None:
    """Then blocks at the edge are the others' function; shorter vectors have one for them alone."""
    counts = [blocks(module([tiled(matmul(50, 300, 6 * lanes - 3), 32 * lanes, 5, 3)])) for lanes in (8, 16)]
    assert counts == [2, 1]


def test_what_is_no_such_block() -> None:
    """Few accumulators, many rows, and lanes that do not lie together: they are written for themselves."""
    for problem, rows, vectors in (
        (matmul(40, 4000, 64), 2, 4),
        (matmul(40, 4000, 64), 14, 2),
        (matmul(40, 4000, 64, tb=True), 4, 4),
    ):
        text = module([tiled(problem, 512, rows, vectors)])
        assert "fmuladd" in text and "%held_step" not in text
