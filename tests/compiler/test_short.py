"""Short last axes run within the lanes of the axis before: values, remainders, places, at the edges and in place."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from clew.compiler.index import Var, variable
from clew.compiler.kernel import Kernel, Nest
from clew.compiler.layout import Layout
from clew.compiler.native import host
from clew.compiler.short import inward, within
from clew.ir import DTYPES, Array, quiet

from .emitting import Making, Run, kernel

WIDTHS = [bits for bits in (128, 256, 512) if bits <= host().bits]


def numbers(seed: int, dtype: str, *shape: int) -> Array:
    rng = np.random.default_rng(seed)
    return rng.random(shape) < 0.7 if dtype == "bool" else rng.integers(1, 5, shape).astype(DTYPES[dtype])


def points(n: int, d: int, dtype: str = "f32") -> tuple[Making, Kernel]:
    """``y = exp(x * w)``: a weight for each point."""
    made, axes = Making(x=(dtype, (n, d)), w=(dtype, (n,)), y=(dtype, (n, d))), (Var(0, n), Var(1, d))
    scaled = made.e.call("mul", made.load("x", *axes), made.load("w", axes[0]))
    return made, kernel(axes, Nest((), [made.store("y", made.e.call("exp", scaled), *axes)]))


def test_axes_of_the_domain_become_loops() -> None:
    _, k = points(40, 3)
    moved = inward(k, 1)
    assert moved.domain == k.domain[:1] and moved.nests[0].vars == k.domain[1:]
    assert moved.nests[0].items == k.nests[0].items and str(moved) == str(k)


def test_what_runs_within_lanes_is_short() -> None:
    i, j, u, v = Var(0, 9), Var(1, 2), Var(2, 2), Var(3, 9)
    assert within(Nest((i, j, u)), i) == (j, u)
    assert within(Nest((i, j, u)), u) == ()
    assert within(Nest((i, v)), i) == () and within(Nest((v,)), None) == ()
    assert within(Nest((j,)), None) == (j,)


def test_what_is_long_is_not_written_out() -> None:
    made, v = Making(x=("f32", (8,)), y=("f32", (8,))), Var(0, 8)
    x = made.load("x", v)
    for _ in range(50):
        x = made.e.call("neg", x)
    assert within(Nest((v,), [made.store("y", x, v)]), None) == ()


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("d", [2, 3, 5, 7, 9])
@pytest.mark.parametrize("n", [2, 16, 33, 9001])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_points(dtype: str, n: int, d: int, bits: int) -> None:
    made, k = points(n, d, dtype)
    run = Run(made, k, bits)
    x, w = numbers(0, dtype, n, d), numbers(1, dtype, n)
    found = run(x=x, w=w, cuts=range(1, run.layout.tasks))
    np.testing.assert_allclose(found["y"], np.exp(x * w[:, None]), rtol=1e-6)
    np.testing.assert_array_equal(found["x"], x)


@pytest.mark.parametrize("bits", WIDTHS)
def test_lanes_follow_points_and_whole_vectors_are_read_and_written(bits: int) -> None:
    made, k = points(512, 3)
    run = Run(made, k, bits)
    assert run.layout.vectors == "outer" and run.layout.across == Var(0, 512)
    assert "masked" not in run.text and len(re.findall(r"store <\d+ x float>", run.text)) == 3
    assert len(re.findall(r"= load <\d+ x float>", run.text)) == 4  # of the points three, and one of the weights


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str, bits: int) -> None:
    """Two results, of colours' sum with one that all have and with one of each picture."""
    shape = (3, 35, 3)
    made = Making(x=(dtype, shape), c=(dtype, (3,)), p=(dtype, (3,)), y=(dtype, shape), z=(dtype, shape))
    axes = i, _, c = Var(0, 3), Var(1, 35), Var(2, 3)
    x = made.load("x", *axes)
    y, z = made.e.call("add", x, made.load("c", c)), made.e.call("add", x, made.load("p", i))
    k = kernel(axes, Nest((), [made.store("y", y, *axes), made.store("z", z, *axes)]))
    given = {"x": numbers(0, dtype, *shape), "c": numbers(1, dtype, 3), "p": numbers(2, dtype, 3)}
    found = Run(made, k, bits)(**given)
    np.testing.assert_array_equal(found["y"], quiet.run(np.add, given["x"], given["c"]))
    np.testing.assert_array_equal(found["z"], quiet.run(np.add, given["x"], given["p"][:, None, None]))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [8, 37, 300])
