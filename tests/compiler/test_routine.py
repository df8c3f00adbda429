"""Routines: the order of steps, what is written in place, kept or copied, where intermediates live, and what stops one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.compiled import Compiled
from clew.compiler.expression import Buffer, Space
from clew.compiler.memory import ALIGNMENT
from clew.compiler.routine import Routine
from clew.errors import AxisError
from clew.ir import DTYPES, UNKNOWN, Array, Graph, Tuple, Type, Value, constant, f64, parameter, run
from clew.loops import Switch
from clew.ops.arithmetic import add, mul, neg
from clew.ops.broadcast import broadcast, sum
from clew.ops.contraction import contract
from clew.ops.elementwise import filled
from clew.ops.exponential import exp
from clew.ops.indexing import Gather, ScatterAdd
from clew.ops.items import items
from clew.ops.movement import flip, permute
from clew.ops.sorting import sort

from .models import MODELS, traced

N = 1000
A, B, C = (parameter(name, f64(N)) for name in "abc")


def routine(outputs: tuple[Value, ...], updates: dict[int, int], inputs: tuple[Value, ...] = (A, B, C)) -> Routine:
    """Of a function whose results are right, and whose updates are made in their inputs' arrays."""
    graph = Graph("g", inputs, outputs)
    compiled = Compiled(graph, updates)
    rng = np.random.default_rng(0)
    given = [np.asarray(rng.uniform(0.5, 1, v.shape))[()] for v in inputs]
    before, expected = [np.array(x) for x in given], run(graph, *[np.array(x)[()] for x in given])
    found = compiled(given)
    for k, (actual, wanted) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(actual, wanted, rtol=1e-12, err_msg=f"result {k}")
        assert k not in updates or actual is given[updates[k]]
    for n, (x, old) in enumerate(zip(given, before, strict=True)):
        if n not in updates.values():
            np.testing.assert_array_equal(x, old, err_msg=f"input {n}")
    return compiled.routine


def in_place(made: Routine) -> list[str]:
    """The inputs that are written directly."""
    return sorted(source.value.name or "" for source in made.in_place.values())


def all_of(v: Value) -> Value:
    """The sum of all, in every place."""
    made: Value = broadcast(sum(v, (0,)), (0,), (N,))
    return made


# --- updates


def test_an_element_that_replaces_itself_is_written_in_place() -> None:
    made = routine((add(A, B), sum(exp(C), (0,))), {0: 0})
    assert in_place(made) == ["a"] and not made.saved and not made.copies
    assert made.late == len(made.steps) - 1  # the update is the last step


def test_what_is_read_at_other_places_is_not_written_in_place() -> None:
    for y in (flip(A, (0,)), add(A, flip(A, (0,)))):
        made = routine((y,), {0: 0})
        assert in_place(made) == []
        assert {x.value for x in made.offsets if isinstance(x, Buffer)} == {made.graph.outputs[0]}  # first into the arena


def test_what_a_later_step_reads_is_not_written_in_place() -> None:
    made = routine((mul(A, all_of(A)), add(B, flip(A, (0,)))), {0: 0, 1: 1})
    for n, step in enumerate(made.steps):
        for x in step.writes:
            if x in made.in_place:
                assert not any(made.in_place[x] in later.reads for later in made.steps[n + 1 :])
    assert "b" in in_place(made)


def test_a_sum_of_what_is_replaced_comes_first() -> None:
    made = routine((add(A, all_of(A)),), {0: 0})
    assert in_place(made) == ["a"]


def test_an_update_that_is_a_result_too() -> None:
    """It has memory of its own, and is copied over the input."""
    y = add(A, B)
    made = routine((y, y), {0: 0})
    assert in_place(made) == [] and made.late == len(made.steps)
    assert list(made.outputs.values()) == [len(made.graph.inputs) + 1]


