"""The cache on disk: what is stored is read again, and nothing else is ever believed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.compiler import cache
from clew.config import config

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no cache on Windows")

KEY = cache.key("some", "text")
OTHER = cache.key("some", "other text")
CODE = bytes(range(256)) * 20


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty cache for each test; it is not made yet."""
    cache._warned.clear()
    with config(cache_dir=tmp_path / "caches" / "clew"):
        yield tmp_path / "caches" / "clew"


def entry(folder: Path, key: bytes = KEY) -> Path:
    return folder / key.hex()


def test_round_trip(folder: Path) -> None:
    assert cache.load(KEY) is None
    cache.store(KEY, CODE)
    assert (cache.load(KEY), cache.load(OTHER)) == (CODE, None)
    cache.store(KEY, b"")
    assert cache.load(KEY) == b""
    assert [e.name for e in folder.iterdir()] == [KEY.hex()]


def test_nobody_else_can_read_it(folder: Path) -> None:
    before = os.umask(0)
    try:
        cache.store(KEY, CODE)
    finally:
        os.umask(before)
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(entry(folder).stat().st_mode)) == (0o700, 0o600)


# Keys


def test_keys_follow_from_every_part() -> None:
    keys = [cache.key(*parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["ab", "d"])]
    assert len(set(keys)) == 5 and all(len(key) == 32 for key in keys)
    assert cache.key("ab", "c") == keys[0]


def test_another_python_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.key("text")
    cache._made_by.cache_clear()
    monkeypatch.setattr(cache.importlib.util, "MAGIC_NUMBER", b"other")
    assert cache.key("text") != before
    cache._made_by.cache_clear()


@pytest.mark.parametrize("name", ["__version__", "MAGIC"])
def test_another_version_finds_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    cache.store(cache.key("text"), CODE)
    cache._made_by.cache_clear()
    monkeypatch.setattr(cache, name, "0.0.other" if name == "__version__" else b"clewobj0")
    assert cache.load(cache.key("text")) is None
    monkeypatch.undo()
    cache._made_by.cache_clear()
    assert cache.load(cache.key("text")) == CODE


def test_another_llvmlite_finds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = cache.key("text")
    (tmp_path / "_version.py").write_text(cache.llvmlite().joinpath("_version.py").read_text().replace("0.", "99."))
    (tmp_path / "binding").mkdir()
    for file in (cache.llvmlite() / "binding").glob("*llvmlite.*"):
        (tmp_path / "binding" / file.name).symlink_to(file)
    cache._made_by.cache_clear()
    monkeypatch.setattr(cache, "llvmlite", lambda: tmp_path)
    assert cache.key("text") != before
    cache._made_by.cache_clear()


# Harmed entries


@pytest.mark.parametrize("place", [0, 8, 16, 47, cache.HEADER, -1])
def test_a_flipped_bit(folder: Path, place: int) -> None:
    cache.store(KEY, CODE)
    data = bytearray(entry(folder).read_bytes())
    data[place] ^= 1
    entry(folder).write_bytes(data)
    assert cache.load(KEY) is None
    assert not entry(folder).exists()
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE


@pytest.mark.parametrize("length", [0, 7, cache.HEADER - 1, cache.HEADER, -1])
def test_a_cut_entry(folder: Path, length: int) -> None:
    cache.store(KEY, CODE)
    entry(folder).write_bytes(entry(folder).read_bytes()[:length])
    assert cache.load(KEY) is None
    assert not entry(folder).exists()


def test_an_entry_under_another_name(folder: Path) -> None:
    cache.store(KEY, CODE)
    entry(folder).rename(entry(folder, OTHER))
    assert cache.load(OTHER) is None


def test_an_entry_that_is_a_link(folder: Path, tmp_path: Path) -> None:
    cache.store(KEY, CODE)
    entry(folder).rename(tmp_path / "elsewhere")
    entry(folder).symlink_to(tmp_path / "elsewhere")
    assert cache.load(KEY) is None
    assert not entry(folder).is_symlink() and (tmp_path / "elsewhere").exists()
    entry(folder).symlink_to(tmp_path / "not there")
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE and not (tmp_path / "not there").exists()


def test_an_entry_that_others_can_write_to(folder: Path) -> None:
    cache.store(KEY, CODE)
    entry(folder).chmod(0o622)
    assert cache.load(KEY) is None
    assert not entry(folder).exists()


def test_an_entry_that_is_no_file(folder: Path) -> None:
    cache.store(OTHER, CODE)
    os.mkfifo(entry(folder))
    assert cache.load(KEY) is None  # and does not wait for somebody to write
    entry(folder).mkdir()
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None and [e.name for e in folder.iterdir() if e.name.startswith(".")] == []


