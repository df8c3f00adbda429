"""Convolutions of inputs that are spread apart, without the zeros between."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler import phases
from clew.compiler.phases import Phase, phased
from clew.ir import Graph, f64, parameter, run
from clew.ops.convolution import Convolve


def spread(
    x: tuple[int, ...], k: tuple[int, ...], d: tuple[int, ...], padding: tuple[tuple[int, int], ...], **more: int
) -> Graph:
    a, b = parameter("x", f64(*x)), parameter("k", f64(*k))
    n = len(d)
    op = Convolve((more.get("stride", 1),) * n, padding, (more.get("dilation", 1),) * n, d, more.get("groups", 1))
    return Graph("g", (a, b), (op(a, b),))


def same(graph: Graph) -> Graph:
    after = phased(graph)
    inputs = [np.random.default_rng(0).normal(size=v.shape) for v in graph.inputs]
    np.testing.assert_allclose(run(after, *inputs)[0], run(graph, *inputs)[0], rtol=1e-12, atol=1e-12)
    return after


def test_taps_of_each_phase() -> None:
    assert phases.phases(3, 0, 4) == [Phase(0, 2, 0), Phase(2, 1, 1), Phase(1, 1, 1)]
    assert [p.taps for p in phases.phases(4, 2, 2)] == [0, 1, 1, 0]


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("taps", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", [(0, 0), (4, 4), (3, 1), (-1, 2), (0, -2)])
def test_one_axis(d: int, taps: int, padding: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "WORTH", 0)
    after = same(spread((2, 3, 7), (4, 3, taps), (d,), (padding,)))
    found = [v.op for v in after.values if isinstance(v.op, Convolve)]
    assert len(found) == min(d, taps) and all(op.input_dilation == (1,) for op in found)


@pytest.mark.parametrize("d", [(2, 2), (1, 2), (3, 1)])
@pytest.mark.parametrize("groups", [1, 2])
def test_two_axes(d: tuple[int, int], groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "WORTH", 0)
    same(spread((2, 4, 6, 5), (6, 4 // groups, 3, 4), d, ((2, 1), (1, 3)), groups=groups))


def test_only_where_it_saves_enough() -> None:
    small, large = ((2, 3, 9, 9), (4, 3, 3, 3)), ((8, 16, 20, 20), (16, 16, 5, 5))
    for (x, k), kernels in ((small, 1), (large, 4)):
        after = phased(spread(x, k, (2, 2), ((4, 4), (4, 4))))
        assert sum(isinstance(v.op, Convolve) for v in after.values) == kernels


def test_strides_and_dilated_kernels_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "WORTH", 0)
    for more in ({"stride": 2}, {"dilation": 2}):
        graph = spread((2, 3, 9), (4, 3, 3), (2,), ((2, 2),), **more)
        assert phased(graph).outputs[0].op is graph.outputs[0].op
