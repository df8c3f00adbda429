"""Random graphs, compiled, against their references; ``python -m tests.graphs.run --compiled`` runs as many as one likes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from clew.compiler import staged
from clew.ir import INPUT, Tuple
from tests.graphs import run
from tests.graphs.builder import Builder, Wide
from tests.graphs.compiled import PROPERTIES
from tests.graphs.generate import Sample, samples


def check(holds: Callable[[Sample], None], builder: type[Builder], most: int, examples: int, number: int) -> None:
    @seed(number)
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(samples(most=most, builder=builder))
    def on_random_graphs(sample: Sample) -> None:
        holds(sample)

    on_random_graphs()


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
@pytest.mark.parametrize(("builder", "most", "examples"), [(Builder, 25, 25), (Wide, 12, 12)], ids=["small", "wide"])
def test_random_graphs(builder: type[Builder], most: int, examples: int, holds: Callable[[Sample], None], number: int) -> None:
    check(holds, builder, most, examples, number)


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_folds_in_two_stages(holds: Callable[[Sample], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of large arrays are."""
    monkeypatch.setattr(staged, "LARGE", 1)
    monkeypatch.setattr(staged, "LONG", 1)
    monkeypatch.setattr(staged, "SHARES", 8)
    check(holds, Wide, 12, 12, 3)


def test_what_larger_arrays_have() -> None:
    """Axes that vectors do not fit, and many elements; ops of the loops too."""
    sizes: set[int] = set()
    ops: set[str] = set()
    elements = [0]

    @settings(
        max_examples=150, phases=[Phase.generate], database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(samples(most=12, builder=Wide))
    def look(sample: Sample) -> None:
        for v in sample.graph.values:
            if not isinstance(v.type, Tuple):
                sizes.update(v.shape)
                elements.append(v.type.size)
            if v.op is not None and v.op is not INPUT:
                ops.add(v.op.opcode)

    look()
    assert {0, 1, 5, 7, 8, 16, 17, 31, 33, 40} <= sizes
    assert max(elements) > 1000
    assert {"scan", "while", "switch", "contract", "convolve", "gather"} <= ops and len(ops) >= 50


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--count", "10", "--seed", "3", "--compiled"]) == 0
    assert f"random graphs, {len(PROPERTIES)} properties each: all hold" in capsys.readouterr().out
