"""Random search, numeric gradients and backpropagation, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew import explore
from clew.errors import UsageError


def bowl(x: Any) -> Any:
    return cl.sum((x - 3.0) ** 2)


def test_what_each_way_costs() -> None:
    """Random search takes one evaluation a step and learns little; differences take two for each number."""
    start, steps = np.zeros(5), 20
    random = explore.random_search(bowl, start, steps=steps, scale=0.5)
    numeric = explore.descend(bowl, start, gradient=explore.numerical_gradient, steps=steps)
    back = explore.descend(bowl, start, gradient=explore.backpropagation, steps=steps)
    assert (random.evaluations, numeric.evaluations, back.evaluations) == (1 + steps, 2 * 5 * steps, steps)
    assert [len(search.history) for search in (random, numeric, back)] == [steps + 1] * 3
    assert {search.history[0] for search in (random, numeric, back)} == {45.0}
    np.testing.assert_allclose(numeric.history, back.history, rtol=1e-6)
    assert back.value < random.value < 45.0
    np.testing.assert_allclose(back.x.numpy(), np.full(5, 3.0), atol=0.05)


def test_random_search_never_gets_worse_and_repeats() -> None:
    first, again, other = (explore.random_search(bowl, np.zeros(3), seed=seed) for seed in (1, 1, 2))
    assert list(first.history) == sorted(first.history, reverse=True)
    assert first.value == first.history[-1] == bowl(first.x).item()
    assert first.history == again.history and first.history != other.history


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 2e-3)])
def test_numeric_gradient_is_the_gradient(dtype: str, tolerance: float, rng: np.random.Generator) -> None:
    tree = {"a": rng.normal(size=(2, 3)).astype(dtype), "b": [rng.normal(size=()).astype(dtype)]}

    def f(p: Any) -> Any:
        return cl.sum(cl.sin(p["a"]) * p["b"][0])

    numeric, analytic = explore.numerical_gradient(f, tree), cl.grad(f)(tree)
    np.testing.assert_allclose(numeric["a"].numpy(), analytic["a"].numpy(), atol=tolerance)
    np.testing.assert_allclose(numeric["b"][0].numpy(), analytic["b"][0].numpy(), atol=tolerance)
    assert numeric["a"].dtype == dtype


def test_functions_of_numbers_in_plain_python() -> None:
    found = explore.random_search(lambda x: abs(float(x) - 1.0), 0.0, steps=200)
    assert found.value < 0.05
    assert explore.numerical_gradient(lambda x: float(x) ** 2, 2).item() == pytest.approx(4.0)


def test_the_start_is_left_alone() -> None:
    start = np.zeros(3)
    explore.random_search(bowl, start)
    explore.descend(bowl, start)
    explore.numerical_gradient(bowl, start)
    np.testing.assert_array_equal(start, np.zeros(3))


def test_a_gradient_of_ones_own() -> None:
    found = explore.descend(bowl, np.zeros(2), gradient=lambda f, x: np.sign(x.numpy() - 3), learning_rate=1.0, steps=3)
    assert found.value == 0.0 and found.evaluations == 0


def test_wrong_use() -> None:
    with pytest.raises(UsageError, match="must return one number, it returned an array of shape \\(3,\\)"):
        explore.random_search(lambda x: x, np.zeros(3))
    with pytest.raises(UsageError, match="only floating-point numbers move in small steps, this array is int64; cast it"):
        explore.descend(bowl, np.zeros(3, int))
