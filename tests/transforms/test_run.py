"""What arguments are called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from clew.transforms.run import parameter_names


def plain(a: Any, b: Any = 1, /, c: Any = 2, *, d: Any = 3) -> None:
    pass


def several(a: Any, *rest: Any, **more: Any) -> None:
    pass


@functools.wraps(plain)
def wrapping(*args: Any) -> None:
    pass


def further(*args: Any, more: Any = None) -> None:
    pass


further.__wrapped__ = wrapping  # type: ignore[attr-defined]


@functools.wraps(plain)
def signed(*args: Any) -> None:
    pass


signed.__signature__ = inspect.signature(several)  # type: ignore[attr-defined]


class Called:
    def __call__(self, x: Any, y: Any) -> None:
        pass

    def method(self, x: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("f", "count", "names"),
    [
        (plain, 0, []),
        (plain, 2, ["a", "b"]),
        (plain, 3, ["a", "b", "c"]),
        (plain, 4, ["a", "b", "c", "x3"]),
        (several, 1, ["a"]),
        (several, 3, ["a", "rest0", "rest1"]),
        (wrapping, 2, ["a", "b"]),
        (further, 3, ["a", "b", "c"]),
        (further, 4, ["a", "b", "c", "x3"]),
        (signed, 2, ["a", "rest0"]),
        (functools.wraps(max)(lambda *args: None), 2, ["x0", "x1"]),
        (Called(), 2, ["x", "y"]),
        (Called().method, 1, ["x"]),
        (functools.partial(plain, 1), 1, ["b"]),
        (lambda u, v: None, 2, ["u", "v"]),
        (max, 2, ["x0", "x1"]),
    ],
)
def test_parameter_names(f: Callable[..., Any], count: int, names: list[str]) -> None:
    assert parameter_names(f, count) == names