def test_an_update_that_is_an_input() -> None:
    made = routine((B,), {0: 0})
    assert not made.steps and not made.saved
    made = routine((A,), {0: 0})
    assert not made.steps and not made.saved and made.size == 0


def test_inputs_that_change_places_are_saved() -> None:
    made = routine((B, A), {0: 0, 1: 1})
    assert sorted(made.saved) == [0, 1]
    assert all(isinstance(x, Space) and x.nbytes == 8 * N for x in made.saved.values())
    made = routine((B, exp(neg(A))), {0: 0, 1: 1})  # the old b is wanted after the new one is there
    assert list(made.saved) == [0]


def test_results_that_are_inputs_are_copied_before_those_are_written() -> None:
    made = routine((neg(A), A, B, A), {0: 0})
    assert in_place(made) == ["a"] and made.copies == [1, 2, 3]


def test_results_that_are_constants_or_twice_the_same_are_copied() -> None:
    y = mul(A, B)
    made = routine((y, y, constant(np.arange(float(N))), filled(2.0, A.type)), {})
    assert made.copies == [1, 2, 3] and list(made.outputs.values()) == [3]


def test_products_are_written_in_place_of_what_they_do_not_read() -> None:
    w, x = parameter("w", f64(40, 40)), parameter("x", f64(40, 40))
    slope = contract("ij,jk->ik", permute(x, (1, 0)), x)
    assert in_place(routine((add(w, slope),), {0: 0}, (w, x))) == ["w"]
    assert in_place(routine((contract("ij,jk->ik", w, x),), {0: 0}, (w, x))) == []
    assert in_place(routine((add(x, slope),), {0: 1}, (w, x))) == []


def test_an_update_that_another_step_reads_is_no_late_step() -> None:
    """The new parameter goes into a sum: it is computed, read, and copied at the end."""
    y = add(A, exp(neg(B)))
    made = routine((y, sum(mul(y, y), (0,))), {0: 0})
    assert in_place(made) == []


def test_references_come_before_all_updates() -> None:
    """An op that may raise runs before anything that is seen is written."""
    size = Type(DTYPES["i64"], (3,))
    index = parameter("i", size)
    op = Gather((0,), 0)
    graph = Graph("g", (A, B, index), (exp(neg(A)), sort(B, 0), sum(Value(op, (B, index), op.infer(B.type, size)), (0,))))
    made = Compiled(graph, {0: 0, 1: 1}).routine
    kinds = [step.values[0].op.opcode for step in made.steps]  # type: ignore[union-attr]
    assert kinds[-1] == "exp" and made.late == len(made.steps) - 1 and "sort" in kinds[:-1]
    assert in_place(made) == ["a"]


# --- positions


def placed(limit: int) -> tuple[Compiled, list[Array]]:
    index = parameter("i", Type(DTYPES["i64"], (4,)))
    op = Gather((0,), 0)
    y = Value(op, (B, index), op.infer(B.type, index.type))
    graph = Graph("g", (A, B, index), (exp(neg(A)), add(B, all_of(A)), sum(y, (0,)), A))
    return Compiled(graph, {0: 0, 1: 1}), [np.zeros(N), np.ones(N), np.array([0, 1, limit, 2])]


def test_positions_are_refused_before_anything_is_written() -> None:
    compiled, inputs = placed(N)
    made = compiled.routine
    assert made.wrong is not None and made.wrong.dtype == bool
    before = [x.copy() for x in inputs]
    with pytest.raises(AxisError, match=f"index {N} lies outside axis 0 of size {N}"):
        compiled(inputs)
    for x, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, old)
    compiled, inputs = placed(N - 1)
    *_, total, old_a = compiled(inputs)
    assert total == 4 and not old_a.any()
    np.testing.assert_array_equal(inputs[0], np.ones(N))
    flag = made.grouping.buffers[made.wrong]
    assert any(flag in step.writes for step in made.steps[: made.late])


