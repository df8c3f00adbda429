"""Each example runs, by itself and as a test of what it says comes out."""

from __future__ import annotations

import ast
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))
Example = Callable[[str], Any]


def test_expression(example: Example) -> None:
    found = example("expression").main()
    assert found["g"] == found["before"] == -12
    assert [found[f"dg/d{name}"] for name in "xyzp"] == [-3, -3, 4, -3]
    assert round(found["after"], 4) == -11.5924


def test_neuron(example: Example) -> None:
    results = example("neuron").main()
    for numbers in results.values():
        assert [round(x, 4) for x in numbers] == [0.7311, -0.1966, 0.3932, -0.3932, -0.5898, 0.1966]
    assert results["fine"] == pytest.approx(results["one gate"], rel=1e-6)


def test_line(example: Example) -> None:
    gradient, first, last, loss = example("line").one_parameter()
    assert (gradient, round(first, 6), round(last, 4)) == (-20, 0.2, 2.5)
    assert loss < 1e-8
    assert example("line").two_parameters() == pytest.approx((3, -1), abs=1e-4)


def test_svm(example: Example) -> None:
    objective, right, solution = example("svm").main()
    assert (round(objective, 5), right) == (0.72147, 6)
    assert [round(x, 4) for x in solution] == pytest.approx([1.1672, 0.2839, -0.5994], abs=2e-4)


def test_svm_to_network(example: Example, tmp_path: Path) -> None:
    accuracy = example("svm_to_network").main(str(tmp_path / "pictures"))
    assert 0.8 < accuracy["linear"] < 0.9
    assert accuracy["network"] >= 0.98
    for name in accuracy:
        assert (tmp_path / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_digits(example: Example) -> None:
    assert example("digits").main() >= 0.96


def test_recurrent_scan(example: Example) -> None:
    found = example("recurrent_scan").main()
    assert (found["nodes"], found["nodes written out"]) == (18, 111)
    assert found["difference"] < 1e-7 and (found["saved"], found["saved, last only"]) == (0, 24_576)


def test_ode(example: Example) -> None:
    found = example("ode").main()
    assert found["error"] < 1e-5 and found["modes"] < 1e-12
    assert (round(found["k"], 3), round(found["c"], 3)) == (4.0, 0.3)


def test_newton_cg(example: Example) -> None:
    norms, slow = example("newton_cg").main()
    assert len(norms) == 9 and norms[-1] < 1e-12 and slow > 1e-3
    assert norms[-1] < 10 * norms[-2] ** 1.5, "faster than any fixed rate"


def test_gaussian_mixture(example: Example) -> None:
    found = example("gaussian_mixture").main()
    assert found["apart"] < 1e-14 and found["error"] < 0.12
    assert found["found"] > found["true"] == pytest.approx(-2.9280, abs=1e-4)


def test_fixed_point(example: Example) -> None:
    found = example("fixed_point").main()
    assert found["difference"] < 1e-10 and found["residual"] < 1e-12
    assert (found["loop"], found["gate"]) == (16_020, 0)


def test_recurrent(example: Example) -> None:
    difference, right = example("recurrent").main()
    assert difference < 1e-6
    assert right == 1.0


def test_directional(example: Example) -> None:
    gradient, along, steepest = example("directional").main()
    assert gradient == pytest.approx([4, 1 + math.cos(2)], rel=1e-12)
    assert abs(along - steepest) <= 0.5


def test_every_example_has_a_test() -> None:
    assert FILES
    assert [file.stem for file in FILES if f"test_{file.stem}" not in globals()] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_examples_are_short_and_say_what_comes_out(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 85
    assert any(c.isdigit() for c in ast.get_docstring(ast.parse(text)) or "")


@pytest.mark.parametrize("name", ["expression", "svm_to_network"])
def test_runs_by_itself(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "src")}
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout
    assert name != "svm_to_network" or (tmp_path / "out" / "network.png").exists()
