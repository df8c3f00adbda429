"""The training loop: what it computes, when it ends, and how it is interrupted."""

from __future__ import annotations

import math
import os
import signal
import time
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew import train
from clew.errors import UsageError
from clew.train.fit import gradient_norm

X, Y = np.array([2.0, -1.0, 0.5, 1.0, 3.0]), np.array([5.0, 0.0, 1.0, 2.0, 4.0])


def line(**options: Any) -> tuple[Any, Any, Any]:
    """A parameter v of v*x, its optimiser, and the cost."""
    v = cl.variable(np.float64(0.0), name="v")
    return v, cl.optim.SGD([v], **{"lr": 0.01, **options}), lambda x, y: cl.nn.mse_loss(v * x, y)


@pytest.mark.parametrize("batch_size", [None, 5, 2, 1, 7])
def test_each_step_goes_down_the_mean_of_its_batch(batch_size: int | None) -> None:
    v, optimiser, cost = line()
    run = train.fit(cost, (X, Y), optimiser, epochs=3, batch_size=batch_size, shuffle=False)
    value, size, costs = 0.0, batch_size or 5, []
    for _ in range(3):
        losses = []
        for k in range(0, 5, size):
            x, y = X[k : k + size], Y[k : k + size]
            losses += list((value * x - y) ** 2)
            value -= 0.01 * np.mean(2 * (value * x - y) * x)
        costs.append(np.mean(losses))
    assert v.item() == pytest.approx(value, rel=1e-13)
    assert run.costs == pytest.approx(costs, rel=1e-13)
    assert run.epochs == 3


def test_the_order_follows_from_the_seed() -> None:
    def orders(**options: Any) -> list[list[float]]:
        v, optimiser, _ = line()
        seen: list[list[float]] = [[]]

        def cost(x: Any) -> Any:
            seen[-1] += x.tolist()
            return cl.mean(v * x)

        train.fit(cost, np.arange(20.0), optimiser, epochs=3, batch_size=6, each_epoch=lambda *_: seen.append([]), **options)
        return seen[:-1]

    first = orders(seed=1)
    assert first == orders(seed=1) != orders(seed=2)
    assert all(sorted(epoch) == list(range(20)) for epoch in first)
    assert first[0] != first[1] != first[2]
    assert orders(shuffle=False) == [list(range(20))] * 3


def test_batches_come_as_tensors_of_the_data_s_dtype() -> None:
    v, optimiser, _ = line()
    seen: list[Any] = []

    def cost(*batch: Any) -> Any:
        seen.extend(batch)
        return v * 1.0

    train.fit(cost, ([[1.0, 2.0]], np.array([3]), cl.asarray([True])), optimiser, epochs=1)
    assert [type(x) for x in seen] == [cl.Tensor] * 3
    assert [str(x.value.type) for x in seen] == ["f32[1,2]", "i64[1]", "bool[1]"]


# When it ends


def test_epochs() -> None:
    _, optimiser, cost = line()
    run = train.fit(cost, (X, Y), optimiser, epochs=2)
    assert (run.epochs, run.reason) == (2, "2 epochs are done")
    assert train.fit(cost, (X, Y), optimiser, epochs=1).reason == "1 epoch is done"


def test_target_cost() -> None:
    v, optimiser, cost = line()
    run = train.fit(cost, ([2.0], [5.0]), optimiser, stop=train.TargetCost(1e-6))
    assert run.reason == "the cost is at most 1e-06"
    assert run.costs[-1] <= 1e-6 < run.costs[-2]
    assert v.item() == pytest.approx(2.5, abs=1e-3)


def test_gradient_norm() -> None:
    v, optimiser, cost = line()
    run = train.fit(cost, (X, Y), optimiser, stop=[train.GradientNorm(1e-3)])
    assert run.reason == "the gradient's norm is at most 0.001"
    assert abs(v.grad.item()) <= 1e-3
    assert v.item() == pytest.approx(X @ Y / (X @ X), abs=1e-3)


