"""Contractions and convolutions as problems: axes, steps, and inputs padded beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.products import flops, follows, is_product, product, unpadded
from clew.ir import DTYPES, Dtype, Graph, Type, Value, f32, f64, parameter, run
from clew.ops.contraction import contract
from clew.ops.convolution import Convolve
from clew.ops.movement import Pad, permute

A, B = parameter("a", f32(6, 8)), parameter("b", f32(8, 5))


def convolved(
    x: Value, k: Value, *, stride: int = 1, padding: tuple[int, int] = (0, 0), spread: int = 1, groups: int = 1
) -> Value:
    op = Convolve((stride,), (padding,), (1,), (spread,), groups)
    return Value(op, (x, k), op.infer(x.type, k.type))


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_which_are_products(dtype: Dtype) -> None:
    a, b = parameter("a", Type(dtype, (2, 3))), parameter("b", Type(dtype, (3, 4)))
    if dtype == DTYPES["bool"]:
        return
    assert is_product(contract("ij,jk->ik", a, b)) == (dtype in (DTYPES["f32"], DTYPES["f64"]))
    assert not is_product(contract("ij,ij->ij", a, a))  # nothing is summed


def test_views_are_read_where_they_lie() -> None:
    made = product(contract("ij,kj->ik", permute(permute(A, (1, 0)), (1, 0)), permute(B, (1, 0))), 512)
    assert made.left.base is A and made.right.base is B
    axes = made.plan.problem.axes
    assert [(x.size, x.a, x.b, x.c) for x in axes] == [(6, 8, 0, 5), (5, 0, 1, 1)]
    assert [(x.size, x.a, x.b) for x in made.plan.problem.summed] == [(8, 1, 5)]
    assert flops(made) == 2 * 6 * 5 * 8


@pytest.mark.parametrize("padding", [(0, 0), (2, 1), (-1, 0), (0, -2), (3, -1)])
@pytest.mark.parametrize("spread", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_inputs_are_padded_beforehand(padding: tuple[int, int], spread: int, turned: bool) -> None:
    x, k = parameter("x", f64(2, 9, 3) if turned else f64(2, 3, 9)), parameter("k", f64(4, 3, 3))
    y = convolved(permute(x, (0, 2, 1)) if turned else x, k, padding=padding, spread=spread)
    before = Graph("g", (x, k), (y,))
    after = unpadded(before)
    ops = [v.op for v in after.values]
    assert all(op.padding == ((0, 0),) and op.input_dilation == (1,) for op in ops if isinstance(op, Convolve))
    if padding[0] > 0:
        assert any(isinstance(op, Pad) for op in ops)
    inputs = [np.random.default_rng(0).normal(size=v.shape) for v in (x, k)]
    np.testing.assert_allclose(run(after, *inputs)[0], run(before, *inputs)[0], rtol=1e-12, atol=1e-12)
    if padding == (0, 0) and spread == 1:
        assert after.outputs[0].op.padding == y.op.padding  # type: ignore[union-attr]


def test_groups_are_an_axis_of_their_own() -> None:
    y = convolved(parameter("x", f32(2, 6, 9)), parameter("k", f32(4, 3, 3)), groups=2)
    problem = product(y, 512).plan.problem
    assert [x.size for x in problem.axes] == [2, 2, 2, 7] and [x.size for x in problem.summed] == [3, 3]
    assert not follows(y) and follows(contract("ij,jk->ik", A, B))
