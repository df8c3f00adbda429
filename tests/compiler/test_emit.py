"""Loop trees to functions: remainders, masks, scratch, partial totals, and what a run of tasks writes."""

from __future__ import annotations

import ctypes
import mmap
import re
import sys
from typing import Any

import numpy as np
import pytest

from clew.compiler.index import Var, variable
from clew.compiler.kernel import Kernel, Nest
from clew.compiler.native import host
from clew.ir import DTYPES, Array, quiet

from .emitting import Making, Run, kernel

WIDTHS = [bits for bits in (128, 256, 512) if bits <= host().bits]
RNG = np.random.default_rng(0)


def numbers(dtype: str, *shape: int) -> Array:
    if dtype == "bool":
        return RNG.random(shape) < 0.7
    return RNG.integers(1, 5, shape).astype(DTYPES[dtype])


# --- one number after the other


def polynomial(n: int) -> tuple[Making, Kernel]:
    """``y = x * x + x``."""
    made, i = Making(x=("f32", (n,)), y=("f32", (n,))), Var(0, n)
    x = made.load("x", i)
    return made, kernel([i], Nest((), [made.store("y", made.e.call("add", made.e.call("mul", x, x), x), i)]))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 1000, 8192, 8193, 20_011])
def test_remainders(n: int, bits: int) -> None:
    made, k = polynomial(n)
    x = numbers("f32", n)
    found = Run(made, k, bits)(x=x)
    np.testing.assert_array_equal(found["y"], x * x + x)
    np.testing.assert_array_equal(found["x"], x)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(dtype: str, bits: int) -> None:
    made, axes = Making(x=(dtype, (2, 21)), y=(dtype, (2, 21))), (Var(0, 2), Var(1, 21))
    one = DTYPES[dtype].type(1)
    k = kernel(
        axes, Nest((), [made.store("y", made.e.call("add", made.load("x", *axes), made.e.const(1, DTYPES[dtype])), *axes)])
    )
    x = numbers(dtype, 2, 21)
    np.testing.assert_array_equal(Run(made, k, bits)(x=x)["y"], quiet.run(np.add, x, one))


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_run_of_tasks_writes_its_own_stretch(bits: int) -> None:
    n = 30_001
    made, k = polynomial(n)
    run, x = Run(made, k, bits), numbers("f32", n)
    layout, y = run.layout, x * x + x
    assert layout.split and layout.tasks > 2
    np.testing.assert_array_equal(run(x=x, cuts=range(1, layout.tasks))["y"], y)
    written = np.zeros(n, np.bool_)
    written[layout.chunk : 2 * layout.chunk] = True
    before = np.full(n, 77, np.float32)
    np.testing.assert_array_equal(run(x=x, y=before, tasks=(1, 2))["y"], np.where(written, y, before))
    np.testing.assert_array_equal(run(x=x, y=before, tasks=(2, 2))["y"], before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for a page that nobody may touch")
@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [2, 3, 5, 17, 61])
def test_nothing_behind_an_array_is_read(n: int, bits: int) -> None:
    """Neighbours of what is read are read too where that costs less, but none behind the last."""
    made, v = Making(x=("f32", (6 * n,)), y=("f32", (n,))), Var(0, n)
    i: Any = variable(v)
    second, third, sixth = made.load("x", 2 * i), made.load("x", 3 * i + 2), made.load("x", 6 * i + 5)
    k = kernel([v], Nest((), [made.store("y", made.e.call("sub", made.e.call("add", second, third), sixth), v)]))
    run, page = Run(made, k, bits), mmap.PAGESIZE
    raw = np.frombuffer(mmap.mmap(-1, 2 * page), np.uint8)
    x, y = raw[page - 24 * n : page].view(np.float32), np.empty(n, np.float32)
    x[:] = np.arange(6 * n)
    protect = ctypes.CDLL(None).mprotect
    behind = ctypes.c_void_p(raw.ctypes.data + page)
    assert protect(behind, ctypes.c_size_t(page), 0) == 0
    run.on([{"x": x, "y": y}[b.name].ctypes.data for b in run.layout.parameters], 0, run.layout.tasks)
    assert protect(behind, ctypes.c_size_t(page), 3) == 0
    np.testing.assert_array_equal(y, x[::2][:n] + x[2::3][:n] - x[5::6])


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [5, 16, 37])
def test_a_guarded_read_touches_nothing_where_the_guard_fails(n: int, bits: int) -> None:
    """Index -2 and what lies behind the end are not read: the bytes there are no numbers."""
    made, v = Making(x=("f32", (n,)), y=("f32", (n + 4,))), Var(0, n + 4)
    i: Any = variable(v)
    e = made.e
    x = e.guard(e.inside(i - 2, 0, n), lambda: made.load("x", i - 2), e.const(-1.0, DTYPES["f32"]))
    given = numbers("f32", n)
    found = Run(made, kernel([v], Nest((), [made.store("y", x, v)])), bits)(x=given)
    np.testing.assert_array_equal(found["y"], np.pad(given, 2, constant_values=-1))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("n", [70, 512, 9001])
