"""Expressions mean what they mean in Python, and none of them is run as Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

import clew as cl
from clew.cli.expression import Expression
from clew.cli.grammar import FUNCTIONS, OTHER_NAMES
from clew.errors import ParseError

PYTHON = [
    "2 + 3 * 4 - 5 / 7",
    "2 ** 3 ** 2",
    "-2 ** 2",
    "7 // 2 + 7 % 3",
    "x * (y - 2) ** 2 / 3",
    "1 / 3 + x",
    "x if x > y else y",
    "1 < x < 3",
    "x < 1 or y > 2 and not x > 5",
    "+x - -y",
    "abs(-x) + max(x, y, 2) * min(x, y)",
    "sin(pi / 6) + exp(1) - e",
    "sqrt(x ** 2 + y ** 2)",
]
NAMES = {"x": 2.5, "y": -1.25}
CALLS = {"sin": math.sin, "exp": math.exp, "sqrt": math.sqrt, "abs": abs, "max": max, "min": min, "pi": math.pi, "e": math.e}


@pytest.mark.parametrize("text", PYTHON)
def test_means_what_python_means(text: str) -> None:
    names = [name for name in NAMES if name in text.replace("exp", "").replace("max", "")]
    expression = Expression(text, names)
    result = expression(*(cl.asarray(np.float64(NAMES[name])) for name in expression.variables))
    assert result.item() == pytest.approx(eval(text, {"__builtins__": {}}, {**NAMES, **CALLS}), rel=1e-14)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2, 3][-1]", 3),
        ("sum([[1, 2], [3, 4]][0, :])", 3),
        ("[[1, 2], [3, 4]] @ [1, -1]", [-1, -1]),
        ("sum([[1, 2], [3, 4]], axis=0)", [4, 6]),
        ("reshape([1, 2, 3, 4], (2, 2))[1]", [3, 4]),
        ("[x, 2 * x]", [0.1, 0.2]),
        ("where([1, 2] > [2, 1], 0.1, x + 1)", [1.1, 0.1]),
        ("1 / 0", math.inf),
        ("10 ** 400 >= inf - 1", True),
        ("clip(5, 0, 1)", 1),
    ],
)
def test_arrays(text: str, expected: object) -> None:
    expression = Expression(text, ["x"] if "x" in text.replace("axis", "") else [])
    result = expression(*(cl.asarray(np.float64(0.1)) for _ in expression.variables))
    assert result.tolist() == (pytest.approx(expected, rel=1e-15) if not isinstance(expected, bool) else expected)


@pytest.mark.parametrize("name", sorted(FUNCTIONS | set(OTHER_NAMES.values())))
def test_every_allowed_function_exists(name: str) -> None:
    assert callable(getattr(cl, name))


@pytest.mark.parametrize("name", ["eval", "open", "getattr", "print", "variable", "grad", "jit", "Tensor"])
def test_no_other_function_can_be_called(name: str) -> None:
    with pytest.raises(ParseError, match=f"^there is no function {name}; "):
        Expression(f"{name}(x)", ["x"])


def test_is_a_function_of_its_variables_in_the_order_of_their_use() -> None:
    expression = Expression("p = b * a; sin(p) + e * c", ["a", "b", "c"])
    assert expression.variables == ("b", "a", "c")
    assert expression.__name__ == "p = b * a; sin(p) + e * c"


def test_a_given_value_goes_before_a_constant() -> None:
    assert Expression("2 * e", ["e"])(cl.asarray(np.float64(3))).item() == 6
