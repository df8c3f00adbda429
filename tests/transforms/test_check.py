"""check_gradients and check_gate: they pass what is right, and explain what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import GradientError, GradientMismatch, UsageError
from clew.ops.trigonometric import Sin


@cl.gate
def cube(x: Any) -> Any:
    return x * x * x, lambda g: g * 2 * x * x


def mismatch(f: Callable[..., Any], *args: Any, **options: Any) -> str:
    with pytest.raises(GradientMismatch) as caught:
        cl.check_gradients(f, *args, **options)
    return str(caught.value)


# --- what is right


def test_every_element_of_every_argument_in_both_modes_to_second_order(rng: np.random.Generator) -> None:
    def loss(parameters: Any, x: Any, *rest: Any) -> Any:
        hidden = cl.tanh(x @ parameters["w"] + parameters["b"])
        return cl.logsumexp(hidden * rest[0])

    parameters = {"w": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}
    report = cl.check_gradients(loss, parameters, rng.normal(size=(4, 3)), 1.5)
    assert [row.what for row in report.rows[::4]] == [
        "gradient, reverse",
        "gradient, forward",
        "second, reverse",
        "second, forward",
    ]
    assert [row.argument for row in report.rows[:4]] == [
        "parameters['w']: f64[3,2]",
        "parameters['b']: f64[2]",
        "x: f64[4,3]",
        "rest0: f64[]",
    ]
    assert [row.compared for row in report.rows[:4]] == ["6 elements", "2 elements", "12 elements", "1 element"]
    assert report.largest < 1e-8


def test_large_arguments_are_tried_in_random_directions(rng: np.random.Generator) -> None:
    report = cl.check_gradients(lambda x: cl.sum(cl.sin(x) ** 2), rng.normal(size=(50, 40)), directions=3, order=1)
    assert [row.compared for row in report.rows] == ["3 directions"] * 2


def test_the_table_can_be_read() -> None:
    lines = str(cl.check_gradients(lambda x: x * x, 3.0)).splitlines()
    assert lines[0] == "check_gradients of <lambda>: passed"
    assert lines[1].split() == ["derivative", "argument", "compared", "difference", "where", "analytic", "numeric"]
    assert lines[3].startswith("gradient, reverse  x: f64[]  1 element")
    assert len({len(line) for line in lines[1:]}) <= 2, "columns line up"


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_tolerances_fit_the_dtype(dtype: str, rng: np.random.Generator) -> None:
    x = cl.asarray(rng.uniform(0.5, 1.5, 5)).astype(getattr(cl, dtype))
    assert cl.check_gradients(lambda x: cl.sum(cl.exp(x) * x), x, order=1).rows


def test_what_cannot_be_moved_stays(rng: np.random.Generator) -> None:
    def picked(x: Any, index: Any, mode: str, count: int) -> Any:
        return cl.take(x, index, axis=0) * count if mode == "on" else x

    report = cl.check_gradients(picked, rng.normal(size=3), np.array([0, 2]), "on", 2)
    assert {row.argument for row in report.rows} == {"x: f64[3]"}


def test_empty_arguments_and_third_order() -> None:
    assert cl.check_gradients(lambda x: cl.sum(x * x), np.zeros((0, 3))).largest == 0
    assert [row.what for row in cl.check_gradients(cl.sin, 0.3, order=3, modes=["reverse"]).rows] == [
        "gradient, reverse",
        "second, reverse",
        "order 3, reverse",
    ]


# --- what is not


def test_a_wrong_rule_is_named_with_its_line() -> None:
    text = mismatch(lambda x: cl.sum(cube(cl.sin(x))), np.array([0.1, 1.0, 2.0]))
    lines = text.splitlines()
    assert lines[0] == "check_gradients: <lambda>: gradient, reverse mode: the analytic derivative is not the numeric one"
    assert lines[1].startswith("  argument x: f64[3], element [0]: analytic 0.0198")
    assert ", numeric 0.0297" in lines[1] and "(difference 0.0099, tolerance " in lines[1]
    assert lines[2].startswith("  guess: a wrong rule: differences from both sides agree with each other (0.0297")
    assert "look at the rule of cube for operand 0 at test_check.py:" in lines[2]


def test_the_element_is_found_in_a_large_argument(rng: np.random.Generator) -> None:
    x = rng.uniform(1, 2, (20, 30))

    def f(x: Any) -> Any:
        return cl.sum(x * x) + cube(x[13, 7])

    assert "argument x: f64[20,30], element [13, 7]: analytic " in mismatch(f, x)


def test_a_wrong_forward_rule_is_found_in_forward_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Sin.push
    monkeypatch.setattr(Sin, "push", lambda self, k, t, y, x: right(self, k, right(self, k, t, y, x), y, x))
    text = mismatch(lambda x: cl.sin(x) * 2, 1.0)
    assert "gradient, forward mode" in text and "look at the rule of sin for operand 0" in text
    assert cl.check_gradients(lambda x: cl.sin(x) * 2, 1.0, modes=["reverse"], order=1).rows


def test_a_wrong_derivative_of_the_derivative_is_found() -> None:
    @cl.gate
    def still(x: Any) -> Any:
        return x * 1, lambda g: g * 0

    @cl.gate
    def square(x: Any) -> Any:
        return x * x, lambda g: g * 2 * still(x)

    assert cl.check_gradients(square, 3.0, order=1).rows
    assert "second, reverse mode" in mismatch(square, 3.0)


@pytest.mark.parametrize(
    ("f", "x", "options"),
    [
        (cl.relu, np.array([-1.0, 0.0, 1.0]), {}),
        (lambda x: cl.max(x), np.array([1.0, 2.0, 2.0]), {}),
        (cl.floor, np.array([2.0, 1.5]), {}),
        (cl.sign, np.array(0.0), {}),
        (cl.abs, np.array([1.0, 0.0]), {"modes": ["forward"]}),
    ],
)
def test_a_kink_is_told_from_a_wrong_rule(f: Callable[..., Any], x: Any, options: dict[str, Any]) -> None:
    text = mismatch(f, x, **options)
    assert "guess: a kink or a jump is near, where no derivative exists: the slope is" in text


def test_too_low_precision_is_told_from_a_wrong_rule() -> None:
    def f(x: Any) -> Any:
        return (x + 1e9) - 1e9

    assert "guess: too low precision: in float64 the two agree; check with float64" in mismatch(f, np.float32(3))
    text = mismatch(lambda x: (x + 1e13) - 1e13, 3.0)
    assert "guess: too low precision: large numbers on the way hide the change over a step" in text


def test_nan_and_infinity_never_pass() -> None:
    assert "guess: not finite: " in mismatch(cl.log, np.array([1.0, 0.0]))
    assert "guess: not finite: " in mismatch(cl.sqrt, np.array([-1.0]))


def test_results_that_are_arrays_are_combined_at_random() -> None:
    """Errors of opposite sign must not cancel in the sum of the elements."""

    @cl.gate
    def swapped(x: Any) -> Any:
        return x * np.array([1.0, 2.0]), lambda g: g * np.array([2.0, 1.0])

    text = mismatch(swapped, np.array([1.0, 1.0]))
    assert "(of a random combination of the results' elements)" in text


def test_wrong_use() -> None:
    with pytest.raises(GradientError, match="<lambda> was given no floating-point argument to differentiate by"):
        cl.check_gradients(lambda n: n, 3)
    with pytest.raises(UsageError, match="modes are 'reverse' and 'forward', not \\('backward',\\)"):
        cl.check_gradients(cl.sin, 1.0, modes=["backward"])


# --- gates


def test_a_right_gate_passes() -> None:
    @cl.gate
    def product(a: Any, b: Any) -> Any:
        return a @ b, lambda g: (g @ b.T, a.T @ g), lambda da, db: da @ b + a @ db

    report = cl.check_gate(product, np.ones((2, 3)), np.arange(6.0).reshape(3, 2))
    assert [(r.what, r.argument) for r in report.rows] == [
        ("product, reverse", "a: f64[2,3]"),
        ("product, forward", "a: f64[2,3]"),
        ("product, reverse", "b: f64[3,2]"),
        ("product, forward", "b: f64[3,2]"),
    ]
    assert "check_gate of product: passed" in str(report)


def test_a_wrong_gate_is_told_where() -> None:
    with pytest.raises(GradientMismatch) as caught:
        cl.check_gate(cube, np.array([1.0, 2.0]))
    first, second = str(caught.value).splitlines()
    assert first == "check_gate: the reverse rule of cube is not the derivative of its parts"
    assert second.startswith("  operand x: f64[2], element [1]: the rule gives ") and ", the parts give " in second


def test_a_wrong_forward_rule_is_told() -> None:
    @cl.gate
    def product(a: Any, b: Any) -> Any:
        return a * b, lambda g: (g * b, g * a), lambda da, db: da * b

    with pytest.raises(GradientMismatch, match=r"the forward rule of product .*\n  operand b: f64\[\]: the rule gives 0, the"):
        cl.check_gate(product, 2.0, 3.0)


def test_gates_within_gates_are_checked() -> None:
    @cl.gate
    def outer(x: Any) -> Any:
        return 2 * cube(x)

    with pytest.raises(GradientMismatch, match="the reverse rule of cube"):
        cl.check_gate(outer, np.array([1.0, 2.0]))


def test_a_rule_that_is_nan_where_the_parts_are_not() -> None:
    @cl.gate
    def log_of_one_plus(x: Any) -> Any:
        return cl.log1p(x), lambda g: g / x * x / (1 + x)

    with pytest.raises(GradientMismatch, match="element \\[0\\]: the rule gives nan"):
        cl.check_gate(log_of_one_plus, np.array([0.0, 1.0]))


def test_without_a_rule_there_is_nothing_to_check() -> None:
    @cl.gate
    def plain(x: Any) -> Any:
        return x * 2

    with pytest.raises(UsageError, match="plain has no hand-made rule, so its derivative is that of its parts"):
        cl.check_gate(plain, 1.0)
    with pytest.raises(UsageError, match=r"<lambda> made no gate of these arguments; write @cl\.gate above it"):
        cl.check_gate(lambda x: x * 2, 1.0)
