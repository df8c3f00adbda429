"""Loops and branches around the routines of their bodies: what is carried, stacked, taken and left, of every type."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from clew.compiler.compiled import Compiled
from clew.compiler.looping import Around, Scanning, Switching, Whiling
from clew.compiler.outside import Reference
from clew.ir import DTYPES, Array, Graph, Type, Value, constant, f64, parameter, run
from clew.loops import Scan, Switch, While
from clew.ops.arithmetic import add, mul, neg
from clew.ops.bitwise import bitwise_xor
from clew.ops.broadcast import broadcast, sum
from clew.ops.comparison import less, logical_not
from clew.ops.contraction import contract
from clew.ops.elementwise import filled
from clew.ops.exponential import exp
from clew.ops.items import items

RNG = np.random.default_rng(0)
I64 = Type(DTYPES["i64"], ())
KINDS: dict[type, type[Around]] = {Scan: Scanning, While: Whiling, Switch: Switching}


def given(*types: Type) -> tuple[Value, ...]:
    return tuple(parameter(f"x{k}", t) for k, t in enumerate(types))


def results(op: Any, *operands: Value) -> list[Value]:
    return list(items(Value(op, operands, op.infer(*[x.type for x in operands]))))


def check(op: Any, inputs: Sequence[Array], taken: Sequence[int] | None = None, remains: bool = True) -> list[Array]:
    """The op of these operands is native (if it ``remains`` at all), and gives what its reference gives, twice."""
    arguments = given(*[Type(np.asarray(x).dtype, np.shape(x)) for x in inputs])
    made = results(op, *arguments)
    graph = Graph("g", arguments, tuple(made if taken is None else [made[k] for k in taken]))
    compiled = Compiled(graph)
    kinds = [type(step) for step in compiled.routine.steps]
    assert Reference not in kinds and (KINDS[type(op)] in kinds) == (remains and bool(graph.outputs)), kinds
    before = [np.array(x) for x in inputs]
    for _ in range(2):
        found = compiled(inputs)
        for actual, expected in zip(found, run(graph, *inputs), strict=True):
            assert np.asarray(actual).dtype == np.asarray(expected).dtype and np.shape(actual) == np.shape(expected)
            close(actual, expected)
    for x, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, old)
    return found


def close(actual: Any, expected: Any) -> None:
    wide = (np.asarray(x).astype(np.float64) for x in (actual, expected))
    np.testing.assert_allclose(*wide, rtol=1e-6)


# --- scans


def cell(carries: Sequence[Type], scanned: Sequence[Type], fixed: Sequence[Type], f: Callable[..., tuple[Value, ...]]) -> Graph:
    inputs = given(*carries, *scanned, *fixed)
    return Graph("step", inputs, f(*inputs))


def sums(dtype: str, n: int) -> Graph:
    """``(c, x) -> (c + x, c)``: running sums."""
    t = Type(DTYPES[dtype], (n,))
    together = bitwise_xor if dtype == "bool" else add
    return cell([t], [t], [], lambda c, x: (together(c, x), c))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 8])
def test_scans_of_any_length(length: int, reverse: bool) -> None:
    check(Scan(sums("f64", 5), 1, 1, length, reverse), [RNG.normal(size=5), RNG.normal(size=(length, 5))], remains=length > 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scans_of_every_dtype(dtype: str) -> None:
    kind = DTYPES[dtype]
    check(Scan(sums(dtype, 3), 1, 1, 4), [np.ones(3, kind), RNG.integers(0, 2, (4, 3)).astype(kind)])


def mixed(length: int) -> tuple[Scan, list[Array]]:
    """Carries of four dtypes, one without elements, one that stays, two that change places; stacks of an input, of a constant
    and of what is carried."""
    types = [f64(2), f64(2), Type(DTYPES["f16"], (3, 2)), I64, Type(DTYPES["bool"], (7,)), f64(0), f64(4)]
    scanned = [Type(DTYPES["u8"], (3,)), f64()]

    def f(a: Value, b: Value, h: Value, n: Value, p: Value, none: Value, still: Value, u: Value, s: Value) -> tuple[Value, ...]:
        carry = (b, a, add(h, h), add(n, filled(1, n.type)), logical_not(p), exp(none), still)
        return (*carry, u, constant(np.arange(3.0)), mul(broadcast(s, (0,), (2,)), b), n, s)

    inputs = [RNG.normal(size=2), RNG.normal(size=2), np.ones((3, 2), np.float16), np.int64(5), np.arange(7) % 2 == 0]
    inputs += [np.zeros(0), RNG.normal(size=4)]
    inputs += [RNG.integers(0, 200, (length, 3)).astype(np.uint8), RNG.normal(size=length)]
    return Scan(cell(types, scanned, [], f), len(types), 2, length), inputs


@pytest.mark.parametrize("length", [0, 1, 4, 5])
def test_carries_and_stacks_of_several_types(length: int) -> None:
    op, inputs = mixed(length)
    found = check(op, inputs, remains=length > 0)
    assert found[3] == 5 + length
    np.testing.assert_array_equal(found[0], inputs[length % 2])


@pytest.mark.parametrize("taken", [[], [0], [1], [2, 5], [4, 7, 8], [9], [10, 3], [11, 6, 0, 11, 6], [5, 1]])
def test_results_that_nobody_takes(taken: list[int]) -> None:
    """They are computed into memory of the loop's own, and change nothing."""
    op, inputs = mixed(3)
    check(op, inputs, taken)


