"""Which positions are checked before a run changes anything."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.checks import outside
from clew.ir import DTYPES, Graph, Type, Value, constant, f64, parameter, run
from clew.ops.indexing import Gather, ScatterAdd
from clew.ops.reductions import ArgMax
from clew.ops.sorting import ArgSort

T = parameter("t", f64(5, 3))


def position(dtype: str, *shape: int) -> Value:
    return parameter("i", Type(DTYPES[dtype], shape))


def graph(op: object, *operands: Value) -> Graph:
    y = Value(op, operands, op.infer(*[x.type for x in operands]))  # type: ignore[attr-defined, arg-type]
    return Graph("g", tuple(x for x in (*operands, T) if x.op is not None), (y,))


@pytest.mark.parametrize("dtype", ["i8", "u8", "i16", "i32", "u32", "i64", "u64"])
def test_positions_that_are_given(dtype: str) -> None:
    index = position(dtype, 4)
    found = outside(graph(Gather((0,), 0), T, index))
    assert found is not None
    told = Graph("outside", (T, index), (found,))
    least, most = np.iinfo(DTYPES[dtype]).min, np.iinfo(DTYPES[dtype]).max
    cases = ((True, [0, 4, 2, 0]), (False, [0, 5, 2, 0]), (False, [most, 0, 0, 0]), (least == 0, [least, 0, 0, 0]))
    for inside, numbers in cases:
        assert run(told, np.zeros((5, 3)), np.array(numbers, DTYPES[dtype]))[0] != inside


def test_each_axis_has_its_size() -> None:
    i, j = position("i64", 4), position("i64", 4)
    found = outside(graph(Gather((0, 1), 0), T, i, j))
    assert found is not None
    told = Graph("outside", (T, i, j), (found,))
    assert not run(told, np.zeros((5, 3)), np.full(4, 4), np.full(4, 2))[0]
    assert run(told, np.zeros((5, 3)), np.full(4, 4), np.full(4, 3))[0]


def test_places_that_are_written_to() -> None:
    index, rows = position("i64", 4), parameter("v", f64(4, 3))
    found = outside(graph(ScatterAdd((7, 3), (0,)), rows, index))
    assert found is not None
    assert run(Graph("outside", (rows, index), (found,)), np.zeros((4, 3)), np.array([0, 7, 0, 0]))[0]


def test_what_cannot_lie_outside_is_not_looked_at() -> None:
    small = position("u8", 4)
    wide = parameter("t", f64(300))
    sort, largest = ArgSort(0, False), ArgMax(0)
    order = Value(sort, (parameter("x", f64(5)),), sort.infer(f64(5)))
    most = Value(largest, (T,), largest.infer(T.type))
    fixed = constant(np.array([0, 4]))
    empty = position("i64", 0)
    cases = ((wide, small), (T, order), (T, most), (T, fixed), (T, empty))
    for x, index in cases:
        op = Gather((0,), 0)
        inputs = tuple(v for v in (x, index, *index.operands) if v.op is not None and not v.operands)
        y = Value(op, (x, index), op.infer(x.type, index.type))
        assert outside(Graph("g", inputs, (y,))) is None
