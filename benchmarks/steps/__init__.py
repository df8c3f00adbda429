"""Each peer's way from a function and numbers to something that runs: one module each, with ``make(function, work)``."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ..work import Row, Side, Work

PEERS = ("clew", "torch", "compile", "jax", "pytensor")
PACKAGES = {"compile": "torch"}  # the others are packages themselves
LATER = {"clew": [f"clew.compiler.{x}" for x in ("compiled", "linking", "llvm", "parts", "threads.text", "writing")]}


def available(peers: list[str]) -> list[str]:
    """Those that are installed here."""
    return [peer for peer in peers if find_spec(PACKAGES.get(peer, peer))]


def load(peer: str) -> None:
    """Import what the peer would import when it first compiles."""
    for name in LATER.get(peer, ()):
        import_module(name)


def knows(peer: str, row: Row) -> bool:
    """Whether the peer has the row's function; this imports the peer."""
    return peer not in row.without and hasattr(_functions(peer), row.function)


def side(peer: str, row: Row, work: Work) -> Side:
    functions = _functions(peer)
    name = f"{row.function}_gates"  # what is given to torch.compile, where the plain function is a layer of PyTorch's
    function = getattr(functions, name if peer == "compile" and hasattr(functions, name) else row.function)
    made: Side = import_module(f".{peer}_steps", __name__).make(function, work)
    return made


def _functions(peer: str) -> ModuleType:
    return import_module(f"..functions.{PACKAGES.get(peer, peer)}_functions", __name__)