def test_what_stays_fixed_is_read_in_every_turn() -> None:
    w, h = f64(6, 6), f64(2, 6)
    op = Scan(cell([h], [h], [w], lambda h, x, w: (add(contract("ij,jk->ik", h, w), x), sum(h, (0, 1)))), 1, 1, 5)
    check(op, [RNG.normal(size=s) for s in ((2, 6), (5, 2, 6), (6, 6))])


def test_one_array_as_carry_scanned_and_fixed() -> None:
    t = f64(4)
    step = cell([t], [f64()], [t], lambda c, x, w: (add(mul(c, broadcast(x, (0,), (4,))), w), c))
    x = given(t)[0]
    (last, stack) = results(Scan(step, 1, 1, 4), x, x, x)
    graph, data = Graph("g", (x,), (last, stack, x)), RNG.normal(size=4)
    for actual, expected in zip(Compiled(graph)([data]), run(graph, data), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-14)


def test_many_turns_take_no_more_memory() -> None:
    """Carries alternate between two places."""
    sizes = set()
    for length in (3, 300):
        op = Scan(cell([f64(100)], [], [], lambda c: (exp(neg(c)),)), 1, 0, length)
        check(op, [np.zeros(100)])
        sizes.add(Compiled(Graph("g", (x := parameter("x", f64(100)),), tuple(results(op, x)))).routine.size)
    assert len(sizes) == 1


# --- while loops


def counting(limit: int, *others: Type, f: Callable[..., tuple[Value, ...]] = lambda *xs: xs) -> While:
    """``n`` counts up to the limit; the others become ``f`` of themselves."""
    inputs, asked = given(I64, *others), given(I64, *others)
    n, *xs = inputs
    step = Graph("step", inputs, (add(n, filled(1, I64)), *f(*xs)))
    return While(step, Graph("condition", asked, (less(asked[0], filled(limit, I64)),)), len(inputs))


@pytest.mark.parametrize("limit", [-3, 0, 1, 2, 7])
def test_turns_until_the_condition_fails(limit: int) -> None:
    op = counting(limit, f64(3), Type(DTYPES["bool"], ()), f=lambda x, p: (exp(neg(x)), logical_not(p)))
    found = check(op, [np.int64(0), RNG.normal(size=3), np.bool_(True)])
    assert found[0] == max(0, limit) and found[2] == (max(0, limit) % 2 == 0)


@pytest.mark.parametrize("limit", [0, 1, 4])
def test_carries_that_change_places(limit: int) -> None:
    a, b, none = np.arange(3.0), np.arange(3.0) + 10, np.zeros((2, 0))
    op = counting(limit, f64(3), f64(3), f64(2, 0), f=lambda a, b, none: (b, a, none))
    found = check(op, [np.int64(0), a, b, none])
    np.testing.assert_array_equal(found[1], (a, b)[limit % 2])
    for taken in ([2], [0], [3, 1], [1, 1]):
        check(op, [np.int64(0), a, b, none], taken)