def test_the_gradient_norm_is_that_of_all_parameters() -> None:
    a, b, unused = cl.variable(np.ones((2, 2))), cl.variable(1.0), cl.variable(1.0)
    optimiser = cl.optim.SGD([a, b, unused], lr=1.0)
    (cl.sum(a) * 2.0 + b * 3.0).backward()
    assert gradient_norm(optimiser) == 5.0


@pytest.mark.parametrize(("by", "epochs"), [(0.0, 6), (0.05, 5), (0.35, 4)])
def test_no_improvement(by: float, epochs: int) -> None:
    v, optimiser, _ = line()
    costs = iter([1.0, 0.9, 0.8, 0.85, 0.79, 0.8, 0.8, 0.79, 0.79])

    def cost(x: Any) -> Any:
        return v * 0.0 + next(costs)

    run = train.fit(cost, [X], optimiser, epochs=epochs + 2, stop=train.NoImprovement(2, by))
    expected = {0.0: 7, 0.05: 5, 0.35: 3}[by]
    assert (run.epochs, run.reason) == (expected, "the cost has not improved for 2 epochs")


def test_time_limit() -> None:
    v, optimiser, _ = line()

    def cost(x: Any) -> Any:
        time.sleep(0.01)
        return v * 1.0

    run = train.fit(cost, X, optimiser, stop=train.TimeLimit(0.05))
    assert run.reason == "0.05 seconds have passed"
    assert 0.05 <= run.seconds < 1
    assert 1 <= run.epochs <= 5


def test_the_first_of_several_criteria_ends_it() -> None:
    _, optimiser, cost = line()
    run = train.fit(cost, (X, Y), optimiser, epochs=50, stop=[train.TargetCost(0.0), train.GradientNorm(1e9)])
    assert (run.epochs, run.reason) == (1, "the gradient's norm is at most 1e+09")


def test_a_criterion_of_one_s_own() -> None:
    class Even(train.Criterion):
        def reason(self, state: train.State) -> str | None:
            return "the epoch is even" if state.epoch % 2 == 0 else None

    _, optimiser, cost = line()
    assert str(train.fit(cost, (X, Y), optimiser, stop=Even())).endswith("; stopped because the epoch is even")


def test_the_report_in_words() -> None:
    assert str(train.Training((2.0, 0.5), "2 epochs are done", 1.26)) == (
        "2 epochs in 1.3 s, cost 2 to 0.5; stopped because 2 epochs are done"
    )
    assert str(train.Training((), "it was interrupted in epoch 1", 0.0)) == (
        "0 epochs in 0.0 s; stopped because it was interrupted in epoch 1"
    )


# When something is not finite


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_cost_that_is_not_finite_ends_it_before_it_spreads(bad: float) -> None:
    v, optimiser, cost = line()
    calls = []

    def failing(x: Any, y: Any) -> Any:
        calls.append(v.item())
        return cost(x, y) * (bad if len(calls) == 5 else 1.0)

    run = train.fit(failing, (X, Y), optimiser, epochs=9, batch_size=2)
    assert run.reason == f"the cost is {bad} in epoch 2; the parameters are those before it"
    assert run.epochs == 1
    assert v.item() == calls[-1] != 0


def test_a_gradient_that_is_not_finite_ends_it_before_it_spreads() -> None:
    v = cl.variable(np.float64(0.0), name="v")
    run = train.fit(lambda x: cl.sqrt(v) + 2.0, X, cl.optim.SGD([v], lr=0.1), epochs=3)
    assert run.reason == (
        "the gradient of v in epoch 1 is not finite, though the cost is 2; the parameters are those before it"
    )
    assert v.item() == 0.0


def test_a_learning_rate_that_is_too_large_is_told() -> None:
    v, optimiser, cost = line(lr=10.0)
    run = train.fit(cost, (X, Y), optimiser, epochs=10_000)
    assert "not finite" in run.reason or "the cost is inf" in run.reason
    assert math.isfinite(v.item())


# Ctrl-C


