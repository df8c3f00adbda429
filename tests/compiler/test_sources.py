"""Keys that hold until a source file of the package changes."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.compiler import sources as module
from clew.compiler.sources import ABOVE, MARGIN, sources, stamps
from clew.ir import Op

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    module._files.cache_clear()
    yield
    module._files.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two files in place of clew, older than this process."""
    for name in ("one.py", "inner/two.py", "inner/notes.txt", "inner/__pycache__/two.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "compiler").mkdir()
    monkeypatch.setattr(module, "__file__", str(tmp_path / "compiler" / "sources.py"))
    monkeypatch.setattr(module, "LOADED", module.LOADED + 10**15)
    return tmp_path


def key() -> bytes | None:
    module._files.cache_clear()
    return sources("about")


def test_all_python_files_count(package: Path) -> None:
    assert sorted(Path(name).name for name, *_ in stamps(package)) == ["one.py", "two.py"]


def test_layers_above_do_not_count(package: Path) -> None:
    first = key()
    for name in ("nn", "inner/nn"):
        (package / name).mkdir()
        (package / name / "three.py").write_text("")
        assert (key() == first) is (name == "nn")


def test_the_layers_above_are_those_of_the_project() -> None:
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    names = [{name.strip(" ()") for name in layer.split("|")} for layer in layers]
    above = set().union(*names[: names.index({"compiler"})])
    folders = {name for name in above | {"draw"} if (ROOT / "src" / "clew" / name).is_dir()}
    assert folders == ABOVE


def test_no_op_is_of_a_layer_above() -> None:
    kinds = [Op]
    for kind in kinds:
        kinds += kind.__subclasses__()
        top, _, rest = kind.__module__.partition(".")
        assert top != "clew" or rest.partition(".")[0] not in ABOVE


def test_the_same_files_are_the_same_key(package: Path) -> None:
    first = key()
    assert first is not None and len(first) == 32
    assert key() == first != sources("something else")


@pytest.mark.parametrize("how", ["written", "written back in time", "added", "removed", "replaced"])
def test_a_change_is_another_key(package: Path, how: str) -> None:
    first, file = key(), package / "inner" / "two.py"
    before = file.stat()
    if how == "added":
        (package / "three.py").write_text("")
    elif how == "removed":
        file.unlink()
    elif how == "replaced":
        (package / "new").write_text("x = 2\n")
        os.utime(package / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
        (package / "new").replace(file)
    else:
        file.write_text("x = 2\n")  # as long as it was
        if how == "written back in time":
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert key() not in (None, first)


def test_files_that_are_newer_than_the_process(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = max(changed for _, changed, *_ in stamps(package))
    for loaded, known in ((newest, False), (newest + MARGIN, False), (newest + MARGIN + 1, True)):
        monkeypatch.setattr(module, "LOADED", loaded)
        assert (key() is not None) is known


def test_another_processor_is_another_key(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = key()
    monkeypatch.setattr(module.native, "processor", lambda: "vendor_id\t: other")
    second = key()
    assert None is not first != second is not None


def test_where_linux_does_not_tell_the_processor_llvm_does(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.native, "processor", lambda: "")
    host, keys = module.native.host(), [key()]
    for other in (host._replace(bits=64), host._replace(cpu="other"), host._replace(features="")):
        monkeypatch.setattr(module.native, "host", lambda other=other: other)
        keys.append(key())
    assert None not in keys and len(set(keys)) == 4
