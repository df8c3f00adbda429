"""Kernels as text: what is fused, what is stored, and how loops nest, of small networks and their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clew.compiler.compiled import Compiled
from clew.ir import Graph, f64, parameter
from clew.ops.arithmetic import add, mul

from .models import MODELS
from .tool import tool

PRINTED: dict[str, dict[str, Any]] = {
    "chain": {"n": 1000},
    "softmax": {"rows": 64, "n": 100},
    "layer_norm": {"rows": 64, "n": 100},
    "cross_entropy": {"rows": 64, "classes": 10},
    "mlp": {"rows": 32, "features": 40, "hidden": 24, "classes": 10},
    "max_pool": {"images": 4, "channels": 3, "size": 10},
    "scan": {"length": 7, "rows": 5, "n": 9},
}


@pytest.mark.parametrize("model", PRINTED)
def test_printed(model: str, snapshot: Callable[..., None]) -> None:
    """``pytest --update-snapshots`` writes them anew."""
    graph, _ = MODELS[model](**PRINTED[model])
    snapshot(tool.trees(graph))


def test_printing_changes_nothing() -> None:
    graph, _ = MODELS["softmax"]()
    compiled = Compiled(graph)
    assert tool.trees(compiled) == tool.trees(compiled) == tool.trees(graph)


def test_what_a_kernel_reads_and_writes() -> None:
    a, b = parameter("a", f64(4, 5)), parameter("b", f64(4, 5))
    total = add(a, b)
    (step,) = Compiled(Graph("g", (a, b), (total, mul(total, b)))).routine.steps
    kernel = step.kernel
    assert kernel is not None
    assert [x.value for x in kernel.read] == [a, b]
    assert len(kernel.written) == 2 and kernel.turns == 20
    assert str(kernel) == (
        "kernel k0(a: f64[4,5], b: f64[4,5]):\n"
        "  for i0 in 4:\n"
        "    for i1 in 5:\n"
        "      %0: float64 = a[i0, i1]\n"
        "      %1: float64 = b[i0, i1]\n"
        "      %2: float64 = add(%0, %1)\n"
        "      b0[i0, i1] = %2\n"
        "      %3: float64 = b0[i0, i1]\n"
        "      %4: float64 = mul(%3, %1)\n"
        "      b1[i0, i1] = %4"
    )
