"""Which operating system and processor the pool is written for."""

from __future__ import annotations

import platform
import sys
from typing import NamedTuple

FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}  # numbers of the system call


class System(NamedTuple):
    """An operating system and a processor."""

    name: str
    machine: str
    futex: int  # the system call's number; 0: there is none

    @property
    def threads(self) -> bool:
        """Whether it has POSIX threads and signals; elsewhere all runs on the calling thread."""
        return self.name != "win32"


def here(futex: bool = True) -> System:
    """This system."""
    name, machine = sys.platform, platform.machine()
    return System(name, machine, FUTEX.get(machine, 0) if futex and name == "linux" else 0)
