"""The examples run, and find what their docstrings say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parents[1] / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_has_a_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f'example("{path.stem}")' in source for path in HERE.glob("*.py"))


def test_expression(capsys: pytest.CaptureFixture[str]) -> None:
    found = example("expression").main()
    assert [found[k] for k in ("g", "dg/dx", "dg/dy", "dg/dz", "dg/dp")] == [-12, -3, -3, 4, -3]
    assert found["after"] == pytest.approx(-11.5924, abs=5e-5)
    assert "dg/dz: upstream 1 (dg/dg) times local gradient 4 (dg/dz) = 4" in capsys.readouterr().out


def test_neuron() -> None:
    results = example("neuron").main()
    expected = [0.7311, -0.1966, 0.3932, -0.3932, -0.5898, 0.1966]
    assert results["fine"] == pytest.approx(expected, abs=5e-5)
    assert results["one gate"] == pytest.approx(results["fine"], rel=1e-6)


def test_line() -> None:
    gradient, first, last, _ = example("line").one_parameter()
    assert (gradient, first, last) == (-20, pytest.approx(0.2), pytest.approx(2.5, abs=1e-4))
    assert example("line").two_parameters() == pytest.approx((3, -1), abs=1e-4)


def test_svm() -> None:
    objective, right, _ = example("svm").main()
    assert objective == pytest.approx(0.72147, abs=1e-5) and right == 6


def test_svm_to_network(tmp_path: Path) -> None:
    accuracy = example("svm_to_network").main(str(tmp_path))
    assert 0.8 < accuracy["linear"] < 0.92 and accuracy["network"] >= 0.98
    assert all((tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in accuracy)


def test_digits() -> None:
    assert example("digits").main() >= 0.96


def test_recurrent() -> None:
    difference, right = example("recurrent").main()
    assert difference < 1e-5 and right == 1


def test_directional() -> None:
    gradient, along, steepest = example("directional").main()
    assert gradient == pytest.approx([4, 1 - 0.4161468365])
    assert abs(along - steepest) <= 0.5
