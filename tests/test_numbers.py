"""The numbers that a textbook gives for small graphs, to the digits it prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.cli import main


def variables(**values: float) -> list[cl.Variable]:
    return [cl.variable(float(value), name=name) for name, value in values.items()]


def numbers(*tensors: Any) -> list[float]:
    return [t.item() for t in tensors]


@pytest.mark.parametrize(
    ("point", "p", "g", "gradients"),
    [((1, 3, -3), 4, -12, (-3, -3, 4)), ((-2, 5, -4), 3, -12, (-4, -4, 3))],
)
def test_1_a_product_of_a_sum(point: tuple[float, ...], p: float, g: float, gradients: tuple[float, ...]) -> None:
    x, y, z = variables(**dict(zip("xyz", point, strict=True)))
    total = (x + y).named("p")
    result = (total * z).named("g")
    result.backward()
    assert numbers(total, result) == [p, g]
    assert numbers(x.grad, y.grad, z.grad) == list(gradients)
    assert numbers(total.grad, result.grad) == [point[2], 1]


def test_1_a_step_along_the_gradient() -> None:
    x, y, z = variables(x=-2, y=5, z=-4)
    ((x + y) * z).backward()
    for v in (x, y, z):
        v.assign(v + 0.01 * v.grad)
    assert ((x + y) * z).item() == pytest.approx(-11.5924, abs=5e-5)


def test_2_a_square_of_a_sum() -> None:
    x, y = variables(x=1, y=2)
    z = (x + y).named("z")
    f = z**2
    f.backward()
    assert numbers(f, z.grad, x.grad, y.grad) == [9, 6, 6, 6]


@cl.gate
def sigmoid_gate(x: Any) -> Any:
    s = 1 / (1 + cl.exp(-x))
    return s, lambda ds: ds * s * (1 - s)


GRAINS: dict[str, Callable[[Any], Any]] = {
    "gate by gate": lambda x: 1 / (1 + cl.exp(-x)),
    "one gate": sigmoid_gate,
    "the op": cl.sigmoid,
}


@pytest.mark.parametrize("sigmoid", GRAINS.values(), ids=GRAINS)
def test_3_a_neuron(sigmoid: Callable[[Any], Any]) -> None:
    w0, x0, w1, x1, w2 = variables(w0=2, x0=-1, w1=-3, x1=-2, w2=-3)
    f = sigmoid(w0 * x0 + w1 * x1 + w2)
    f.backward()
    assert f.item() == pytest.approx(0.7311, abs=5e-5)
    expected = [-0.1966, 0.3932, -0.3932, -0.5898, 0.1966]
    assert numbers(w0.grad, x0.grad, w1.grad, x1.grad, w2.grad) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("sigmoid", GRAINS.values(), ids=GRAINS)
def test_4_another_neuron_and_a_step(sigmoid: Callable[[Any], Any]) -> None:
    a, b, c, x, y = variables(a=1, b=2, c=-3, x=-1, y=3)
    f = sigmoid(a * x + b * y + c)
    f.backward()
    assert f.item() == pytest.approx(0.8808, abs=5e-5)
    assert numbers(*(v.grad for v in (a, b, c, x, y))) == pytest.approx([-0.105, 0.315, 0.105, 0.105, 0.210], abs=5e-4)
    for v in (a, b, c, x, y):
        v.assign(v + 0.01 * v.grad)
    assert sigmoid(a * x + b * y + c).item() == pytest.approx(0.8825, abs=1e-4)


def test_5_one_weight_learns() -> None:
    (v,) = variables(v=0)
    optimiser = cl.optim.SGD([v], lr=0.01)
    loss = (v * 2 - 5) ** 2
    loss.backward()
    assert numbers(loss, v.grad) == [25, -20]
    optimiser.step()
    assert v.item() == pytest.approx(0.2)
    for _ in range(500):
        ((v * 2 - 5) ** 2).backward()
        optimiser.step()
    assert v.item() == pytest.approx(2.5, abs=1e-5)


def test_5_two_weights_share_edges() -> None:
    k, x, b, y = variables(k=2, x=3, b=1, y=5)
    s = (k * x + b).named("s")
    (s - y).named("e").backward()
    assert numbers(k.grad, b.grad) == [s.grad.item() * 3, s.grad.item() * 1] == [3, 1]


PATTERNS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "a*b": (lambda a, b: a * b, lambda a, b: (b, a)),
    "a+b+c": (lambda a, b, c: a + b + c, lambda a, b, c: (1, 1, 1)),
    "a*b+c": (lambda a, b, c: a * b + c, lambda a, b, c: (b, a, 1)),
    "a*a": (lambda a: a * a, lambda a: (2 * a,)),
    "a^2+b^2+c^2": (lambda a, b, c: a**2 + b**2 + c**2, lambda a, b, c: (2 * a, 2 * b, 2 * c)),
    "((a*b+c)*d)^2": (
        lambda a, b, c, d: ((a * b + c) * d) ** 2,
        lambda a, b, c, d: tuple(2 * (a * b + c) * d * part for part in (b * d, a * d, d, a * b + c)),
    ),
    "1/a": (lambda a: 1 / a, lambda a: (-1 / a**2,)),
    "(a+b)/(c+d)": (
        lambda a, b, c, d: (a + b) / (c + d),
        lambda a, b, c, d: (1 / (c + d), 1 / (c + d), -(a + b) / (c + d) ** 2, -(a + b) / (c + d) ** 2),
    ),
    "max(a,b)": (lambda a, b: np.maximum(a, b), lambda a, b: (float(a > b), float(b > a))),
    "max(a,0)": (lambda a: np.maximum(a, 0), lambda a: (float(a > 0),)),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_6_patterns_in_the_backward_flow(name: str, rng: np.random.Generator) -> None:
    f, derivative = PATTERNS[name]
    for _ in range(20):
        point = rng.uniform(0.5, 2, f.__code__.co_argcount) * rng.choice([-1, 1])
        leaves = [cl.variable(np.float64(value)) for value in point]
        y = f(*leaves)
        y.backward()
        assert y.item() == pytest.approx(f(*point), rel=1e-12)
        assert numbers(*(v.grad for v in leaves)) == pytest.approx(derivative(*point), rel=1e-12)


def test_8_the_demo_reads_digits_that_it_has_not_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--quiet", "--out", str(tmp_path)]) == 0
    said = re.search(r"Test accuracy: ([\d.]+) % \((\d+) of (\d+)", capsys.readouterr().out)
    assert said is not None
    assert int(said[3]) in (598, 599, 600) and int(said[2]) / int(said[3]) >= 0.96
