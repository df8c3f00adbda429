"""The limits of the machine: measured once, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from clew.compiler.explain import calibration
from clew.compiler.explain.calibration import LAST, MIDDLE, NEAR, Limits, limits
from clew.config import config


def some(**changes: float) -> Limits:
    rates = {"f32": 8e9, "f64": 4e9, "f32_thread": 4e9, "f64_thread": 2e9, "near": 9e9, "middle": 6e9, "last": 4e9}
    return Limits(2, **{**rates, "memory": 1e9, **changes})


def test_measured_once_and_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def measure(threads: int) -> Limits:
        calls.append(threads)
        return some()

    monkeypatch.setattr(calibration, "measure", measure)
    with config(cache_dir=tmp_path / "cache"):
        for _ in range(2):
            calibration._limits.cache_clear()  # as another process
            assert limits() == some()
            assert limits() is limits()
    calibration._limits.cache_clear()
    assert len(calls) == 1


def test_what_is_measured_makes_sense() -> None:
    found = limits()
    assert found.f32 > found.f64 > 1e8 and found.f32_thread > found.f64_thread > 1e8
    assert min(found.near, found.middle, found.last, found.memory) > 1e8


def test_bytes_come_from_as_far_as_they_have_to() -> None:
    found = some()
    sizes = (NEAR, 2 * NEAR, 2 * NEAR + 1, MIDDLE, LAST, LAST + 1)
    assert [found.bandwidth(n) / 1e9 for n in sizes] == [9, 9, 6, 6, 4, 1]
    assert (found.arithmetic(64), found.arithmetic(32), found.arithmetic(16)) == (4e9, 8e9, 8e9)


def test_it_prints() -> None:
    flops = "2 threads, 8 GFLOP/s of f32 (4 a thread), 4 of f64 (2)"
    assert str(some()) == f"{flops}; 9 GB/s within near caches, 6 in 4 MiB, 4 in 16, 1 from memory"