def test_two_results_in_place_of_two_inputs(n: int, bits: int) -> None:
    types = dict.fromkeys("abpq", ("f64", (n, 3)))
    made, axes = Making(**types, w=("f64", (n,))), (Var(0, n), Var(1, 3))
    a, b = made.load("a", *axes), made.e.call("mul", made.load("b", *axes), made.load("w", axes[0]))
    k = kernel(
        axes, Nest((), [made.store("p", made.e.call("add", a, b), *axes), made.store("q", made.e.call("sub", a, b), *axes)])
    )
    x, y, w = numbers(0, "f64", n, 3), numbers(1, "f64", n, 3), numbers(2, "f64", n)
    found = Run(made, k, bits)(a=x, b=y, w=w, same={"p": "a", "q": "b"})
    np.testing.assert_array_equal(found["a"], x + y * w[:, None])
    np.testing.assert_array_equal(found["b"], x - y * w[:, None])


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [3, 40, 67])
def test_a_total_over_points(n: int, bits: int) -> None:
    """``sum(x * w)``, and the products themselves."""
    made, axes = Making(x=("f64", (n, 3)), w=("f64", (n,)), y=("f64", (n, 3)), s="f64"), (Var(0, n), Var(1, 3))
    scaled = made.e.call("mul", made.load("x", *axes), made.load("w", axes[0]))
    k = kernel(axes, Nest((), [made.fold("add", scaled, *axes, total="s"), made.store("y", scaled, *axes)]))
    x, w = numbers(0, "f64", n, 3), numbers(1, "f64", n)
    found = Run(made, k, bits)(x=x, w=w)
    np.testing.assert_array_equal(found["y"], x * w[:, None])
    assert found["total0"].sum() == (x * w[:, None]).sum()


def pairs(m: int, n: int, d: int, dtype: str, place: str) -> tuple[Making, Kernel]:
    """``s = sum((x - y)^2)`` for each pair, and the ``differences / s``, which are also kept or not."""
    sizes, shape = {"x": (dtype, (m, d)), "y": (dtype, (n, d))}, (m, n, d)
    made = Making(**sizes, p=(dtype, shape), s=(dtype, shape[:2]), q=(dtype, shape))
    e, (i, j, c), u = made.e, map(Var, range(3), shape), Var(100, d)
    difference = e.call("sub", made.load("x", i, c), made.load("y", j, c))
    again = made.load("p", i, j, u)
    square = made.fold("add", e.call("mul", again, again), u).expr
    return made, kernel(
        [i],
        Nest((j, c), [made.store("p", difference, i, j, c, place=place)]),
        Nest((j,), [made.store("s", square, i, j)]),
        Nest((j, c), [made.store("q", e.call("div", made.load("p", i, j, c), made.load("s", i, j)), i, j, c)]),
    )


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("place", ["memory", "scratch"])
@pytest.mark.parametrize(("m", "n", "d"), [(5, 64, 3), (7, 37, 2), (3, 21, 4), (9, 70, 3), (4, 33, 7)])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_pairs_of_points(dtype: str, m: int, n: int, d: int, place: str, bits: int) -> None:
    """Lanes follow the second point, also where its differences live in scratch."""
    made, k = pairs(m, n, d, dtype, place)
    run = Run(made, k, bits)
    x, y = numbers(0, dtype, m, d), numbers(1, dtype, n, d) + np.asarray(0.5, DTYPES[dtype])
    found = run(x=x, y=y)
    p = x[:, None] - y
    s = (p * p).sum(2)
    np.testing.assert_array_equal(found["s"], s)
    np.testing.assert_allclose(found["q"], p / s[:, :, None], rtol=1e-6)
    if place == "memory":
        np.testing.assert_array_equal(found["p"], p)


def test_lanes_follow_the_second_point() -> None:
    _, k = pairs(5, 64, 3, "f64", "memory")
    layout = Layout(k, 512)
    assert layout.vectors == "inner" and [v.size for v in layout.along.values()] == [64, 64, 64]


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [16, 50])
def test_rows_that_are_no_whole_number_of_steps(n: int, bits: int) -> None:
    """Elements 1, 4, 7 ... of an array that ends behind the last of them; of one of whole rows, several in each."""
    made, v = Making(x=("f32", (3 * n - 1,)), z=("f32", (3 * n,)), y=("f32", (n,))), Var(0, n)
    i: Any = variable(v)
    cut, first, third = made.load("x", 3 * i + 1), made.load("z", 3 * i), made.load("z", 3 * i + 2)
    k = kernel([v], Nest((), [made.store("y", made.e.call("sub", made.e.call("add", cut, first), third), v)]))
    x, z = np.arange(3 * n - 1, dtype=np.float32), np.arange(3 * n, dtype=np.float32) ** 2
    np.testing.assert_array_equal(Run(made, k, bits)(x=x, z=z)["y"], x[1::3] + z[::3] - z[2::3])
