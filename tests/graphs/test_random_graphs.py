"""Every property, on some hundred random graphs; ``python -m tests.graphs.run`` runs as many as one likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from clew.ir import INPUT, verify

from . import run
from .generate import Sample, samples
from .properties import PROPERTIES

EXAMPLES = 150


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_random_graphs(holds: Callable[[Sample], None]) -> None:
    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    @given(samples(most=25))
    def on_random_graphs(sample: Sample) -> None:
        verify(sample.graph)
        holds(sample)

    on_random_graphs()


def test_the_generator_makes_all_kinds() -> None:
    """Many ops, deep graphs and single nodes, smooth and not, in f64 and mixed: what is never made is never tested."""
    ops: Counter[str] = Counter()
    kinds: Counter[str] = Counter()

    @settings(max_examples=400, phases=[Phase.generate], database=None, derandomize=True)
    @given(samples(most=25))
    def look(sample: Sample) -> None:
        ops.update(v.op.opcode for v in sample.graph.values if v.op is not None and v.op is not INPUT)
        shapes = {v.shape for v in sample.graph.values}
        kinds.update(
            name
            for name, seen in {
                "smooth": sample.smooth,
                "not smooth": not sample.smooth,
                "precise": sample.precise,
                "mixed": not sample.precise,
                "empty arrays": any(0 in shape for shape in shapes),
                "axes of size one": any(1 in shape for shape in shapes),
                "several inputs": len(sample.graph.inputs) > 1,
                "large": len(sample.graph.values) > 25,
                "small": len(sample.graph.values) < 5,
            }.items()
            if seen
        )

    look()
    assert len(ops) >= 60, sorted(ops)
    assert len(kinds) == 9 and min(kinds.values()) >= 10, kinds


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--count", "20", "--seed", "3"]) == 0
    assert "random graphs, 9 properties each: all hold" in capsys.readouterr().out


def test_command_shows_the_smallest_failing_graph(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_logarithms(sample: Sample) -> None:
        assert all(v.op is None or v.op.opcode != "exp" for v in sample.graph.values), "an exponential"

    monkeypatch.setattr(run, "check", no_logarithms)
    assert run.main(["--count", "300", "--chunk", "1"]) == 1
    out = capsys.readouterr().out
    assert "FAILED: --seed 0 --chunk 1" in out and "AssertionError: an exponential" in out
    text = out.split("\n\n")[0] if "\n\n" in out else out
    assert text.count("\n") < 20, f"not minimised:\n{out}"
