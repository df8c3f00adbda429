"""Reads across memory: which are turned in squares, and that every element arrives where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.compiled import Compiled
from clew.compiler.index import Var, variable
from clew.compiler.kernel import Kernel, Nest
from clew.compiler.native import host
from clew.compiler.squares import squares
from clew.ir import DTYPES, Graph, Value, evaluate, f64, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import broadcast, sum
from clew.ops.exponential import exp
from clew.ops.movement import permute

from .emitting import Making, Run, kernel

WIDTHS = [bits for bits in (128, 256, 512) if bits <= host().bits]
A, B, C = Var(0, 40), Var(1, 50), Var(2, 60)


def added(made: Making, *reads: tuple[Var, ...]) -> Kernel:
    """``y[i, j, k]`` is the sum of ``x0``, ``x1`` ... at these places."""
    total = made.load("x0", *reads[0])
    for n, index in enumerate(reads[1:], 1):
        total = made.e.call("add", total, made.load(f"x{n}", *index))
    return kernel([A, B, C], Nest((), [made.store("y", total, A, B, C)]))


def chosen(*reads: tuple[Var, ...], lanes: int = 16) -> tuple[Var, int] | None:
    shapes = {f"x{n}": ("f32", tuple(v.size for v in index)) for n, index in enumerate(reads)}
    found = squares(added(Making(y=("f32", (40, 50, 60)), **shapes), *reads), [A, B], C, lanes)
    return None if found is None else (found.var, len(found.reads))


def test_the_axis_along_which_memory_lies() -> None:
    assert chosen((A, B, C)) is None
    assert chosen((A, B, C), (C, B, A)) == (A, 1)
    assert chosen((C, A, B), (A, C, B), (C, B, A)) == (B, 2)
    assert chosen((C, B)) == (B, 1)
    assert chosen(*[(C, A, B)] * 5, (A, C, B)) == (B, 4)  # no more than four


def test_what_is_no_square() -> None:
    assert chosen((B, A)) is None  # the same for all lanes
    assert chosen((C, B, A), lanes=64) is None  # too short
    made = Making(x=("f32", (70, 60)), y=("f32", (40, 50, 60)))
    diagonal = made.load("x", variable(C), variable(B) + variable(Var(0, 10)))
    assert squares(kernel([Var(0, 10), B, C], Nest((), [made.store("y", diagonal, A, B, C)])), [Var(0, 10), B], C, 16)
    near = made.load("x", variable(B), variable(C) // 2)
    assert squares(kernel([B, C], Nest((), [made.store("y", near, A, B, C)])), [B], C, 16) is None


def test_rows_that_compute_much_for_themselves_stay_whole() -> None:
    made = Making(x=("f32", (60, 50)), b=("f32", (50,)), y=("f32", (40, 50, 60)))
    b = made.load("b", B)
    for row, whole in ((made.e.call("exp", b), True), (made.e.call("neg", b), False)):
        k = kernel([A, B, C], Nest((), [made.store("y", made.e.call("add", made.load("x", C, B), row), A, B, C)]))
        assert (squares(k, [A, B], C, 16) is None) == whole


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(16, 16), (21, 35), (33, 8), (4, 4), (32, 17)])
def test_every_element(shape: tuple[int, int], dtype: str, bits: int) -> None:
    """Whole squares and what is left at the edges, where nothing beside the array is read or written."""
    rows, lanes = Var(0, shape[0]), Var(1, shape[1])
    made = Making(x=(dtype, shape[::-1]), y=(dtype, shape))
    run = Run(made, kernel([rows, lanes], Nest((), [made.store("y", made.load("x", lanes, rows), rows, lanes)])), bits)
    x = np.random.default_rng(shape[0]).integers(0, 2 if dtype == "bool" else 100, shape[::-1]).astype(DTYPES[dtype])
    np.testing.assert_array_equal(run(x=x)["y"], x.T)
    if min(shape) >= 16 and x.itemsize >= 4:
        assert run.layout.squares is not None and "gather" not in run.text


ORDERS = [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", [(16, 24, 8), (9, 20, 31)])
def test_with_everything_else_that_a_kernel_does(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    x = parameter("x", f64(*shape))
    turned = permute(x, order)
    y = parameter("y", f64(*turned.shape))
    row = broadcast(sum(y, (2,)), (2,), (turned.shape[2],))
    both: Value = add(mul(turned, y), exp(row))
    outputs = (both, sum(both, (0, 1, 2)), add(turned, turned), sum(mul(turned, y), (0,)))
    rng = np.random.default_rng(0)
    data = [rng.normal(size=shape), rng.normal(size=turned.shape)]
    expected = evaluate(outputs, dict(zip((x, y), data, strict=True)))
    for found, v in zip(Compiled(Graph("g", (x, y), outputs))(data), outputs, strict=True):
        np.testing.assert_allclose(found, expected[v], rtol=1e-11, atol=1e-12)
