"""How much kernels do: operations, bytes, and the shape of their loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.compiled import Compiled
from clew.compiler.explain import work
from clew.compiler.steps import Step


def step_of(f: Callable[..., Any], *args: Any) -> Step:
    (step,) = Compiled(cl.trace(f)(*args).graph).routine.steps
    return step


@pytest.mark.parametrize(
    ("f", "args", "flops"),
    [
        (lambda x: x * 2 + 1, (np.ones(100),), 200),
        (lambda x: cl.exp(x) / 3, (np.ones(100),), 100 * (20 + 4)),
        (lambda x: cl.sqrt(x), (np.ones(100),), 400),
        (lambda x: cl.where(x > 0, x, 0), (np.ones(100),), 200),
        (lambda x: cl.sum(x * x, axis=1), (np.ones((10, 50)),), 1000),
        (lambda k: k + 1, (np.ones(100, np.int32),), 0),  # integers do not count
        (lambda a, b: a @ b, (np.ones((5, 7)), np.ones((7, 9))), 2 * 5 * 7 * 9),
        (lambda a, b: a @ b + 1, (np.ones((5, 7)), np.ones((7, 9))), 2 * 5 * 7 * 9 + 45),
        (lambda x, y: cl.exp(x)[:, None] * y, (np.ones(10), np.ones(50)), 10 * 20 + 500),  # a function once for each row
    ],
    ids=["chain", "function", "root", "choice", "fold", "integers", "product", "epilogue", "invariant"],
)
def test_operations(f: Callable[..., Any], args: tuple[Any, ...], flops: int) -> None:
    steps = Compiled(cl.trace(f)(*args).graph).routine.steps
    assert sum(map(work.flops, steps)) == flops


@pytest.mark.parametrize(
    ("f", "args", "nbytes"),
    [
        (lambda x: x * 2 + x, (np.ones(100),), 1600),  # read once, written once
        (lambda x: cl.sum(x), (np.ones((10, 50)),), 8 * 501),
        (lambda x: x[:10] + 1, (np.ones(1000),), 160),  # a part of it
        (lambda x, y: x + y, (np.ones((10, 50)), np.ones(50)), 8 * (500 + 50 + 500)),
        (lambda a, b: a @ b, (np.ones((5, 7)), np.ones((7, 9))), 8 * (35 + 63 + 45)),
    ],
    ids=["chain", "fold", "slice", "broadcast", "product"],
)
def test_bytes(f: Callable[..., Any], args: tuple[Any, ...], nbytes: int) -> None:
    assert work.nbytes(step_of(f, *args)) == nbytes


@pytest.mark.parametrize(
    ("f", "args", "shape"),
    [
        (lambda x: x * 2, (np.ones((30, 1, 40)),), "30x40"),
        (lambda x: x * 2, (np.ones(()),), "1"),
        (lambda x: cl.sum(x, axis=1), (np.ones((30, 40)),), "30 x 40"),
        (lambda x: x / cl.sum(x, axis=1, keepdims=True), (np.ones((30, 40)),), "30 x (2 times 40)"),
    ],
    ids=["elementwise", "number", "fold", "two nests"],
)
def test_loops(f: Callable[..., Any], args: tuple[Any, ...], shape: str) -> None:
    assert work.shape(step_of(f, *args)) == shape


def test_the_shape_of_products() -> None:
    shape = work.shape(step_of(lambda a, b: a @ b, np.ones((37, 53)), np.ones((53, 41))))
    assert shape.startswith("37x41x53 by ")
    shape = work.shape(step_of(lambda a, b: a @ b, np.ones((4, 37, 53)), np.ones((4, 53, 41))))
    assert shape.startswith("4 of 37x41x53 by ")


def test_which_numbers() -> None:
    assert work.bits(step_of(lambda x: x * 2, np.ones(3))) == 64
    assert work.bits(step_of(lambda x: x * 2, np.ones(3, np.float32))) == 32
