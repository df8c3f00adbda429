"""The pool's native code as LLVM text. Only a process that finds it compiled nowhere imports this."""

from __future__ import annotations

from ..block import Module
from . import interrupt, region
from .machine import System


def text(on: System) -> str:
    """The whole module."""
    m = Module()
    region.write(m, on)
    interrupt.write(m, on)
    return m.text
