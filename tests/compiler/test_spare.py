"""Memory of large results is used again once nobody holds it, and not before."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import clew as cl
from clew.compiler import calling
from clew.compiler.spare import Spare
from clew.ir import DTYPES


def place(x: np.ndarray) -> int:
    return int(x.ctypes.data)


@pytest.mark.parametrize("name", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(7,), (3, 5, 2), (4, 1)])
def test_arrays_of_any_type(name: str, shape: tuple[int, ...]) -> None:
    x = Spare(shape, DTYPES[name])()
    assert x.shape == shape and x.dtype == DTYPES[name]
    assert x.flags.carray and type(x) is np.ndarray
    x[...] = 1
    assert (x == 1).all()


def test_what_is_held_is_not_used_again() -> None:
    """By itself, by a view, or by a view of a view."""
    spare = Spare((100,), np.dtype("f4"))
    x, y = spare(), spare()
    x[:], y[:] = 1, 2
    first, second = place(x), place(y)
    assert first != second
    view = x[10:].reshape(9, 10)[::2]
    del x
    z = spare()
    assert place(z) not in (first, second)
    assert (view == 1).all() and (y == 2).all()
    del view
    assert place(spare()) == first


def test_one_block_is_kept() -> None:
    spare = Spare((100,), np.dtype("f4"))
    held = [spare() for _ in range(5)]
    held.clear()
    assert len(spare.free) == 1


def test_it_goes_with_who_made_it() -> None:
    """Arrays that are still held stay whole."""
    spare = Spare((100,), np.dtype("f8"))
    gc.disable()
    try:
        x = spare()
        x[:] = 3
        free = spare.free
        del spare
        assert (x == 3).all() and not free
        del x
        assert len(free) == 1
    finally:
        gc.enable()


def test_results_of_compiled_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that are kept keep their numbers; of a loop that drops them, the memory is two blocks."""
    monkeypatch.setattr(calling, "LARGE", 1000)
    f = cl.jit(lambda x, s: (x * s, cl.exp(x) + s, cl.sum(x)))
    x = np.linspace(0, 1, 500)
    kept = [f(x, float(k)) for k in range(4)]
    for k, (first, second, total) in enumerate(kept):
        np.testing.assert_array_equal(first.numpy(), x * k)
        np.testing.assert_allclose(second.numpy(), np.exp(x) + k, rtol=1e-15)
        assert total.item() == pytest.approx(x.sum())
    del kept, first, second, total
    places = set()
    for k in range(20):
        y = f(x, float(k))
        places.add(place(y[0].value.data))
        np.testing.assert_array_equal(y[0].numpy(), x * k)
    assert len(places) == 2


def test_a_result_that_a_variable_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is not another result's, and updates in place are the variable's alone."""
    monkeypatch.setattr(calling, "LARGE", 1000)
    v = cl.variable(np.zeros(500))
    doubled = cl.jit(lambda x: x * 2)

    @cl.jit
    def step(x):  # type: ignore[no-untyped-def]
        v.assign(v + x)

    v.assign(doubled(np.ones(500)))
    others = [doubled(np.full(500, float(k))) for k in range(3)]
    step(np.ones(500))
    step(np.ones(500))
    assert (v.numpy() == 4).all()
    assert [set(y.tolist()) for y in others] == [{0.0}, {2.0}, {4.0}]
