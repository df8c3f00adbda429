"""Calls of native code as they are written out: inputs of any form and number, what a call leaves, what keeps what alive."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler import steps
from clew.compiler.calling import WRITTEN, Entry, Short, runs
from clew.compiler.compiled import Compiled
from clew.config import config
from clew.ir import DTYPES, Array, Graph, Type, Value, evaluate, f64, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import broadcast

from .test_compiled import GIVEN

COUNTS = [1, 2, WRITTEN, WRITTEN + 1, 3 * WRITTEN]


def chained(count: int) -> tuple[list[Value], list[Value]]:
    """Matrices, and of each the product with the next one."""
    xs = [parameter(f"x{k}", f64(3, 4)) for k in range(count)]
    return xs, [mul(x, y) for x, y in zip(xs, xs[1:] + xs[:1], strict=True)]


@pytest.mark.parametrize("form", list(GIVEN))
@pytest.mark.parametrize("count", COUNTS)
def test_so_many_arrays_of_any_form(count: int, form: str) -> None:
    rng = np.random.default_rng(count)
    xs, ys = chained(count)
    plain = [rng.standard_normal((3, 4)) for _ in xs]
    given = [GIVEN[form](x) if k % 2 == 0 else x for k, x in enumerate(plain)]
    expected = evaluate(ys, dict(zip(xs, given, strict=True)))
    for made, y in zip(Compiled(Graph("g", tuple(xs), tuple(ys)))(given), ys, strict=True):
        np.testing.assert_array_equal(made, expected[y])


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("count", COUNTS)
def test_so_many_updates(count: int, every: int) -> None:
    """All inputs, or every other one, while those between are transposed."""
    rng = np.random.default_rng(count)
    xs, ys = chained(count)
    updates = {k: k for k in range(0, count, every)}
    data = [rng.standard_normal((3, 4)) if k in updates else rng.standard_normal((4, 3)).T for k in range(count)]
    given = [x if k in updates else x.copy(order="F") for k, x in enumerate(data)]
    expected = evaluate(ys, dict(zip(xs, [x.copy() for x in data], strict=True)))
    made = Compiled(Graph("g", tuple(xs), tuple(ys)), updates)(given)
    for k, y in enumerate(ys):
        np.testing.assert_array_equal(made[k], expected[y])
        assert (made[k] is given[k]) == (k in updates)


@pytest.mark.parametrize("name", sorted(set(DTYPES) - {"bool"}))  # nothing adds truth values
def test_numbers_between_arrays(name: str) -> None:
    """Of every dtype, as NumPy's scalars, as arrays without axes."""
    dtype = DTYPES[name]
    a, n, b, m = (
        parameter("a", f64(5)),
        parameter("n", Type(dtype, ())),
        parameter("b", f64(5)),
        parameter("m", Type(dtype, ())),
    )
    compiled = Compiled(Graph("g", (a, n, b, m), (add(n, m), mul(a, b), m)))
    x, y = np.arange(5.0), np.arange(5.0)[::-1]
    for form in (lambda v: np.array(v, dtype)[()], lambda v: np.array(v, dtype)):
        three, made, two = compiled([x, form(1), y, form(2)])
        assert float(three) == 3 and float(two) == 2 and three.dtype == dtype and three.shape == ()
        np.testing.assert_array_equal(made, x * y)


def test_what_is_done_is_known() -> None:
    """After native code has returned, updates are done, whatever Python raises then; without updates nothing is."""
    a, b = parameter("a", f64(3)), parameter("b", f64())
    inputs: list[Any] = [np.ones(3), 2.0]
    for updates, done in (({0: 0}, True), ({}, False)):
        compiled = Compiled(Graph("g", (a, b), (mul(a, broadcast(b, (0,), (3,))), add(b, b))), updates)
        names, made = compiled.call.__globals__, []
        real = names["entry"]

        def strike(view: int, table: int, real: Any = real) -> int:
            assert real(view, table) == 0
            raise KeyboardInterrupt

        names["entry"] = strike
        assert not compiled.done(inputs, made)
        with pytest.raises(KeyboardInterrupt):
            compiled(inputs, made)
        assert compiled.done(inputs, made) is done
        names["entry"] = real
        if done:
            assert made[0] is inputs[0] and made[0].tolist() == [2.0] * 3 and made[1] == 4.0
        again = compiled(inputs, [])  # nobody holds the lock any more
        assert again[1] == 4.0


def test_nothing_outlives_its_function() -> None:
    """Memory goes with the last reference, and not when garbage is looked for; a call alone keeps what it needs."""
    a = parameter("a", f64(300))
    compiled = Compiled(Graph("g", (a,), (mul(a, a),)))
    x: Array = np.arange(300.0)
    call, watched = compiled.call, weakref.ref(compiled.library)
    gc.disable()
    try:
        del compiled
        assert call([x])[0][7] == 49.0
        del call
        assert watched() is None
    finally:
        gc.enable()


def step_by_step(x: Any) -> Any:
    return cl.scan(lambda c, y: (cl.tanh(c + y), c), x[0], x)[0]


def waiting(x: Any) -> Any:
    return cl.while_loop(lambda x: x < 3, lambda x: x + 1, x[0])


@pytest.mark.parametrize(
    ("f", "size", "kind"),
    [
        (cl.sin, 10, Short),
        (step_by_step, 10, Short),
        (step_by_step, 100_000, Entry),
        (cl.sin, 1 << 20, Entry),  # shared among threads
        (waiting, 10, Entry),  # nobody knows how long
    ],
)
def test_who_lets_other_threads_of_python_run(f: Any, size: int, kind: Any) -> None:
    """Calls that take long, and those that wait for threads."""
    compiled = cl.jit(f).compiled(np.zeros(size))
    for _ in range(2):  # the second time from disk
        assert type(compiled._calling.names["entry"]) is kind
        compiled = Compiled(compiled.source)


def test_what_calls_python_lets_other_threads_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "NATIVE", {})
    with config(cache_size=0):
        assert type(cl.jit(cl.sort).compiled(np.zeros(3))._calling.names["entry"]) is Entry


def test_runs_of_places() -> None:
    assert runs([]) == [] and runs([4]) == [(4, 5)] and runs([0, 2, 3]) == [(0, 1), (2, 4)]
