"""However a call fails, all state is as before: inputs, parameters, gradients, optimisers, draws. The next call is right."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler import outside, steps
from clew.config import config
from clew.errors import AxisError, UsageError
from clew.ir import Graph, f64, parameter
from clew.ops.arithmetic import add, neg
from clew.ops.sorting import ArgSort, Sort
from clew.transforms.compilation.interpreted import Interpreted

ROWS = 400


class Training:
    """A step with all state there is: parameters in place and as numbers, an optimiser's, a gradient that stays, draws; a row
    that is looked up, a native sort, and a while loop whose way back has as many rows as the run says."""

    def __init__(self, body: str) -> None:
        cl.random.seed(7)
        self.table = cl.variable(np.linspace(-1, 1, ROWS * 8).reshape(ROWS, 8), name="table")
        self.w = cl.variable(np.eye(8), name="w")
        self.scale = cl.variable(1.5, name="scale")
        self.kept = cl.variable(np.ones(8), name="kept")
        self.count = cl.variable(0, name="count")
        self.optimiser = cl.optim.Adam([self.table, self.w, self.scale], lr=0.01)
        self.body = body
        self.step = cl.jit(self.once)
        self.step(INDEX, X)

    def once(self, index: Any, x: Any) -> Any:
        rows = cl.take(self.table, index, axis=0)
        y = cl.tanh(rows @ self.w) * self.scale + cl.random.normal(shape=(8,))
        if self.body == "sort":
            y = cl.sort(y, axis=0)
        elif self.body == "while":
            y = cl.while_loop(lambda v: cl.sum(v * v) < 1e4, lambda v: v * 2 + cl.take(self.w, index[0] % 8, axis=0), y)
        loss = cl.mean((y - x) ** 2) + cl.sum(self.kept * cl.sum(y, axis=0)) * 1e-3
        loss.backward()
        self.optimiser.step()
        self.count.assign(self.count + 1)
        return loss, y

    def state(self) -> list[np.ndarray]:
        """Copies of all that a step changes, but for the random numbers."""
        found = [self.table, self.w, self.scale, self.kept, self.count, *cl.pytree.flatten(self.optimiser.states)[0]]
        gradient = self.kept.grad
        return [np.array(np.asarray(v)) for v in (*found, np.zeros(8) if gradient is None else gradient)]


INDEX, X = np.arange(16), np.zeros((16, 8))


@contextmanager
def unchanged(training: Training, *inputs: np.ndarray) -> Iterator[None]:
    """What is inside changes nothing; the step after it does what it would have done before."""
    before, copies = training.state(), [x.copy() for x in inputs]
    yield
    for actual, expected in zip(training.state(), before, strict=True):
        np.testing.assert_array_equal(actual, expected)
    for x, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


def trained(body: str, fail: Callable[[Training], None] | None) -> list[Any]:
    """Three steps, with failures between them if ``fail`` makes some; all state afterwards, and the next random number."""
    training = Training(body)
    for _ in range(3):
        if fail is not None:
            fail(training)
        training.step(INDEX, X)
    return [*training.state(), cl.random.uniform().item()]


def same_as_without(body: str, fail: Callable[[Training], None]) -> None:
    for actual, expected in zip(trained(body, fail), trained(body, None), strict=True):
        np.testing.assert_array_equal(actual, expected)


BODIES = ["plain", "sort", "while"]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("wrong", [ROWS, -ROWS - 1, 2**62])
def test_a_position_outside(body: str, wrong: int) -> None:
    index = np.where(np.arange(16) == 11, wrong, INDEX)

    def fail(training: Training) -> None:
        with unchanged(training, index, X), pytest.raises(AxisError, match=f"lies outside axis 0 of size {ROWS}"):
            training.step(index, X)

    same_as_without(body, fail)


@pytest.mark.parametrize("body", BODIES)
def test_no_memory_for_a_result(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(training: Training) -> None:
        compiled = training.step.compiled(INDEX, X)
        with monkeypatch.context() as patch:
            patch.setitem(compiled.call.__globals__, "empty", starved)
            with unchanged(training, INDEX, X), pytest.raises(MemoryError):
                training.step(INDEX, X)

    same_as_without(body, fail)


def starved(*_: Any) -> Any:
    raise MemoryError


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyboardInterrupt, SystemExit, RecursionError])
def test_a_reference_raises(error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an op that has no native form here. It runs between kernels, and has been given some results already."""

    def broken(*_: Any) -> Any:
        raise error("on purpose")

    def fail(training: Training) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ArgSort, "reference", broken)
            with unchanged(training, INDEX, X), pytest.raises(error, match="on purpose"):
                training.step(INDEX, X)

    with config(cache_size=0):
        monkeypatch.setattr(steps, "NATIVE", {})
        training = Training("sort")
        assert any(isinstance(s, outside.Reference) for s in training.step.compiled(INDEX, X).routine.steps)
        same_as_without("sort", fail)


