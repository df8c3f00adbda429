"""The project keeps its own promises: commands that exist, files of a readable size, nothing left open."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import clew

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "clew"
OURS = ("src", "tests", "tools", "examples", "docs", "changes", ".ci")
TEXT = {".py", ".md", ".rst", ".toml", ".txt", ".json", ".css", ".js", ".html"}
SCRIPTS = {"Makefile", "run"}
GENERATED = {"_build", "generated", "__pycache__"}

FILES = [
    file
    for top in [ROOT, *(ROOT / folder for folder in OURS)]
    for file in sorted(top.iterdir() if top == ROOT else top.rglob("*"))
    if file.is_file()
    and (file.suffix in TEXT or file.name in SCRIPTS)
    and not GENERATED.intersection(file.relative_to(ROOT).parts)
]


def findings(pattern: str) -> list[str]:
    """Every line of the project's files that matches, as ``path:line: text``."""
    matcher = re.compile(pattern)
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in FILES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if matcher.search(line)
    ]


def test_the_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= targets


def test_continuous_integration_runs_the_readme_s_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^make .*\btest\b", script.read_text(encoding="utf-8"), re.MULTILINE)


def test_files_stay_readable() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert lengths
    assert [f"{file.relative_to(ROOT)}: {n} lines" for file, n in lengths.items() if n > 500] == []


def test_every_package_says_what_it_is() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()] == []
    assert (PACKAGE / "py.typed").exists()


def test_nothing_is_left_open() -> None:
    assert findings(r"\b(TO" + "DO|FIX" + "ME|XX" + "X|HA" + r"CK)\b") == []


def test_no_path_of_a_machine() -> None:
    assert findings(r"(?<![\w.:/])/(?:home|root|Users|work)/") == []


def test_exports_are_explicit() -> None:
    public = {name for name, thing in vars(clew).items() if name[0] != "_" and not isinstance(thing, ModuleType)}
    exported = getattr(clew, "__all__", [])
    assert public <= set(exported)
    assert len(exported) == len(set(exported))
    assert [name for name in exported if not hasattr(clew, name)] == []


def test_changelog_fragments_have_a_kind() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    kinds = "|".join(kind["directory"] for kind in config["type"])
    names = [file.name for file in (ROOT / "changes").iterdir() if file.name not in config["ignore"]]
    assert [name for name in names if not re.fullmatch(rf"(\d+|\+[a-z0-9-]+)\.({kinds})(\.\d+)?\.md", name)] == []


IMPORT = """
import time, sys
import numpy
start, before = time.perf_counter(), set(sys.modules)
import clew
print((time.perf_counter() - start) * 1000, *sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_importing_clew_is_light(measured: Callable[[str, str], None]) -> None:
    def once() -> tuple[float, list[str]]:
        run = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, cwd=ROOT / "src")
        milliseconds, *modules = run.stdout.split()
        return float(milliseconds), modules

    runs = [once() for _ in range(3)]
    measured("import of clew beyond NumPy's", f"{min(time for time, _ in runs):.0f} ms")
    heavy = {"sklearn", "scipy", "torch", "jax", "llvmlite", "IPython", "matplotlib", "hypothesis", "pytest"}
    assert heavy.isdisjoint(runs[0][1])


@pytest.mark.parametrize("extra", ["data", "test", "check", "docs"])
def test_makefile_installs_extras_that_exist(extra: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extra in extras
    assert f".venv/clew-{extra}" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_public_name_has_a_reference_entry() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    listed = set(re.findall(r"\w+", pages))
    names = {name for name in clew.__all__ if name[0] != "_"}
    for module in (clew.nn, clew.optim, clew.train, clew.data, clew.explore):
        names |= {name for name, x in vars(module).items() if getattr(x, "__module__", "").startswith(module.__name__)}
    assert names - listed == set()
