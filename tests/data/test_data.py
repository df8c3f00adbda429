"""Batches, splits, points in the plane, and the digits."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew import data
from clew.errors import UsageError

# Batches


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("key", [None, 0, 5])
def test_batches_hold_every_example_once_with_its_partner(size: int, key: int | None) -> None:
    x, y = np.arange(7.0), np.arange(70).reshape(7, 10)
    found = list(data.batches((x, y), size, key=key))
    assert [len(part) for part, _ in found] == [size] * (7 // size) + [7 % size] * (7 % size > 0)
    together = np.concatenate([part for part, _ in found])
    assert np.array_equal(np.concatenate([part for _, part in found])[:, 0], 10 * together)
    assert sorted(together.tolist()) == list(range(7))
    assert np.array_equal(together, x) == (key is None)


def test_the_order_of_batches_follows_from_the_key() -> None:
    def orders(key: Any) -> list[list[float]]:
        return [[x.item() for (x,) in data.batches(np.arange(20), 1, key=key)] for _ in range(2)]

    assert orders(3)[0] == orders(3)[1] != orders(4)[0]
    again = orders(cl.random.Generator(3))
    assert again[0] != again[1]
    assert again == orders(cl.random.Generator(3))


def test_batches_of_lists_and_tensors() -> None:
    ((x, y),) = data.batches(([1.0, 2.0], cl.arange(2)), 2)
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    ((z,),) = data.batches(cl.ones((2, 3)), 5)
    assert z.shape == (2, 3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((), "data is an array of examples, or a tuple of such arrays; the shapes are none"),
        ([1.0, 2.0], "data is an array of examples, or a tuple of such arrays; the shapes are (), ()"),
        (
            (np.ones(3), np.ones((2, 3))),
            "the arrays must have the same number of examples along axis 0; their shapes are (3,), (2, 3)",
        ),
        ((np.ones((0, 2)), np.ones(0)), "there are no examples: axis 0 of the arrays is empty; their shapes are (0, 2), (0,)"),
    ],
)
def test_what_is_no_data(arrays: Any, message: str) -> None:
    for use in (lambda: list(data.batches(arrays, 1)), lambda: data.split(arrays, 0.5)):
        with pytest.raises(UsageError) as error:
            use()
        assert str(error.value) == message


# Splits


@pytest.mark.parametrize(("examples", "share", "held_out"), [(9, 1 / 3, 3), (10, 1 / 3, 3), (1797, 1 / 3, 599), (2, 0.5, 1)])
def test_split_divides_the_examples(examples: int, share: float, held_out: int) -> None:
    x = np.arange(examples)
    seen, kept = data.split((x, -x), share, seed=1)
    assert (len(seen[0]), len(kept[0])) == (examples - held_out, held_out)
    assert sorted([*seen[0], *kept[0]]) == list(range(examples))
    assert np.array_equal(seen[1], -seen[0])
    assert np.array_equal(kept[1], -kept[0])


def test_split_follows_from_its_seed() -> None:
    def held_out(seed: int) -> list[int]:
        return data.split(np.arange(30), 0.5, seed)[1][0].tolist()  # type: ignore[no-any-return]

    assert held_out(0) == held_out(0) != held_out(1)
    assert held_out(0) != sorted(held_out(0))


@pytest.mark.parametrize("seed", range(5))
def test_a_stratified_split_holds_the_share_of_each_class(seed: int) -> None:
    classes = np.array([0] * 30 + [1] * 60 + [2] * 9)
    seen, held_out = data.split((np.arange(99), classes), 1 / 3, seed, stratify=classes)
    assert np.bincount(held_out[1]).tolist() == [10, 20, 3]
    assert np.bincount(seen[1]).tolist() == [20, 40, 6]
    assert np.array_equal(classes[held_out[0]], held_out[1])
    assert np.any(np.diff(held_out[1]) < 0)  # mixed, not class by class


@pytest.mark.parametrize(
    ("share", "options", "message"),
    [
        (0.0, {}, "split: the share held out lies between 0 and 1, it is 0.0"),
        (1, {}, "split: the share held out lies between 0 and 1, it is 1"),
        (0.1, {}, "split: a share of 0.1 of 4 examples leaves one of the two parts empty"),
        (
            0.5,
            {"stratify": [0, 1]},
            "split: stratify needs the class of each of 4 examples; its shape is (2,)",
        ),
    ],
)
def test_splits_that_cannot_be(share: float, options: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        data.split(np.arange(4), share, **options)
    assert str(error.value) == message


# Points


@pytest.mark.parametrize("make", [data.moons, data.circles, data.spirals])
def test_points_follow_from_the_seed(make: Any) -> None:
    points, classes = make(60, seed=3)
    again, _ = make(60, seed=3)
    others, _ = make(60, seed=4)
    assert (points.shape, points.dtype, classes.shape, classes.dtype) == ((60, 2), np.float32, (60,), np.int64)
    assert np.array_equal(points, again)
    assert not np.array_equal(points, others)
    assert np.ptp(np.bincount(classes)) == 0


def test_circles_without_noise_lie_on_circles() -> None:
    points, classes = data.circles(100, noise=0)
    assert np.allclose(np.hypot(*points.T), np.where(classes == 0, 0.5, 1.0), atol=1e-6)


def test_moons_without_noise_lie_on_half_circles() -> None:
    points, classes = data.moons(100, noise=0)
    upper, lower = points[classes == 0], points[classes == 1]
    assert np.allclose(np.hypot(*upper.T), 1, atol=1e-6)
    assert np.allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, atol=1e-6)
    assert upper[:, 1].min() >= -1e-6
    assert lower[:, 1].max() <= 0.5 + 1e-6


def test_spirals_are_turned_copies_of_one_another() -> None:
    points, arms = data.spirals(90, arms=3, noise=0)
    radius, angle = np.hypot(*points.T), np.arctan2(points[:, 1], points[:, 0])
    off = (angle - 4 * radius - 2 * np.pi * arms / 3 + np.pi) % (2 * np.pi) - np.pi
    assert np.allclose(off, 0, atol=1e-4)
    assert set(arms) == {0, 1, 2}


# Digits


def test_digits() -> None:
    images, labels = data.digits()
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((1797, 64), np.float32, (1797,), np.int64)
    assert (images.min(), images.max()) == (0, 1)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UsageError) as error:
        data.digits()
    assert str(error.value) == 'the digits come with scikit-learn, which is not installed; pip install "clew[data]"'
