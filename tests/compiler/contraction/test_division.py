"""Long sums in shares, rows few at a time, and operands that are computed in rounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from clew.compiler.contraction import Axis, Problem, division, plan, tiling
from tests.compiler.contraction.calling import check
from tests.compiler.contraction.problems import WIDTHS, anything, by_kernel, convolution, matmul


def batches(n: int, k: int, i: int, j: int, dtype: str = "double") -> Problem:
    """Rows of ``k`` vectors that lie side by side, each with a matrix of its own."""
    return Problem(dtype, (Axis(n, 0, k * j, k * i), Axis(k, i * j, j, i), Axis(i, j, 0, 1)), (Axis(j, 1, 1),))


def gradient(n: int, k: int, i: int, j: int, dtype: str = "double") -> Problem:
    """And the gradient of the matrices."""
    return Problem(dtype, (Axis(k, i, j, i * j), Axis(i, 1, 0, j), Axis(j, 0, 1, 1)), (Axis(n, k * i, k * j),))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything is worth a task, and little is near."""
    for name, value in {"SHARE": 50, "TASK": 100, "LONG": 2, "APART": 2, "NEAR": 3000}.items():
        monkeypatch.setattr(division, name, value)
    tiling.plan.cache_clear()
    yield
    tiling.plan.cache_clear()


def test_which_sums_are_shared() -> None:
    assert plan(gradient(10_000, 25, 10, 10), 512).shares == division.SHARES
    assert plan(matmul(64, 20_000, 64), 512).shares
    for problem in (matmul(768, 8192, 768), matmul(64, 500, 64), batches(10_000, 25, 10, 10)):
        assert not plan(problem, 512).shares
    assert not plan(by_kernel(convolution(64, 1, 30, 30, 16, 3, 3)), 512).shares  # its sums are too few between two rests


def test_rows_of_batches_side_by_side_are_taken_few_at_a_time() -> None:
    made = plan(batches(10_000, 25, 10, 10), 512)
    assert made.chunk[0] < 200 and made.chunk[1:] == (25, 10)
    assert 4000 * made.chunk[0] < 2 * division.NEAR
    apart = Problem("double", (Axis(25, 100, 100_000, 100_000), Axis(10_000, 0, 10, 10), Axis(10, 10, 0, 1)), (Axis(10, 1, 1),))
    assert plan(apart, 512).chunk[0] < 25


def test_a_large_operand_is_passed_over_in_rows_that_stay_near() -> None:
    """Not all of it for each panel of the other one."""
    for problem in (matmul(2048, 2048, 2048), matmul(20_000, 512, 128, "double"), matmul(770, 8192, 770, ta=True)):
        made = plan(problem, 512)
        assert made.chunk[0] <= 256 and made.chunk[1] >= 128
    assert plan(matmul(770, 8192, 770, ta=True), 512).split * 256 * 4 <= division.PASSED
    assert plan(matmul(512, 512, 512), 512).chunk[1] < 128


def test_long_rows_are_not_multiplied_far_from_the_nearest_cache() -> None:
    """Two operands that both lie along a long sum: one is turned, so that blocks may be wide."""
    made = plan(matmul(256, 20_000, 128, tb=True), 512)
    assert made.vector is not None and made.packs
    assert plan(matmul(256, 60, 2, tb=True), 512).packs == ()


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize(
    "problem", [matmul(130, 90, 70), matmul(300, 40, 33, "double", ta=True), matmul(64, 300, 20, tb=True), matmul(41, 1, 3)]
)
def test_rows_of_large_operands(problem: Problem, bits: int, eager: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LARGE": 5000, "PASSED": 1500, "ROWS": 16, "COLUMNS": 20, "STRETCH": 4000}.items():
        monkeypatch.setattr(division, name, value)
    whole = check(problem, bits)
    np.testing.assert_array_equal(check(problem, bits, cuts=3), whole)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("sizes", [(300, 5, 4, 3), (777, 3, 10, 10), (1000, 2, 1, 5), (512, 25, 3, 17)])
def test_batches(sizes: tuple[int, int, int, int], dtype: str, bits: int, eager: None) -> None:
    check(batches(*sizes, dtype=dtype), bits)
    shared = gradient(*sizes, dtype=dtype)
    assert plan(shared, bits).shares > 1
    np.testing.assert_array_equal(check(shared, bits, cuts=3), check(shared, bits))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("seed", range(12))
def test_random_problems(seed: int, bits: int, eager: None) -> None:
    check(anything(seed), bits, seed)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("problem", [matmul(5, 700, 9), matmul(16, 999, 3, "double", ta=True), matmul(1, 3000, 1, "double")])
def test_long_sums(problem: Problem, bits: int, eager: None) -> None:
    check(problem, bits)


def test_operands_that_cannot_be_computed_in_rounds_are_computed_at_once() -> None:
    wide = replace(matmul(64, 1_000_000, 64), computed="a", cut=0)
    assert plan(wide, 512).near == 64
    summed = Problem("float", (Axis(4000, 1, 0, 4000), Axis(4000, 0, 1, 1)), (Axis(4000, 4000, 4000),), "ab", 2)
    assert plan(summed, 512).near == 4000
