"""Compiled graphs as functions of arrays: any strides, kept results, updates, errors, threads, and random numbers."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import clew as cl
from clew.compiler import native, steps
from clew.compiler.compiled import Compiled
from clew.compiler.outside import Reference
from clew.config import config
from clew.errors import AxisError
from clew.ir import DTYPES, Array, Graph, Type, Value, constant, f64, parameter, run
from clew.loops import Scan, Switch, While
from clew.ops.arithmetic import add, mul, neg
from clew.ops.broadcast import broadcast, sum
from clew.ops.comparison import less
from clew.ops.contraction import contract
from clew.ops.elementwise import filled
from clew.ops.exponential import exp
from clew.ops.indexing import Gather, ScatterAdd
from clew.ops.items import items
from clew.ops.movement import Concat, flip, pad, permute
from clew.ops.rounding import Cast
from clew.ops.sorting import Sort
from clew.ops.trigonometric import sin

from .models import MODELS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 7))
A, B = parameter("a", f64(5, 7)), parameter("b", f64(5, 7))
SUM = Graph("sum", (A, B), (add(A, mul(B, B)), sum(B, (1,))))


def indices(*shape: int, dtype: str = "i64") -> Value:
    return parameter("i", Type(DTYPES[dtype], shape))


def gather(x: Value, index: Value) -> Value:
    op = Gather((0,), 0)
    return Value(op, (x, index), op.infer(x.type, index.type))


# --- what may be given


def unaligned(x: Array) -> Array:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    found = raw[1:].view(x.dtype).reshape(x.shape)
    found[...] = x
    return found


def spread(x: Array) -> Array:
    """Elements that lie far apart."""
    found = np.zeros((x.shape[0] * 1000, x.shape[1] * 300))[::1000, ::300]
    found[...] = x
    return found


def fixed(x: Array) -> Array:
    found = x.copy()
    found.flags.writeable = False
    return found


GIVEN: dict[str, Callable[[Array], Array]] = {
    "as it is": lambda x: x,
    "transposed": lambda x: x.T.copy().T,
    "negative strides": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "rows alike": lambda x: np.broadcast_to(x[0], x.shape),
    "one number": lambda x: np.broadcast_to(x[0, 0], x.shape),
    "huge strides": spread,
    "unaligned": unaligned,
    "read-only": fixed,
    "every other": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "byte order of other machines": lambda x: x.astype(x.dtype.newbyteorder()).astype(x.dtype),
}


@pytest.mark.parametrize("form", GIVEN)
def test_inputs_of_any_form(form: str) -> None:
    both = Compiled(SUM)
    given = GIVEN[form](X)
    before = given.copy()
    for inputs in ([given, X], [X, given], [given, given]):
        for actual, expected in zip(both(inputs), run(SUM, *inputs), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(given, before)


def test_the_same_memory_twice() -> None:
    """Two views of one array, which overlap."""
    raw = RNG.normal(size=42)
    first, second = raw[:35].reshape(5, 7), raw[7:].reshape(5, 7)
    for actual, expected in zip(Compiled(SUM)([first, second]), run(SUM, first, second), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-14)


@pytest.mark.parametrize(
    "number", [np.float64(2.5), np.array(2.5), np.arange(5.0)[::2][1:2].reshape(()) + 0.5, np.full(3, 2.5)[1]]
)
def test_numbers(number: Array) -> None:
    s, t = parameter("s", f64()), parameter("t", f64(3))
    graph = Graph("scaled", (s, t), (mul(broadcast(s, (0,), (3,)), t), mul(s, s)))
    scaled, square = Compiled(graph)([number, np.arange(3.0)])
    np.testing.assert_array_equal(scaled, [0, 2.5, 5])
    assert square == 6.25 and isinstance(square, np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_in_and_out(dtype: str) -> None:
    data = np.array([0, 1, 1, 0, 1] * 9).astype(DTYPES[dtype])
    x = parameter("x", Type(DTYPES[dtype], (45,)))
    s = parameter("s", Type(DTYPES[dtype], ()))
    graph = Graph("moved", (x, s), (flip(x, (0,)), broadcast(s, (0,), (3,)), x, s))
    for scalar in (data[1], np.array(data[1])):
        results = Compiled(graph)([data, scalar])
        assert [np.asarray(y).dtype for y in results] == [DTYPES[dtype]] * 4
        for actual, expected in zip(results, run(graph, data, scalar), strict=True):
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 5)])
def test_nothing_to_compute(shape: tuple[int, ...]) -> None:
    x = parameter("x", f64(*shape))
    axes = tuple(range(len(shape)))
    graph = Graph("empty", (x,), (add(x, x), sum(x, axes), sum(x, (0,)), sum(x, axes[-1:]), x))
    inputs = [np.empty(shape)]
    for actual, expected in zip(Compiled(graph)(inputs), run(graph, *inputs), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_no_inputs_no_outputs() -> None:
    assert Compiled(Graph("none", (A, B), ()))([X, X]) == []
    assert Compiled(Graph("three", (), (constant(np.float64(3)),)))([]) == [3.0]


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_to_add(n: int) -> None:
    """A sum of no rows is zero."""
    index, op = indices(0), ScatterAdd((4, n), (0,))
    given = parameter("v", f64(0, n))
    for v in (given, filled(1.0, given.type)):
        graph = Graph("spread", (index, given), (Value(op, (v, index), op.infer(v.type, index.type)),))
        np.testing.assert_array_equal(Compiled(graph)([np.zeros(0, np.int64), np.zeros((0, n))])[0], np.zeros((4, n)))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(4, 8, 1), (2, 3, 4), (3, 1, 33), (1, 5, 3)])
@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("how", ["concatenated", "padded and added"])
def test_parts_of_a_concatenation(how: str, count: int, shape: tuple[int, int, int], axis: int) -> None:
    """They are written where they belong, beside other results of the same kernel or not."""
    xs = tuple(parameter(f"x{k}", f64(*shape)) for k in range(count))
    parts = [mul(x, x) for x in xs]
    if how == "concatenated":
        op = Concat(axis)
        y = Value(op, tuple(parts), op.infer(*[x.type for x in parts]))
    else:
        low = [tuple(shape[axis] * k if a == axis else 0 for a in range(3)) for k in range(count)]
        y = add(*(pad(x, at, at_end) for x, at, at_end in zip(parts[:2], low, low[::-1], strict=False)))
        for k in range(2, count):
            y = add(y, pad(parts[k], low[k], low[count - 1 - k]))
    inputs = [RNG.normal(size=shape) for _ in xs]
    for outputs in ((y,), (y, add(parts[0], xs[1])), (add(y, y), y)):
        graph = Graph("parts", xs, outputs)
        for actual, expected in zip(Compiled(graph)(inputs), run(graph, *inputs), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-14)


# --- what comes out


def test_results_are_fresh() -> None:
    """Inputs, constants and what is returned twice too: none shares memory, and none changes at the next call."""
    held = constant(np.arange(35.0).reshape(5, 7))
    y = add(A, B)
    outputs = (y, y, A, A, held, held, filled(2.0, A.type), sum(B, (0, 1)), constant(np.float64(3)))
    both = Compiled(Graph("many", (A, B), outputs))
    inputs = [X.copy(), X.copy()]
    first = both(inputs)
    kept = [np.array(x) for x in first]
    arrays = [*inputs, *[x for x in first if np.ndim(x)]]
    assert not any(np.shares_memory(p, q) for k, p in enumerate(arrays) for q in arrays[:k])
    second = both([X + 1, X * 2])
    for x, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(x, before)
    first[4][...] = 77  # a caller may write to a result
    np.testing.assert_array_equal(both(inputs)[4], second[4])
    np.testing.assert_array_equal(second[0], X + 1 + X * 2)


# --- updates


def compiled_updates(graph: Graph, updates: dict[int, int], inputs: list[Array]) -> None:
    """Twice: results as the references', updated inputs with the new values, the others as they were."""
    step = Compiled(graph, updates)
    now = [x.copy() for x in inputs]
    for _ in range(2):
        expected = run(graph, *[x.copy() for x in now])
        before = [x.copy() for x in now]
        results = step(now)
        for k, (actual, wanted) in enumerate(zip(results, expected, strict=True)):
            np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=1e-12, err_msg=f"result {k}")
        for k, n in updates.items():
            assert results[k] is now[n]
        for n, x in enumerate(now):
            if n not in updates.values():
                np.testing.assert_array_equal(x, before[n], err_msg=f"input {n}")
        now = [x * 0.5 for x in now]


