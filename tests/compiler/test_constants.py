"""What arrays that repeat themselves are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.compiled import Compiled
from clew.compiler.constants import compact, repeating
from clew.ir import Array, Graph, constant, f32, parameter, run
from clew.ops.arithmetic import add, mul

ROW = np.arange(6.0, dtype=np.float32).reshape(2, 3)
CASES: dict[str, tuple[Array, tuple[int, ...], tuple[int, ...]]] = {  # with the axes that repeat, and the part's shape
    "an array": (ROW, (), (2, 3)),
    "of one number": (np.full((2, 3), np.float32(7)), (), ()),
    "in the middle": (np.broadcast_to(ROW[:, None], (2, 5, 3)), (1,), (2, 3)),
    "at both ends": (np.broadcast_to(ROW[0][None, :, None], (4, 3, 5)), (0, 2), (3,)),
    "everywhere": (np.broadcast_to(np.float32(1), (4, 3)), (0, 1), ()),
    "an axis of one": (np.broadcast_to(ROW[:, :1], (2, 1)), (), (2, 1)),
    "one number along an axis": (np.broadcast_to(np.full(3, np.float32(2)), (4, 3)), (0,), ()),
    "NaN": (np.full((2, 3), np.float32(np.nan)), (), ()),
    "two zeros": (np.array([0.0, -0.0], np.float32), (), (2,)),
}


@pytest.mark.parametrize("case", CASES)
def test_parts(case: str) -> None:
    array, axes, shape = CASES[case]
    part = np.asarray(compact(array))
    assert (repeating(array), part.shape) == (axes, shape)
    whole = np.broadcast_to(np.expand_dims(part, axes) if shape else part, array.shape)
    assert whole.tobytes() == array.tobytes()


def test_equal_masks_are_kept_once() -> None:
    """As those of a transformer's layers: each is the same array, broadcast anew."""
    mask = np.tri(40, dtype=np.float32)
    x = parameter("x", f32(3, 40, 40))
    y = x
    for _ in range(4):
        y = mul(add(y, constant(np.broadcast_to(mask, x.shape))), y)
    step = Compiled(Graph("g", (x,), (y,)))
    assert [c.shape for c in step.written.shared.constants] == [mask.shape]
    given = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)
    np.testing.assert_allclose(step([given])[0], run(step.source, given)[0], rtol=1e-4, atol=1e-5)


def test_exponents_that_leave_a_loop_stay_numbers() -> None:
    """What is computed for all turns at once has constants for all of them: still one number, and squares are no powers."""

    def last(x: Any) -> Any:
        return cl.sum(cl.scan(lambda c, _: (c * 0.9 + c**3 * 0.1, None), x, None, length=5)[0])

    step = cl.jit(cl.grad(last))
    x = cl.asarray(np.linspace(0.1, 0.9, 40))
    step(x)
    assert "pow" not in str(step.explain(x, level=1))
    np.testing.assert_allclose(np.asarray(step(x)), np.asarray(cl.grad(last)(x)), rtol=1e-12)
