"""Calls that bring state and take some, of so many variables as have lines of their own and of more: the first call, which has
loops, and later ones, which are written out."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import AxisError, UsageError
from clew.transforms.compilation.running import WRITTEN, changing, under_way

COUNTS = [1, 2, WRITTEN, WRITTEN + 1, 3 * WRITTEN]


def several(count: int) -> list[cl.Variable]:
    """Arrays, and every third one a number."""
    return [cl.variable(np.full(() if k % 3 == 2 else 3, k + 1.0), name=f"v{k}") for k in range(count)]


@pytest.mark.parametrize("count", COUNTS)
def test_updates_numbers_and_gradients(count: int) -> None:
    """A step, a gradient that stays, and a rate that changes, as in eager mode."""
    steps, states, losses = {}, {}, {}
    for name, wrapper in (("eager", lambda f: f), ("compiled", cl.jit)):
        variables = several(count)
        kept, optimiser = cl.variable(2.0), cl.optim.SGD(variables, lr=0.1)

        def step(x: Any, variables: list[cl.Variable] = variables, kept: cl.Variable = kept, optimiser: Any = optimiser) -> Any:
            loss = sum(cl.sum((v * x - kept) ** 2) for v in variables)
            loss.backward()
            optimiser.step()
            return loss

        steps[name] = wrapper(step)
        losses[name] = []
        for k in range(4):
            optimiser.lr = 0.1 / (k + 1)
            kept.grad = None
            losses[name].append(steps[name](0.5).item())
        states[name] = [v.numpy().copy() for v in variables] + [kept.grad.numpy()]
    np.testing.assert_allclose(losses["compiled"], losses["eager"], rtol=1e-12)
    for found, expected in zip(states["compiled"], states["eager"], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_what_others_see_stays(count: int, before: int) -> None:
    """Values that somebody holds are copied; the memory of others is written to."""
    variables = several(count)

    @cl.jit
    def double() -> None:
        for v in variables:
            v.assign(v * 2)

    for _ in range(before):
        double()
    held = [v.detach().value if k % 2 else v.value for k, v in enumerate(variables)]
    was = [np.array(x.data) for x in held]
    double()
    for x, expected in zip(held, was, strict=True):
        np.testing.assert_array_equal(np.asarray(x.data), expected)
    for k, v in enumerate(variables):
        np.testing.assert_array_equal(v.numpy(), np.full(v.shape, (k + 1.0) * 2 ** (before + 1)))


@pytest.mark.parametrize("before", [0, 1, 3])
def test_an_error_leaves_all_as_it_was(before: int) -> None:
    variables, generator, twin = several(2 * WRITTEN), cl.random.Generator(7), cl.random.Generator(7)

    @cl.jit
    def step(x: Any, k: Any) -> Any:
        noise = generator.uniform(shape=(3,))
        for v in variables:
            v.assign(v + cl.sum(noise))
        return cl.take(x, k)

    x = np.arange(5.0)
    for _ in range(before):
        step(x, np.array([1]))
        twin.uniform(shape=(3,))
    was = [v.numpy().copy() for v in variables]
    with pytest.raises(AxisError, match="index 5 lies outside axis 0 of size 5"):
        step(x, np.array([5]))
    for v, expected in zip(variables, was, strict=True):
        np.testing.assert_array_equal(v.numpy(), expected)
    assert generator.uniform(shape=(3,)).tolist() == twin.uniform(shape=(3,)).tolist()


def free() -> bool:
    """Whether another thread could change variables."""
    found = []

    def attempt() -> None:
        if changing.acquire(blocking=False):
            changing.release()
            found.append(True)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(found)


@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_call_within_a_call_is_refused(before: int) -> None:
    """As of a signal's handler."""
    (v,) = several(1)
    step = cl.jit(lambda: v.assign(v + 1))
    for _ in range(before):
        step()
    under_way[:] = threading.get_ident(), "another"
    try:
        with pytest.raises(UsageError, match="a signal's handler called it while another was changing variables"):
            step()
    finally:
        under_way[0] = 0
    assert free() and v.numpy().tolist() == [before + 1.0] * 3
    with changing:  # as of a handler that runs before it is noted whose call it is
        step()
    assert free() and under_way[0] == 0 and v.numpy().tolist() == [before + 2.0] * 3
    v.assign(v - 1)
    step()
    assert v.numpy().tolist() == [before + 2.0] * 3
