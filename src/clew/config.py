"""The settings, and the one place where they are read from the environment.

========== =================== =============================================== ==========================================
setting    variable            meaning                                         unless it is set
========== =================== =============================================== ==========================================
jit        ``CLEW_JIT``        ``off``: compiled functions run eagerly         ``on``
threads    ``CLEW_THREADS``    threads that compiled code runs on              the processors this process may use
cache_dir  ``CLEW_CACHE_DIR``  folder of compiled code                         ``clew`` in the user's folder of caches
cache_size ``CLEW_CACHE_SIZE`` bytes it may hold; 0: nothing is stored         268435456 (256 MiB)
========== =================== =============================================== ==========================================

>>> from clew.config import config
>>> with config(jit=False, threads=1):
...     config.jit, config.threads
(False, 1)

Settings belong to the process: they hold in all its threads.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .errors import UsageError

MOST_THREADS = 1023
SWITCH = {"on": True, "1": True, "true": True, "yes": True, "off": False, "0": False, "false": False, "no": False}


def processors(root: Path = Path("/")) -> int:
    """How many processors this process may use: its affinity, or its share of time (``share``) where that is less."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(there, int(share(root)), MOST_THREADS))  # rounded down: threads beyond the share are stopped in turns


def share(root: Path = Path("/")) -> float:
    """Processors' worth of time that Linux's control groups grant; a million where they set no limit.

    A limit of any group above counts as well. In a container the path of the own group may be the host's, which is not
    there; then the root of what is mounted is the own group.
    """
    grants = [1e6]
    for line in _text(f"{root}/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2, alone or beside version 1
            places, read = {"", "unified"}, _grant_2
        elif "cpu" in controllers.split(","):
            places, read = {"cpu", controllers}, _grant_1
        else:
            continue
        names = path.strip("/").split("/")
        groups = ["/".join(names[:count]) for count in range(len(names) + 1)]
        grants += [read(f"{root}/sys/fs/cgroup/{place}/{group}") for place in places for group in dict.fromkeys(groups)]
    return min(grants)


def _grant_2(group: str) -> float:
    quota, _, period = _text(f"{group}/cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() else 1e6


def _grant_1(group: str) -> float:
    quota = _text(f"{group}/cpu.cfs_quota_us").strip()
    return int(quota) / int(_text(f"{group}/cpu.cfs_period_us")) if quota.isdecimal() else 1e6  # -1: no limit


def _text(file: str) -> str:
    """What the system says there; it is short, and layers of reading would take longer than it."""
    try:
        with open(file, "rb", buffering=0) as raw:  # noqa: PTH123
            return raw.read().decode()
    except OSError:
        return ""


def caches(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """The user's folder of caches, where this system has it, and in it ours."""
    home = Path.home() if "HOME" not in environment else Path(environment["HOME"])
    if platform == "darwin":
        return home / "Library/Caches/clew"
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData/Local") / "clew"
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "clew"


@dataclass(frozen=True)
class Settings:
    """All settings at one time. Each is checked; the environment's are read by ``from_environment``."""

    jit: bool = True
    threads: int = field(default_factory=processors)
    cache_dir: Path = field(default_factory=caches)
    cache_size: int = 256 << 20

    def __post_init__(self) -> None:
        _check("jit", self.jit, "True or False", isinstance(self.jit, bool))
        _check("threads", self.threads, f"a whole number from 1 to {MOST_THREADS}", _whole(self.threads, 1, MOST_THREADS))
        _check("cache_dir", self.cache_dir, "a folder", isinstance(self.cache_dir, Path))
        _check("cache_size", self.cache_size, "a whole number of bytes, 0 or more", _whole(self.cache_size, 0, 1 << 62))

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
        """What the variables say; one that is missing or empty leaves the default."""
        given: dict[str, Any] = {}
        for name, (read, what) in READ.items():
            variable = f"CLEW_{name.upper()}"
            if text := environment.get(variable, "").strip():
                try:
                    given[name] = read(text)
                    Settings(**{"threads": 1, "cache_dir": Path(), name: given[name]})
                except (KeyError, ValueError):
                    raise UsageError(
                        f"the environment variable {variable} is {text!r}; set it to {what}, or unset it"
                    ) from None
        return Settings(**given)


READ: dict[str, tuple[Callable[[str], Any], str]] = {
    "jit": (lambda text: SWITCH[text.lower()], "on or off"),
    "threads": (int, f"a whole number from 1 to {MOST_THREADS}"),
    "cache_dir": (lambda text: Path(text).expanduser(), "a folder"),
    "cache_size": (int, "a whole number of bytes, 0 or more"),
}


def _whole(x: object, low: int, high: int) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and low <= x <= high


def _check(name: str, value: object, what: str, right: bool) -> None:
    if not right:
        raise UsageError(f"the setting {name} is {what}, not {value!r}")


class Config:
    """The settings that hold now. They are read from the environment when one of them is first asked for.

    ``config.update(threads=4)`` changes some for good, ``with config(jit=False):`` for a while.
    """

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._lock = threading.RLock()
        self._watchers: list[Callable[[Settings], None]] = []

    @property
    def settings(self) -> Settings:
        """All of them, as they are now."""
        if self._settings is None:
            self._settings = Settings.from_environment()
        return self._settings

    @property
    def jit(self) -> bool:
        return self.settings.jit

    @property
    def threads(self) -> int:
        return self.settings.threads

    @property
    def cache_dir(self) -> Path:
        return self.settings.cache_dir

    @property
    def cache_size(self) -> int:
        return self.settings.cache_size

    def update(self, **changes: Any) -> None:
        """Change the named settings."""
        for name in changes:
            _known(name)
        if isinstance(folder := changes.get("cache_dir"), str | os.PathLike):
            changes["cache_dir"] = Path(folder).expanduser()
        with self._lock:
            self._settings = replace(self.settings, **changes)
            for watcher in self._watchers:
                watcher(self._settings)

    @contextmanager
    def _while(self, changes: dict[str, Any]) -> Iterator[None]:
        before = self.settings
        self.update(**changes)
        try:
            yield
        finally:
            self.update(**{name: getattr(before, name) for name in changes})

    def __call__(self, **changes: Any) -> Any:
        """``with config(threads=1): ...`` changes settings for the block."""
        return self._while(changes)

    def watch(self, watcher: Callable[[Settings], None]) -> None:
        """Call ``watcher`` with the new settings after each change."""
        self._watchers.append(watcher)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        _known(name)
        raise UsageError(f"settings are changed with config.update({name}={value!r})")

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {getattr(self, name)}" for name in names())


def names() -> list[str]:
    return [f.name for f in fields(Settings)]


def _known(name: str) -> None:
    if name not in names():
        raise UsageError(f"there is no setting {name!r}; there are {', '.join(names())}")


config = Config()
