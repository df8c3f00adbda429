"""Adam and AdamW against their formula and against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import UsageError
from clew.optim import Adam, AdamW

A, C = np.array([1.0, 0.5, 2.0]), np.array([0.5, 1.0, -1.0])


def cost(p: Any) -> Any:
    return cl.sum((A * p - C) ** 2)


OPTIONS: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.1, "betas": (0.5, 0.9)},
    {"lr": 0.1, "betas": (0.0, 0.0), "eps": 1e-3},
    {"lr": 0.1, "weight_decay": 0.2},
]


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize("options", OPTIONS)
def test_steps_are_those_of_the_formula(kind: type[Adam], options: dict[str, Any], rng: np.random.Generator) -> None:
    shapes: list[tuple[int, ...]] = [(), (3,), (2, 4)]
    parameters = [cl.variable(np.asarray(rng.normal(size=shape))) for shape in shapes]
    optimiser = kind(parameters, **options)
    lr, (beta1, beta2), eps = options["lr"], options.get("betas", (0.9, 0.999)), options.get("eps", 1e-8)
    decay = options.get("weight_decay", 0.01 if kind is AdamW else 0.0)
    values = [p.numpy().copy() for p in parameters]
    means, squares, steps = [0.0] * 3, [0.0] * 3, [0] * 3
    for step in range(6):
        for k, p in enumerate(parameters):
            if k == 1 and step % 2:  # a parameter without a new gradient stays, and its step is not counted
                continue
            g = np.asarray(rng.normal(size=shapes[k]))
            p.grad = cl.asarray(g)
            if kind is AdamW:
                values[k] = values[k] * (1 - lr * decay)
            else:
                g = g + decay * values[k]
            steps[k] += 1
            means[k] = beta1 * means[k] + (1 - beta1) * g
            squares[k] = beta2 * squares[k] + (1 - beta2) * g**2
            mean, square = means[k] / (1 - beta1 ** steps[k]), squares[k] / (1 - beta2 ** steps[k])
            values[k] = values[k] - lr * mean / (np.sqrt(square) + eps)
        optimiser.step()
    for p, value in zip(parameters, values, strict=True):
        assert np.allclose(p.numpy(), value, rtol=1e-12)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_steps_are_those_of_torch(name: str, options: dict[str, Any], dtype: Any) -> None:
    torch = pytest.importorskip("torch")
    start = np.array([1.0, -2.0, 3.0], dtype)
    p = cl.variable(start)
    theirs = torch.tensor(start, requires_grad=True)
    optimiser, peer = getattr(cl.optim, name)([p], **options), getattr(torch.optim, name)([theirs], **options)
    for _ in range(20):
        cost(p).backward()
        optimiser.step()
        peer.zero_grad()
        torch.sum((torch.tensor(A) * theirs - torch.tensor(C)) ** 2).backward()
        peer.step()
    assert np.allclose(p.numpy(), theirs.detach().numpy(), rtol=1e-12 if dtype is np.float64 else 1e-5)


# Computed once with torch 2.13.0: five steps in float64 on the cost above, from (1, -2, 3).
TORCH: list[tuple[type[Adam], dict[str, Any], list[float]]] = [
    (Adam, {"lr": 0.1}, [0.5278144513706096, -1.5012675315085626, 2.50148103948796]),
    (
        Adam,
        {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.2},
        [0.5621467739340089, -1.506548801531315, 2.5064294102713855],
    ),
    (AdamW, {"lr": 0.1}, [0.5243260045450483, -1.492313218328072, 2.4875593982532234]),
    (AdamW, {"lr": 0.1, "eps": 1e-3, "weight_decay": 0.2}, [0.4628555056734343, -1.3295021253195223, 2.233906102081717]),
]


@pytest.mark.parametrize(("kind", "options", "expected"), TORCH)
def test_five_steps_of_torch(kind: type[Adam], options: Any, expected: list[float]) -> None:
    p = cl.variable(np.array([1.0, -2.0, 3.0]))
    optimiser = kind([p], **options)
    for _ in range(5):
        cost(p).backward()
        optimiser.step()
    assert np.allclose(p.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [cl.float16, cl.bfloat16, cl.float32, cl.float64], ids=str)
def test_parameters_keep_their_dtype(dtype: Any) -> None:
    p = cl.variable([1.0, 2.0], dtype=dtype)
    optimiser = Adam([p], lr=0.1, weight_decay=0.1, eps=1e-3)
    for _ in range(2):
        cl.sum(p * p).backward()
        optimiser.step()
    assert p.dtype == dtype
    assert np.all(p.numpy().astype(float) < [1.0, 2.0])
    assert [t.dtype for t in optimiser.states[0]] == [dtype, dtype]


def test_a_step_records_nothing_and_the_learning_rate_may_change() -> None:
    p = cl.variable(1.0, name="p")
    optimiser = Adam([p], lr=0.5)
    (p * 3.0).backward()
    optimiser.step()
    assert np.isclose(p.item(), 0.5)
    optimiser.lr = 0.25
    (p * 3.0).backward()
    optimiser.step()
    assert np.isclose(p.item(), 0.25)
    assert not p.value.operands
    assert not any(t.tracked for t in optimiser.states[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, "Adam: lr is a number from 0 up, not -0.1"),
        ({"eps": float("nan")}, "Adam: eps is a number from 0 up, not nan"),
        ({"weight_decay": -1.0}, "Adam: weight_decay is a number from 0 up, not -1.0"),
        ({"betas": (0.9, 1.0)}, "Adam: betas are two numbers from 0 up to, but not including, 1, not (0.9, 1.0)"),
        ({"betas": (0.9,)}, "Adam: betas are two numbers from 0 up to, but not including, 1, not (0.9,)"),
    ],
)
def test_wrong_use(options: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        Adam([cl.variable(1.0)], **options)
    assert str(error.value) == message
