"""Folds of much into little are two: of shares, and of those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clew.compiler import staged
from clew.compiler.compiled import Compiled
from clew.compiler.staged import division
from clew.config import config
from clew.ir import DTYPES, Graph, Shape, Type, Value, f32, parameter, run
from clew.ops import reductions
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import Sum, broadcast
from clew.ops.broadcast import sum as summed
from clew.ops.contraction import Contract
from clew.ops.movement import permute

SEED = 3
FOLDS: dict[str, Callable[..., Any]] = {
    "sum": summed,
    "max": reductions.max,
    "min": reductions.min,
    "prod": reductions.prod,
    "any": reductions.any,
    "all": reductions.all,
}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and shares may be short."""
    monkeypatch.setattr(staged, "LARGE", 1)
    monkeypatch.setattr(staged, "LONG", 2)


def total(x: Value, axes: tuple[int, ...]) -> Graph:
    return Graph("g", (x,), (summed(x, axes),))


def stages(graph: Graph) -> list[Shape]:
    """The shapes of what is folded, one fold after the other."""
    return [v.operands[0].shape for v in staged.staged(graph).values if isinstance(v.op, Sum)]


@pytest.mark.parametrize(
    ("axes", "found"),
    [
        ((0,), [(40, 75, 1, 100, 7), (40, 1, 100, 7)]),
        ((1, 0), [(40, 75, 1, 100, 7), (40, 1, 7)]),
        ((0, 2), [(3000, 100, 7)]),
        ((2,), [(3000, 100, 7)]),
        ((1, 2), [(3000, 100, 7)]),
        ((0, 1, 2), [(3000, 100, 7)]),  # is divided by the kernel
    ],
)
def test_which_axis_is_divided(axes: tuple[int, ...], found: list[Shape]) -> None:
    x = parameter("x", f32(3000, 100, 7))
    assert stages(total(x, axes)) == found


def test_few_results_before_the_folded_axes() -> None:
    """Each result has fewer shares then; many results are tasks enough."""
    x = parameter("x", f32(4, 100_000, 50))
    assert stages(total(x, (1,)))[0] == (4, 8, 12_500, 1, 50)
    many = parameter("x", f32(64, 10_000, 50))
    assert stages(total(many, (1,))) == [many.shape]
    long = parameter("x", f32(2, 1_000_000))
    assert stages(total(long, (1,)))[0] == (2, 16, 62_500, 1)


def test_what_is_left_over_is_added_at_the_end() -> None:
    x = parameter("x", f32(10_007, 100))
    assert stages(total(x, (0,))) == [(32, 312, 1, 100), (32, 1, 100), (23, 100)]


def test_narrow_rows_are_folded_side_by_side() -> None:
    x, m = parameter("x", f32(300_000, 3)), parameter("m", f32(3))
    beside = [(32, 218, 43, 3), (32, 43, 3), (32, 3)]
    assert stages(total(x, (0,))) == beside
    assert stages(Graph("g", (x,), (summed(mul(x, x), (0,)),))) == beside
    of_rows = mul(x, broadcast(m, (0,), x.shape[:1]))
    assert stages(Graph("g", (x, m), (summed(of_rows, (0,)),))) == [(32, 9375, 1, 3), (32, 1, 3)]
    turned = parameter("y", f32(3, 300_000))
    assert stages(Graph("g", (turned,), (summed(permute(turned, (1, 0)), (0,)),))) == [(32, 9375, 1, 3), (32, 1, 3)]


def test_short_runs_that_do_not_lie_together_are_a_product_with_ones() -> None:
    x, m = parameter("x", f32(10_000, 25, 10)), parameter("m", f32(10_000, 25))
    made = staged.staged(Graph("g", (x, m), (summed(mul(x, broadcast(m, (2,), (10,))), (0,)),)))
    assert [v.op.spec for v in made.values if isinstance(v.op, Contract)] == ["abc,a->bc"]


