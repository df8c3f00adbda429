"""Containers: what is inside them, in which order, under which path, and made again around other leaves."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import GradientError, UsageError
from clew.pytree import flatten, leaves_of, register, tree_map

Pair = namedtuple("Pair", "a b")


@dataclass
class Point:
    x: Any
    y: Any


class Line:
    def __init__(self, slope: Any, start: Any) -> None:
        self.slope, self.start = slope, start


class Ray(Line):
    pass


register(Line, lambda p: [(".slope", p.slope), (".start", p.start)], lambda p, parts: type(p)(*parts))


def test_every_kind_of_container() -> None:
    tree = {"l": [1, (2, None)], "n": Pair(3, Point(4, 5)), "o": OrderedDict(z=6), "line": Ray(7, 8)}
    leaves, shape = flatten(tree)
    assert leaves == [1, 2, 3, 4, 5, 6, 7, 8]
    assert shape.paths == (
        *("['l'][0]", "['l'][1][0]", "['n'].a", "['n'].b.x", "['n'].b.y", "['o']['z']", "['line'].slope", "['line'].start"),
    )
    again = shape.unflatten([10 * x for x in leaves])
    assert again["l"] == [10, (20, None)] and again["n"] == Pair(30, Point(40, 50)) and again["o"] == OrderedDict(z=60)
    assert isinstance(again["line"], Ray) and again["line"].start == 80


def test_dicts_that_make_what_is_missing() -> None:
    tree = defaultdict(list, a=[1])
    again = tree_map(lambda x: 10 * x, tree)
    assert again == {"a": [10]} and isinstance(again, defaultdict) and again["b"] == []


def test_trees_must_match() -> None:
    assert tree_map(lambda a, b: a - b, {"x": 1, "y": 5}, {"y": 2, "x": 1}) == {"x": 0, "y": 3}, "whatever the order of a dict"
    assert tree_map(lambda a, b: a + b, {"x": 1}, {"x": 2}) == {"x": 3}
    with pytest.raises(UsageError, match=r"the trees differ: leaves at \['\[0\]'\] and at \['\[0\]', '\[1\]'\]"):
        tree_map(lambda a, b: a, [1], [1, 2])
    with pytest.raises(UsageError, match="a tree of 1 leaves cannot hold 2"):
        flatten([1])[1].unflatten([1, 2])


def test_transformations_keep_containers() -> None:
    point = {"p": Point(1.0, [2.0]), "line": Ray(3.0, None)}

    def f(tree: Any) -> Any:
        return tree["p"].x * tree["p"].y[0] * tree["line"].slope

    slope = cl.grad(f)(point)
    assert (slope["p"].x.item(), slope["p"].y[0].item(), slope["line"].slope.item(), slope["line"].start) == (
        6.0,
        3.0,
        2.0,
        None,
    )
    assert isinstance(slope["line"], Ray)
    value, push = cl.linearize(f, point)
    assert push(point).item() == 18.0 and value.item() == 6.0


def test_modules_are_containers_of_their_parameters() -> None:
    class Net(cl.nn.Module):
        def __init__(self) -> None:
            self.layers = [cl.nn.Linear(2, 3), cl.nn.Linear(3, 1)]
            self.scale = cl.variable(2.0)

        def forward(self, x: Any) -> Any:
            return cl.sum(self.scale * self.layers[1](cl.tanh(self.layers[0](x))))

    net, x = Net(), np.ones((4, 2), np.float32)
    value, slope = cl.value_and_grad(lambda net: net(x))(net)
    net(x).backward()
    assert isinstance(slope, Net) and value.item() == net(x).item()
    for found, parameter in ((slope.layers[0].weight, net.layers[0].weight), (slope.scale, net.scale)):
        np.testing.assert_allclose(found.numpy(), parameter.grad.numpy(), rtol=1e-6)
    assert flatten(slope)[1].structure == flatten(net)[1].structure and len(leaves_of(slope)) == 5
    assert all(isinstance(p, cl.Variable) for p in net.parameters()), "the module itself is as it was"
    each = cl.vmap(cl.grad(lambda net, x: net(x)), in_axes=(None, 0))(net, x)
    assert each.layers[0].weight.shape == (4, 3, 2)


def test_errors_name_the_leaf() -> None:
    with pytest.raises(GradientError, match=r"grad: argument p\['ids'\] of <lambda> is i64\[2\]"):
        cl.grad(lambda p: cl.sum(p["x"]))({"x": np.ones(2), "ids": np.arange(2)})
    with pytest.raises(GradientError, match=r"vjp: the gradient at \['y'\] has shape \(2,\), it must be that of f64\[3\]"):
        cl.vjp(lambda x: {"y": x}, np.ones(3))[1]({"y": np.ones(2)})


def test_a_class_may_be_registered_after_it_was_a_leaf() -> None:
    class Late:
        def __init__(self, x: Any) -> None:
            self.x = x

    late = Late(1.0)
    assert flatten(late)[0] == [late]
    register(Late, lambda t: [(".x", t.x)], lambda t, parts: Late(*parts))
    assert flatten(late)[0] == [1.0]
