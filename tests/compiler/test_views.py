"""Views against NumPy's: an element of a view is that of its base at the steps that are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from clew.compiler.views import reshaped, row_major, view
from clew.ir import Graph, Value, f64, parameter, run
from clew.ops.arithmetic import neg
from clew.ops.broadcast import Broadcast
from clew.ops.movement import Flip, Permute, Reshape, Slice
from clew.ops.pooling import Windows
from clew.ops.rounding import identity


@st.composite
def chains(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[Value, Value]:
    """An input, and a value made of it by moves alone."""
    shape = tuple(draw(st.lists(st.sampled_from((1, 2, 3, 4, 6)), max_size=3)))
    x = v = parameter("x", f64(*shape))
    for _ in range(draw(st.integers(1, 5))):
        how = draw(st.integers(0, 6))
        if how == 0:
            v = apply(Permute(tuple(draw(st.permutations(range(v.ndim))))), v)
        elif how == 1:
            v = apply(Flip(tuple(sorted(draw(st.sets(st.sampled_from(range(v.ndim)))) if v.ndim else ()))), v)
        elif how == 2:
            start = tuple(draw(st.integers(0, n - 1)) for n in v.shape)
            stop = tuple(draw(st.integers(a + 1, n)) for a, n in zip(start, v.shape, strict=True))
            v = apply(Slice(start, stop, tuple(draw(st.integers(1, 3)) for _ in start)), v)
        elif how == 3 and v.type.size <= 200:
            axis = draw(st.integers(0, v.ndim))
            v = apply(Broadcast((axis,), (draw(st.sampled_from((1, 2, 3))),)), v)
        elif how == 4:
            v = apply(Reshape(draw(st.sampled_from(shapes(v.type.size)))), v)
        elif how == 5 and v.ndim and v.type.size <= 200:
            v = apply(Windows((draw(st.integers(1, v.shape[-1])),), (draw(st.integers(1, 2)),), (1,)), v)
        else:
            v = identity(v)
    return x, v


def apply(op: Any, v: Value) -> Value:
    return Value(op, (v,), op.infer(v.type))


def shapes(size: int) -> list[tuple[int, ...]]:
    return [(size,), (1, size), *[(size // d, d) for d in (2, 3, 4, 6) if size % d == 0], *[(2, 3, size // 6)][: size % 6 == 0]]


@given(chains())
def test_elements_are_where_the_view_says(made: tuple[Value, Value]) -> None:
    x, v = made
    data = np.arange(float(x.type.size)).reshape(x.shape)
    found = view(v)
    assert found.base is x or isinstance(found.base.op, Reshape)
    base = np.ascontiguousarray(run(Graph("base", (x,), (found.base,)), data[()])[0])
    assert len(found.strides) == v.ndim
    reach = [found.offset + sum(s * (n - 1) * (s < 0) for s, n in zip(found.strides, v.shape, strict=True))]
    reach.append(found.offset + sum(s * (n - 1) * (s > 0) for s, n in zip(found.strides, v.shape, strict=True)))
    assert reach[0] >= 0 and reach[1] < base.size, "outside of the base"
    actual = as_strided(base.reshape(-1)[found.offset :], v.shape, [8 * s for s in found.strides])
    np.testing.assert_array_equal(actual, run(Graph("moved", (x,), (v,)), data[()])[0])


@given(chains(), st.data())
def test_reshapes_without_a_copy_are_numpys(made: tuple[Value, Value], data: st.DataObject) -> None:
    """Steps are found where NumPy reshapes without a copy, and only there."""
    _, v = made
    found = view(v)
    new = data.draw(st.sampled_from(shapes(v.type.size)))
    memory = np.arange(1000.0)
    array = as_strided(memory[500:], v.shape, [8 * s for s in found.strides])
    steps = reshaped(v.shape, found.strides, new)
    try:
        again = array.view()
        again.shape = new
    except AttributeError:
        assert steps is None
        return
    assert steps is not None
    np.testing.assert_array_equal(as_strided(memory[500:], new, [8 * s for s in steps]), again)


def test_what_is_computed_is_its_own_base() -> None:
    x = parameter("x", f64(3, 4))
    y = neg(x)
    moved = apply(Permute((1, 0)), y)
    assert view(y).base is y and view(y).strides == (4, 1)
    assert view(moved).base is y and view(moved).strides == (1, 4)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (4, 1, 6), (2, 3, 4, 5)])
def test_row_major(shape: tuple[int, ...]) -> None:
    assert row_major(shape) == tuple(s // 8 for s in np.empty(shape).strides)