def test_an_entry_of_another_user(folder: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give files away")
    cache.store(KEY, CODE)
    os.chown(entry(folder), 12345, -1)
    assert cache.load(KEY) is None
    assert not entry(folder).exists()


# Folders that are not used


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722])
def test_a_folder_that_others_can_write_to(folder: Path, mode: int) -> None:
    cache.store(KEY, CODE)
    folder.chmod(mode)
    with pytest.warns(RuntimeWarning) as caught:
        assert cache.load(KEY) is None
    assert str(caught[0].message) == (
        f"compiled code is not kept: {str(folder)!r} can be written to by other users; "
        "remove it, or set CLEW_CACHE_DIR to a folder of your own, or to off"
    )
    with warnings.catch_warnings():  # it is said once
        warnings.simplefilter("error")
        cache.store(OTHER, CODE)
        assert cache.load(OTHER) is None
    assert [e.name for e in folder.iterdir()] == [KEY.hex()]


def test_a_folder_that_is_a_link(folder: Path, tmp_path: Path) -> None:
    cache.store(KEY, CODE)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.warns(RuntimeWarning, match="is a link or a file; remove it, or set"):
        assert cache.load(KEY) is None
    cache.store(OTHER, CODE)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1


def test_a_folder_that_is_a_file(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("mine")
    with pytest.warns(RuntimeWarning, match="is a link or a file"):
        cache.store(KEY, CODE)
    assert folder.read_text() == "mine"


def test_a_folder_of_another_user(folder: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give folders away")
    cache.store(KEY, CODE)
    os.chown(folder, 12345, -1)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert cache.load(KEY) is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with config(cache_dir=tmp_path / "file" / "clew"):
        cache.store(KEY, CODE)
        assert cache.load(KEY) is None


@pytest.mark.parametrize("failing", ["open", "replace", "mkdir"])
def test_a_system_that_cannot_write(folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    monkeypatch.undo()
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("off", [{"cache_dir": "off"}, {"cache_size": 0}])
def test_off(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: dict[str, object]) -> None:
    monkeypatch.chdir(tmp_path)
    cache.store(KEY, CODE)
    with config(**off):
        cache.store(OTHER, CODE)
        assert (cache.load(KEY), cache.load(OTHER)) == (None, None)
    assert [e.name for e in folder.iterdir()] == [KEY.hex()] and not (tmp_path / "off").exists()


# The bound


def test_what_was_used_least_lately_goes(folder: Path) -> None:
    now = time.time()
    keys = [cache.key(str(k)) for k in range(10)]
    with config(cache_size=1 << 20):
        for k, key in enumerate(keys):
            cache.store(key, bytes(1000))
            os.utime(entry(folder, key), (now, now - 10 * cache.DAY + k))
        assert cache.load(keys[0]) == bytes(1000)  # now the latest
    with config(cache_size=5000):
        cache.store(KEY, bytes(1000))
    assert {e.name for e in folder.iterdir()} == {key.hex() for key in (KEY, keys[0], keys[9])}


def test_what_fits_stays(folder: Path) -> None:
    with config(cache_size=20_000):
        for k in range(10):
            cache.store(cache.key(str(k)), bytes(1800))
    assert len(list(folder.iterdir())) == 10


def test_reading_marks_an_entry_as_used_once_a_day(folder: Path) -> None:
    cache.store(KEY, CODE)
    now = time.time()
    for age, marked in ((2 * cache.DAY, True), (cache.DAY / 2, False)):
        os.utime(entry(folder), (now, now - age))
        assert cache.load(KEY) == CODE
        assert (entry(folder).stat().st_mtime > now - 60) is marked


def test_what_killed_writers_left_goes(folder: Path) -> None:
    cache.store(KEY, CODE)
    for name, age in ((".old", 2 * cache.DAY), (".new", 60.0)):
        (folder / name).write_bytes(b"part")
        os.utime(folder / name, (time.time(), time.time() - age))
    with config(cache_size=10_000):
        cache.store(OTHER, bytes(1000))
    assert {e.name for e in folder.iterdir()} == {KEY.hex(), OTHER.hex(), ".new"}


# Several processes


def test_two_processes_at_once(folder: Path) -> None:
    program = (
        "import sys, time\nfrom clew.compiler import cache\n"
        "read = 0\nend = time.time() + 1\n"
        "while time.time() < end or read < 10:\n"
        "    for k in range(20):\n"
        "        key = cache.key(str(k))\n"
        "        found = cache.load(key)\n"
        "        assert found is None or found == bytes([k]) * 50_000, len(found)\n"
        "        read += found is not None\n"
        "        cache.store(key, bytes([k]) * 50_000)\n"
    )
    environment = {**os.environ, "CLEW_CACHE_DIR": str(folder), "CLEW_CACHE_SIZE": "400000"}
    run = [subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=60)[1] for process in run] == [b"", b""]
    assert all(len(e.name) == 64 for e in folder.iterdir())