def cases(n: int) -> dict[str, tuple[Graph, dict[int, int]]]:
    a, b, c = (parameter(name, f64(n)) for name in "abc")
    y = add(a, b)

    def total(x: Value) -> Value:
        made: Value = broadcast(sum(x, (0,)), (0,), (n,))
        return made

    return {
        "in place": (Graph("g", (a, b), (add(a, b),)), {0: 0}),
        "swap": (Graph("g", (a, b), (b, a)), {0: 0, 1: 1}),
        "cycle": (Graph("g", (a, b, c), (b, c, a)), {0: 0, 1: 1, 2: 2}),
        "Jacobi": (Graph("g", (a, b), (add(b, b), neg(a))), {0: 0, 1: 1}),
        "Jacobi of both": (Graph("g", (a, b), (mul(exp(neg(b)), a), exp(neg(a)))), {0: 0, 1: 1}),
        "sums of the other": (Graph("g", (a, b), (add(a, total(b)), add(b, total(a)))), {0: 0, 1: 1}),
        "another element": (Graph("g", (a,), (flip(a, (0,)),)), {0: 0}),
        "another element, and its own": (Graph("g", (a, b), (add(flip(a, (0,)), a), b)), {0: 0}),
        "new value returned too": (Graph("g", (a, b), (y, y, sum(a, (0,)))), {0: 0}),
        "old value returned too": (Graph("g", (a, b), (y, a, a)), {0: 0}),
        "one value for both": (Graph("g", (a, b), (y, y)), {0: 0, 1: 1}),
        "nothing new": (Graph("g", (a, b), (a, b)), {0: 0, 1: 1}),
        "constants": (Graph("g", (a, b), (constant(np.arange(float(n))), filled(2.0, a.type))), {0: 0, 1: 1}),
        "the first becomes the old second": (Graph("g", (a, b), (b, exp(neg(a)))), {0: 0, 1: 1}),
        "the second becomes the old first": (Graph("g", (a, b), (exp(neg(b)), a)), {0: 0, 1: 1}),
        "read by a later update": (Graph("g", (a, b, c), (add(a, c), add(b, mul(a, total(a))))), {0: 0, 1: 1}),
    }


