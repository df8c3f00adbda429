"""Linear, Sequential and the activations against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew import nn
from clew.errors import UsageError


@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_and_its_gradients(lead: tuple[int, ...], bias: bool, rng: np.random.Generator) -> None:
    layer = nn.Linear(4, 3, bias=bias, dtype=cl.float64)
    x, g = rng.normal(size=(*lead, 4)), rng.normal(size=(*lead, 3))
    y = layer(x)
    w = layer.weight.numpy()
    assert w.shape == (3, 4)
    assert np.allclose(y.numpy(), x @ w.T + (layer.bias.numpy() if layer.bias is not None else 0), atol=1e-14)
    y.backward(g)
    rows, columns = g.reshape(-1, 3), x.reshape(-1, 4)
    assert np.allclose(layer.weight.grad.numpy(), rows.T @ columns, atol=1e-14)
    if bias:
        assert np.allclose(layer.bias.grad.numpy(), rows.sum(0), atol=1e-14)


def test_linear_starts_within_its_bound_and_follows_the_seed() -> None:
    cl.random.seed(5)
    first = nn.Linear(16, 400)
    cl.random.seed(5)
    second = nn.Linear(16, 400)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert a.dtype == np.float32
        assert np.array_equal(a.numpy(), b.numpy())
        assert 0.24 < np.abs(a.numpy()).max() <= 0.25
    assert abs(first.weight.numpy().std() - 0.25 / np.sqrt(3)) < 0.005


def test_linear_without_inputs_or_outputs() -> None:
    assert nn.Linear(0, 2)(cl.zeros((3, 0))).shape == (3, 2)
    assert nn.Linear(2, 0)(cl.zeros((3, 2))).shape == (3, 0)


def test_linear_takes_arrays_and_lists() -> None:
    layer = nn.Linear(2, 1)
    assert layer([[1, 2]]).shape == layer(np.ones((1, 2), np.float32)).shape == (1, 1)


def test_linear_refuses_other_numbers_of_features() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))
    with pytest.raises(UsageError) as error:
        model(cl.ones((5, 2)))
    first, place = str(error.value).splitlines()
    assert first == "layers[1]: the input f32[5,3] must end in 4 features"
    assert place.strip().startswith("at test_layers.py:")
    with pytest.raises(UsageError, match=r"^Linear: the input f32\[\] must end in 4 features"):
        nn.Linear(4, 1)(1.0)


def test_sequential_is_a_sequence_of_modules_and_functions() -> None:
    layers = [nn.Linear(2, 3), cl.tanh, nn.Linear(3, 1)]
    model = nn.Sequential(*layers)
    x = cl.ones((4, 2))
    assert len(model) == 3
    assert list(model) == layers
    assert model[1] is cl.tanh
    assert np.array_equal(model(x).numpy(), layers[2](cl.tanh(layers[0](x))).numpy())
    assert nn.Sequential()(x) is x


X = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])
SIGMOID = 1 / (1 + np.exp(-X))


@pytest.mark.parametrize(
    ("module", "value", "slope"),
    [
        (nn.ReLU(), np.maximum(X, 0), X > 0),
        (nn.LeakyReLU(0.1), np.where(X > 0, X, 0.1 * X), None),
        (nn.Sigmoid(), SIGMOID, SIGMOID * (1 - SIGMOID)),
        (nn.Tanh(), np.tanh(X), 1 - np.tanh(X) ** 2),
        (nn.Softplus(), np.log1p(np.exp(X)), SIGMOID),
        (nn.SiLU(), X * SIGMOID, SIGMOID * (1 + X * (1 - SIGMOID))),
        (nn.GELU(), [x * (1 + erf(x / 2**0.5)) / 2 for x in X], None),
        (nn.Softmax(), np.exp(X) / np.exp(X).sum(), np.zeros(5)),
    ],
    ids=lambda p: type(p).__name__ if isinstance(p, nn.Module) else "",
)
def test_activations(module: nn.Module, value: Any, slope: Any) -> None:
    x = cl.variable(X)
    y = module(x)
    assert np.allclose(y.numpy(), value, atol=1e-15)
    if slope is not None:
        cl.sum(y).backward()
        assert np.allclose(x.grad.numpy(), slope, atol=1e-15)


def test_softmax_along_another_axis() -> None:
    y = nn.Softmax(axis=0)(cl.asarray([[0.0, 1.0], [0.0, 1.0]]))
    assert y.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_dropout_drops_while_training_and_keeps_the_mean() -> None:
    cl.random.seed(0)
    dropout, x = nn.Dropout(0.25), cl.variable(np.ones(10_000))
    y = dropout(x)
    assert set(np.unique(y.numpy())) == {0.0, 1 / 0.75}
    assert abs(y.numpy().mean() - 1) < 0.03
    cl.sum(y).backward()
    assert np.array_equal(x.grad.numpy(), y.numpy())
    assert dropout.eval()(x) is x
    assert np.array_equal(nn.Dropout(0.0)(x).numpy(), x.numpy())


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_dropout_refuses_other_probabilities(p: float) -> None:
    with pytest.raises(UsageError) as error:
        nn.Dropout(p)
    assert str(error.value) == f"Dropout needs a probability 0 <= p < 1, got {p}"


MODULES: list[Callable[[], nn.Module]] = [
    lambda: nn.Linear(3, 3),
    lambda: nn.Sequential(nn.Linear(3, 3), nn.GELU(), nn.Softmax()),
]


@pytest.mark.parametrize("make", MODULES)
@pytest.mark.parametrize("dtype", [cl.float16, cl.bfloat16, cl.float32, cl.float64], ids=str)
def test_dtypes_stay(make: Callable[[], nn.Module], dtype: Any) -> None:
    model = make()
    for p in model.parameters():
        p.value = cl.variable(p.astype(dtype), p.name).value
    y = model(cl.ones((2, 3), dtype=dtype))
    assert y.dtype == dtype
    cl.sum(y).backward()
    assert all(p.grad.dtype == dtype for p in model.parameters())
