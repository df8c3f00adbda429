"""Sums of products are products of sums, where nothing else reads the product."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.factored import factored
from clew.ir import DTYPES, Graph, Type, Value, constant, f64, parameter, run
from clew.ops.arithmetic import Mul, Neg, add, mul
from clew.ops.broadcast import sum as summed
from clew.ops.contraction import Contract, contract, parse
from clew.ops.elementwise import Chain, filled

SIZES = {"b": 3, "i": 5, "j": 4, "k": 7}


def operands(spec: str, dtype: str = "f64") -> list[Value]:
    return [
        parameter(name, Type(DTYPES[dtype], tuple(SIZES[x] for x in letters)))
        for name, letters in zip("xy", parse(spec)[:2], strict=True)
    ]


def products(graph: Graph) -> list[Value]:
    return [v for v in graph.values if isinstance(v.op, Contract)]


def agree(before: Graph, after: Graph) -> None:
    rng = np.random.default_rng(5)
    given = [rng.normal(size=v.shape) for v in before.inputs]
    for a, b in zip(run(before, *given), run(after, *given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "axes", "left"),
    [
        ("ij,jk->ik", (0,), "j,jk->k"),
        ("ij,jk->ik", (1,), "ij,j->i"),
        ("ij,jk->ik", (0, 1), "j,j->"),
        ("bij,bjk->bik", (0,), "bij,bjk->ik"),
        ("bij,bjk->ibk", (1, 0), "bj,bjk->k"),
        ("kij,bkj->bki", (0,), "kij,kj->ki"),
        ("ij,jk->ki", (1,), "j,jk->k"),
    ],
)
def test_every_kind_of_axis(spec: str, axes: tuple[int, ...], left: str) -> None:
    x, y = operands(spec)
    before = Graph("g", (x, y), (summed(contract(spec, x, y), axes),))
    after = factored(before)
    (made,) = products(after)
    assert left in made.op.spec  # type: ignore[union-attr]
    assert made.shape == before.outputs[0].shape
    agree(before, after)


def test_through_multiples() -> None:
    x, y = operands("ij,jk->ik")
    z = contract("ij,jk->ik", x, y)
    scaled = Neg()(mul(filled(3, z.type), Chain()(z, filled(-1, z.type))))
    before = Graph("g", (x, y), (summed(scaled, (0,)),))
    after = factored(before)
    assert [v.op.spec for v in products(after)] == ["j,jk->k"]  # type: ignore[union-attr]
    agree(before, after)


def test_what_others_read_stays() -> None:
    x, y = operands("ij,jk->ik")
    z = contract("ij,jk->ik", x, y)
    for outputs in ((summed(z, (0,)), z), (add(summed(z, (0,)), summed(mul(z, z), (0,))),)):
        before = Graph("g", (x, y), outputs)
        after = factored(before)
        assert [v.op.spec for v in products(after)] == ["ij,jk->ik"]  # type: ignore[union-attr]
        agree(before, after)


def test_what_is_no_multiple_stays() -> None:
    x, y = operands("ij,jk->ik")
    z = contract("ij,jk->ik", x, y)
    for factor in (constant(np.arange(35.0).reshape(5, 7)), filled(float("inf"), z.type)):
        after = factored(Graph("g", (x, y), (summed(Mul()(z, factor), (0,)),)))
        assert [v.op.spec for v in products(after)] == ["ij,jk->ik"]  # type: ignore[union-attr]


def test_integers_and_products_without_a_sum_stay() -> None:
    x, y = operands("ij,jk->ik", "i32")
    assert products(factored(Graph("g", (x, y), (summed(contract("ij,jk->ik", x, y), (0,)),))))[0].shape == (5, 7)
    a, b = parameter("a", f64(5)), parameter("b", f64(7))
    assert products(factored(Graph("g", (a, b), (summed(contract("i,k->ik", a, b), (0,)),))))[0].shape == (5, 7)
