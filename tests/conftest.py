"""What every test may ask for: random numbers that can be repeated, text snapshots, reported measurements."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zlib import crc32

import numpy as np
import pytest
from hypothesis import settings

HERE = Path(__file__).parent

os.environ.setdefault("CLEW_CACHE_DIR", str(HERE.parent / ".cache" / "code"))  # not the user's

# Without a deadline: examples differ in cost, and a loaded machine is no failure.
settings.register_profile("default", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=300, deadline=None, print_blob=True, derandomize=True)
settings.register_profile("thorough", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write the snapshots that tests compare text with")
    parser.addoption("--seed", type=int, default=0, help="what the random numbers of the rng fixture follow from (default 0)")


def pytest_report_header(config: pytest.Config) -> str:
    return f"clew: --seed={config.getoption('seed')}, hypothesis profile {settings.get_current_profile_name()}"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that follow from the test's name and ``--seed`` alone, in whatever order tests run."""
    seed = request.config.getoption("seed")
    print(f"rng: --seed={seed}")  # shown when the test fails
    return np.random.default_rng([seed, crc32(request.node.nodeid.encode())])


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare text with the file named after this test (and after ``part``, where a test has several)."""
    folder = HERE / "snapshots" / request.path.relative_to(HERE).with_suffix("")
    name = re.sub(r"[^\w.\[\]-]", "_", request.node.name)
    update = request.config.getoption("update_snapshots")

    def check(text: str, part: str = "") -> None:
        path = folder / f"{name}{part and '.'}{part}.txt"
        text = text if text.endswith("\n") else text + "\n"
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists():
            pytest.fail(f"no snapshot {path.relative_to(HERE)}; --update-snapshots writes it. The text was:\n{text}")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """Report a figure, ``measured("import of clew", "31 ms")``, under the results. It is told, not judged."""
    return lambda what, figure: record_property("measured", f"{what}: {figure}")


@pytest.fixture
def example() -> Callable[[str], ModuleType]:
    """Import an example by its name: ``example("svm").main()``."""

    def load(name: str) -> ModuleType:
        spec = spec_from_file_location(f"examples.{name}", HERE.parent / "examples" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed")
    figures = [value for report in reports for name, value in report.user_properties if name == "measured"]
    if figures:
        terminalreporter.section("measured")
        for figure in figures:
            terminalreporter.write_line(str(figure))
