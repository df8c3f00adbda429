"""What is kept for the way back, and where two computations part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import GradientError


def test_the_largest_first_with_its_reader_and_owner() -> None:
    layer = cl.nn.Linear(4, 8)
    x = np.ones((16, 4), np.float32)

    def head(h: Any) -> Any:
        return cl.sum(cl.exp(h) * 2.0)

    report = cl.what_is_kept(head(cl.tanh(layer(x))))
    assert [(k.title, k.nbytes, k.why, k.freed_by) for k in report.kept] == [
        ("exp f32[16,8]", 512, "exp", "head"),
        ("tanh f32[16,8]", 512, "tanh", "test_the_largest_first_with_its_reader_and_owner"),
    ]
    assert report.nbytes == 1024 < report.recorded


def test_a_checkpoint_frees_what_it_says() -> None:
    w = cl.variable(np.full((8, 8), 0.1))
    block = lambda h: cl.sin(cl.exp(h @ w))  # noqa: E731 - a named block, used twice
    plain = cl.what_is_kept(cl.sum(block(block(w))))
    coarse = cl.what_is_kept(cl.sum(cl.checkpoint(block)(cl.checkpoint(block)(w))))
    assert coarse.nbytes < plain.nbytes and coarse.recorded < plain.recorded


def test_loops_are_counted_with_what_they_save() -> None:
    w = cl.variable(0.5)
    report = cl.what_is_kept(cl.scan(lambda c, _: (cl.sin(c * w), None), 1.0, length=100)[0])
    saved = [k for k in report.kept if k.title.startswith("what scan saves")]
    assert len(saved) == 1 and saved[0].nbytes >= 400 and saved[0].why == "scan's way back"


def test_nothing_is_kept_of_a_constant() -> None:
    with pytest.raises(GradientError, match="nothing tracked leads to this tensor"):
        cl.what_is_kept(cl.asarray(1.0))


def test_functions_that_agree() -> None:
    @cl.gate
    def sigmoid(x: Any) -> Any:
        s = 1 / (1 + cl.exp(-x))
        return s, lambda g: g * s * (1 - s)

    x = np.linspace(-2, 2, 5)
    found = cl.diverge(lambda x: sigmoid(x) * 2, lambda x: (1 / (1 + cl.exp(-x))) * 2, x)
    assert not found.found and found.compared == 6 and str(found).endswith("agree in 6 nodes; the largest difference is 0")


def test_the_first_node_that_differs() -> None:
    def f(x: Any) -> Any:
        return cl.exp((cl.sin(x) * 2.0).named("scaled")) + 1

    def g(x: Any) -> Any:
        y = cl.sin(x)
        return cl.exp((y + y * 1.01).named("scaled")) + 1

    found = cl.diverge(f, g, np.array([0.0, 1.0]))
    assert found.found and found.nodes is not None and found.nodes[0].name == "scaled" and found.index == (1,)
    text = str(found)
    assert text.startswith("f and g part at scaled, after 2 nodes that agree\n")
    assert text.splitlines()[1] == "  [1]: 1.68294197 and 1.69135668, a difference of 0.0084"
    assert text.count("at test_kept.py:") == 2
    assert not cl.diverge(f, g, np.array([0.0, 1.0]), rtol=0.01).found


def test_two_settings_of_one_function() -> None:
    def f(x: Any, dtype: Any) -> Any:
        return cl.sum(cl.exp(x.astype(dtype) * 20)) / 3

    found = cl.diverge(lambda x: f(x, cl.float64), lambda x: f(x, cl.float16), np.array([0.2, 0.5]), rtol=1e-6)
    assert found.found and found.nodes is not None and found.nodes[0].op is not None


def test_other_shapes_part_at_once() -> None:
    assert "shapes [2] and []" in str(cl.diverge(lambda x: cl.exp(x), lambda x: cl.exp(cl.sum(x)), np.ones(2)))