@pytest.mark.parametrize("n", [5, 1000])
@pytest.mark.parametrize("case", cases(1))
def test_updates(case: str, n: int) -> None:
    graph, updates = cases(n)[case]
    compiled_updates(graph, updates, [RNG.uniform(0.5, 1, n) for _ in graph.inputs])


@pytest.mark.parametrize("n", [6, 40, 150])
def test_updates_of_matrices(n: int) -> None:
    w, x = parameter("w", f64(n, n)), parameter("x", f64(n, n))
    rows = broadcast(sum(w, (1,)), (1,), (n,))
    slope = contract("ij,jk->ik", permute(x, (1, 0)), contract("ij,jk->ik", x, w))
    inputs = [RNG.normal(size=(n, n)) / n, RNG.normal(size=(n, n)) / n]
    for made in (contract("ij,jk->ik", w, x), add(w, slope), permute(w, (1, 0)), add(w, permute(w, (1, 0))), add(w, neg(rows))):
        compiled_updates(Graph("g", (w, x), (made, sum(w, (0, 1)))), {0: 0}, inputs)
    both = add(w, contract("ij,jk->ik", w, x)), add(x, contract("ij,jk->ik", x, w))
    compiled_updates(Graph("g", (w, x), both), {0: 0, 1: 1}, inputs)


# --- errors