def test_a_signal_handler_raises_while_a_reference_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python itself runs the handler then, inside of the callback."""
    real = ArgSort.reference

    def struck(self: ArgSort, x: Any) -> Any:
        y = real(self, x)
        signal.raise_signal(signal.SIGINT)
        return y

    def fail(training: Training) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ArgSort, "reference", struck)
            with unchanged(training, INDEX, X), pytest.raises(KeyboardInterrupt):
                training.step(INDEX, X)

    with config(cache_size=0):
        monkeypatch.setattr(steps, "NATIVE", {})
        same_as_without("sort", fail)


def test_a_position_outside_in_a_loop_of_unknown_length() -> None:
    """In its third turn, after rows have been stacked, whichever way the loop runs."""
    w, other = cl.variable(np.arange(5.0), name="w"), cl.variable(np.ones(1000), name="other")
    optimiser = cl.optim.SGD([w, other], lr=0.1)

    @cl.jit
    def step(index: Any, x: Any) -> Any:
        def turn(carry: Any) -> Any:
            n, total = carry
            return n + 1, total * 2 + cl.take(w, cl.take(index, n, axis=0), axis=0)

        _, total = cl.while_loop(lambda carry: carry[1] < 100, turn, (cl.asarray(0), x))
        loss = total + cl.sum(other * other)
        loss.backward()
        optimiser.step()
        return total

    good, bad = np.array([1, 2, 3, 4, 4, 4, 4, 4]), np.array([1, 2, 7, 4, 4, 4, 4, 4])
    for _ in range(2):
        before = w.numpy().copy(), other.numpy().copy()
        with pytest.raises(AxisError, match="index 7 lies outside axis 0 of size 5"):
            step(bad, 1.0)
        np.testing.assert_array_equal(w.numpy(), before[0])
        np.testing.assert_array_equal(other.numpy(), before[1])
        assert step(good, 1.0).item() >= 100
        assert (other.numpy() != before[1]).all() and (w.numpy() != before[0]).any()


@pytest.mark.parametrize("body", BODIES)
def test_stopped_when_all_is_written(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's handler may raise as soon as native code has returned. The step is done then, with all of its state."""
    training, twin = Training(body), Training(body)
    names = training.step.compiled(INDEX, X).call.__globals__
    real = names["entry"]

    def strike(view: int, table: int) -> None:
        assert real(view, table) == 0
        raise KeyboardInterrupt

    cl.random.seed(1)
    with monkeypatch.context() as patch:
        patch.setitem(names, "entry", strike)
        with pytest.raises(KeyboardInterrupt):
            training.step(INDEX, X)
    drawn = cl.random.uniform().item()
    cl.random.seed(1)
    twin.step(INDEX, X)
    for actual, expected in zip(training.state(), twin.state(), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert cl.random.uniform().item() == drawn


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("body", BODIES)
def test_stopped_at_any_time_a_step_is_done_or_not_begun(body: str) -> None:
    """Signals come when they come. All state is that of so many whole steps, and another step is the next."""
    training = Training(body)
    expected = [training.state()]
    for _ in range(60):
        training.step(INDEX, X)
        expected.append(training.state())
    training, stopped = Training(body), 0
    while training.count.item() < 50:
        timer = threading.Timer(0.0003 * (stopped % 10), os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            for _ in range(5):
                training.step(INDEX, X)
            timer.join()
            time.sleep(0.1)
        except KeyboardInterrupt:
            stopped += 1
        timer.join()
        for actual, wanted in zip(training.state(), expected[int(training.count.item()) - 1], strict=True):
            np.testing.assert_array_equal(actual, wanted)
    assert stopped > 5


def test_a_handler_that_calls_a_step_within_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused, and so is the step that it interrupts; it may call functions that change nothing."""
    w, v = cl.variable(np.arange(5.0), name="w"), cl.variable(1.0, name="v")

    @cl.jit
    def descending(x: Any) -> None:
        w.assign(cl.sort(w, descending=True) + x)

    @cl.jit
    def other(x: Any) -> None:
        v.assign(v + x)

    doubled, seen, real = cl.jit(lambda x: x * 2), [], Sort.reference

    def handler(*_: Any) -> None:
        seen.append(doubled(3.0).item())
        other(1.0)

    def struck(self: Sort, x: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(self, x)

    usual = signal.signal(signal.SIGINT, handler)
    try:
        with monkeypatch.context() as patch, config(cache_size=0):
            patch.setattr(steps, "NATIVE", {})
            descending.compiled(0.0)
            patch.setattr(Sort, "reference", struck)
            with pytest.raises(UsageError, match="other: a signal's handler called it while descending was changing variables"):
                descending(0.0)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert seen == [6.0] and v.item() == 1.0
    np.testing.assert_array_equal(w.numpy(), np.arange(5.0))
    other(1.0)
    descending(1.0)
    assert v.item() == 2.0
    np.testing.assert_array_equal(w.numpy(), np.arange(5.0)[::-1] + 1)


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_signal_before_a_reference_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs the handler as soon as it is entered. What it raises comes out, and no result is taken for granted."""
    n = 300_000
    with monkeypatch.context() as patch, config(cache_size=0):
        patch.setattr(steps, "NATIVE", {})
        ordered = cl.jit(lambda x: cl.sort(cl.exp(cl.sin(cl.exp(x))), axis=0) + 0.5)
        x = cl.asarray(np.zeros(n))
        expected = ordered(x).numpy()
    assert any(isinstance(step, outside.Reference) for step in ordered.compiled(x).routine.steps)
    stopped = 0
    for k in range(40):
        timer = threading.Timer(0.0001 * k, os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            while timer.is_alive():
                np.testing.assert_array_equal(ordered(x).numpy(), expected)
            time.sleep(0.1)
        except KeyboardInterrupt:
            stopped += 1
        timer.join()
    assert stopped > 20


def test_a_graph_in_numpy_is_done_once_all_is_computed() -> None:
    """An interrupt between its updates: the caller asks whether it is done, and then it is."""

    class Struck(np.ndarray):
        def __setitem__(self, key: Any, x: Any) -> None:
            if not struck:
                struck.append(1)
                raise KeyboardInterrupt
            super().__setitem__(key, x)

    struck: list[int] = []
    a, b = parameter("a", f64(3)), parameter("b", f64(3))
    graph = Graph("g", (a, b), (neg(a), add(a, b)))
    inputs, made = [np.ones(3), np.ones(3).view(Struck)], []
    interpreted = Interpreted(graph, {0: 0, 1: 1})
    assert not interpreted.done(inputs, made)
    with pytest.raises(KeyboardInterrupt):
        interpreted(inputs, made)
    assert interpreted.done(inputs, made)
    assert inputs[0].tolist() == [-1.0] * 3 and inputs[1].tolist() == [2.0] * 3
    assert made[0] is inputs[0] and made[1] is inputs[1]
