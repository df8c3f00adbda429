"""Operands of products that are computed where those need them, against the reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from clew.compiler import group, native, staged
from clew.compiler.compiled import Compiled
from clew.compiler.contraction import division, tiling
from clew.compiler.group import Grouping
from clew.compiler.prepare import prepare
from clew.config import config
from clew.ir import DTYPES, Graph, Type, Value, parameter, run
from clew.ops.arithmetic import add, mul, sub
from clew.ops.broadcast import broadcast
from clew.ops.broadcast import sum as summed
from clew.ops.contraction import contract
from clew.ops.exponential import exp
from clew.ops.movement import permute
from clew.ops.trigonometric import tanh

WIDTHS = [bits for bits in (512, 256, 128) if bits <= native.host().bits]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything is large, and worth a task."""
    for module in (group, staged):
        monkeypatch.setattr(module, "LARGE", 1)
    for name, value in {"COMPUTED": 4000, "SHARE": 100, "TASK": 100, "LONG": 2, "APART": 2, "NEAR": 2000}.items():
        monkeypatch.setattr(division, name, value)
    tiling.plan.cache_clear()
    yield
    tiling.plan.cache_clear()


def computed(graph: Graph) -> list[Value]:
    """The operands that are computed."""
    grouping = Grouping(prepare(graph))
    return [made.views[name].base for made in grouping.products.values() for name in made.cuts]


def agrees(graph: Graph, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=v.shape).astype(v.dtype) for v in graph.inputs]
    for mine, theirs in zip(Compiled(graph)(inputs), run(graph, *inputs), strict=True):
        close = 1e-4 if theirs.dtype == np.float32 else 1e-11
        np.testing.assert_allclose(mine, theirs, rtol=close, atol=close * max(1, np.abs(theirs).max(initial=0)))


def differences(n: int, k: int, j: int, dtype: str) -> tuple[Value, Value, Value]:
    """Of all pairs of rows: ``x[n, j] - m[k, j]``, and the two."""
    x, m = parameter("x", Type(DTYPES[dtype], (n, j))), parameter("m", Type(DTYPES[dtype], (k, j)))
    return sub(broadcast(x, (1,), (k,)), broadcast(m, (0,), (n,))), x, m


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The bits of a vector."""
    less = native.host().limited(request.param)
    monkeypatch.setattr(native, "host", lambda: less)
    return less.bits


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("sizes", [(41, 3, 5), (64, 7, 33), (100, 1, 8), (37, 25, 10)])
def test_rows(sizes: tuple[int, int, int], dtype: str, tiny: None, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    n, k, j = sizes
    d, x, m = differences(n, k, j, dtype)
    monkeypatch.setattr(division, "COMPUTED", 30 * k * j * x.dtype.itemsize)
    q = parameter("q", Type(DTYPES[dtype], (k, 6, j)))
    graph = Graph("g", (x, m, q), (contract("kij,nkj->nki", q, d),))
    assert computed(graph) == [d]
    agrees(graph)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("sizes", [(500, 3, 5), (1280, 2, 9), (777, 4, 3)])
def test_both_operands_of_a_long_sum(
    sizes: tuple[int, int, int], dtype: str, tiny: None, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, k, j = sizes
    d, x, m = differences(n, k, j, dtype)
    monkeypatch.setattr(division, "COMPUTED", 70 * k * (j + 4) * x.dtype.itemsize)
    z = parameter("z", Type(DTYPES[dtype], (n, k, 4)))
    graph = Graph("g", (x, m, z), (contract("nki,nkj->kij", tanh(z), d),))
    assert len(computed(graph)) == 2
    agrees(graph)


def test_the_same_bits_for_any_number_of_threads(tiny: None) -> None:
    d, x, m = differences(900, 3, 5, "f32")
    z, q = parameter("z", Type(DTYPES["f32"], (900, 3, 4))), parameter("q", Type(DTYPES["f32"], (3, 6, 5)))
    outputs = contract("nki,nkj->kij", tanh(z), d), contract("kij,nkj->nki", q, d), summed(mul(z, tanh(z)), (0,))
    graph = Graph("g", (x, m, z, q), outputs)
    assert computed(graph) == [d, d]
    inputs = [np.random.default_rng(1).normal(size=v.shape).astype(np.float32) for v in graph.inputs]
    with config(threads=1):
        alone = Compiled(graph)(inputs)
    for threads in (2, 3):
        with config(threads=threads):
            for mine, theirs in zip(Compiled(graph)(inputs), alone, strict=True):
                np.testing.assert_array_equal(mine, theirs)


def anything(seed: int) -> Graph:
    """A contraction of any axes, with operands that are expressions, moved about, and what follows."""
    rng = np.random.default_rng(seed)
    letters = "abcdef"[: rng.integers(2, 6)]
    sizes = {x: int(rng.choice([1, 2, 3, 5, 8, 9, 17, 40, 120])) for x in letters}
    while np.prod(list(sizes.values())) > 200_000:
        sizes[max(sizes, key=sizes.__getitem__)] = 4
    roles = {x: ["ab", "abc", "ac", "bc"][rng.integers(4)] for x in letters}
    roles[letters[0]] = "ab"
    specs = ["".join(rng.permutation([x for x in letters if r in roles[x]])) for r in "abc"]
    dtype = DTYPES[["f32", "f64"][seed % 2]]
    inputs: list[Value] = []

    def operand(spec: str) -> Value:
        order = [int(k) for k in rng.permutation(len(spec))]
        shape = tuple(sizes[spec[k]] for k in order)
        x, y = (parameter(f"p{len(inputs) + k}", Type(dtype, shape)) for k in range(2))
        inputs.extend((x, y))
        if shape and rng.integers(2):
            y = broadcast(summed(y, (0,)), (0,), shape[:1])
        made = [x, add(x, y), mul(exp(x), y), sub(x, y)][rng.integers(4)]
        return permute(made, tuple(order.index(k) for k in range(len(order))))

    product = contract(f"{specs[0]},{specs[1]}->{specs[2]}", operand(specs[0]), operand(specs[1]))
    outputs = (tanh(product),) if rng.integers(2) else (product,)
    return Graph("g", tuple(inputs), outputs)


@pytest.mark.parametrize("seed", range(40))
def test_any_contraction_of_expressions(seed: int, tiny: None) -> None:
    agrees(anything(seed), seed)