@pytest.mark.parametrize("wrong", [5, -1, 2**62, -(2**63)])
def test_positions_outside_leave_everything_as_it_was(wrong: int) -> None:
    t, index, p = parameter("t", f64(5, 3)), indices(4), parameter("p", f64(3))
    y = gather(t, index)
    graph = Graph("found", (t, index, p), (y, add(p, sum(y, (0,)))))
    step, state = Compiled(graph, {1: 2}), np.ones(3)
    table, inside = np.ones((5, 3)), np.array([0, 4, 2, 1])
    with pytest.raises(AxisError) as eager:
        run(graph, table, np.array([0, wrong, 2, 1]), state)
    with pytest.raises(AxisError) as error:
        step([table, np.array([0, wrong, 2, 1]), state])
    assert str(error.value) == str(eager.value) == f"gather: index {wrong} lies outside axis 0 of size 5; use 0 to 4"
    np.testing.assert_array_equal(state, np.ones(3))
    step([table, inside, state])
    np.testing.assert_array_equal(state, np.full(3, 5.0))


@pytest.mark.parametrize("dtype", ["i8", "u8", "i32", "u32", "i64", "u64"])
def test_positions_of_every_integer(dtype: str) -> None:
    table = np.arange(15.0).reshape(5, 3)
    index, v = indices(4, dtype=dtype), parameter("v", f64(4, 3))
    found = Compiled(Graph("found", (x := parameter("t", f64(5, 3)), index), (gather(x, index),)))
    op = ScatterAdd((5, 3), (0,))
    spread_out = Compiled(Graph("spread", (v, index), (Value(op, (v, index), op.infer(v.type, index.type)),)))
    inside = np.array([4, 0, 0, 2], DTYPES[dtype])
    np.testing.assert_array_equal(found([table, inside])[0], table[[4, 0, 0, 2]])
    expected = np.zeros((5, 3))
    np.add.at(expected, inside.astype(int), table[:4])
    np.testing.assert_array_equal(spread_out([table[:4], inside])[0], expected)
    outside = np.array([0, 1, 2, np.iinfo(DTYPES[dtype]).max], DTYPES[dtype])
    with pytest.raises(AxisError, match="lies outside axis 0 of size 5"):
        found([table, outside])
    with pytest.raises(AxisError, match="lies outside axis 0 of size 5"):
        spread_out([table[:4], outside])


def test_positions_in_loops_and_branches() -> None:
    """A scan leaves everything as it was; of a switch only the branch that is taken counts."""
    h, i, t = parameter("h", f64()), indices(), parameter("t", f64(5))
    step = Graph("step", (h, i, t), (add(h, gather(t, i)),))
    start, index, table, state = parameter("s", f64()), indices(6), parameter("t", f64(5)), parameter("p", f64(5))
    op = Scan(step, 1, 1, 6, False)
    (y,) = items(Value(op, (start, index, table), op.infer(start.type, index.type, table.type)))
    loop = Compiled(Graph("loop", (start, index, table, state), (y, add(state, table))), {1: 3})
    held = np.ones(5)
    assert loop([np.float64(1), np.array([0, 1, 2, 3, 4, 4]), np.arange(5.0), held])[0] == 15
    with pytest.raises(AxisError, match="gather: index 9 lies outside axis 0 of size 5"):
        loop([np.float64(1), np.array([0, 1, 9, 3, 4, 4]), np.arange(5.0), held])
    np.testing.assert_array_equal(held, np.arange(1.0, 6.0))
    j, u = indices(), parameter("u", f64(5))
    branches = Switch((Graph("one", (i, t), (gather(t, i),)), Graph("all", (j, u), (sum(u, (0,)),))))
    which, place = indices(), indices()
    (z,) = items(Value(branches, (which, place, table), branches.infer(which.type, place.type, table.type)))
    choose = Compiled(Graph("choose", (which, place, table), (z,)))
    assert choose([np.int64(1), np.int64(77), np.arange(5.0)]) == [10.0]
    assert choose([np.int64(0), np.int64(3), np.arange(5.0)]) == [3.0]
    with pytest.raises(AxisError, match="gather: index 77"):
        choose([np.int64(0), np.int64(77), np.arange(5.0)])


