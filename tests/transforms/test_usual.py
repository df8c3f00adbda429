"""The usual arguments of a compiled function are recognised at once, and others are not taken for them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.transforms.compilation.results import MOST as MOST_WRITTEN
from clew.transforms.compilation.usual import MOST, recogniser

X, Y = np.arange(6.0).reshape(2, 3), np.arange(3.0)


def like(*args: Any) -> Any:
    found = recogniser(args)
    assert found is not None
    return found


def test_tensors_arrays_and_floats() -> None:
    found = like(cl.asarray(X), Y, 2.0)
    t = cl.asarray(X + 1)
    leaves = found(t, Y + 1, 3.0)
    assert leaves[0] is t.value.data and leaves[1].tolist() == [1.0, 2.0, 3.0] and leaves[2] == 3.0


@pytest.mark.parametrize(
    "args",
    [
        (cl.asarray(X.T.copy()), Y, 2.0),
        (cl.asarray(X.astype(np.float32)), Y, 2.0),
        (X, Y, 2.0),
        (cl.variable(X), Y, 2.0),
        (cl.asarray(X), Y[:2], 2.0),
        (cl.asarray(X), Y.astype(np.int64), 2.0),
        (cl.asarray(X), Y.tolist(), 2.0),
        (cl.asarray(X), np.ma.masked_array(Y), 2.0),
        (cl.asarray(X), Y, 2),
        (cl.asarray(X), Y, True),
        (cl.asarray(X), Y, np.float64(2.0)),
        (cl.asarray(X), Y, None),
    ],
    ids=lambda args: ", ".join(type(x).__name__ for x in args),
)
def test_others_are_not_recognised(args: tuple[Any, ...]) -> None:
    assert like(cl.asarray(X), Y, 2.0)(*args) is None


def test_recorded_tensors_are_not_recognised() -> None:
    w = cl.variable(X)
    assert like(cl.asarray(X))(w * 2) is None


def test_who_has_no_usual_arguments() -> None:
    for args in ((), (1,), (cl.variable(1.0),), ([X],), (X, None), (X,) * (MOST + 1)):
        assert recogniser(args) is None
    assert recogniser((X,) * MOST) is not None


def test_arguments_that_change_their_kinds() -> None:
    """Each call is right, whatever came before it, and nothing is compiled twice."""
    f = cl.jit(lambda x, y=1.0: cl.sum(x * y))
    calls: list[tuple[tuple[Any, ...], dict[str, Any], float]] = [
        ((X, 2.0), {}, 30.0),
        ((cl.asarray(X), 2.0), {}, 30.0),
        ((X, 2), {}, 30.0),
        ((X,), {}, 15.0),
        ((Y, 3.0), {}, 9.0),
        ((X,), {"y": 4.0}, 60.0),
        ((X.astype(np.float32), 2.0), {}, 30.0),
        ((cl.variable(Y), 5.0), {}, 15.0),
        ((X[:, ::-1], 2.0), {}, 30.0),
    ]
    for _ in range(2):
        for args, kwargs, expected in calls + calls[::-1] + [c for c in calls for _ in range(3)]:
            assert f(*args, **kwargs).item() == expected
        assert len(f.signatures()) == 7


def test_what_was_read_may_change_between_usual_calls() -> None:
    scale = {"by": 2.0}
    f = cl.jit(lambda x: x * scale["by"])
    for by in (2.0, 3.0, 2.0, 5.0):
        scale["by"] = by
        for _ in range(3):
            assert f(cl.asarray(1.5)).item() == 1.5 * by


def test_what_was_read_may_change_after_the_first_call() -> None:
    scale = {"by": 2.0}
    f = cl.jit(lambda x: x * scale["by"])
    assert f(cl.asarray(1.5)).item() == 3.0
    scale["by"] = 3.0
    assert [f(cl.asarray(1.5)).item() for _ in range(3)] == [4.5] * 3 and len(f.signatures()) == 2


@pytest.mark.parametrize("count", [1, MOST_WRITTEN, MOST_WRITTEN + 1])
def test_the_first_call_returns_what_later_ones_do(count: int) -> None:
    """Its result is made in another way."""
    f = cl.jit(lambda x: {"all": [x * k for k in range(count)], "kept": (None, "text", ()), 3: (cl.sum(x), Y)})
    for _ in range(4):
        found = f(cl.asarray(Y))
        assert list(found) == ["all", "kept", 3] and found["kept"] == (None, "text", ())
        assert [x.tolist() for x in found["all"]] == [(Y * k).tolist() for k in range(count)]
        assert found[3][0].item() == 3.0 and found[3][1].tolist() == Y.tolist()
        assert all(type(x) is cl.Tensor and x.value.op is None for x in (*found["all"], *found[3]))


def test_usual_calls_are_recorded_where_gradients_are_wanted() -> None:
    w = cl.variable(3.0)
    f = cl.jit(lambda x: w * x)
    for _ in range(3):
        w.grad = None
        f(cl.asarray(2.0)).backward()
        assert w.grad.item() == 2.0
    x = cl.variable(5.0)
    f(x * 1).backward()
    assert x.grad.item() == 3.0


def test_errors_leave_the_usual_way_open() -> None:
    f = cl.jit(lambda x: cl.take(x, cl.asarray(1), axis=0))
    assert f(Y).item() == 1.0
    with pytest.raises(Exception, match="axis"):
        f(np.zeros((0,)))
    assert f(Y).item() == 1.0


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_what_was_compiled_goes_with_the_function(calls: int) -> None:
    """At once, without a search for garbage: it may hold large arrays."""
    scale = {"by": 2.0}
    f = cl.jit(lambda x: x * scale["by"])
    gc.collect()
    gc.disable()
    try:
        for _ in range(calls):
            f(cl.asarray(Y))
        watched = weakref.ref(f._entries.popitem()[1][0])
        f._usual = None
        assert watched() is None
    finally:
        gc.enable()