def test_small_ones_and_sums_of_halves_stay() -> None:
    small = total(parameter("x", f32(1000, 100)), (0,))
    assert staged.staged(small) is small
    for dtype in ("f16", "bf16"):
        x = parameter("x", Type(DTYPES[dtype], (20_000, 100)))
        assert len(stages(total(x, (0,)))) == 1
        largest = staged.staged(Graph("g", (x,), (reductions.max(x, (0,)),)))
        assert sum(isinstance(v.op, reductions.Max) for v in largest.values) == 2
    for shape, axes in (((40, 100_000), (0,)), ((1000, 1000), ())):
        x = parameter("x", f32(*shape))
        graph = Graph("g", (x,), (Sum(axes)(x),))
        assert staged.staged(graph) is graph


@pytest.mark.parametrize("seed", range(60))
def test_any_fold(seed: int, tiny: None) -> None:
    print("seed", seed)
    rng = np.random.default_rng([SEED, seed])
    shape = tuple(int(n) for n in rng.integers(1, (200, 9, 20)[: rng.integers(1, 4)]))
    shape = tuple(rng.permutation(shape).tolist())
    first, count = int(rng.integers(len(shape))), int(rng.integers(1, 4))
    axes = tuple(range(first, min(first + count, len(shape))))
    name = str(rng.choice(list(FOLDS)))
    dtype = "bool" if name in ("any", "all") else str(rng.choice(["f32", "f64", "i32", "f16"]))
    x = parameter("x", Type(DTYPES[dtype], shape))
    y = x if dtype == "bool" or rng.random() < 0.4 else add(x, x)
    if dtype != "bool" and rng.random() < 0.4:
        row = parameter("m", Type(DTYPES[dtype], shape[-1:]))
        y = mul(y, broadcast(row, tuple(range(len(shape) - 1)), shape[:-1]))
    inputs = tuple(dict.fromkeys(_inputs(y)))
    graph = Graph("g", inputs, (FOLDS[name](y, axes), *([y] if rng.random() < 0.3 else [])))
    given = [_numbers(rng, v, name) for v in inputs]
    close = {"f16": 2e-2, "f32": 1e-4}.get(dtype, 1e-11)
    for mine, theirs in zip(Compiled(graph)(given), run(graph, *given), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=close, atol=close * 30)


def _inputs(v: Value) -> list[Value]:
    return [v] if not v.operands else [x for y in v.operands for x in _inputs(y)]


def _numbers(rng: np.random.Generator, v: Value, name: str) -> Any:
    if v.dtype == np.bool_:
        return rng.random(v.shape) < (0.97 if name == "all" else 0.03)
    if v.dtype.kind == "i":
        return rng.integers(-9, 9, v.shape).astype(v.dtype)
    return (rng.choice([-0.5, 0.5], v.shape) if name == "prod" else rng.normal(size=v.shape)).astype(v.dtype)


def test_what_is_not_finite_stays_where_it_is(tiny: None) -> None:
    x = np.ones((200, 6), np.float32)
    x[3, 1], x[4, 2], x[5, 3], x[6, 3] = np.inf, np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        wanted = x.sum(0)
    p = parameter("x", f32(200, 6))
    np.testing.assert_array_equal(Compiled(total(p, (0,)))([x])[0], wanted)
    np.testing.assert_array_equal(Compiled(Graph("g", (p,), (reductions.max(p, (0,)),)))([x])[0], x.max(0))


def test_the_same_bits_for_any_number_of_threads() -> None:
    x = np.random.default_rng(SEED).normal(size=(40_000, 17)).astype(np.float32)
    compiled = Compiled(total(parameter("x", f32(*x.shape)), (0,)))
    found = []
    for threads in (1, 2, 3):
        with config(threads=threads):
            found.append(compiled([x])[0].copy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("sizes", "before", "after", "found"),
    [
        ((1000,), 1, 5, None),  # shares would be short
        ((1100,), 1, 5, (0, 32)),  # 44 would leave nothing over, and 25 rows each
        ((11_000,), 1, 5, (0, 40)),
        ((6, 7, 900), 1, 5, (2, 1)),
        ((6, 5000), 1, 5, (1, 8)),
        ((5000,), 9, 5, None),
        ((5000,), 5, 1, None),
    ],
)
def test_how_a_run_is_divided(sizes: Shape, before: int, after: int, found: tuple[int, int] | None) -> None:
    assert division(sizes, before, after) == found
