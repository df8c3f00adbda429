"""Modules: what they own, how it is called, and saving it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew import nn
from clew.errors import UsageError


class Nested(nn.Module):
    """Parameters directly, in lists, dicts and modules; one of them twice."""

    def __init__(self) -> None:
        self.scale = cl.variable(2.0)
        self.layers: list[Any] = []
        for _ in range(2):
            self.layers.append(nn.Linear(2, 2, bias=False))
        self.heads = {"a": nn.Linear(2, 1), "b": (cl.variable([1.0]), cl.tanh)}
        self.tied = self.layers[0]
        self.also = self.scale

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.heads["a"](x) * self.scale + self.heads["b"][0]


NAMES = ["scale", "heads['b'][0]", "layers[0].weight", "layers[1].weight", "heads['a'].weight", "heads['a'].bias"]


def test_parameters_have_the_names_of_their_paths_each_once() -> None:
    model = Nested()
    named = dict(model.named_parameters())
    assert list(named) == NAMES
    assert [p.name for p in named.values()] == NAMES
    assert len(model.parameters()) == len(NAMES)
    assert named["scale"] is model.also


def test_modules_have_the_names_of_their_paths_each_once() -> None:
    model = nn.Sequential(Nested(), cl.tanh)
    assert [name for name, _ in model.named_modules()] == [
        "",
        "layers[0]",
        "layers[0].layers[0]",
        "layers[0].layers[1]",
        "layers[0].heads['a']",
    ]
    assert model[0].scale.name == "layers[0].scale"


def test_layers_added_later_are_named_too() -> None:
    model = Nested()
    model.head = nn.Linear(1, 3)
    assert model.head.weight.name == "head.weight"
    assert model.head.scope_name == "head"


def test_a_module_that_knows_its_owner_is_walked_once() -> None:
    model = Nested()
    model.layers[0].owner = model
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert "owner): ..." in repr(model)


def test_nodes_carry_the_scopes_of_the_modules_that_made_them() -> None:
    output = Nested()(cl.ones((3, 2)))
    scopes = {v.site.scope for v in output.graph().graph.values if v.site is not None}
    assert scopes == {"Nested", "Nested.layers[0]", "Nested.layers[1]", "Nested.heads['a']"}


def test_the_scope_is_left_when_forward_fails() -> None:
    with pytest.raises(UsageError):
        Nested()(cl.ones((3, 5)))
    with cl.no_grad():
        x = cl.variable(1.0)
    y = x * 2.0
    assert y.value.site is not None
    assert y.value.site.scope == ""


def test_train_and_eval_reach_every_module_and_return_the_model() -> None:
    model = nn.Sequential(Nested(), nn.Dropout(0.5))
    assert model.eval() is model
    assert not any(module.training for _, module in model.named_modules())
    assert model.train() is model
    assert all(module.training for _, module in model.named_modules())


def test_state_goes_around() -> None:
    cl.random.seed(1)
    first, second, x = Nested(), Nested(), cl.ones((3, 2))
    state = first.state_dict()
    assert list(state) == NAMES
    assert np.any(first(x).numpy() != second(x).numpy())
    second.load_state_dict(state)
    assert np.array_equal(first(x).numpy(), second(x).numpy())
    state["scale"] += 1
    state["layers[0].weight"][:] = 0
    assert first.scale.item() == second.scale.item() == 2.0
    assert np.all(second.tied.weight.numpy() != 0)


def test_state_may_be_tensors_and_keeps_the_parameter_s_dtype() -> None:
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": cl.asarray([[1.0, 2.0]], dtype=cl.float64), "bias": [3]})
    assert layer.weight.dtype == layer.bias.dtype == np.float32
    assert layer(cl.asarray([10.0, 100.0])).tolist() == [213.0]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"weight": np.ones((1, 2))}, "load_state_dict: the state lacks bias; it has weight"),
        ({}, "load_state_dict: the state lacks weight, bias; it has nothing"),
        (
            {"weight": np.ones((1, 2)), "bias": np.ones(1), "scale": np.ones(1)},
            "load_state_dict: the model has no scale; it has weight, bias",
        ),
        (
            {"weight": np.ones((1, 2)), "bias": np.ones(2)},
            "load_state_dict: bias is f32[1], in the state f64[2]",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(state: dict[str, Any], message: str) -> None:
    layer = nn.Linear(2, 1)
    before = layer.state_dict()
    with pytest.raises(UsageError) as error:
        layer.load_state_dict(state)
    assert str(error.value) == message
    assert all(np.array_equal(before[name], p.numpy()) for name, p in layer.named_parameters())


@pytest.mark.parametrize("around", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"])
def test_copies_are_models_of_their_own(around: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    copied, x = around(model), cl.ones((4, 2))
    assert np.array_equal(model(x).numpy(), copied(x).numpy())
    cl.sum(copied(x)).backward()
    assert copied[0].weight.grad is not None
    assert model[0].weight.grad is None
    copied[0].weight.assign(cl.zeros((3, 2)))
    assert np.any(model[0].weight.numpy() != 0)


def test_repr() -> None:
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1, bias=False))) == (
        "Sequential(\n  (layers[0]): Linear(2, 3)\n  (layers[1]): Linear(3, 1, bias=False)\n)"
    )

    class Line(nn.Module):
        def __init__(self) -> None:
            self.k = cl.variable(2.0)

    assert repr(Line()) == "Line(k: f32[])"


def test_a_module_without_forward() -> None:
    with pytest.raises(UsageError) as error:
        nn.Module()(1.0)
    assert str(error.value) == "Module has no forward method; define def forward(self, x): ..."
