"""Settings: what the environment says, what the system grants, changes for good and for a while, and refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clew.config import Config, Settings, caches, config, processors, share
from clew.errors import UsageError


def test_the_environment_is_read() -> None:
    given = {"CLEW_JIT": "Off", "CLEW_THREADS": " 3 ", "CLEW_CACHE_DIR": "/somewhere", "CLEW_CACHE_SIZE": "1000"}
    assert Settings.from_environment(given) == Settings(jit=False, threads=3, cache_dir=Path("/somewhere"), cache_size=1000)
    assert Settings.from_environment({"CLEW_JIT": "", "CLEW_THREADS": ""}) == Settings.from_environment({})
    assert Settings.from_environment({"CLEW_JIT": "1"}).jit and not Settings.from_environment({"CLEW_JIT": "false"}).jit


@pytest.mark.parametrize(
    ("variable", "text", "what"),
    [
        ("CLEW_JIT", "maybe", "on or off"),
        ("CLEW_THREADS", "two", "a whole number from 1 to 1023"),
        ("CLEW_THREADS", "0", "a whole number from 1 to 1023"),
        ("CLEW_CACHE_SIZE", "1GB", "a whole number of bytes, 0 or more"),
        ("CLEW_CACHE_SIZE", "-1", "a whole number of bytes, 0 or more"),
    ],
)
def test_what_the_environment_may_not_say(variable: str, text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings.from_environment({variable: text})
    assert str(caught.value) == f"the environment variable {variable} is {text!r}; set it to {what}, or unset it"


def test_it_is_read_when_a_setting_is_first_asked_for() -> None:
    program = "import clew; from clew.config import config; print('here'); config.threads"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | {"CLEW_THREADS": "x"}, check=False
    )
    assert out.returncode == 1 and out.stdout == "here\n"
    assert "UsageError: the environment variable CLEW_THREADS is 'x'" in out.stderr


def test_changes_for_good_and_for_a_while(tmp_path: Path) -> None:
    c = Config()
    seen: list[Settings] = []
    c.watch(seen.append)
    c.update(threads=4, cache_dir=str(tmp_path))
    assert (c.threads, c.cache_dir) == (4, tmp_path) and seen == [c.settings]
    with c(jit=False, threads=2):
        assert (c.jit, c.threads) == (False, 2)
        c.update(cache_size=5)
        with pytest.raises(ZeroDivisionError), c(threads=1):
            1 / 0  # noqa: B018
        assert c.threads == 2
    assert (c.jit, c.threads, c.cache_size) == (Settings().jit, 4, 5), "what was changed inside for good stays"
    assert seen[-1] is c.settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thread": 4}, "there is no setting 'thread'; there are jit, threads, cache_dir, cache_size"),
        ({"threads": 0}, "the setting threads is a whole number from 1 to 1023, not 0"),
        ({"threads": 2.0}, "the setting threads is a whole number from 1 to 1023, not 2.0"),
        ({"threads": True}, "the setting threads is a whole number from 1 to 1023, not True"),
        ({"jit": "off"}, "the setting jit is True or False, not 'off'"),
        ({"cache_size": -1}, "the setting cache_size is a whole number of bytes, 0 or more, not -1"),
        ({"cache_dir": 3}, "the setting cache_dir is a folder, not 3"),
    ],
)
def test_refusals(changes: dict[str, object], message: str) -> None:
    before = config.settings
    for change in (config.update, lambda **c: config(**c).__enter__()):
        with pytest.raises(UsageError) as caught:
            change(**changes)
        assert str(caught.value) == message
    assert config.settings is before


def test_settings_are_not_assigned() -> None:
    with pytest.raises(UsageError, match=r"settings are changed with config.update\(threads=2\)"):
        config.threads = 2  # type: ignore[misc]
    with pytest.raises(UsageError, match="there is no setting 'thread'"):
        config.thread = 2  # type: ignore[attr-defined]


def test_it_prints_itself() -> None:
    c = Config()
    c.update(jit=True, threads=2, cache_dir="/c", cache_size=9)
    assert repr(c) == "jit = True\nthreads = 2\ncache_dir = /c\ncache_size = 9"


# Processors


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


UNIFIED = "0::/user/job\n"
SPLIT = "4:memory:/job\n3:cpu,cpuacct:/user/job\n0::/\n"


@pytest.mark.parametrize(
    ("files", "grant"),
    [
        ({}, 1e6),
        ({"proc/self/cgroup": UNIFIED}, 1e6),
        ({"proc/self/cgroup": UNIFIED, "sys/fs/cgroup/user/job/cpu.max": "max 100000\n"}, 1e6),
        ({"proc/self/cgroup": UNIFIED, "sys/fs/cgroup/user/job/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": UNIFIED, "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),  # in a container
        (
            {
                "proc/self/cgroup": UNIFIED,
                "sys/fs/cgroup/user/job/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/user/cpu.max": "200000 100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": SPLIT,
                "sys/fs/cgroup/cpu/user/job/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/user/job/cpu.cfs_period_us": "100000\n",
            },
            1e6,
        ),
        (
            {
                "proc/self/cgroup": SPLIT,
                "sys/fs/cgroup/cpu,cpuacct/user/job/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/user/job/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
    ],
)
def test_shares_of_control_groups(tmp_path: Path, files: dict[str, str], grant: float) -> None:
    root = write(tmp_path, files)
    assert share(root) == grant
    assert processors(root) == max(1, min(processors(tmp_path / "none"), int(grant)))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_affinity() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert processors() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_folders_of_caches() -> None:
    assert caches("linux", {"HOME": "/h"}) == Path("/h/.cache/clew")
    assert caches("linux", {"HOME": "/h", "XDG_CACHE_HOME": "/x"}) == Path("/x/clew")
    assert caches("darwin", {"HOME": "/h"}) == Path("/h/Library/Caches/clew")
    assert caches("win32", {"HOME": "/h", "LOCALAPPDATA": "/l"}) == Path("/l/clew")
