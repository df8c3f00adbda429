"""Why no gradient arrives: every way to lose one, told by its name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import GradientError


def told(loss: Any, w: Any) -> list[str]:
    """The report without places in the source."""
    lines = str(cl.why_no_gradient(loss, w)).splitlines()
    return [re.sub(r" at test_gradient_flow\.py:\d+: .*", "", line) for line in lines if not line.startswith("      at ")]


@pytest.fixture
def w() -> Any:
    return cl.variable(np.array([1.0, 2.0]), name="w")


def test_a_gradient_that_arrives(w: Any) -> None:
    flow = cl.why_no_gradient(cl.sum(w * 3.0), w)
    assert flow.arrives and str(flow) == "w gets a gradient: [2] 3 to 3\n  path: sum <- mul <- w"


def test_ways_to_be_cut(w: Any) -> None:
    nothing, zero = "wherever a gradient arrives", "what it is multiplied by is zero (a constant: [2] 0 to 0)"
    cases = [
        (
            lambda: cl.astype(w, cl.int32).astype(cl.float64),
            "a cast from f64[2] to i32[2]: integers and booleans have no derivative",
        ),
        (lambda: (w > 1).astype(cl.float64), "a comparison is true or false: it has no derivative"),
        (lambda: cl.round(w), "rounding is flat between its jumps: its derivative is 0"),
        (lambda: cl.sign(w), "rounding is flat between its jumps: its derivative is 0"),
        (lambda: cl.argmax(w).astype(cl.float64), "the place of an element has no derivative, only its value has"),
        (lambda: cl.sigmoid(w * 1e5), "saturated: its slope is 0 in floating point at [2] 1e+05 to 2e+05"),
        (lambda: cl.tanh(w * 1e5), "saturated: its slope is 0 in floating point at [2] 1e+05 to 2e+05"),
        (lambda: cl.relu(-w), "a dead ReLU: what it is given is not above 0 in all 2 elements ([2] -2 to -1)"),
        (lambda: cl.maximum(-w, 0.0), "the other operand is larger in all 2 elements (dead: 100 % are zeros)"),
        (lambda: cl.minimum(w, 0.0), "the other operand is smaller in all 2 elements (dead: 100 % are zeros)"),
        (
            lambda: cl.where(cl.asarray([False, False]), w, 0.0),
            f"masked: the condition takes the other one {nothing}",
        ),
        (lambda: w * 0.0, zero),
        (lambda: w @ np.zeros(2), zero),
        (
            lambda: cl.cond(cl.asarray(True), cl.stop_gradient, cl.sin, w),
            f"its local gradient is zero {nothing}",
        ),
    ]
    for f, why in cases:
        loss = cl.sum(f() * 1.0)
        assert any(why in line for line in told(loss, w)), (why, told(loss, w))
        assert not cl.why_no_gradient(loss, w).arrives


def test_the_share_that_is_lost() -> None:
    w = cl.variable(np.array([1.0, -2.0, -3.0, 4.0]), name="w")
    assert "relu passes nothing to 50 % of its elements" in "\n".join(told(cl.sum(cl.relu(w)), w))
    both = told(cl.sum(cl.relu(w) + cl.relu(-w * 0.0 - 1.0)), w)
    assert both[1] == "  path: sum <- add <- relu <- w" and any("on another path nothing passes relu" in line for line in both)


def test_no_path_at_all(w: Any) -> None:
    b = cl.variable(1.0, name="b")
    hidden = (w * 2.0).named("hidden")
    lines = told(cl.sum(hidden.detach() * b), w)
    assert lines[0] == "w gets no gradient: nothing that the loss was computed from leads to it"
    assert lines[1] == "  a constant of it was detached from hidden"
    assert lines[2] == "  what it depends on: b"
    with cl.no_grad():
        y = cl.sum(w)
    assert told(y, w)[1].startswith("  the loss itself is a constant: it was detached, computed under cl.no_grad()")
    assert told(cl.sum(w.detach()), w)[0].endswith("leads to it")


def test_nodes_and_reassigned_variables(w: Any) -> None:
    h = (w * 2.0).named("h")
    loss = cl.sum(cl.relu(-h))
    assert "cut at relu <- neg" in str(cl.why_no_gradient(loss, h))
    w.assign(np.array([5.0, 6.0]))
    assert cl.why_no_gradient(loss, w).connected, "the variable is the same, with another value"


def test_a_traced_loss_is_refused() -> None:
    with pytest.raises(GradientError, match="the loss has no value yet"):
        cl.trace(lambda x: cl.why_no_gradient(x, x))(1.0)
