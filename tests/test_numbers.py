"""The numbers that must come out, each to the precision in which it is stated, in float32 and float64."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew import data
from clew.cli.demo import Digits, Learning

DTYPES = pytest.mark.parametrize("dtype", [cl.float32, cl.float64], ids=str)


def variables(dtype: Any, **values: float) -> list[cl.Variable]:
    return [cl.variable(value, name, dtype) for name, value in values.items()]


def gradients(*nodes: Any) -> list[float]:
    return [node.grad.item() for node in nodes]


def rounded(numbers: Any, digits: int) -> list[float]:
    return [round(number, digits) for number in numbers]


@DTYPES
def test_1_a_sum_times_a_number(dtype: Any) -> None:
    x, y, z = variables(dtype, x=1.0, y=3.0, z=-3.0)
    p = (x + y).named("p")
    g = (p * z).named("g")
    g.backward()
    assert (p.item(), g.item()) == (4, -12)
    assert gradients(g, z, p, x, y) == [1, 4, -3, -3, -3]


@DTYPES
def test_1_a_step_along_the_gradient(dtype: Any) -> None:
    inputs = variables(dtype, x=-2.0, y=5.0, z=-4.0)
    x, y, z = inputs
    g = (x + y) * z
    g.backward()
    assert g.item() == -12
    assert gradients(x, y, z) == [-4, -4, 3]
    for v in inputs:
        v.assign(v + 0.01 * v.grad)
    assert round(((x + y) * z).item(), 4) == -11.5924


@DTYPES
def test_2_a_square_of_a_sum(dtype: Any) -> None:
    x, y = variables(dtype, x=1.0, y=2.0)
    z = (x + y).named("z")
    f = z**2
    f.backward()
    assert f.item() == 9
    assert gradients(z, x, y) == [6, 6, 6]


@cl.gate
def sigmoid_with_its_rule(x: Any) -> Any:
    s = 1 / (1 + cl.exp(-x))
    return s, lambda ds: ds * s * (1 - s)


SIGMOIDS: dict[str, Callable[[Any], Any]] = {
    "gate by gate": lambda x: 1 / (1 + cl.exp(-x)),
    "one gate with a hand-made rule": sigmoid_with_its_rule,
    "one gate": cl.gate(lambda x: 1 / (1 + cl.exp(-x))),
    "a primitive": cl.sigmoid,
}


@DTYPES
@pytest.mark.parametrize("sigmoid", SIGMOIDS)
def test_3_one_neuron(sigmoid: str, dtype: Any) -> None:
    w0, x0, w1, x1, w2 = inputs = variables(dtype, w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)
    f = SIGMOIDS[sigmoid](w0 * x0 + w1 * x1 + w2)
    f.backward()
    assert round(f.item(), 4) == 0.7311
    assert rounded(gradients(*inputs), 4) == [-0.1966, 0.3932, -0.3932, -0.5898, 0.1966]


def test_3_gate_by_gate_and_as_one_the_gradients_are_equal() -> None:
    found = []
    for sigmoid in SIGMOIDS.values():
        w0, x0, w1, x1, w2 = inputs = variables(cl.float64, w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)
        sigmoid(w0 * x0 + w1 * x1 + w2).backward()
        found.append(gradients(*inputs))
    assert all(np.allclose(each, found[0], rtol=1e-15, atol=0) for each in found)


@DTYPES
def test_4_a_step_of_one_neuron(dtype: Any) -> None:
    inputs = variables(dtype, a=1.0, b=2.0, c=-3.0, x=-1.0, y=3.0)

    def neuron(a: Any, b: Any, c: Any, x: Any, y: Any) -> Any:
        return cl.sigmoid(a * x + b * y + c)

    f = neuron(*inputs)
    f.backward()
    assert round(f.item(), 4) == 0.8808
    assert rounded(gradients(*inputs), 3) == [-0.105, 0.315, 0.105, 0.105, 0.210]
    for v in inputs:
        v.assign(v + 0.01 * v.grad)
    after = neuron(*inputs).item()
    assert after == pytest.approx(0.88255018, abs=2e-7)
    assert str(after).startswith("0.8825")  # stated cut off, not rounded


@DTYPES
def test_5_one_parameter(dtype: Any) -> None:
    (v,) = variables(dtype, v=0.0)
    optimiser = cl.optim.SGD([v], lr=0.01)
    loss = (v * 2.0 - 5.0) ** 2
    loss.backward()
    assert (loss.item(), v.grad.item()) == (25, -20)
    optimiser.step()
    assert round(v.item(), 7) == 0.2
    cl.train.fit(lambda x, y: cl.nn.mse_loss(v * x, y), ([2.0], [5.0]), optimiser, epochs=1000)
    assert round(v.item(), 5) == 2.5


@DTYPES
def test_5_two_parameters_have_two_paths_that_share_edges(dtype: Any) -> None:
    k, b = variables(dtype, k=0.5, b=1.0)
    x, y = 2.0, 5.0
    error = (k * x + b - y).named("error")
    loss = error**2
    loss.backward()
    assert gradients(error, k, b) == [-6, -12, -6]  # b is reached over the shared edges alone, k over a product more
    nodes = {name: [node.name for node in loss.graph().nodes.values() if name in node.inputs] for name in ("k", "b", "error")}
    (product,), (total,) = nodes["k"], nodes["b"]
    assert total in [node.name for node in loss.graph().nodes.values() if product in node.inputs]
    assert len(nodes["error"]) == 1


# 6. Patterns: the function, the same in NumPy, and each gradient in closed form.
PATTERNS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "a*b": (lambda a, b: a * b, lambda a, b: a * b, lambda a, b: (b, a)),
    "a+b+c": (lambda a, b, c: a + b + c, lambda a, b, c: a + b + c, lambda a, b, c: (1, 1, 1)),
    "a*b+c": (lambda a, b, c: a * b + c, lambda a, b, c: a * b + c, lambda a, b, c: (b, a, 1)),
    "a*a": (lambda a: a * a, lambda a: a * a, lambda a: (2 * a,)),
    "a^2+b^2+c^2": (
        lambda a, b, c: a**2 + b**2 + c**2,
        lambda a, b, c: a * a + b * b + c * c,
        lambda a, b, c: (2 * a, 2 * b, 2 * c),
    ),
    "((a*b+c)*d)^2": (
        lambda a, b, c, d: ((a * b + c) * d) ** 2,
        lambda a, b, c, d: (a * b + c) * (a * b + c) * d * d,
        lambda a, b, c, d: tuple(2 * (a * b + c) * d * x for x in (b * d, a * d, d, a * b + c)),
    ),
    "1/a": (lambda a: 1 / a, lambda a: 1 / a, lambda a: (-1 / (a * a),)),
    "(a+b)/(c+d)": (
        lambda a, b, c, d: (a + b) / (c + d),
        lambda a, b, c, d: (a + b) / (c + d),
        lambda a, b, c, d: (1 / (c + d), 1 / (c + d), -(a + b) / (c + d) ** 2, -(a + b) / (c + d) ** 2),
    ),
    "max(a,b)": (cl.maximum, max, lambda a, b: (float(a > b), float(b > a))),
    "max(a,0)": (lambda a: cl.maximum(a, 0.0), lambda a: max(a, 0), lambda a: (float(a > 0),)),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_6_patterns(pattern: str, rng: np.random.Generator) -> None:
    function, expected, slopes = PATTERNS[pattern]
    count = slopes.__code__.co_argcount
    for _ in range(20):
        point = [float(x) for x in rng.normal(size=count) * 2]
        inputs = [cl.variable(x, dtype=cl.float64) for x in point]
        output = function(*inputs)
        output.backward()
        assert output.item() == pytest.approx(expected(*point), rel=1e-13)
        assert gradients(*inputs) == pytest.approx(slopes(*point), rel=1e-12)


def test_6_both_branches_of_a_square_add() -> None:
    a = cl.variable(3.0, name="a")
    view = (a * a).named("f").graph()
    assert sorted(float(g) for g in view.edges.values()) == [3, 3]
    assert float(view["a"].gradient) == 6


def test_7_a_linear_support_vector_machine(example: Callable[[str], Any]) -> None:
    svm = example("svm")
    objective, right, (*w, b) = svm.main()
    assert round(objective, 5) == 0.72147
    assert right == 6
    scores = svm.POINTS @ w + b
    assert np.all(np.sign(scores) == svm.LABELS)
    assert objective == pytest.approx(0.5 * np.dot(w, w) + np.maximum(0, 1 - svm.LABELS * scores).sum(), rel=1e-12)


def test_7_the_optimum_is_that_of_another_solver(example: Callable[[str], Any]) -> None:
    svc = pytest.importorskip("sklearn.svm").SVC(kernel="linear", C=1, tol=1e-10)
    svm = example("svm")
    svc.fit(svm.POINTS, svm.LABELS)
    assert svm.main()[2] == pytest.approx([*svc.coef_[0], svc.intercept_[0]], abs=1e-4)


def test_8_digits(measured: Callable[[str, str], None]) -> None:
    images, labels = data.digits()
    examples, held_out = data.split((images, labels), 1 / 3, 0, stratify=labels)
    assert len(held_out[0]) == round(len(images) / 3)
    assert not {x.tobytes() for x in held_out[0]} & {x.tobytes() for x in examples[0]}
    network = Digits(0)
    started = time.monotonic()
    Learning(network, examples, held_out).run(epochs=40)
    seconds = time.monotonic() - started
    accuracy = float((network.read(held_out[0]) == held_out[1]).mean())
    measured("digits, two layers", f"{100 * accuracy:.1f} % of {len(labels) - len(examples[0])} held out, in {seconds:.1f} s")
    assert accuracy >= 0.96
    assert seconds < 60
