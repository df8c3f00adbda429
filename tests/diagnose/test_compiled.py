"""Watching, and the other ways to see why, on compiled functions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.array.random import default
from clew.config import config
from clew.errors import NonfiniteError
from clew.transforms.compilation.switch import Switch

OPTIMISERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: cl.optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: cl.optim.Adam(p, lr=0.1),
}


@cl.gate
def surprise(x: Any) -> Any:
    return -cl.sum(cl.log(x) * x + cl.log(x))


class Training:
    """A step whose logarithm meets a zero where the input has one."""

    def __init__(self, optimiser: str = "sgd", p: float = 0.2) -> None:
        self.w = cl.variable(np.array([1.0, 2.0, 3.0]), name="w")
        self.scale = cl.variable(1.0, name="scale", dtype=cl.float64)
        self.optimiser = OPTIMISERS[optimiser]([self.w, self.scale])
        self.p = p
        self.calls = 0

    def step(self, x: Any) -> Any:
        h = cl.dropout(self.w * x, self.p) + x
        loss = surprise(cl.abs(h * self.scale).named("h"))
        loss.backward()
        self.optimiser.step()
        return loss

    @property
    def state(self) -> list[Any]:
        memory = [x for cell in self.optimiser.memory.cells if cell is not None for x in cell[1]]
        return [np.copy(x.numpy()) for x in (self.w, self.scale, *memory) if isinstance(x, cl.Tensor)]


def batches(count: int, bad: int) -> list[Any]:
    rng = np.random.default_rng(0)
    found = [np.abs(rng.normal(size=3)) + 1 for _ in range(count)]
    found[bad][1] = 0.0
    return found


def draws() -> int:
    return default.count


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_step_that_fails_at_its_seventh_call(optimiser: str) -> None:
    texts = []
    for compiled in (False, True):
        cl.random.seed(5)
        training = Training(optimiser)
        step = cl.jit(training.step) if compiled else training.step
        done = 0
        with pytest.raises(NonfiniteError) as caught, cl.watch():  # noqa: PT012
            for x in batches(10, 6):
                before, drawn = training.state, draws()
                step(x)
                done += 1
        assert done == 6
        texts.append(str(caught.value))
        if compiled:
            assert all(np.array_equal(a, b) for a, b in zip(before, training.state, strict=True))
            assert draws() == drawn
            after = step(np.ones(3)).item()
    cl.random.seed(5)
    twin = Training(optimiser)
    step = cl.jit(twin.step)
    for x in batches(10, 6)[:6]:
        step(x)
    assert step(np.ones(3)).item() == after  # as if the bad batch had never been there
    eager, compiled_text = texts
    assert "made by log of finite numbers, inside surprise" in compiled_text and "test_compiled.py" in compiled_text
    assert "[1]: log(0) = -inf" in compiled_text
    # The numbers on the way differ in the last digits, the lines do not.
    assert [line for line in eager.splitlines() if "constant" not in line] == [
        line for line in compiled_text.splitlines() if "constant" not in line
    ]


def test_training_goes_on_as_if_nobody_watched() -> None:
    states = []
    for watched in (False, True):
        cl.random.seed(1)
        training = Training("adam")
        step = cl.jit(training.step)
        step(batches(1, 0)[0] + 1)
        if watched:
            with cl.watch() as watcher:
                losses = [step(x + 1).item() for x in batches(5, 0)]
            assert watcher.fault is None
        else:
            losses = [step(x + 1).item() for x in batches(5, 0)]
        states.append((losses, training.state))
    assert states[0][0] == states[1][0]
    assert all(np.array_equal(a, b) for a, b in zip(states[0][1], states[1][1], strict=True))


def test_going_on_keeps_the_first_fault_and_the_results() -> None:
    runs = []
    for watched in (False, True):
        training = Training(p=0.0)
        step = cl.jit(training.step)
        if watched:
            with cl.watch(raises=False) as watcher:
                losses = [step(x).item() for x in batches(4, 1)]
            assert watcher.fault is not None
            assert (watcher.fault.op, watcher.fault.inside, watcher.fault.index) == ("log", ("surprise",), (1,))
        else:
            losses = [step(x).item() for x in batches(4, 1)]
        runs.append((losses, training.state))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    for a, b in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_fault_on_the_way_back() -> None:
    w = cl.variable(np.array([1.0, 0.0]), name="w")
    optimiser = cl.optim.SGD([w], lr=0.1)

    @cl.jit
    def step(x: Any) -> Any:
        loss = cl.sum(cl.sqrt(w * x))
        loss.backward()
        optimiser.step()
        return loss

    with pytest.raises(NonfiniteError, match="inf appeared backward, in the derivative of sqrt by mul") as caught, cl.watch():
        step(np.ones(2))
    assert "loss = cl.sum(cl.sqrt(w * x))" in str(caught.value)
    assert w.numpy().tolist() == [1.0, 0.0]


def test_grad_and_functions_without_state() -> None:
    x = np.array([1.0, 0.0])
    with pytest.raises(NonfiniteError, match="backward, in the derivative of sqrt"), cl.watch():
        cl.jit(cl.grad(lambda x: cl.sum(cl.sqrt(x))))(x)
    w = cl.variable(x, name="w")
    f = cl.jit(lambda x: cl.sum(cl.log(w * x)))  # its result is tracked
    with pytest.raises(NonfiniteError, match="forward, made by log"), cl.watch():
        f(x)
    with cl.watch():
        cl.jit(lambda x: cl.sum(w * x))(x).backward()
    assert w.grad is not None and w.grad.numpy().tolist() == [1.0, 0.0]


def test_a_loop_inside() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        return cl.scan(lambda c, u: (cl.log(c * u), c), x[0], x)[0]

    with pytest.raises(NonfiniteError, match=r"made by log of finite numbers, inside scan \(step 2\)"), cl.watch():
        f(np.array([2.0, 3.0, 0.0, 1.0]))


def test_numbers_that_were_not_finite_before_are_no_fault() -> None:
    mask = cl.jit(lambda x: cl.where(x > 0, x, -np.inf))
    with cl.watch():
        assert mask(np.array([1.0, -1.0])).tolist() == [1.0, -np.inf]
        assert mask(np.array([np.nan, 1.0])).tolist()[1] == 1.0


def test_state_of_the_first_call_and_gradients() -> None:
    """The first call makes the optimiser's memory, and ``.grad`` is what it was."""
    training = Training("adam", 0.0)
    cl.sum(training.w).backward()
    with pytest.raises(NonfiniteError), cl.watch():
        cl.jit(training.step)(np.array([1.0, 0.0, 1.0]))
    assert training.state[0].tolist() == [1.0, 2.0, 3.0]
    assert training.w.grad is not None and training.w.grad.numpy().tolist() == [1.0, 1.0, 1.0]
    w = cl.variable(np.ones(2), name="w")

    @cl.jit
    def kept(x: Any) -> Any:
        loss = cl.sum(cl.log(w * x))
        loss.backward()
        return loss

    kept(np.ones(2))
    with pytest.raises(NonfiniteError), cl.watch():
        kept(np.zeros(2))
    assert w.grad is not None and w.grad.numpy().tolist() == [1.0, 1.0]


