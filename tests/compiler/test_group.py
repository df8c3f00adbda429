"""What is computed together: roots, groups and their domains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.group import Grouping, prefix, reduced, roots
from clew.compiler.prepare import prepare
from clew.ir import DTYPES, Graph, Type, Value, f32, parameter
from clew.ops.arithmetic import add, mul, neg
from clew.ops.broadcast import broadcast, sum
from clew.ops.contraction import contract
from clew.ops.exponential import exp
from clew.ops.movement import narrow
from clew.ops.sorting import Sort

from .models import MODELS

X = parameter("x", f32(32, 48))


def groups(*outputs: Value, inputs: tuple[Value, ...] = (X,)) -> list[tuple[str, int, tuple[int, ...]]]:
    """Kind, how many members, and domain."""
    found = Grouping(Graph("g", inputs, outputs)).groups
    return [(g.kind, len(g.members), g.domain) for g in found]


def test_a_chain_is_one_expression() -> None:
    y = X
    for _ in range(10):
        y = neg(exp(y))
    assert groups(y) == [("loops", 1, (32, 48))]


def test_several_results_of_one_shape_are_one_kernel() -> None:
    y = exp(X)
    assert groups(y, mul(y, y), add(y, X)) == [("loops", 3, (32, 48))]


def test_folds_along_and_across_are_two_kernels() -> None:
    x = parameter("x", f32(48, 48))
    assert groups(sum(x, (0,)), sum(x, (1,)), inputs=(x,)) == [("loops", 1, (48,)), ("loops", 1, (48,))]


def test_a_kernel_is_small_by_all_that_it_reads() -> None:
    """Results of few elements, each of many: these are not one turn of a loop, which would run on one thread."""
    small, large = (sum(parameter("x", f32(n, 50)), (0,)) for n in (10, 1000))
    for rows, kernels in ((small, 1), (large, 2)):
        total = broadcast(sum(rows, (0,)), (0,), (50,))
        assert len(groups(mul(rows, total), inputs=rows.operands)) == kernels


def test_what_is_expensive_is_computed_once() -> None:
    y = exp(exp(X))
    graph = Graph("g", (X,), (mul(y, y), sum(y, (1,))))
    assert y in roots(graph)
    cheap = neg(X)
    assert cheap not in roots(Graph("g", (X,), (mul(cheap, cheap), sum(cheap, (1,)))))


def test_parts_that_have_one_user_each_are_computed_there() -> None:
    """Of large values: small ones are sooner written than taken apart."""

    def computed(n: int, *cuts: tuple[int, int]) -> bool:
        x = parameter("x", f32(n, 480))
        y = exp(exp(x))
        return y not in roots(Graph("g", (x,), tuple(sum(narrow(y, 0, *cut), (0,)) for cut in cuts)))

    assert computed(1000, (0, 600), (600, 1000))
    assert not computed(1000, (0, 600), (500, 1000))
    assert not computed(10, (0, 6), (6, 10))


def test_rows_are_passed_over_once() -> None:
    """A fold of each row, and what reads it along the row."""
    total = broadcast(sum(X, (1,)), (1,), (48,))
    assert groups(mul(X, total)) == [("loops", 2, (32,))]


def test_a_fold_of_columns_has_turns_of_its_own() -> None:
    big = parameter("x", f32(320, 480))
    total = broadcast(sum(big, (0,)), (0,), (320,))
    assert [g[2] for g in groups(mul(big, total), inputs=(big,))] == [(480,), (320, 480)]


def test_a_fold_of_everything_joins_what_it_folds() -> None:
    y = exp(X)
    assert groups(y, sum(mul(y, X), (0, 1))) == [("loops", 2, (32, 48))]


def test_folds_of_neighbours_are_not_computed_in_lanes_of_their_results() -> None:
    x = parameter("x", f32(1000, 25, 10))
    lengths = sum(mul(x, x), (2,))
    assert groups(sum(exp(lengths), (1,)), inputs=(x,)) == [("loops", 1, (1000, 25)), ("loops", 1, (1000,))]


def test_what_follows_a_product_is_fused_into_it() -> None:
    w = parameter("w", f32(48, 20))
    b = parameter("b", f32(20))
    product = contract("ij,jk->ik", X, w)
    biased = exp(add(product, broadcast(b, (0,), (32,))))
    assert groups(biased, inputs=(X, w, b)) == [("product", 2, (32, 20))]
    rows = groups(sum(biased, (1,)), inputs=(X, w, b))
    assert rows[0][0] == "product" and len(rows) == 2


def test_ops_of_their_own_stand_alone() -> None:
    ordered = Value(Sort(1, False), (exp(X),), X.type)
    assert [g[0] for g in groups(neg(ordered))] == ["loops", "whole", "loops"]


def test_sizes_that_only_the_run_tells_have_no_loops() -> None:
    unknown = Value(exp, (parameter("x", Type(DTYPES["f32"], (-1, 3))),), Type(DTYPES["f32"], (-1, 3)))
    assert groups(unknown, inputs=unknown.operands)[0][0] == "whole"


@pytest.mark.parametrize(
    ("model", "count"), [("chain", 1), ("softmax", 1), ("layer_norm", 1), ("cross_entropy", 1), ("max_pool", 1)]
)
def test_how_many_kernels_models_take(model: str, count: int) -> None:
    graph = prepare(MODELS[model]()[0])
    assert len(Grouping(graph).groups) == count


def test_every_root_has_one_group_and_comes_after_what_it_reads() -> None:
    for model in MODELS.values():
        grouping = Grouping(prepare(model()[0]))
        members = [v for g in grouping.groups for v in g.members]
        assert sorted(map(id, members)) == sorted(map(id, grouping.roots))
        for g in grouping.groups:
            for v in g.members:
                assert all(grouping.of[x].index <= g.index for x in grouping.needs[v])


def test_prefix_and_reduced() -> None:
    assert prefix((3, 4, 5), (3, 4, 6)) == 2 and prefix((), (3,)) == 0 and prefix((3,), (3,)) == 1
    assert reduced(sum(X, (1,))) == 48 and reduced(sum(X, (0, 1))) == 32 * 48 and reduced(exp(X)) == 0
    assert reduced(contract("ij,kj->ik", X, X)) == 48 and reduced(contract("ij,ij->ij", X, X)) == 0


@pytest.mark.parametrize(("rows", "kept"), [(64, True), (1024, False)])
def test_large_values_are_computed_again_rather_than_kept(rows: int, kept: bool) -> None:
    """A value that few operations make of one other, read by two kernels."""

    def squashed(x: Any, a: Any, b: Any) -> Any:
        t = cl.tanh(x @ a)
        return (t * 2.0) @ b, (t + 1.0) @ b

    inputs = [np.zeros(shape, np.float32) for shape in ((rows, 512), (512, 512), (512, 512))]
    found = roots(prepare(cl.trace(squashed)(*inputs).graph))
    assert any(v.op.name == "tanh" for v in found if v.op is not None) == kept


def test_what_is_picked_is_computed_where_it_is_read() -> None:
    """A gather that reads fewer elements than there are does not ask for all of them."""

    def picked(x: Any, places: Any) -> Any:
        return cl.take_along_axis(cl.tanh(x) * 2.0, places, axis=1)

    graph = prepare(cl.trace(picked)(np.zeros((50, 40), np.float32), np.zeros((50, 1), np.int64)).graph)
    assert not any(v.shape == (50, 40) for v in roots(graph))
