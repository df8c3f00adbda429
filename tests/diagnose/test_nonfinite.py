"""The first NaN or infinity: which operation, where, of what, and on which line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import NonfiniteError
from clew.ir import quiet


def without_places(text: object) -> list[str]:
    return [line for line in str(text).splitlines() if not line.startswith("  at ")]


def test_forward() -> None:
    fault = cl.find_nonfinite(lambda x: cl.sum(cl.log(x - 1).named("y") * x), np.array([3.0, 0.5, 2.0]))
    assert fault is not None
    assert (fault.direction, fault.op, fault.index, fault.inside) == ("forward", "log", (1,), ())
    assert without_places(fault) == [
        "nan appeared forward, made by y = log of finite numbers",
        "  [1]: log(-0.5) = nan",
        "  1 of 3 elements are not finite",
        "  the way to it:",
        "    graph way(input: f64[3]) -> f64[3]:",
        "      %0: f64[3] = constant(1.0)",
        "      %1: f64[3] = sub(input, %0)",
        "      y: f64[3] = log(%1)",
        "      return y",
    ]
    assert "at test_nonfinite.py:" in str(fault) and "cl.log(x - 1)" in str(fault)


def test_backward_faults_name_the_forward_node() -> None:
    fault = cl.find_nonfinite(lambda x: cl.sum(cl.sqrt(x)), np.array([1.0, 0.0]))
    assert fault is not None and (fault.direction, fault.op, fault.index, fault.operand) == ("backward", "sqrt", (1,), 0)
    assert without_places(fault)[:2] == [
        "inf appeared backward, in the derivative of sqrt by input",
        "  [1]: of sqrt(0), with the upstream gradient 1, it is inf",
    ]


def test_what_is_finite_is_no_fault() -> None:
    assert cl.find_nonfinite(lambda x: cl.sum(cl.exp(x)), np.ones(3)) is None
    masked = np.array([0.0, -np.inf, 1.0])
    assert cl.find_nonfinite(lambda x: cl.sum(cl.softmax(x + masked)), np.ones(3)) is None, "it was infinite to begin with"


def test_gates_and_loops_are_looked_into() -> None:
    @cl.gate
    def pole(x: Any) -> Any:
        y = x * x
        return 1.0 / (y - 4.0)

    fault = cl.find_nonfinite(lambda x: cl.sum(pole(x)), np.array([1.0, 2.0]))
    assert fault is not None and (fault.op, fault.inside, fault.index) == ("div", ("pole",), (1,))
    grown = cl.find_nonfinite(lambda x: cl.scan(lambda c, _: (cl.exp(c), None), x, length=6)[0], np.float32(1.0))
    assert grown is not None and (grown.op, grown.inside) == ("exp", ("scan (step 3)",))
    looped = cl.find_nonfinite(lambda x: cl.while_loop(lambda v: v < 5, lambda v: 1.0 / (v - 1.0), x), 2.0)
    assert looped is not None and (looped.op, looped.inside) == ("div", ("while_loop (step 1)",))
    chosen = cl.find_nonfinite(lambda x: cl.cond(x > 0, lambda x: cl.log(x - x), cl.sin, x), 1.0)
    assert chosen is not None and (chosen.op, chosen.inside) == ("log", ("switch",))


def test_watching_a_training_stops_at_the_operation() -> None:
    w = cl.variable(np.array([3.0, 4.0]), name="w")

    def training() -> None:
        for _ in range(5):
            cl.sum(cl.exp(w * w)).backward()
            w.assign(w.numpy() + w.grad.numpy())

    with pytest.raises(NonfiniteError) as caught, cl.watch():
        training()
    assert without_places(caught.value)[0] == "inf appeared forward, made by exp of finite numbers"
    assert "w: f64[2]" in str(caught.value) and "mul(w, w)" in str(caught.value)


def test_watching_the_way_back() -> None:
    x = cl.variable(np.array([0.0, 1.0]), name="x")
    with pytest.raises(NonfiniteError, match="inf appeared backward, in the derivative of sqrt by x"), cl.watch():
        cl.sum(cl.sqrt(x)).backward()
    with pytest.raises(NonfiniteError, match="in the derivative of sqrt by input"), cl.watch():
        cl.grad(lambda x: cl.sum(cl.sqrt(x)))(np.zeros(2))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_kind_of_operation_is_watched(dtype: str) -> None:
    big = cl.asarray(np.full((2, 2), 3e4)).astype(getattr(cl, dtype))
    huge = big * big if dtype in ("float16",) else None
    for f in (lambda: big @ big, lambda: cl.sum(big @ big), lambda: cl.prod(big, axis=0)):
        expected = not np.isfinite(np.asarray(f().numpy(), np.float64)).all()
        with cl.watch(raises=False) as w:
            f()
        assert (w.fault is not None) == expected
    assert huge is None or not np.isfinite(huge.numpy()).all()
    with cl.watch(raises=False) as w:
        cl.asarray([1.0, 0.0]).astype(getattr(cl, dtype)) / 0.0
    assert w.fault is not None and w.fault.op == "div"


def test_going_on_keeps_the_first_fault() -> None:
    with cl.watch(raises=False) as w:
        y = cl.log(cl.asarray([1.0, 0.0]))
        z = cl.sqrt(cl.asarray(-1.0)) + y
    assert w.fault is not None and w.fault.op == "log" and np.isnan(z.numpy()).all()


def test_afterwards_nobody_watches() -> None:
    before = quiet.run, quiet.after
    with pytest.raises(ZeroDivisionError), cl.watch():
        raise ZeroDivisionError
    assert (quiet.run, quiet.after) == before
    assert not np.isfinite(cl.log(cl.asarray(0.0)).item())
