"""Sums over the outermost axes of large arrays are contractions."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler import columns
from clew.compiler.columns import added_up
from clew.compiler.compiled import Compiled
from clew.ir import DTYPES, Graph, Type, Value, f32, parameter, run
from clew.ops.arithmetic import mul
from clew.ops.broadcast import sum as summed
from clew.ops.contraction import Contract


def specs(graph: Graph) -> list[str]:
    return [v.op.spec for v in graph.values if isinstance(v.op, Contract)]


def total(x: Value, axes: tuple[int, ...]) -> Graph:
    return Graph("g", (x,), (summed(x, axes),))


@pytest.mark.parametrize(
    ("axes", "found"), [((0,), ["abc,a->bc"]), ((1, 0), ["abc,ab->c"]), ((0, 1, 2), []), ((1,), []), ((0, 2), []), ((2,), [])]
)
def test_which_sums(axes: tuple[int, ...], found: list[str]) -> None:
    assert specs(added_up(total(parameter("x", f32(1000, 100, 7)), axes))) == found


def test_small_ones_and_other_numbers_stay() -> None:
    assert not specs(added_up(total(parameter("x", f32(100, 100)), (0,))))
    for dtype in ("i32", "i64", "f16", "bf16"):
        assert not specs(added_up(total(parameter("x", Type(DTYPES[dtype], (2000, 1000))), (0,))))


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("shape", [(100, 3), (1000, 17), (317, 1), (1, 50), (64, 130), (300, 4, 5)])
def test_sums(shape: tuple[int, ...], dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "LARGE", 1)
    x = parameter("x", Type(DTYPES[dtype], shape))
    for graph in (total(x, (0,)), Graph("g", (x,), (summed(mul(x, x), (0,)), mul(x, x)))):
        given = np.random.default_rng(3).normal(size=shape).astype(dtype.replace("f", "float"))
        for mine, theirs in zip(Compiled(graph)([given]), run(graph, given), strict=True):
            close = 1e-4 if dtype == "f32" else 1e-11
            np.testing.assert_allclose(mine, theirs, rtol=close, atol=close * 30)


def test_what_is_not_finite_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "LARGE", 1)
    x = np.ones((200, 6), np.float32)
    x[3, 1], x[4, 2], x[5, 3], x[6, 3] = np.inf, np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        wanted = x.sum(0)
    np.testing.assert_array_equal(Compiled(total(parameter("x", f32(200, 6)), (0,)))([x])[0], wanted)
