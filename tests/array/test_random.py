from __future__ import annotations

import pickle
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import clew as cl
from clew.array import random
from clew.errors import TypeRuleError, UsageError
from clew.ir import Type, Value, evaluate, parameter

from .oracle import gradients, same

SEEDS = [0, 1, 2]


def array(v: Value) -> Any:
    return np.asarray(v.data)


@pytest.mark.parametrize("seed", SEEDS)
def test_distributions(seed: int) -> None:
    u = array(random.uniform(-1, 3, 20_000, key=seed))
    assert u.dtype == np.float32
    assert u.min() >= -1
    assert u.max() < 3
    assert abs(u.mean() - 1) < 0.05
    assert abs(u.std() - 4 / np.sqrt(12)) < 0.05
    z = array(random.normal(2, 3, (100, 200), key=seed))
    assert z.shape == (100, 200)
    assert abs(z.mean() - 2) < 0.1
    assert abs(z.std() - 3) < 0.1
    b = array(random.bernoulli(0.3, 20_000, key=seed))
    assert b.dtype == bool
    assert abs(b.mean() - 0.3) < 0.02


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_dtypes(dtype: Any) -> None:
    for f in (random.uniform, random.normal):
        assert array(f(shape=(2, 3), dtype=dtype, key=0)).dtype == dtype
    assert random.normal(np.zeros(3), key=0).dtype == np.float64
    assert random.normal(0, np.ones(3, np.float32), key=0).dtype == np.float32


@pytest.mark.parametrize("seed", SEEDS)
def test_integers(seed: int) -> None:
    drawn = array(random.integers(-2, 3, 1000, key=seed))
    assert drawn.dtype == np.int64
    assert np.unique(drawn).tolist() == [-2, -1, 0, 1, 2]
    assert np.unique(array(random.integers(3, shape=1000, key=seed))).tolist() == [0, 1, 2]
    assert np.unique(array(random.integers(1, 2, 1000, endpoint=True, dtype=np.uint8, key=seed))).tolist() == [1, 2]
    same(random.integers(7, 8, key=seed), np.int64(7))


@pytest.mark.parametrize("seed", SEEDS)
def test_permutation_and_choice(seed: int, rng: np.random.Generator) -> None:
    order = array(random.permutation(50, key=seed))
    assert sorted(order.tolist()) == list(range(50))
    x = rng.normal(size=(50, 3))
    same(random.permutation(x, key=seed), x[order])
    same(random.permutation(x.T, axis=1, key=seed), x.T[:, order])
    assert sorted(array(random.choice(50, 50, replace=False, key=seed)).tolist()) == list(range(50))
    chosen = array(random.choice(x, (4, 5), key=seed))
    assert chosen.shape == (4, 5, 3)
    assert {tuple(row) for row in chosen.reshape(-1, 3)} <= {tuple(row) for row in x}
    p = np.array([0.1, 0.0, 0.6, 0.3])
    counts = np.bincount(array(random.choice(4, 20_000, p=p, key=seed)), minlength=4) / 20_000
    np.testing.assert_allclose(counts, p, atol=0.02)
    assert counts[1] == 0
    firsts = [tuple(array(random.choice(4, 3, p=p, replace=False, key=1000 * seed + k)).tolist()) for k in range(300)]
    assert all(sorted(some) == [0, 2, 3] for some in firsts)
    assert abs(np.mean([some[0] == 2 for some in firsts]) - 0.6) < 0.1
    same(random.choice([5, 6], key=seed), array(random.choice(np.array([5, 6]), key=seed)))


def test_the_same_seed_gives_the_same_numbers() -> None:
    def draws() -> list[Any]:
        random.seed(7)
        return [array(random.uniform(shape=3)), array(random.integers(99, shape=3)), array(random.permutation(9))]

    for a, b in zip(draws(), draws(), strict=True):
        np.testing.assert_array_equal(a, b)
    a, b = random.Generator(7), random.Generator(7)
    first = array(a.normal(shape=4))
    np.testing.assert_array_equal(first, array(b.normal(shape=4)))
    assert (first != array(a.normal(shape=4))).all()
    same(random.normal(shape=4, key=7), array(random.normal(shape=4, key=random.key(7))))


def test_generators_without_a_seed_differ() -> None:
    assert random.Generator().seed != random.Generator().seed


def test_a_generator_can_be_kept() -> None:
    g = random.Generator(3)
    g.uniform()
    assert repr(g) == "Generator(seed=3, draws=1)"
    copy = pickle.loads(pickle.dumps(g))
    assert repr(copy) == repr(g)
    same(copy.uniform(shape=5), array(g.uniform(shape=5)))


