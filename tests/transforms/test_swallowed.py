"""What Python does while a function is traced, and compiled calls would not do again: it is announced, with its line."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import ConcretizationError, TracingWarning, UsageError

X = np.array([1.0, 2.0, 3.0])
RNG = np.random.default_rng(0)
OLD = np.random.RandomState(0)
PYTHONS = random.Random(0)
BUFFER = np.zeros(3)


class Noise:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, x: Any) -> Any:
        return x + self.rng.normal(size=3)  # drawn by an object


NOISE = Noise()
ITEMS = iter(range(100))


def prints(x: Any) -> Any:
    y = cl.sum(x).named("y")
    print(y)  # the line
    return y


def formats(x: Any) -> Any:
    y = cl.sum(x).named("y")
    _ = f"y is {y}"  # the line
    return y


def lists(x: Any) -> Any:
    y = cl.sum(x).named("y")
    str([{"y": y}])  # the line
    return y


def logs(x: Any) -> Any:
    y = cl.sum(x).named("y")
    logging.getLogger("clew.test").warning("%s", y)  # the line
    return y


def of_a_number(x: Any) -> Any:
    print(x)  # the line
    return x


@pytest.mark.parametrize("f", [prints, formats, lists, logs])
def test_texts(f: Callable[..., Any]) -> None:
    step = cl.jit(f)
    with pytest.warns(TracingWarning) as caught:
        step(X)
    (text,) = {str(w.message) for w in caught}
    assert f"{f.__name__} makes a text of y: f64[], which has no value while it is traced" in text
    assert "# the line" in text and caught[0].filename == __file__
    assert step(X).item() == 6  # and not again


def test_texts_of_numbers_and_in_eager_mode(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(TracingWarning, match=r"makes a text of x: f64\[\]"):
        cl.jit(of_a_number)(2.0)
    assert prints(X).item() == 6
    assert cl.grad(prints)(X).shape == (3,)
    assert "Tensor(6." in capsys.readouterr().out


def test_numbers_in_texts() -> None:
    assert f"{cl.asarray(2.5):.2f}" == "2.50" and f"{cl.asarray([1.0])}".startswith("Tensor(")
    with pytest.raises(UsageError, match=r"item\(\) needs a tensor of one element"):
        f"{cl.asarray([1.0, 2.0]):.2f}"
    with pytest.raises(ConcretizationError, match=r"item\(\) of x: f64"):
        cl.jit(lambda x: f"{x:.2f}")(np.float64(1))


def draws_numpy(x: Any) -> Any:
    return x + np.random.normal(size=3)  # drawn here


def draws_legacy(x: Any) -> Any:
    return x + OLD.normal(size=3)  # drawn here


def draws_generator(x: Any) -> Any:
    rng = RNG
    return x + rng.normal(size=3)


def draws_python(x: Any) -> Any:
    return x + random.random()  # drawn here


def draws_own(x: Any) -> Any:
    return x + PYTHONS.gauss(0, 1)  # drawn here


@pytest.mark.parametrize(
    ("f", "what", "line"),
    [
        (draws_numpy, "np.random", "# drawn here"),
        (draws_legacy, "OLD", "# drawn here"),
        (draws_generator, "RNG", "rng = RNG"),
        (draws_python, "random", "# drawn here"),
        (draws_own, "PYTHONS", "# drawn here"),
        (NOISE, "Noise.rng", "# drawn by an object"),
    ],
)
def test_random_numbers_of_others(f: Callable[..., Any], what: str, line: str) -> None:
    with pytest.warns(TracingWarning) as caught:
        cl.jit(f)(X)
    (text,) = [str(w.message) for w in caught]
    assert f"draws from {what} while it is traced, and all its calls would use the same numbers; use cl.random" in text
    assert line in text


def test_random_numbers_of_clew_and_outside_are_no_matter() -> None:
    f = cl.jit(lambda x: x + cl.random.normal(shape=3))
    RNG.normal()
    assert not np.array_equal(f(X).numpy(), f(X).numpy())
    cl.jit(lambda x, rng: x * 2)(X, RNG)  # not drawn from


def takes_items(x: Any) -> Any:
    return x * next(ITEMS)  # taken here


def generated() -> Iterator[float]:
    yield 1.0
    yield 2.0


def test_iterators() -> None:
    values = generated()
    with pytest.warns(TracingWarning, match="takes_items takes from ITEMS while it is traced(.|\n)*# taken here"):
        cl.jit(takes_items)(X)
    with pytest.warns(TracingWarning, match="takes from values while it is traced"):
        cl.jit(lambda x: x * next(values))(X)


class Schedule:
    """An iterator of the user's own, which also holds a number."""

    rate = 2.0

    def __init__(self) -> None:
        self.scale = 3.0

    def __iter__(self) -> Schedule:
        return self

    def __next__(self) -> float:
        return 1.0


def test_objects_that_are_iterators_are_still_looked_at() -> None:
    schedule = Schedule()
    f = cl.jit(lambda x: x * schedule.scale)
    assert f(2.0).item() == 6
    schedule.scale = 4.0
    assert f(2.0).item() == 8


def reads_a_clock(x: Any) -> Any:
    return x * time.time()  # read here


def reads_a_date(x: Any) -> Any:
    return x * datetime.now().year


@pytest.mark.parametrize(("f", "what"), [(reads_a_clock, "time.time()"), (reads_a_date, "datetime.now()")])
def test_clocks(f: Callable[..., Any], what: str) -> None:
    with pytest.warns(TracingWarning) as caught:
        cl.jit(f)(X)
    (text,) = [str(w.message) for w in caught]
    assert f"{f.__name__} calls {what} while it is traced, and all its calls would use that result" in text


def counts_in_an_array(x: Any) -> Any:
    BUFFER[0] += 1  # changed here
    return x + BUFFER


def test_arrays_that_it_changes() -> None:
    with pytest.warns(
        TracingWarning, match="changes the array BUFFER while it is traced, and its calls would not(.|\n)*# changed"
    ):
        cl.jit(counts_in_an_array)(X)


def test_what_runs_later() -> None:
    def generator(x: Any) -> Any:
        yield x

    async def later(x: Any) -> Any:
        return x

    with pytest.raises(UsageError, match=r"generator returns <generator object .* which runs later, when nothing is traced"):
        cl.jit(generator)(X)
    with pytest.raises(UsageError, match="later returns <coroutine object") as caught:
        cl.jit(later)(X)
    del caught