@pytest.mark.parametrize(
    "place",
    [
        lambda i: i % 16 + 20 * (i // 16),
        lambda i: (i // 64) % 5,
        lambda i: i % 32 * 2 + (i // 32) % 3,
        lambda i: 9000 - i,
        lambda i: 9031 - i % 32 - 32 * (i // 32) % 64,
        lambda i: i // 3 + i % 3,
        lambda i: i % 7 * 5 + i // 7,
        lambda i: (i + 5) % 100 * 3 + (i + 5) // 100,
        lambda i: (9000 - i) % 48 + (9000 - i) // 48,
    ],
)
def test_places_by_digits_and_backwards(place: Any, n: int, bits: int) -> None:
    """The parts that an axis falls into, as of an image cut into patches, and falling places."""
    made, v = Making(x=("f32", (12_000,)), y=("f32", (n,))), Var(0, n)
    run = Run(made, kernel([v], Nest((), [made.store("y", made.load("x", place(variable(v))), v)])), bits)
    x = np.arange(12_000, dtype=np.float32)
    np.testing.assert_array_equal(run(x=x)["y"], x[place(np.arange(n))])


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (1, 17), (17, 1)])
def test_everything_is_read_before_anything_is_written(shape: tuple[int, int], bits: int) -> None:
    """Two results may lie where the two inputs do."""
    types = dict.fromkeys("abpq", ("f64", shape))
    made, axes = Making(**types), (Var(0, shape[0]), Var(1, shape[1]))
    a, b = made.load("a", *axes), made.load("b", *axes)
    k = kernel(
        axes, Nest((), [made.store("p", made.e.call("add", a, b), *axes), made.store("q", made.e.call("sub", a, b), *axes)])
    )
    x, y = numbers("f64", *shape), numbers("f64", *shape)
    found = Run(made, k, bits)(a=x, b=y, same={"p": "a", "q": "b"})
    np.testing.assert_array_equal(found["a"], x + y)
    np.testing.assert_array_equal(found["b"], x - y)


# --- folds

FOLDS = {"add": np.sum, "mul": np.prod, "maximum": np.max, "minimum": np.min}


def row_folds(function: str, dtype: str, rows: int, n: int) -> tuple[Making, Kernel]:
    made, (i, j) = Making(x=(dtype, (rows, n)), y=(dtype, (rows,))), (Var(0, rows), Var(1, n))
    fold = made.fold(function, made.load("x", i, j), j)
    return made, kernel([i], Nest((j,), [fold]), Nest((), [made.store("y", fold.expr, i)]))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize(("rows", "n"), [(1, 37), (5, 2), (5, 16), (5, 37), (300, 3), (3, 300), (999, 17)])
@pytest.mark.parametrize("function", FOLDS)
def test_folds_of_rows(function: str, rows: int, n: int, bits: int) -> None:
    """Lanes that are left over in a last vector count for nothing, whichever loop is vectors."""
    dtype = "f64" if function == "mul" else "f32"
    made, k = row_folds(function, dtype, rows, n)
    x = numbers(dtype, rows, n) * (-1 if function == "maximum" else 1)
    y = Run(made, k, bits)(x=x)["y"]
    np.testing.assert_allclose(y, FOLDS[function](x, axis=1), rtol=1e-14)


@pytest.mark.parametrize("bits", WIDTHS)
def test_what_is_folded_stays_in_registers(bits: int) -> None:
    made, k = row_folds("add", "f64", 5, 300)
    run = Run(made, k, bits)
    x = numbers("f64", 5, 300)
    np.testing.assert_allclose(run(x=x)["y"], x.sum(1), rtol=1e-14)
    assert "alloca" not in run.text


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("function", ["logical_and", "logical_or"])
def test_folds_of_truths(function: str, bits: int) -> None:
    made, k = row_folds(function, "bool", 9, 21)
    x = (RNG.random((9, 21)) < (0.95 if function == "logical_and" else 0.05)) & (np.arange(9) % 4 > 0)[:, None]
    expected = x.all(1) if function == "logical_and" else x.any(1)
    np.testing.assert_array_equal(Run(made, k, bits)(x=x)["y"], expected)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("shape", [(7,), (40,), (20_011,), (300, 50), (6, 3001)])
def test_totals_are_partial_by_task(shape: tuple[int, ...], bits: int) -> None:
    """Of each task one, the same bits however the tasks are run."""
    made = Making(x=("f32", shape), total=("f32", ()))
    axes = tuple(Var(k, n) for k, n in enumerate(shape))
    fold = made.fold("add", made.load("x", *axes), *axes, total="total")
    run = Run(made, kernel(axes, Nest((), [fold])), bits)
    assert run.layout.totals == [fold]
    x = RNG.normal(size=shape).astype(np.float32)
    parts = run(x=x)["total0"]
    assert parts.shape == (run.layout.tasks,)
    np.testing.assert_allclose(parts.sum(dtype=np.float64), x.sum(dtype=np.float64), atol=1e-3)
    if run.layout.split:
        stretches = [x.reshape(-1)[k : k + run.layout.chunk] for k in range(0, x.size, run.layout.chunk)]
        np.testing.assert_allclose(parts, [s.sum(dtype=np.float64) for s in stretches], atol=1e-3)
    np.testing.assert_array_equal(run(x=x, cuts=range(1, run.layout.tasks))["total0"], parts)


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_total_beside_results_and_folds_of_rows(bits: int) -> None:
    """``y = sum of the row``, and the largest of all numbers, in one kernel."""
    made, (i, j) = Making(x=("f64", (50, 21)), y=("f64", (50,)), most=("f64", ())), (Var(0, 50), Var(1, 21))
    x = made.load("x", i, j)
    rows, most = made.fold("add", x, j), made.fold("maximum", x, i, j, total="most")
    run = Run(made, kernel([i], Nest((j,), [rows, most]), Nest((), [made.store("y", rows.expr, i)])), bits)
    given = -RNG.uniform(1, 2, (50, 21))
    found = run(x=given)
    np.testing.assert_allclose(found["y"], given.sum(1), rtol=1e-14)
    assert found["total0"].max() == given.max()


# --- what passes from nest to nest


def softmax(rows: int, n: int) -> tuple[Making, Kernel]:
    """Powers of two live in scratch, their sum in a register."""
    types = dict.fromkeys(("x", "p", "y"), ("f32", (rows, n)))
    made, (i, j) = Making(**types, s=("f32", (rows,))), (Var(0, rows), Var(1, n))
    e = made.e
    p = made.load("p", i, j)
    fold = made.fold("add", p, j)
    return made, kernel(
        [i],
        Nest(
            (j,),
            [made.store("p", e.call("pow", e.const(2.0, DTYPES["f32"]), made.load("x", i, j)), i, j, place="scratch"), fold],
        ),
        Nest((), [made.store("s", fold.expr, i, place="register")]),
        Nest((j,), [made.store("y", e.call("div", p, made.load("s", i)), i, j)]),
    )


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize(
    ("rows", "n", "vectors"), [(3, 101, "inner"), (5, 16, "inner"), (2, 17, "inner"), (101, 3, "outer"), (64, 2, "outer")]
)
def test_scratch_of_one_turn(rows: int, n: int, vectors: str, bits: int) -> None:
    """As long as a row; where lanes are rows, a vector for each of its elements."""
    made, k = softmax(rows, n)
    run = Run(made, k, bits)
    assert run.layout.vectors == vectors
    assert {b.name for b in run.layout.parameters} == {"x", "y"}
    x = RNG.integers(-3, 4, (rows, n)).astype(np.float32)
    expected = 2.0**x / (2.0**x).sum(1, keepdims=True)
    np.testing.assert_allclose(run(x=x, cuts=range(1, run.layout.tasks))["y"], expected, rtol=1e-6)
    slots = [int(size) for size in re.findall(r"alloca float, i64 (\d+)", run.text)]
    lanes = run.layout.lanes
    assert max(slots) == (n * lanes if vectors == "outer" else n) + lanes


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize(("rows", "n"), [(3, 40), (40, 3)])
def test_another_element_of_scratch(rows: int, n: int, bits: int) -> None:
    """``y[j] = p[n - 1 - j]`` of this turn's row ``p = x + 1``."""
    types = dict.fromkeys(("x", "p", "y"), ("i32", (rows, n)))
    made, (v, w) = Making(**types), (Var(0, rows), Var(1, n))
    j: Any = variable(w)
    more = made.e.call("add", made.load("x", v, w), made.e.const(1, DTYPES["i32"]))
    k = kernel(
        [v],
        Nest((w,), [made.store("p", more, v, w, place="scratch")]),
        Nest((w,), [made.store("y", made.load("p", v, n - 1 - j), v, w)]),
    )
    x = numbers("i32", rows, n)
    np.testing.assert_array_equal(Run(made, k, bits)(x=x)["y"], x[:, ::-1] + 1)


@pytest.mark.parametrize("bits", WIDTHS)
def test_what_does_not_depend_on_a_loop_is_computed_before_it(bits: int) -> None:
    """The exponential of a row's number is one call for the row."""
    made, (i, j) = Making(a=("f32", (5,)), x=("f32", (5, 64)), y=("f32", (5, 64))), (Var(0, 5), Var(1, 64))
    scaled = made.e.call("mul", made.load("x", i, j), made.e.call("floor", made.load("a", i)))
    run = Run(made, kernel([i, j], Nest((), [made.store("y", scaled, i, j)])), bits)
    a, x = numbers("f32", 5), numbers("f32", 5, 64)
    np.testing.assert_array_equal(run(a=a, x=x)["y"], x * a[:, None])
    assert "@llvm.floor.f32(float" in run.text and "@llvm.floor.v" not in run.text


@pytest.mark.parametrize("bits", WIDTHS)
def test_rows_that_lie_one_after_another_are_found_without_a_division(bits: int) -> None:
    """Two loops of rows are one; where an operand lacks one of them, the rows' numbers are taken apart."""
    axes = (Var(0, 3), Var(1, 5), Var(2, 37))
    for whole in (True, False):
        made = Making(x=("f32", (3, 5, 37) if whole else (5, 37)), y=("f32", (3, 5)))
        of = axes if whole else axes[1:]
        fold = made.fold("add", made.load("x", *of), axes[2])
        run = Run(made, kernel(axes[:2], Nest((axes[2],), [fold]), Nest((), [made.store("y", fold.expr, *axes[:2])])), bits)
        x = numbers("f32", 3, 5, 37) if whole else numbers("f32", 5, 37)
        np.testing.assert_array_equal(run(x=x)["y"], np.broadcast_to(x.sum(axis=-1), (3, 5)))
        divided = re.findall(r"(%v\d+) = u(?:div|rem)", run.text)
        assert divided and any(len(re.findall(rf"{name}\b", run.text)) > 1 for name in divided) is not whole


@pytest.mark.parametrize("bits", WIDTHS)
def test_axes_of_one_element(bits: int) -> None:
    made = Making(x=("f64", (1, 6, 1)), y=("f64", (1, 6, 1)))
    axes = (Var(0, 1), Var(1, 6), Var(2, 1))
    k = kernel(axes, Nest((), [made.store("y", made.e.call("neg", made.load("x", *axes)), *axes)]))
    x = numbers("f64", 1, 6, 1)
    np.testing.assert_array_equal(Run(made, k, bits)(x=x)["y"], -x)


@pytest.mark.parametrize("bits", WIDTHS)
def test_numbers_alone(bits: int) -> None:
    """No axis at all: one turn."""
    made = Making(x="f32", y="f32", z="f32")
    x = made.load("x")
    k = kernel([], Nest((), [made.store("y", made.e.call("mul", x, x)), made.store("z", made.load("y"))]))
    found = Run(made, k, bits)(x=np.array(3, np.float32))
    assert found["y"] == found["z"] == 9