def test_ctrl_c_in_the_cost_keeps_what_was_learned() -> None:
    v, optimiser, cost = line()
    calls = []

    def interrupted(x: Any, y: Any) -> Any:
        calls.append(v.item())
        if len(calls) == 8:  # two epochs of three batches are done
            raise KeyboardInterrupt
        return cost(x, y)

    run = train.fit(interrupted, (X, Y), optimiser, epochs=9, batch_size=2)
    assert (run.epochs, run.reason) == (2, "it was interrupted in epoch 3")
    assert v.item() == calls[-1] != 0


def test_ctrl_c_in_the_update_leaves_no_half_step() -> None:
    a, b = cl.variable(np.float64(1.0)), cl.variable(np.float64(1.0))

    class Interrupting(cl.optim.SGD):
        steps = 0

        def update(self, p: Any, g: Any, state: Any) -> Any:
            self.steps += 1
            if self.steps == 4:  # the second parameter in the second step
                raise KeyboardInterrupt
            return super().update(p, g, state)

    run = train.fit(lambda x: (a + b) * 1.0, X, Interrupting([a, b], lr=0.5), epochs=9)
    assert run.reason == "it was interrupted in epoch 2"
    assert (a.item(), b.item()) == (0.5, 0.5)


@pytest.mark.skipif(os.name != "posix", reason="a signal is sent to the process itself")
def test_a_real_signal_wherever_it_falls() -> None:
    a, b = cl.variable(np.zeros(3)), cl.variable(np.zeros(3))
    optimiser = cl.optim.SGD([a, b], lr=0.5, momentum=0.5)
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        for microseconds in range(1000, 5000, 200):
            signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
            try:
                run = train.fit(lambda x: cl.sum(a + b), X, optimiser, stop=train.TimeLimit(5))
                assert run.reason.startswith("it was interrupted in epoch ")
            except KeyboardInterrupt:  # before the first epoch, on a machine that was busy with something else
                pass
            assert np.array_equal(a.numpy(), b.numpy())  # both have made the same steps
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, before)


# Wrong use


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "fit: nothing would end the training; give epochs=..., or stop=... (e.g. cl.train.NoImprovement(5))"),
        ({"epochs": 0}, "Epochs: the number of epochs is an integer from 1 up, not 0"),
        ({"epochs": 1.5}, "Epochs: the number of epochs is an integer from 1 up, not 1.5"),
        ({"stop": 0.1}, "fit: stop takes criteria such as cl.train.TargetCost(0.1), not 0.1"),
        ({"stop": [train.TimeLimit(1), "no"]}, "fit: stop takes criteria such as cl.train.TargetCost(0.1), not 'no'"),
        ({"epochs": 1, "batch_size": 0}, "a batch has at least one example, not 0"),
    ],
)
def test_wrong_options(options: Any, message: str) -> None:
    _, optimiser, cost = line()
    with pytest.raises(UsageError) as error:
        train.fit(cost, (X, Y), optimiser, **options)
    assert str(error.value) == message


def test_no_improvement_needs_an_epoch() -> None:
    with pytest.raises(UsageError, match=r"^NoImprovement: the number of epochs is an integer from 1 up, not 0$"):
        train.NoImprovement(0)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (lambda v, x: v * x, "fit: the cost must return a scalar tensor, the mean over the batch; it returned f64[5]"),
        (lambda v, x: None, "fit: the cost must return a scalar tensor, the mean over the batch; it returned NoneType"),
        (lambda v, x: 1.0, "fit: the cost must return a scalar tensor, the mean over the batch; it returned float"),
        (
            lambda v, x: cl.variable(2.0) * 1.0,
            "fit: the cost does not depend on any of the optimiser's parameters; is it another model's?",
        ),
    ],
)
def test_costs_that_cannot_be_followed(cost: Any, message: str) -> None:
    v, optimiser, _ = line()
    with pytest.raises(UsageError) as error:
        train.fit(lambda x: cost(v, x), X, optimiser, epochs=1)
    assert str(error.value) == message
