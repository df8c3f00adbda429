"""SGD against its formula, against torch, and what optimisers promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import UsageError
from clew.optim import SGD, Optimiser
from clew.variable import Variable

A, C = np.array([1.0, 0.5, 2.0]), np.array([0.5, 1.0, -1.0])


def cost(p: Any) -> Any:
    return cl.sum((A * p - C) ** 2)


# Computed once with torch 2.13.0: five steps of torch.optim.SGD in float64 on the cost above, from (1, -2, 3).
TORCH = [
    ({"lr": 0.1}, [0.66384, -1.09512375, -0.49888]),
    ({"lr": 0.1, "momentum": 0.9}, [0.20978999999999992, 0.3313762500000001, 0.8493199999999999]),
    ({"lr": 0.1, "momentum": 0.9, "nesterov": True}, [0.2921412096, 0.7362307797375002, -0.4033865152000001]),
    ({"lr": 0.1, "weight_decay": 0.2}, [0.6120276928, -0.9566458376, -0.4871458336]),
    ({"lr": 0.1, "momentum": 0.5, "weight_decay": 0.2}, [0.43452321279999995, -0.3599904776, 0.005449126400000118]),
    (
        {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.2, "nesterov": True},
        [0.4630630822, -0.265716796775, -0.4736991289],
    ),
]


@pytest.mark.parametrize(("options", "expected"), TORCH)
def test_steps_are_those_of_torch(options: Any, expected: list[float]) -> None:
    p = cl.variable(np.array([1.0, -2.0, 3.0]))
    optimiser = SGD([p], **options)
    for _ in range(5):
        cost(p).backward()
        optimiser.step()
    assert np.allclose(p.numpy(), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_the_formula(momentum: float, nesterov: bool, weight_decay: float, rng: np.random.Generator) -> None:
    shapes = [(), (3,), (2, 4)]
    parameters = [cl.variable(np.asarray(rng.normal(size=shape))) for shape in shapes]
    optimiser = SGD(parameters, 0.05, momentum, weight_decay, nesterov)
    values = [p.numpy().copy() for p in parameters]
    velocities: list[Any] = [None] * 3
    for _ in range(4):
        for k, p in enumerate(parameters):
            given = np.asarray(rng.normal(size=shapes[k]))
            p.grad = given
            g = given + weight_decay * values[k]
            velocities[k] = g if velocities[k] is None else momentum * velocities[k] + g
            values[k] = values[k] - 0.05 * (g + momentum * velocities[k] if nesterov else velocities[k])
        optimiser.step()
    for p, value in zip(parameters, values, strict=True):
        assert np.allclose(p.numpy(), value, rtol=1e-14)


@pytest.mark.parametrize("dtype", [cl.float16, cl.bfloat16, cl.float32, cl.float64], ids=str)
def test_parameters_keep_their_dtype(dtype: Any) -> None:
    p = cl.variable([1.0, 2.0], dtype=dtype)
    optimiser = SGD([p], lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1)
    for _ in range(2):
        cl.sum(p * p).backward()
        optimiser.step()
    assert p.dtype == dtype
    assert np.all(p.numpy().astype(float) < [1.0, 2.0])


def test_the_learning_rate_may_change_between_steps() -> None:
    p = cl.variable(1.0)
    optimiser = SGD([p], lr=0.5)
    (p * 1.0).backward()
    optimiser.step()
    optimiser.lr = 0.25
    (p * 1.0).backward()
    optimiser.step()
    assert p.item() == 0.25


def test_a_gradient_moves_its_parameter_once() -> None:
    p, q = cl.variable(1.0), cl.variable(1.0)
    optimiser = SGD([p, q], lr=0.5)
    (p * 1.0).backward()
    optimiser.step()
    assert (p.item(), q.item()) == (0.5, 1.0)
    (q * 1.0).backward()  # does not reach p
    optimiser.step()
    assert (p.item(), q.item()) == (0.5, 0.5)
    assert p.grad.item() == 1.0  # still to be looked at
    optimiser.step()
    assert (p.item(), q.item()) == (0.5, 0.5)


def test_a_step_records_nothing() -> None:
    p = cl.variable(1.0, name="p")
    optimiser = SGD([p], lr=0.5, momentum=0.5)
    for _ in range(3):
        (p * p).backward()
        optimiser.step()
    assert not p.value.operands
    assert p.name == "p"
    assert not optimiser.states[0].tracked


def test_a_graph_keeps_the_values_it_was_computed_with() -> None:
    p = cl.variable(3.0)
    y = p * p
    y.backward()
    SGD([p], lr=0.5).step()
    assert p.item() == 0.0
    y.backward()
    assert p.grad.item() == 6.0


class Interrupted(Variable):
    """Ctrl-C is pressed when it is assigned to."""

    def assign(self, data: Any) -> None:
        super().assign(data)
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [Variable, Interrupted])
def test_a_step_that_does_not_finish_changes_nothing(kind: type[Variable]) -> None:
    first, second = cl.variable(1.0), kind(1.0)
    optimiser = SGD([first, second], lr=0.5, momentum=0.5)
    (first * second).backward()
    if kind is Variable:
        second.grad = cl.ones(2)  # does not fit
    with pytest.raises(KeyboardInterrupt if kind is Interrupted else UsageError):
        optimiser.step()
    assert (first.item(), second.item()) == (1.0, 1.0)
    assert optimiser.states == [None, None]
    other = SGD([first], lr=0.5)
    other.step()
    assert first.item() == 0.5  # its gradient had not been used


def test_an_optimiser_is_its_update() -> None:
    class Signs(Optimiser):
        """Steps of one length, with a count of them."""

        def update(self, p: cl.Tensor, g: cl.Tensor, state: Any) -> tuple[cl.Tensor, Any]:
            return p - 0.1 * cl.sign(g), (state or 0) + 1

    p = cl.variable([1.0, -1.0])
    optimiser = Signs([p])
    for _ in range(3):
        cl.sum(p * p).backward()
        optimiser.step()
    assert np.allclose(p.numpy(), [0.7, -0.7])
    assert optimiser.states == [3]


TWICE = cl.variable(1.0)


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ([], {}, "SGD was given no parameters; pass model.parameters(), or a list of variables"),
        ([cl.asarray(1.0)], {}, "SGD updates variables, not Tensor; make it a cl.variable"),
        ([1.0], {}, "SGD updates variables, not float; make it a cl.variable"),
        (TWICE, {}, "SGD takes a list of parameters, not one alone; write [parameter]"),
        ([TWICE, TWICE], {}, "SGD: a parameter is listed twice, and would move twice"),
        ([TWICE], {"lr": -0.1}, "SGD: lr is a number from 0 up, not -0.1"),
        ([TWICE], {"lr": float("nan")}, "SGD: lr is a number from 0 up, not nan"),
        ([TWICE], {"weight_decay": -1.0}, "SGD: weight_decay is a number from 0 up, not -1.0"),
        ([TWICE], {"momentum": 1.0}, "SGD: momentum lies from 0 up to, but not including, 1; it is 1.0"),
        ([TWICE], {"nesterov": True}, "SGD: nesterov=True needs a momentum, such as momentum=0.9"),
    ],
)
def test_wrong_use(parameters: Any, options: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        SGD(parameters, **{"lr": 0.1, **options})
    assert str(error.value) == message
