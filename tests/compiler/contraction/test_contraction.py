"""Contractions against NumPy: shapes of all kinds, any strides, every width of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clew.compiler.compiled import Compiled
from clew.compiler.contraction import Axis, Problem, plan
from clew.ir import Graph, f64, parameter
from clew.ops.broadcast import broadcast
from clew.ops.contraction import contract
from tests.compiler.contraction.calling import check
from tests.compiler.contraction.problems import WIDTHS, anything, by_image, by_kernel, convolution, matmul

SHAPES = [(3, 5, 4), (100, 2, 16), (16, 16, 1), (1, 30, 50), (37, 53, 41), (8, 784, 10), (33, 1, 17), (64, 64, 64), (1, 1, 1)]


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("shape", SHAPES)
def test_matmul(shape: tuple[int, int, int], dtype: str, bits: int) -> None:
    check(matmul(*shape, dtype), bits)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("tc", [False, True])
def test_transposed_operands(ta: bool, tb: bool, tc: bool, bits: int) -> None:
    check(matmul(19, 37, 35, "float", ta, tb, tc), bits)
    check(matmul(5, 3, 7, "double", ta, tb, tc), bits)
    check(matmul(2, 130, 3, "float", ta, tb, tc), bits)


CONVOLUTIONS = [
    (2, 3, 9, 8, 5, 3, 3),
    (1, 2, 16, 16, 16, 3, 3),
    (2, 2, 11, 13, 4, 5, 5, 2),
    (1, 1, 5, 5, 1, 5, 5),
    (3, 4, 6, 6, 17, 1, 1),
]


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("sizes", CONVOLUTIONS)
def test_convolution_forward(sizes: Any, dtype: str, bits: int) -> None:
    check(convolution(*sizes, dtype=dtype), bits)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("sizes", CONVOLUTIONS)
def test_derivative_of_a_convolution_by_its_kernel(sizes: Any, bits: int) -> None:
    check(by_kernel(convolution(*sizes)), bits)


@pytest.mark.parametrize("bits", WIDTHS)
def test_derivative_of_a_convolution_by_its_image(bits: int) -> None:
    check(by_image(2, 3, 7, 9, 5, 3), bits)
    check(by_image(1, 20, 5, 4, 6, 5), bits)


EINSUMS = {
    "batched": Problem("float", (Axis(3, 20, 35, 28), Axis(4, 5, 0, 7), Axis(7, 0, 1, 1)), (Axis(5, 1, 7),)),
    "rows of dots": Problem("float", (Axis(33, 40, 40, 1),), (Axis(40, 1, 1),)),
    "columns of dots": Problem("float", (Axis(33, 1, 1, 1),), (Axis(40, 33, 33),)),
    "elements": Problem("double", (Axis(9, 1, 1, 1), Axis(5, 9, 9, 9)), ()),
    "outer": Problem("float", (Axis(21, 1, 0, 19), Axis(19, 0, 1, 1)), ()),
    "dot": Problem("float", (), (Axis(1000, 1, 1),)),
    "scalar": Problem("double", (), ()),
    "backwards": Problem("float", (Axis(20, -31, 0, -23), Axis(23, 0, -1, -1)), (Axis(31, -1, -23),)),
    "every third": Problem("float", (Axis(20, 93, 0, 46), Axis(23, 0, 3, 2)), (Axis(31, 3, 69),)),
    "in c alone": Problem("float", (Axis(6, 0, 0, 30), Axis(5, 0, 1, 6), Axis(6, 1, 0, 1)), (Axis(4, 6, 5),)),
    "in a alone, summed": Problem("float", (Axis(6, 20, 0, 5), Axis(5, 0, 1, 1)), (Axis(4, 5, 5), Axis(5, 1, 0))),
    "in neither, summed": Problem("double", (), (Axis(2, 0, 0),)),
    "in neither, summed, with others": Problem("float", (Axis(6, 20, 0, 1),), (Axis(5, 1, 0), Axis(19, 0, 0))),
    "no axis of c": Problem("double", (Axis(1, 1, 1, 1),), (Axis(5, 7, 1), Axis(7, 1, 5))),
    "many axes": Problem(
        "float",
        (Axis(2, 120, 0, 72), Axis(3, 0, 4, 24), Axis(4, 30, 0, 1), Axis(6, 0, 60, 4)),
        (Axis(5, 6, 12), Axis(2, 3, 2), Axis(3, 1, 0)),
    ),
    "depthwise": Problem(
        "float",
        (Axis(2, 300, 0, 192), Axis(3, 100, 9, 64), Axis(8, 10, 0, 8), Axis(8, 1, 0, 1)),
        (Axis(3, 10, 3), Axis(3, 1, 1)),
    ),
}


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("name", list(EINSUMS))
def test_einsum(name: str, bits: int) -> None:
    check(EINSUMS[name], bits)


@pytest.mark.parametrize("bits", WIDTHS)
def test_nothing_summed_is_zero_and_nothing_kept_is_left_alone(bits: int) -> None:
    assert np.all(check(matmul(5, 0, 37), bits) == 0)
    assert check(matmul(0, 4, 37), bits).shape == (0, 37)
    assert check(matmul(5, 4, 0), bits).shape == (5, 0)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("seed", range(40))
def test_random_problems(seed: int, bits: int) -> None:
    check(anything(seed), bits, seed)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 16, 21, 40])
def test_lanes_beyond_a_sum_count_for_nothing(n: int) -> None:
    """One number that is repeated along the sum is in no lane that the sum does not have: not once more, and no NaN of inf."""
    x, y = parameter("x", f64()), parameter("y", f64(n))
    of_x = broadcast(x, (0,), (n,))
    graph = Graph("g", (x, y), (contract("a,a->", of_x, of_x), contract("a,a->", y, of_x), contract("a,a->", of_x, y)))
    ys = np.arange(1.0, n + 1)
    for number in (-1.5, np.inf):
        found = Compiled(graph)([np.array(number), ys])
        np.testing.assert_allclose(found, [n * number**2, ys.sum() * number, ys.sum() * number], rtol=1e-14)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [150, 170, 230])
@pytest.mark.parametrize("tc", [False, True])
def test_panels_that_end_within_a_square(n: int, tc: bool, bits: int) -> None:
    """The last square that is turned for a panel is a part of one, or overlaps the one before."""
    problem = matmul(300, 170, n, tb=True, tc=tc)
    assert plan(problem, bits).packs
    check(problem, bits)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize(
    "problem",
    [matmul(300, 70, 170), matmul(150, 200, 130, "double", tb=True), by_kernel(convolution(8, 5, 14, 14, 20, 3, 3))],
    ids=["product", "transposed", "by kernel"],
)
def test_results_do_not_depend_on_how_tasks_are_shared(problem: Problem, bits: int) -> None:
    made = plan(problem, bits)
    assert made.tasks > 1
    whole = check(problem, bits)
    for cuts in (2, 3, made.tasks):
        np.testing.assert_array_equal(check(problem, bits, cuts=cuts), whole)
