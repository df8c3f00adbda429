"""Tables of graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.draw.table import aligned, summary

from . import graphs

Snapshot = Callable[..., None]


def test_the_expression(snapshot: Snapshot) -> None:
    snapshot(str(cl.trace(lambda x, y, z: (x + y).named("p") * z)(1, 3, -3)))


def test_arrays_words_and_notes(snapshot: Snapshot) -> None:
    x = cl.variable(np.linspace(-1, 2, 12).reshape(3, 4), name="x")
    w = cl.variable(np.eye(4), name="w")
    h = (x @ w).named("h")
    loss = cl.mean(cl.log(1 + cl.exp(h))) + cl.sum(cl.cumulative_prod(x, axis=0)) + cl.sum(cl.floor(x))
    snapshot(str(loss.graph()))


def test_a_gate_is_one_row_and_can_be_opened() -> None:
    @cl.gate
    def sigmoid(x: Any) -> Any:
        s = 1 / (1 + cl.exp(-x))
        return s, lambda ds: ds * s * (1 - s)

    view = sigmoid(cl.variable(2.0, name="x")).graph()
    assert [row.split()[1] for row in view.table().splitlines()[2:]] == ["input", "sigmoid"]
    opened = [row.split()[1] for row in view.table(fold=False).splitlines()[2:]]
    assert {"neg", "exp", "add", "div"} <= set(opened)
    assert "sigmoid" not in opened
    assert view.table(fold="sigmoid") == view.table()


def test_without_gradients_there_are_no_columns_for_them() -> None:
    text = str((cl.variable([1.0, 2.0], name="x") * 2).graph())
    assert "gradient" not in text
    assert "[2, 4]" in text


def test_a_table_that_grows_too_wide_has_fewer_digits() -> None:
    x = cl.variable([0.123456, 1.123456, -2.123456], name="x")
    narrow = str((cl.sum(x * x)).graph())
    assert "[0.1235, 1.123, -2.123]" in narrow
    wide = str(cl.sum(cl.where(x > 0, x * x, x * 3)).named("a_name_of_many_letters_that_makes_the_table_wide").graph())
    assert "[0.12, 1.1, -2.1]" in wide


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (np.float32(0.73105858), "0.7311"),
        (np.float64(-12), "-12"),
        (np.float64(-0.0), "0"),
        (np.float64(1.5e-7), "1.5e-07"),
        (np.float64("nan"), "NaN"),
        (np.int64(12345678), "12345678"),
        (np.bool_(True), "true"),
        (np.array([1.0, 2.5]), "[1, 2.5]"),
        (np.zeros((2, 0)), "empty"),
        (np.zeros((2, 3)), "all 0"),
        (np.array([0.0, 1, 2, 5]), "0 … 2 … 5, 25 % zero"),
        (np.array([1.0, np.nan, np.inf, 3]), "1 … 2 … 3, 1 NaN!, 1 inf!"),
        (np.array([True, False, True, True]), "75 % true"),
    ],
)
def test_summaries(x: Any, expected: str) -> None:
    assert summary(x) == expected


def test_columns_stand_under_their_titles() -> None:
    text = aligned({"name": ["x", "long name"], "value": ["1", "-12.5"]}, numeric=("value",))
    assert text.splitlines() == ["name        value", "---------   -----", "x               1", "long name   -12.5"]


def test_every_node_of_a_larger_graph_has_a_row() -> None:
    graph = graphs.neuron()
    rows = str(cl.Graph(graph, {v: v.data for v in graph.values})).splitlines()
    assert len(rows) == 2 + len(graph.values)
