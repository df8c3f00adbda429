"""What is recorded of ops: each thing once, constants folded, masks where reads are guarded."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.expression import Buffer, Expr, Recorder, filling, identity, show, walk
from clew.compiler.index import Var, variable
from clew.ir import DTYPES, Type, Value, constant, f64, parameter
from clew.ops.arithmetic import add, mul, sub
from clew.ops.broadcast import Sum
from clew.ops.elementwise import filled
from clew.ops.exponential import exp
from clew.ops.indexing import Gather
from clew.ops.movement import Concat, Flip, Pad, Permute, Reshape
from clew.ops.reductions import Max

X = parameter("x", f64(4, 6))


def recorded(v: Value, *inputs: Value) -> Expr:
    return Recorder({x: Buffer(x, x.name or "x") for x in inputs}).element(v)


def apply(op: object, *operands: Value) -> Value:
    return Value(op, operands, op.infer(*[x.type for x in operands]))  # type: ignore[attr-defined, arg-type]


@pytest.mark.parametrize(
    ("op", "text"),
    [
        (Permute((1, 0)), "x[i1, i0]"),
        (Flip((1,)), "x[i0, -1*i1 + 5]"),
        (Reshape((24,)), "x[(i0) // 6, (i0) % 6]"),
        (Reshape((2, 2, 6)), "x[2*i0 + i1, i2]"),
        (Sum((1,)), "add over i1 < 6 of x[i0, i1] from 0.0"),
        (Sum((0,)), "add over i1 < 4 of x[i1, i0] from 0.0"),
        (Max((0, 1)), "maximum over i0 < 4, i1 < 6 of x[i0, i1] from -inf"),
    ],
)
def test_moves_and_folds(op: object, text: str) -> None:
    assert show(recorded(apply(op, X), X)) == text


def test_reshapes_undo_each_other() -> None:
    there = apply(Reshape((24,)), X)
    assert show(recorded(apply(Reshape((4, 6)), there), X)) == "x[i0, i1]"


def test_each_thing_once() -> None:
    y = exp(X)
    e = recorded(mul(add(y, y), y), X)
    assert sum(x.kind == "load" for x in walk([e])) == 1
    assert sum(x.kind == "call" and x.attr == "exp" for x in walk([e])) == 1


def test_constants_fold() -> None:
    two = filled(2.0, X.type)
    three = Value(add, (two, filled(1.0, X.type)), X.type)
    assert show(recorded(mul(X, three), X)) == "mul(x[i0, i1], 3.0)"
    assert filling(two) == 2.0 and filling(constant(np.arange(3.0))) is None and filling(constant(np.zeros(0))) is None


def test_what_is_guarded_is_read_under_a_mask() -> None:
    padded = apply(Pad((0, 2), (0, 1), (1, 1), 0.0), X)
    loads = [x for x in walk([recorded(padded, X)]) if x.kind == "load"]
    assert [show(x) for x in loads] == ["x[i0, i1 - 2] if (0 <= i1 - 2 < 6)"]
    joined = apply(Concat(0), X, X)
    masks = [x for x in walk([recorded(joined, X)]) if x.kind == "load"]
    assert len(masks) == 2 and all(x.args for x in masks)


def test_found_positions_are_held_within_their_axis() -> None:
    index = parameter("i", Type(DTYPES["i64"], (3,)))
    e = recorded(apply(Gather((0,), 0), X, index), X, index)
    assert show(e) == "x[[i[i0]], i1]"
    (found,) = (atom for atom, _ in e.attr[1][0].terms)
    assert found.size == 4 and found.range == (0, 3)


def test_identity_counts_leading_axes() -> None:
    i, j = variable(Var(0, 4)), variable(Var(1, 6))
    assert identity((i, j), (4, 6)) == 2
    assert identity((i, i), (4, 6)) == 1
    assert identity((j, i), (4, 6)) == 0
    assert identity((0, j), (1, 6)) == 2  # an axis of one element has no variable


def test_long_chains_are_recorded_without_recursion() -> None:
    v = X
    for _ in range(5000):
        v = Value(sub, (v, X), X.type)
    assert sum(x.kind == "call" for x in walk([recorded(v, X)])) == 5000


def test_reductions_within_reductions_have_variables_of_their_own() -> None:
    rows = apply(Sum((1,)), exp(X))
    total = apply(Sum((0,)), mul(rows, rows))
    loops = [v for x in walk([recorded(total, X)]) if x.kind == "reduce" for v in x.attr[1]]
    assert len(set(loops)) == len(loops) == 2


def test_masks_of_values_in_between() -> None:
    """What is computed under a guard reads under it too."""
    x = parameter("x", f64(5))
    y = apply(Pad((1,), (1,), (1,), 0.0), exp(x))
    (load,) = (e for e in walk([recorded(y, x)]) if e.kind == "load")
    assert load.args and show(load.args[0]) == "(0 <= i0 - 1 < 5)"


def test_found_positions_that_are_moved_on_stay_what_they_are() -> None:
    """Into the second part of a concatenation, the first one's size is taken off what was found in all of it."""
    index = parameter("i", Type(DTYPES["i64"], (3,)))
    e = recorded(apply(Gather((0,), 0), apply(Concat(0), X, X), index), X, index)
    found = {x.attr[1][0] for x in walk([e]) if x.kind == "load" and x.attr[0].name == "x"}
    assert {(c.constant, c.terms[0][0].size) for c in found} == {(0, 4), (-4, 8)}
