"""What several tests of the compiler start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.compiler import native
from clew.config import config


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty cache, which is not made yet."""
    with config(cache_dir=tmp_path / "cache"):
        yield tmp_path / "cache"


@pytest.fixture(params=["our linker", "LLVM's"])
def linker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "our linker" and not native.OURS:
        pytest.skip("this machine's object files are linked by LLVM")
    monkeypatch.setattr(native, "OURS", request.param == "our linker")