def test_errors_of_references_come_out_and_leave_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update by kernels is not made before an update by a reference has come through."""
    a, b = parameter("a", f64(3, 5)), parameter("b", f64(3, 5))
    ordered = Value(Sort(0, False), (b,), b.type)
    with monkeypatch.context() as patch, config(cache_size=0):  # no native form: its reference is called
        patch.setattr(steps, "NATIVE", {})
        step = Compiled(Graph("g", (a, b), (exp(a), ordered)), {0: 0, 1: 1})
    assert any(isinstance(s, Reference) for s in step.routine.steps)

    def broken(self: Sort, x: Array) -> Array:
        raise ValueError("broken on purpose")

    first, second = np.zeros((3, 5)), np.arange(15.0).reshape(3, 5)[::-1].copy()
    with monkeypatch.context() as patch:
        patch.setattr(Sort, "reference", broken)
        with pytest.raises(ValueError, match="broken on purpose"):
            step([first, second])
    np.testing.assert_array_equal(first, np.zeros((3, 5)))
    np.testing.assert_array_equal(second, np.arange(15.0).reshape(3, 5)[::-1])
    step([first, second])
    np.testing.assert_array_equal(first, np.ones((3, 5)))
    np.testing.assert_array_equal(second, np.arange(15.0).reshape(3, 5))


# --- threads and processors


def test_several_python_threads_call_at_once() -> None:
    graph, inputs = MODELS["mlp"]()
    step = Compiled(graph)
    several = [[np.asarray(x * (1 + 0.1 * k), x.dtype) for x in inputs] for k in range(4)]
    expected = [step(given) for given in several]
    wrong: list[int] = []

    def call(k: int) -> None:
        for _ in range(300):
            for actual, wanted in zip(step(several[k]), expected[k], strict=True):
                if not np.array_equal(actual, wanted):
                    wrong.append(k)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


SIZES = {
    "chain": {"n": 300_001},
    "softmax": {"rows": 500, "n": 301},
    "layer_norm": {"rows": 500, "n": 133},
    "cross_entropy": {"rows": 3000, "classes": 51},
    "mlp": {"rows": 256, "features": 301, "hidden": 133},
    "max_pool": {"images": 16, "channels": 16, "size": 28},
    "scan": {"length": 9, "rows": 33, "n": 65},
    "lstm": {"length": 9, "rows": 32, "features": 64, "hidden": 64},
    "convolution": {"images": 16, "channels": 16, "size": 28, "made": 32},
    "attention": {"heads": 8, "n": 100, "width": 32},
    "total": {"n": 1_000_000},
}


@pytest.mark.parametrize("model", SIZES)
def test_the_same_bits_for_any_number_of_threads(model: str) -> None:
    graph, inputs = MODELS[model](**SIZES[model])
    step = Compiled(graph)
    expected = step(inputs)
    for actual, wanted in zip(expected, run(graph, *inputs), strict=True):
        scale = float(np.max(np.abs(wanted)))
        np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-5 * scale)
    for threads in (1, 2, 4, 1):
        with config(threads=threads):
            for actual, wanted in zip(step(inputs), expected, strict=True):
                np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("bits", [256, 128])
@pytest.mark.parametrize("model", [name for name in MODELS if name != "total"])
def test_processors_with_shorter_vectors(model: str, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if native.host().bits <= bits:
        pytest.skip("this processor's vectors are no longer")
    less = native.host().limited(bits)
    monkeypatch.setattr(native, "host", lambda: less)
    monkeypatch.setattr(native, "processor", lambda: "")  # so that keys follow from ``host``
    graph, inputs = MODELS[model]()
    step = Compiled(graph)
    assert f"<{bits // 32} x float>" in step.text
    for actual, wanted in zip(step(inputs), run(graph, *inputs), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-5 * float(np.max(np.abs(wanted))))


# --- random numbers


@pytest.mark.parametrize("dtype", [cl.float32, cl.float64])
@pytest.mark.parametrize("n", [1, 7, 1000])
def test_random_numbers_are_those_of_eager_mode(n: int, dtype: np.dtype[np.floating]) -> None:
    """Bit for bit; of normal ones the logarithm and the cosine may be rounded otherwise."""

    def draw(key: cl.Tensor) -> tuple[cl.Tensor, ...]:
        one, two = cl.random.split(key)
        return (
            cl.random.uniform(shape=(n, 3), dtype=dtype, key=one),
            cl.random.integers(0, 100, shape=(n,), key=two),
            cl.random.permutation(n, key=key),
            cl.random.bernoulli(0.3, shape=(n,), key=cl.random.fold_in(key, 3)),
            cl.random.normal(shape=(n,), dtype=dtype, key=two),
        )

    key = cl.random.key(42)
    *eager, normal = (np.asarray(x) for x in draw(key))
    *drawn, compiled_normal = Compiled(cl.trace(draw)(key).graph)([np.asarray(key)])
    for actual, expected in zip(drawn, eager, strict=True):
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_max_ulp(compiled_normal, normal, 4)


# --- what random graphs have found


@pytest.mark.parametrize("axis", [0, 1])
def test_gathering_from_a_concatenation(axis: int) -> None:
    """A position in the second part was held within the first."""
    x, y, index = parameter("x", f64(3, 5)), parameter("y", f64(3, 5)), indices(7)
    op = Concat(axis)
    both = Value(op, (x, y), op.infer(x.type, y.type))
    graph = Graph("g", (x, y, index), (gather(both, index), gather(permute(both, (1, 0)), index)))
    inputs = [RNG.normal(size=(3, 5)), RNG.normal(size=(3, 5)), np.array([0, 2, 1, 2, 0, 1, 1]) + (0 if axis else 2)]
    for actual, expected in zip(Compiled(graph)(inputs), run(graph, *inputs), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_nothing_hoisted_out_of_a_loop() -> None:
    """What a loop computes of empty arrays goes before it, and had two elements' room taken from the next array."""
    number, empty = indices(), f64(2, 0)
    n, s, w = indices(), parameter("s", empty), parameter("w", empty)
    step = Graph("step", (n, s, w), (add(n, filled(1, n.type)), exp(w)))
    condition = Graph("condition", (n, s, w), (less(n, filled(3, n.type)),))
    x, y, a, b = parameter("x", empty), parameter("y", empty), parameter("a", f64(2)), parameter("b", f64(2))
    loop = While(step, condition, 2)
    count, _ = items(Value(loop, (number, exp(x), y), loop.infer(n.type, empty, empty)))
    graph = Graph("g", (number, x, y, a, b), (add(contract("a,a->", a, b), Value(Cast(DTYPES["f64"]), (count,), f64())),))
    inputs = [np.int64(0), np.zeros((2, 0)), np.zeros((2, 0)), np.array([1.0, 2.0]), np.array([3.0, 5.0])]
    assert Compiled(graph)(inputs) == [16.0]
    assert all(x.type.size for s in Compiled(graph).routine.steps if s.kernel is not None for x in s.values)


def test_a_signal_handler_may_call_what_it_interrupts() -> None:
    x = parameter("x", f64(3_000_000))
    c = Compiled(Graph("g", (x,), (exp(sin(exp(x))),)))
    given, seen = np.zeros(3_000_000), []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(c([given])[0][0]))
    try:
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
        (result,) = c([given])
        time.sleep(0.1)  # the signal may come late
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [pytest.approx(result[0])]


def test_a_signal_in_the_last_kernel_leaves_nothing_half_done() -> None:
    x = parameter("x", f64(2_000_000))
    c = Compiled(Graph("g", (x,), (exp(sin(exp(x))),)))
    given = np.zeros(2_000_000)
    expected = c([given])[0][0]
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        for n in range(30):
            threading.Timer(0.0005 * n, os.kill, (os.getpid(), signal.SIGINT)).start()
            for _ in range(4):
                (result,) = c([given])
                assert (result == expected).all()
            time.sleep(0.02)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(seen) == 30
