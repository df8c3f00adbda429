"""Contractions computed in the order of axes in which they are read."""

from __future__ import annotations

import numpy as np

from clew.compiler.turning import turned
from clew.ir import Graph, f64, parameter, run
from clew.ops.contraction import Contract, contract
from clew.ops.exponential import exp
from clew.ops.movement import Permute, permute

A, B = parameter("a", f64(6, 8)), parameter("b", f64(8, 5))
PRODUCT = contract("ij,jk->ik", A, B)


def the_same(before: Graph) -> Graph:
    """The graph turned, once it computes what it did."""
    after = turned(before)
    inputs = [np.random.default_rng(0).normal(size=v.shape) for v in before.inputs]
    for x, y in zip(run(after, *inputs), run(before, *inputs), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-14)
    return after


def specs(graph: Graph) -> list[str]:
    return [v.op.spec for v in graph.values if isinstance(v.op, Contract)]


def test_a_permutation_goes_into_the_contraction_before_it() -> None:
    after = the_same(Graph("g", (A, B), (exp(permute(PRODUCT, (1, 0))),)))
    assert specs(after) == ["ij,jk->ki"]
    assert not any(isinstance(v.op, Permute) for v in after.values)


def test_so_does_one_of_several_equal_ones() -> None:
    after = the_same(Graph("g", (A, B), (permute(PRODUCT, (1, 0)), exp(permute(PRODUCT, (1, 0))))))
    assert set(specs(after)) == {"ij,jk->ki"}


def test_what_is_read_in_two_orders_stays() -> None:
    for other in (exp(PRODUCT), PRODUCT):
        before = Graph("g", (A, B), (permute(PRODUCT, (1, 0)), other))
        assert specs(the_same(before)) == ["ij,jk->ik"]


def test_axes_of_heads_go_where_they_are_wanted() -> None:
    p, v = parameter("p", f64(2, 3, 5, 4)), parameter("v", f64(2, 3, 4, 7))
    after = the_same(Graph("g", (p, v), (permute(contract("bhqk,bhkd->bhqd", p, v), (0, 2, 1, 3)),)))
    assert specs(after) == ["bhqk,bhkd->bqhd"]