def test_a_view_of_a_parameter_keeps_its_numbers() -> None:
    training = Training(p=0.0)
    seen = training.w.numpy()
    step = cl.jit(training.step)
    with pytest.raises(NonfiniteError), cl.watch():
        step(np.array([1.0, 0.0, 1.0]))
    with cl.watch():
        step(np.ones(3))
    assert seen.tolist() == [1.0, 2.0, 3.0] and training.w.numpy().tolist() != [1.0, 2.0, 3.0]


def test_compiled_functions_inside_and_fetching() -> None:
    inner = cl.jit(lambda x: cl.log(x).named("inner"))
    outer = cl.jit(lambda x: cl.sum(inner(x)))
    with pytest.raises(NonfiniteError, match="made by log of finite numbers"), cl.watch():
        outer(np.zeros(2))
    with pytest.raises(NonfiniteError, match="made by log"), cl.watch():
        outer.fetch(np.zeros(2), values="inner")


def test_other_threads_are_not_watched_and_afterwards_nobody_is() -> None:
    f = cl.jit(lambda x: cl.log(x))
    f(np.ones(2))
    found: list[Any] = []
    with cl.watch():
        thread = threading.Thread(target=lambda: found.append(f(np.zeros(2)).tolist()))
        thread.start()
        thread.join()
        with pytest.raises(NonfiniteError):
            f(np.zeros(2))
    assert found == [[-np.inf, -np.inf]] and f(np.zeros(2)).tolist() == found[0]
    assert Switch.on and not Switch.watching  # calls go the quick way again


def test_watching_with_jit_off() -> None:
    f = cl.jit(lambda x: cl.log(x))
    with config(jit=False), pytest.raises(NonfiniteError), cl.watch():
        f(np.zeros(2))


