"""Each case of each whole op, in native code, against the op's reference; and what all of them promise."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from clew.compiler.whole import NATIVE
from clew.ir import DTYPES, UNKNOWN, Type, Value, parameter
from clew.ops.cumulative import CumulativeProd, CumulativeSum, LinearRecurrence
from clew.ops.indexing import ScatterAdd
from clew.ops.sorting import ArgSort, ShareTies, Sort
from tests.compiler.arrays import HOSTS
from tests.ops.contract import Case

from .calling import Run, expected, same_bits

MODULES = ("cumulative", "indexing", "sorting")
CASES = [
    case for name in MODULES for case in importlib.import_module(f"tests.ops.cases.{name}").CASES if type(case.op) in NATIVE
]


def of(*types: tuple[str, tuple[int, ...]]) -> list[Type]:
    return [Type(DTYPES[name], shape) for name, shape in types]


# every op, with enough rows for many tasks: operands' types, and what their elements are
MANY = [
    (CumulativeSum(1), of(("f32", (100, 7))), 0),
    (CumulativeSum(0, True), of(("f16", (9, 300))), 0),
    (CumulativeProd(1), of(("f64", (40, 5, 70))), 0),
    (LinearRecurrence(1), of(("bf16", (33, 6)), ("bf16", (33, 6))), 0),
    (ShareTies(1), of(("f32", (100, 9)), ("i8", (100, 9))), 3),
    (Sort(1), of(("f32", (70, 40))), 0),
    (Sort(0, True), of(("f64", (70, 40))), 0),
    (ArgSort(0, True), of(("i16", (200, 70))), 9),
    (ArgSort(1), of(("f64", (70, 40))), 0),
    (ArgSort(1), of(("f64", (40, 300))), 0),
    (ScatterAdd((50, 7), (1,), 1), of(("f16", (50, 4)), ("i8", (50, 4))), 7),
    (ScatterAdd((9, 1024), (0,)), of(("f32", (60, 1024)), ("u8", (60,))), 9),
    (ScatterAdd((9, 1024), (0,)), of(("bf16", (60, 1024)), ("i64", (60,))), 9),
]


def drawn(types: list[Type], most: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [
        random.integers(0, most or 100, t.shape).astype(t.dtype)
        if t.dtype.kind in "iu"
        else random.normal(size=t.shape).astype(t.dtype)
        for t in types
    ]


def test_every_whole_op_is_native():
    assert set(NATIVE) == {CumulativeProd, CumulativeSum, LinearRecurrence, ScatterAdd, ArgSort, ShareTies, Sort}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cases(case: Case):
    random = np.random.default_rng(len(case.id))
    xs = [x.draw(random) for x in case.operands]
    got, true = Run(case.op, [x.type for x in case.operands])(*xs), expected(case.op, *xs)
    if isinstance(case.op, ArgSort) and not case.op.stable:
        got, true = (np.take_along_axis(xs[0], i, case.op.axis) for i in (got, true))
    assert got.dtype == true.dtype
    np.testing.assert_array_max_ulp(got, true, 2) if got.dtype.kind == "f" else np.testing.assert_array_equal(got, true)


@pytest.mark.parametrize(("op", "types", "most"), MANY, ids=str)
def test_tasks_may_be_shared_out_in_any_way(op, types, most):
    run, xs = Run(op, types), drawn(types, most, 3)
    assert run.tasks > 3
    once = run(*xs)
    for cuts in (range(1, run.tasks), [1], [run.tasks - 1], [run.tasks // 3, run.tasks // 2]):
        assert same_bits(run(*xs, cuts=cuts), once)


@pytest.mark.parametrize("on", HOSTS, ids=lambda on: on.cpu)
@pytest.mark.parametrize(("op", "types", "most"), MANY, ids=str)
def test_other_processors(op, types, most, on):
    xs = drawn(types, most, 4)
    assert same_bits(Run(op, types, on)(*xs), Run(op, types)(*xs))


@pytest.mark.parametrize(("op", "types", "most"), MANY, ids=str)
def test_cycles_are_about_those_of_the_elements(op, types, most):
    run = Run(op, types)
    assert 0.01 < run.cycles / max(t.size for t in types) < 100


def test_unknown_sizes_are_left_to_the_reference():
    x = parameter("x", Type(DTYPES["f32"], (UNKNOWN,)))
    assert not NATIVE[Sort].suits(Value(Sort(0), (x,), x.type))
    y = parameter("x", Type(DTYPES["i8"], (2**31,)))
    assert not NATIVE[Sort].suits(Value(Sort(0), (y,), y.type))