def test_positions_in_a_branch_leave_with_it() -> None:
    """The routine of the branch refuses; the one around it leaves before its updates."""
    t, size = f64(N), Type(DTYPES["i64"], ())
    x, i, op = parameter("x", t), parameter("i", size), ScatterAdd((N,), (0,))
    one = add(x, Value(op, (filled(1.0, f64()), i), op.infer(f64(), size)))
    y, j = parameter("y", t), parameter("j", size)
    switch = Switch((Graph("add", (x, i), (one,)), Graph("keep", (y, j), (y,))))
    which, where = parameter("which", size), parameter("where", size)
    (z,) = items(Value(switch, (which, A, where), switch.infer(size, t, size)))
    compiled = Compiled(Graph("g", (which, where, A, B), (z, neg(B))), {0: 2, 1: 3})
    a, b = np.zeros(N), np.ones(N)
    with pytest.raises(AxisError, match=f"index -1 lies outside axis 0 of size {N}"):
        compiled([np.int64(0), np.int64(-1), a, b])
    assert not a.any() and (b == 1).all()
    compiled([np.int64(1), np.int64(-1), a, b])
    assert not a.any() and (b == -1).all()
    compiled([np.int64(0), np.int64(7), a, b])
    assert a.sum() == a[7] == 1 and (b == 1).all()


# --- the arena


def test_a_chain_of_sums_takes_places_again() -> None:
    """However long it is: what nobody reads any more makes room."""

    def chain(length: int) -> Routine:
        x = parameter("x", f64(100, 100))
        y = x
        for _ in range(length):
            y = contract("ij,jk->ik", y, x)
        return Compiled(Graph("g", (x,), (sum(y, (0, 1)),))).routine

    assert chain(20).size == chain(4).size <= 3 * 80_000 + 64 * 1024


@pytest.mark.parametrize("model", MODELS)
def test_what_lives_at_once_does_not_overlap(model: str) -> None:
    """Of all that a step reads, writes or uses, no two lie in the same bytes."""
    made = Compiled(MODELS[model]()[0]).routine
    until: dict[Any, int] = {}
    for n, step in enumerate(made.steps):
        for x in (*step.reads, *step.writes, *step.spaces):
            until[x] = n
    begun: dict[Any, int] = {}
    for n, step in enumerate(made.steps):
        for x in (*step.reads, *step.writes, *step.spaces):
            begun.setdefault(x, n)
        alive = [x for x in made.offsets if x in begun and until[x] >= n]
        spans = sorted((made.offsets[x], made.offsets[x] + size(x)) for x in alive if size(x))
        assert all(end <= start for (_, end), (start, _) in pairwise(spans)), f"step {n}"
    assert all(offset % ALIGNMENT == 0 and offset + size(x) <= made.size for x, offset in made.offsets.items())


def size(place: Buffer | Space) -> int:
    return place.nbytes if isinstance(place, Space) else place.value.type.nbytes


def test_inputs_outputs_and_constants_have_no_place_in_the_arena() -> None:
    table = constant(np.arange(float(N)))
    made = routine((add(A, table), exp(all_of(B))), {})
    assert {A, B} <= {x.value for x in made.inputs}
    assert table in {x.value for x in made.constants}
    assert not {*made.inputs, *made.outputs, *made.constants} & set(made.offsets)


def test_what_has_no_fixed_size_has_no_place() -> None:
    def doubled(x: Any) -> Any:
        return cl.sum(cl.while_loop(lambda y: cl.sum(y) < 100, lambda y: y * 2, x))

    graph, inputs = traced(cl.grad(doubled), np.ones(3, np.float32))
    compiled = Compiled(graph)
    assert any(UNKNOWN in v.shape for v in compiled.graph.values if not isinstance(v.type, Tuple))
    assert not any(UNKNOWN in x.value.shape for x in compiled.routine.offsets if isinstance(x, Buffer))
    np.testing.assert_array_equal(compiled(inputs)[0], np.full(3, 64.0))
