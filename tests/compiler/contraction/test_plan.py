"""Plans: what they state holds, and the choices that matter are made."""

from __future__ import annotations

import pytest

from clew.compiler.contraction import Axis, Problem, merged, plan
from tests.compiler.contraction.problems import anything, by_kernel, convolution, matmul


@pytest.mark.parametrize("bits", [512, 256, 128])
@pytest.mark.parametrize("seed", range(20))
def test_tasks_are_whole_blocks(seed: int, bits: int) -> None:
    made = plan(anything(seed), bits)
    for x, tile, chunk in zip(made.problem.axes, made.tile, made.chunk, strict=True):
        assert 1 <= tile <= max(x.size, 1)
        assert chunk % tile == 0 or chunk >= x.size
    assert sorted(made.order) == list(range(len(made.tile)))


def test_an_empty_result_has_no_tasks() -> None:
    assert plan(matmul(0, 5, 7), 512).tasks == 0
    assert plan(matmul(5, 0, 7), 512).tasks == 1


def test_a_plain_product_needs_no_scratch_memory() -> None:
    made = plan(matmul(32, 784, 128), 512)
    assert (made.vector, made.turn, made.scratch, made.packing) == (1, None, 0, 0)


def test_rows_far_apart_are_packed() -> None:
    made = plan(matmul(1024, 1024, 1024), 512)
    assert made.packs[0].operand == "b"
    assert made.scratch == 1024 * 1024
    assert made.packing == 1024 // made.packs[0].width


def test_of_rows_far_apart_few_vectors_are_read_at_once() -> None:
    """They come slowly; what lies in order does not."""
    apart, in_order = (plan(matmul(128, 256, n, ta=True), 512).tile for n in (784, 80))
    assert apart[1] // 16 < apart[0] and in_order[1] // 16 >= in_order[0]


def test_shares_of_a_sum_are_chosen_without_copies() -> None:
    """A stretch stays near, however far apart its rows are: the block is the one that suits that."""
    problem = Problem("float", (Axis(128, 1, 0, 512), Axis(512, 0, 1, 1)), (Axis(8, 16384, 65536), Axis(128, 128, 512)))
    made = plan(problem, 512)
    assert made.shares and not made.packs and made.tile[1] // 16 < made.tile[0]


def test_elements_that_pass_are_packed_where_their_steps_fall_into_few_sets() -> None:
    made = plan(matmul(2048, 2048, 2048, ta=True), 512)
    assert [x.operand for x in made.packs] == ["b", "a"]
    assert made.packs[1].width == made.tile[0]
    assert "a" not in [x.operand for x in plan(matmul(2048, 2048, 128, ta=True), 512).packs]  # it is read too seldom
    assert [x.operand for x in plan(matmul(1000, 1000, 1000, ta=True), 512).packs] == []


def test_a_transposed_matrix_is_not_packed_for_few_rows() -> None:
    """The few rows are, and blocks are turned on their way out."""
    made = plan(matmul(32, 128, 784, tb=True), 512)
    assert (made.vector, made.turn) == (0, 1)
    assert made.packs[0].operand == "a"


def test_a_matrix_times_a_vector_adds_lanes_up() -> None:
    assert plan(matmul(784, 128, 1), 512).vector is None


def test_long_sums_rest() -> None:
    assert plan(matmul(64, 20_000, 64), 512).split
    assert plan(by_kernel(convolution(64, 1, 30, 30, 16, 3, 3)), 512).split
    assert not plan(matmul(64, 500, 64), 512).split


def test_many_tasks_only_for_much_work() -> None:
    assert plan(matmul(64, 64, 64), 512).tasks == 1
    assert plan(matmul(1024, 1024, 1024), 512).tasks >= 32


def test_merged_axes_keep_their_walk() -> None:
    a = merged([Axis(4, 15, 3, 30), Axis(3, 5, 1, 10), Axis(5, 1, 0, 2)])
    assert a == (Axis(12, 5, 1, 10), Axis(5, 1, 0, 2))
    assert Problem("float", a, ()).size == 60