def test_find_nonfinite_in_a_step() -> None:
    cl.random.seed(0)
    training = Training("adam")
    step = cl.jit(training.step)
    step(np.ones(3))
    before, drawn = training.state, draws()
    fault = cl.find_nonfinite(step, np.array([1.0, 0.0, 1.0]))
    assert fault is not None and (fault.op, fault.inside, fault.index) == ("log", ("surprise",), (1,))
    assert cl.find_nonfinite(step, np.ones(3)) is None
    assert all(np.array_equal(a, b) for a, b in zip(before, training.state, strict=True)) and draws() == drawn


def test_find_nonfinite_of_a_loss_with_labels() -> None:
    w = cl.variable(np.array([[1.0, 0.0]]), name="w")

    def loss(labels: Any, squared: bool) -> Any:
        y = w[0, labels]
        return cl.sum(cl.sqrt(y * y if squared else y))

    for f in (loss, cl.jit(loss)):
        fault = cl.find_nonfinite(f, np.array([0, 1]), False)
        assert fault is not None and (fault.direction, fault.op) == ("backward", "sqrt")
        assert cl.find_nonfinite(f, np.array([0, 0]), True) is None


def test_diverge_holds_compiled_code_to_eager_mode() -> None:
    training = Training("adam")
    step = cl.jit(training.step)
    x = np.ones(3)
    step(x)
    before, drawn = training.state, draws()
    found = cl.diverge(step, step.function, x)
    assert not found.found
    assert str(found).startswith("compiled step and step agree in ") and "results; the largest difference is" in str(found)
    assert all(np.array_equal(a, b) for a, b in zip(before, training.state, strict=True)) and draws() == drawn


def test_diverge_of_a_compiled_function_and_another() -> None:
    def f(x: Any) -> Any:
        return cl.sum(cl.tanh((cl.sin(x) * 2).named("twice")))

    def g(x: Any) -> Any:
        return cl.sum(cl.tanh((cl.sin(x) * 2.5).named("twice")))

    x = np.linspace(0, 1, 5)
    found = cl.diverge(cl.jit(f), g, x)
    assert found.nodes is not None and found.nodes[0].name == "twice" and found.compared >= 2
    assert "compiled f: twice at test_compiled.py" in str(found)
    assert str(cl.diverge(f, cl.jit(f), x)).startswith("f and compiled f agree in 1 result;")


def test_diverge_knows_variables_of_one_name_apart() -> None:
    layers = [cl.nn.Linear(3, 4), cl.nn.Linear(4, 2)]

    def f(x: Any) -> Any:
        return cl.sum(layers[1](cl.relu(layers[0](x))))

    assert not cl.diverge(f, f, np.ones((2, 3), np.float32)).found
    assert not cl.diverge(cl.jit(f), f, np.ones((2, 3), np.float32)).found


def test_what_a_compiled_step_keeps() -> None:
    first, second = cl.nn.Linear(64, 256), cl.nn.Linear(256, 10)
    optimiser = cl.optim.SGD([*first.parameters(), *second.parameters()], lr=0.1)

    @cl.jit
    def step(x: Any) -> Any:
        loss = cl.sum(second(cl.tanh(first(x)).named("hidden")) ** 2)
        loss.backward()
        optimiser.step()
        return loss

    before = first.weight.numpy().copy()
    report = cl.what_is_kept(step, np.ones((32, 64), np.float32))
    largest = report.kept[0]
    assert largest.title == "hidden f32[32,256]" and largest.nbytes == 32 * 256 * 4 and largest.freed_by == "step"
    assert "the memory of the compiled function holds" in str(report) and report.recorded >= report.nbytes
    assert np.array_equal(before, first.weight.numpy())
    assert not cl.what_is_kept(cl.jit(lambda x: cl.sum(x * 2)), np.ones(3)).kept


class Model(cl.nn.Module):
    def __init__(self) -> None:
        self.w = cl.variable(np.array([1.0, 0.0]), name="w")

    @cl.jit
    def loss(self, x: Any) -> Any:
        return cl.sum(cl.sqrt(self.w * x))


def test_methods() -> None:
    model, x = Model(), np.ones(2)
    fault = cl.find_nonfinite(model.loss, x)
    assert fault is not None and fault.direction == "backward"
    assert not cl.diverge(model.loss, model.loss.function, x).found
    assert not cl.what_is_kept(model.loss, x).kept
    with pytest.raises(NonfiniteError), cl.watch():
        model.loss(-x)
