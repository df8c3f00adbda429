"""compare_grain: what granularity changes, and what it must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.config import config
from clew.errors import GradientError


@cl.gate
def sigmoid(x: Any) -> Any:
    s = 1 / (1 + cl.exp(-x))
    return s, lambda g: g * s * (1 - s)


def neuron(w: Any, x: Any) -> Any:
    return sigmoid(cl.sum(w * x))


def test_nodes_and_what_is_stored() -> None:
    compared = cl.compare_grain(neuron, np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0, 1.0]))
    written, fine, one = (compared[name] for name in ("as written", "fine", "one gate"))
    assert (written.nodes, fine.nodes, one.nodes) == (3, 6, 1)
    # As written the rules read w, x and the sigmoid's result; fine ones read its parts too, and one gate its operands.
    assert (written.stored, written.stored_bytes) == (3, 8 * (3 + 3 + 1))
    assert fine.stored > written.stored
    assert one.stored <= 3
    assert written.difference == 0 and fine.difference < 1e-15 and one.difference < 1e-15
    assert all(grain.seconds > 0 for grain in compared.grains)


def test_a_wrong_hand_made_rule_shows() -> None:
    @cl.gate
    def twice(x: Any) -> Any:
        return x + x, lambda g: g * 3

    compared = cl.compare_grain(lambda x: cl.sum(twice(x)), np.ones(2))
    assert compared["fine"].difference == 1.0 and compared["one gate"].difference == 0


def test_constants_are_not_stored() -> None:
    scale = np.full(100, 2.0)
    assert cl.compare_grain(lambda x: cl.sum(x * scale), np.ones(100))["fine"].stored == 0


def test_it_prints_as_a_table() -> None:
    lines = str(cl.compare_grain(neuron, np.ones(3), np.ones(3))).splitlines()
    assert lines[0] == "grain of neuron"
    assert lines[1].split("  ")[0] == "grain" and lines[1].endswith("gradients differ by")
    assert [line.split("  ")[0].strip() for line in lines[3:]] == ["as written", "fine", "one gate", "compiled"]
    assert lines[-1].split()[2] in ("kernel", "kernels")


def test_compiled_it_is_a_few_kernels() -> None:
    compared = cl.compare_grain(neuron, np.array([2.0, -3.0, -3.0]), np.array([-1.0, -2.0, 1.0]))
    compiled = compared["compiled"]
    assert 1 <= compiled.nodes < compared["fine"].nodes
    assert compiled.difference < 1e-15 and compiled.seconds > 0
    with config(jit=False):
        assert [g.name for g in cl.compare_grain(neuron, np.ones(3), np.ones(3)).grains] == ["as written", "fine", "one gate"]


def test_any_results_and_arguments() -> None:
    compared = cl.compare_grain(lambda p: (p["a"] * 2, cl.argmax(p["b"]), p["a"] * p["b"]), {"a": np.ones(2), "b": np.ones(2)})
    assert max(grain.difference for grain in compared.grains) == 0
    assert [grain.name for grain in cl.compare_grain(lambda x: x, 1.0).grains] == ["as written", "fine"]
    with pytest.raises(GradientError, match="<lambda> has no floating-point argument and result to differentiate"):
        cl.compare_grain(lambda x: cl.argmax(x), np.ones(3))
