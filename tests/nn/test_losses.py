"""Losses against their closed forms, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew import nn
from clew.errors import UsageError

LOSSES = {"mse_loss": nn.mse_loss, "hinge_loss": nn.hinge_loss, "cross_entropy": nn.cross_entropy}


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("shape", [(), (7,), (4, 3)])
def test_mse_loss(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    p, t = cl.variable(rng.normal(size=shape)), cl.variable(rng.normal(size=shape))
    loss = nn.mse_loss(p, t)
    loss.backward()
    difference = p.numpy() - t.numpy()
    assert np.isclose(loss.item(), np.mean(difference**2))
    assert np.allclose(p.grad.numpy(), 2 * difference / difference.size)
    assert np.allclose(t.grad.numpy(), -2 * difference / difference.size)


def test_hinge_loss() -> None:
    s = cl.variable(np.array([2.0, 0.5, -1.0, 1.0, -3.0]))
    y = np.array([1, 1, 1, 1, -1])
    loss = nn.hinge_loss(s, y)
    loss.backward()
    assert loss.item() == pytest.approx((0 + 0.5 + 2 + 0 + 0) / 5)
    assert np.allclose(s.grad.numpy(), np.array([0, -1, -1, 0, 0]) / 5)  # 0 exactly at the margin


@pytest.mark.parametrize("lead", [(), (6,), (2, 3)])
def test_cross_entropy_of_class_numbers(lead: tuple[int, ...], rng: np.random.Generator) -> None:
    z, y = cl.variable(3 * rng.normal(size=(*lead, 4))), rng.integers(0, 4, lead)
    loss = nn.cross_entropy(z, y)
    loss.backward()
    chance, hot = softmax(z.numpy()), np.eye(4)[y]
    assert np.isclose(loss.item(), -np.mean(np.log(np.sum(chance * hot, -1))))
    assert np.allclose(z.grad.numpy(), (chance - hot) / hot[..., 0].size)


def test_cross_entropy_of_probabilities(rng: np.random.Generator) -> None:
    z, q = cl.variable(rng.normal(size=(5, 3))), cl.variable(softmax(rng.normal(size=(5, 3))))
    loss = nn.cross_entropy(z, q)
    loss.backward()
    assert np.isclose(loss.item(), -np.mean(np.sum(q.numpy() * np.log(softmax(z.numpy())), -1)))
    assert np.allclose(z.grad.numpy(), (softmax(z.numpy()) - q.numpy()) / 5)
    assert np.allclose(q.grad.numpy(), -np.log(softmax(z.numpy())) / 5)


def test_cross_entropy_as_torch_has_it() -> None:
    """Computed once with torch 2.13.0: ``torch.nn.functional.cross_entropy`` in float64."""
    z = cl.variable(np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]]))
    loss = nn.cross_entropy(z, [2, 1])
    loss.backward()
    assert loss.item() == pytest.approx(0.8981482660171521, rel=1e-14)
    expected = [
        [0.39279851729463794, 0.019556286635343725, -0.41235480392998164],
        [0.023561708262332073, -0.02675043872355315, 0.0031887304612211484],
    ]
    assert np.allclose(z.grad.numpy(), expected, rtol=1e-13)


@pytest.mark.parametrize("big", [1e4, 1e30])
def test_cross_entropy_of_large_scores_is_exact(big: float) -> None:
    z = cl.variable(np.array([[0.0, big], [big, 0.0]], np.float32))
    loss = nn.cross_entropy(z, [1, 1], reduction="none")
    assert loss.tolist() == [0.0, np.float32(big)]
    cl.sum(loss).backward()
    assert z.grad.tolist() == [[0.0, 0.0], [1.0, -1.0]]


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("mse_loss", ([1.0, 3.0], [0.0, 1.0])),
        ("hinge_loss", ([0.5, -3.0], [1, 1])),
        ("cross_entropy", ([[0.0, 1.0], [2.0, 0.0]], [0, 1])),
    ],
)
def test_reductions(name: str, operands: Any) -> None:
    each = LOSSES[name](*operands, reduction="none")
    assert each.shape == (2,)
    assert LOSSES[name](*operands, reduction="sum").item() == pytest.approx(float(each.numpy().sum()))
    assert LOSSES[name](*operands).item() == pytest.approx(float(each.numpy().mean()))
    with pytest.raises(UsageError, match=rf"^{name}: reduction is one of mean, sum, none, not 'average'\n  at test_losses.py:"):
        LOSSES[name](*operands, reduction="average")


@pytest.mark.parametrize("name", ["mse_loss", "hinge_loss"])
@pytest.mark.parametrize(
    ("prediction", "target", "mend"),
    [
        ((5, 1), (5,), "write prediction[..., 0]"),
        ((5,), (5, 1), "write target[..., 0]"),
        ((2, 3), (3, 2), "write target.reshape((2, 3))"),
        ((5,), (), "give one target for each prediction"),
    ],
)
def test_shapes_that_would_broadcast_are_refused(name: str, prediction: Any, target: Any, mend: str) -> None:
    p, t = cl.ones(prediction), cl.ones(target)
    with pytest.raises(UsageError) as error:
        LOSSES[name](p, t)
    first, place = str(error.value).splitlines()
    assert first == (
        f"{name}: prediction {p.value.type}, target {t.value.type}: they must have one shape, or broadcasting would "
        f"compare all with all; {mend}"
    )
    assert place.startswith("  at test_losses.py:")


Z = cl.zeros((5, 3))
NUMBERS = "class numbers for these logits have the shape (5,)"
PROBABILITIES = "labels that are no integers are probabilities, of the logits' shape"
ONE_HOT = "for the classes of one-hot rows write labels.argmax(-1), for probabilities labels.astype(cl.float32)"


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (Z, cl.zeros((5, 1), dtype=cl.int64), f"logits f32[5,3], labels i64[5,1]: {NUMBERS}; write labels[..., 0]"),
        (Z, cl.zeros((5, 3), dtype=cl.int64), f"logits f32[5,3], labels i64[5,3]: {NUMBERS}; {ONE_HOT}"),
        (Z, cl.zeros(4, dtype=cl.int64), f"logits f32[5,3], labels i64[4]: {NUMBERS}; give one label for each row of logits"),
        (Z, cl.zeros(5), f"logits f32[5,3], labels f32[5]: {PROBABILITIES}; for class numbers write labels.astype(cl.int64)"),
        (cl.zeros((5, 2)), cl.ones((5, 1)), f"logits f32[5,2], labels f32[5,1]: {PROBABILITIES}; write labels[..., 0]"),
        (Z, [0, 1, 2, 3, 0], "labels of 3 classes are 0 to 2, here they are 0 to 3"),
        (Z, [0, 1, -1, 0, 0], "labels of 3 classes are 0 to 2, here they are -1 to 1"),
        (cl.asarray(1.0), 0, "the logits need an axis of classes, they are a scalar"),
    ],
)
def test_labels_that_do_not_fit_are_refused(logits: Any, labels: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        nn.cross_entropy(logits, labels)
    first, place = str(error.value).splitlines()
    assert first == f"cross_entropy: {message}"
    assert place.startswith("  at test_losses.py:")


def test_hinge_labels_of_0_and_1_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^hinge_loss: labels are -1 or 1; of 0 and 1 make them by 2 \* labels - 1\n"):
        nn.hinge_loss([0.5, 2.0], [0, 1])


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: nn.mse_loss(x, cl.ones((4, 3), dtype=cl.float64)),
        lambda x: nn.hinge_loss(x[:, 0], [1, -1, 1, -1]),
        lambda x: nn.cross_entropy(x, [0, 1, 2, 0]),
        lambda x: nn.cross_entropy(x, cl.softmax(x + 1.0)),
    ],
)
def test_gradients_are_those_of_differences(loss: Callable[[Any], Any], rng: np.random.Generator) -> None:
    cl.check_gradients(loss, rng.normal(size=(4, 3)))
