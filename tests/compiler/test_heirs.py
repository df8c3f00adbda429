"""What is made element by element of a value that is not needed any more takes its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler import compiled
from clew.compiler.compiled import Compiled
from clew.compiler.heirs import own
from clew.ir import Array, run

SIDE = 48
BYTES = SIDE * SIDE * 4


def step(f: Callable[..., Any], *inputs: Array) -> Compiled:
    return Compiled(cl.trace(f)(*inputs).graph)


def squares(seed: int, count: int) -> list[Array]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=(SIDE, SIDE)).astype("float32") for _ in range(count)]


def softmax_between(x: Any, y: Any) -> Any:
    """A product, its rows' statistics, and the weights that the next product reads."""
    return cl.softmax(x @ y, axis=-1) @ y


def read_again(x: Any, y: Any) -> Any:
    """The scores are still needed when the weights have been made of them."""
    scores = x @ y
    return cl.softmax(scores, axis=-1) @ y @ scores


def read_elsewhere(x: Any, y: Any) -> Any:
    """An element of the transposed scores is read where another one is written."""
    scores = x @ y
    spread = cl.exp(scores.mT - cl.max(scores, axis=-1, keepdims=True))
    return spread @ y


def twice(x: Any, y: Any) -> Any:
    """Two are made of one: only one of them may have its place."""
    scores = x @ y
    largest = cl.max(scores, axis=-1, keepdims=True)
    return cl.exp(scores - largest) @ y, cl.tanh(scores + largest) @ x


def parts(x: Any, y: Any) -> Any:
    """A concatenation, and one of its parts read beside it at other places."""
    low, high = cl.tanh(x @ y), cl.exp(-cl.square(x))
    both = cl.concat([low[: SIDE // 2], high[SIDE // 2 :]])
    return (both - cl.sum(low[: SIDE // 2], axis=0)) @ x


def chain(x: Any, y: Any) -> Any:
    """Heirs of heirs."""
    for _ in range(4):
        x = cl.softmax(x @ y, axis=-1)
    return x @ y


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "fingerprint", lambda *_: None)


@pytest.mark.parametrize("f", [softmax_between, read_again, read_elsewhere, twice, parts, chain])
def test_results_are_right(f: Callable[..., Any]) -> None:
    inputs = squares(1, 2)
    traced = cl.trace(f)(*inputs).graph
    for x, y in zip(Compiled(traced)(inputs), run(traced, *inputs), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)


def test_an_heir_takes_no_memory() -> None:
    routine = step(softmax_between, *squares(0, 2)).routine
    assert [x.value.shape for x in routine.in_place] == [(SIDE, SIDE)]
    assert routine.size < 1.5 * BYTES


def test_what_is_needed_later_keeps_its_place() -> None:
    (made,) = (x for x in step(read_again, *squares(0, 2)).routine.steps if x.made is None and x.kernel is not None)
    routine = step(read_again, *squares(0, 2)).routine
    assert not set(made.writes) & set(routine.in_place)
    assert routine.size >= 2 * BYTES


def test_an_element_that_is_read_in_another_turn_is_not_written_over() -> None:
    routine = step(read_elsewhere, *squares(0, 2)).routine
    assert not routine.in_place
    assert not any(own(s, source, x) for s in routine.steps if s.made is None for x in s.writes for source in s.reads)


def test_one_place_has_one_heir() -> None:
    routine = step(twice, *squares(0, 2)).routine
    assert len(set(routine.in_place.values())) == len(routine.in_place)


def test_a_place_is_held_until_its_last_heir_is_done() -> None:
    routine = step(chain, *squares(0, 2)).routine
    assert len(routine.in_place) == 4
    assert routine.size <= 2 * BYTES + 64 * SIDE