def test_more_draws_than_one_key_has() -> None:
    g = random.Generator(3)
    g.count = 2**32 - 3
    drawn = [array(g.uniform(shape=4)) for _ in range(3)]
    assert len({tuple(d.tolist()) for d in drawn}) == 3


def test_threads_share_a_generator_without_drawing_twice() -> None:
    g = random.Generator(0)
    drawn: list[float] = []

    def work() -> None:
        for _ in range(50):
            drawn.append(g.uniform(dtype=np.float64).data)  # noqa: PERF401

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = random.Generator(0)
    assert sorted(drawn) == sorted(expected.uniform(dtype=np.float64).data for _ in range(200))
    assert g.count == 200


def test_keys() -> None:
    k = random.key(2**40 + 5)
    same(k, np.array([5, 256], np.uint32))
    several = array(random.split(k, 3))
    assert several.shape == (3, 2)
    assert len({tuple(row) for row in several.tolist()}) == 3
    assert array(random.fold_in(k, 1)).tolist() != array(random.fold_in(k, 2)).tolist()
    assert (array(random.uniform(shape=3, key=several[0])) != array(random.uniform(shape=3, key=several[1]))).all()


def test_an_unknown_key_gives_a_graph() -> None:
    k = parameter("key", Type(np.dtype(np.uint32), (2,)))
    given = array(random.key(4))
    for f in (
        lambda key: random.normal(1, 2, (2, 3), key=key),
        lambda key: random.integers(9, shape=3, key=key),
        lambda key: random.bernoulli(0.5, 3, key=key),
        lambda key: random.permutation(5, key=key),
        lambda key: random.choice(4, 3, p=[0.1, 0.2, 0.3, 0.4], key=key),
        lambda key: random.choice(4, 3, p=[0.1, 0.2, 0.3, 0.4], replace=False, key=key),
    ):
        y = f(k)
        np.testing.assert_array_equal(evaluate([y], {k: given})[y], array(f(given)))


def test_gradients_pass_to_the_parameters() -> None:
    z = array(random.normal(shape=(3, 2), dtype=np.float64, key=1))
    mean, std = gradients(lambda m, s: random.normal(m, s, (3, 2), key=1), np.zeros(2), np.float64(1))
    np.testing.assert_allclose(mean, [3, 3])
    np.testing.assert_allclose(std, z.sum())
    low, high = gradients(lambda a, b: random.uniform(a, b, key=1), np.zeros(2), np.ones(2))
    np.testing.assert_allclose(low + high, [1, 1])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: random.uniform(shape=2, key=[1, 2]), r"uniform\(i64\[2\]\): a key is u32\[2\]: make one with cl\.random\.key"),
        (lambda: random.uniform(shape=2, dtype=np.int8), "draws floats, not int8; integers draws those"),
        (lambda: random.integers(3, dtype=np.float32), "draws integers, not float32"),
        (lambda: random.integers(3, 3), "needs low < high"),
        (lambda: random.bernoulli(1.5), r"a probability must be from \[0, 1\]"),
        (lambda: random.choice(3, 4, replace=False), "4 of 3 cannot be chosen without coming twice; use replace=True"),
        (lambda: random.choice(3, p=[1.0]), "p must have one probability for each of 3"),
        (lambda: random.choice(2, p=[0.5, 0.6]), "must not be negative, and must sum to 1; divide them by their sum"),
        (lambda: random.choice([], 1), "there is nothing to choose from"),
        (lambda: random.permutation(-1), "there are no -1 numbers"),
        (lambda: random.seed(-1), "a seed is a whole number from 0 up to"),
        (lambda: random.normal(np.zeros(2), np.zeros(3)), "shapes do not broadcast"),
    ],
)
def test_errors(call: Any, text: str) -> None:
    with pytest.raises((TypeRuleError, UsageError), match=text):
        call()


def test_a_loop_folds_its_counter_into_a_key() -> None:
    key = cl.random.key(3)

    def add(i: Any, total: Any) -> Any:
        return total + cl.random.uniform(key=cl.random.fold_in(key, i))

    expected = sum(cl.random.uniform(key=cl.random.fold_in(key, i)).item() for i in range(4))
    assert cl.fori_loop(0, 4, add, 0.0).item() == pytest.approx(expected, rel=1e-6)
    with pytest.raises(UsageError, match=r"fold_in.*the number must be from 0 up to before 4294967294, not -1"):
        cl.random.fold_in(key, -1)