def test_a_condition_of_what_stays_fixed() -> None:
    x, most = given(f64(), f64())
    y, limit = given(f64(), f64())
    op = While(Graph("step", (x, most), (mul(x, filled(2.0, x.type)),)), Graph("condition", (y, limit), (less(y, limit),)), 1)
    assert check(op, [np.float64(1), np.float64(100)]) == [128.0]
    assert check(op, [np.float64(200), np.float64(100)]) == [200.0]
    assert check(op, [np.float64(np.nan), np.float64(100)], []) == []


def test_stacks_of_unknown_length() -> None:
    """What a loop saves for its way back, as many rows as there were turns, and a scan of it."""
    n, x = given(I64, f64(2))
    m, y = given(I64, f64(2))
    step = Graph("step", (n, x), (add(n, filled(1, I64)), exp(neg(x)), x, n))
    loop = While(step, Graph("condition", (m, y), (less(m, filled(4, I64)),)), 2)
    start, first = given(I64, f64(2))
    _, last, xs, _ = results(loop, start, first)
    back = Scan(cell([f64(2)], [f64(2)], [], lambda c, x: (add(mul(c, filled(2.0, c.type)), x),)), 1, 1, None, reverse=True)
    (total,) = results(back, last, xs)
    graph = Graph("g", (start, first), (last, total))
    compiled = Compiled(graph)
    for turns in (0, 1, 3, 4, 0):
        inputs = [np.int64(4 - turns), RNG.normal(size=2)]
        for actual, expected in zip(compiled(inputs), run(graph, *inputs), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-14)


# --- branches


def branches(*fs: Callable[..., tuple[Value, ...]], types: Sequence[Type]) -> Switch:
    made = []
    for f in fs:
        inputs = given(*types)
        made.append(Graph("branch", inputs, f(*inputs)))
    return Switch(tuple(made))


@pytest.mark.parametrize("index", [-(2**63), -1, 0, 1, 2, 3, 2**63 - 1])
def test_an_index_outside_takes_the_nearest_branch(index: int) -> None:
    t = f64(5)
    op = branches(lambda x, y: (x, y), lambda x, y: (y, exp(x)), lambda x, y: (filled(2.0, t), x), types=[t, t])
    inputs = [np.int64(index), RNG.normal(size=5), RNG.normal(size=5)]
    for taken in (None, [0], [1], [1, 0, 1]):
        check(op, inputs, taken)


def test_one_branch_and_results_of_several_types() -> None:
    types = [Type(DTYPES["bf16"], (3,)), Type(DTYPES["u16"], ()), f64(0, 2)]
    op = branches(lambda h, n, none: (none, add(n, n), neg(h)), types=types)
    check(op, [np.int64(9), np.ones(3, DTYPES["bf16"]), np.uint16(40_000), np.zeros((0, 2))])


# --- one in the other


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("turns", [0, 1, 3])
def test_nested(turns: int, which: int) -> None:
    """A scan in a branch in a while loop; inner loops use memory of their own in each turn."""
    t = f64(3)
    inner = Scan(sums("f64", 3), 1, 1, 2)

    def scanning(x: Value, w: Value) -> tuple[Value, ...]:
        last, stack = results(inner, x, w)
        return (add(last, sum(stack, (0,))),)

    choice = branches(scanning, lambda x, w: (neg(x),), types=[t, f64(2, 3)])
    n, x, w, k = given(I64, t, f64(2, 3), I64)
    step = Graph("step", (n, x, w, k), (add(n, filled(1, I64)), results(choice, k, x, w)[0]))
    m, *_ = asked = given(I64, t, f64(2, 3), I64)
    loop = While(step, Graph("condition", asked, (less(m, filled(turns, I64)),)), 2)
    found = check(loop, [np.int64(0), np.arange(3.0), np.ones((2, 3)), np.int64(which)])
    x1 = np.arange(3.0)
    for _ in range(turns):
        x1 = -x1 if which else (x1 + 2) + (x1 + x1 + 1)
    np.testing.assert_allclose(found[1], x1)


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_loop_without_end_can_be_stopped() -> None:
    n = parameter("n", I64)
    (last,) = results(counting(2**62), n)
    compiled = Compiled(Graph("g", (n,), (last,)))
    assert compiled([np.int64(2**62)]) == [2**62]
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        compiled([np.int64(0)])
    assert compiled([np.int64(2**62 - 1)]) == [2**62]
