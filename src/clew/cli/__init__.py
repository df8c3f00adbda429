"""The command line: ``clew graph``, ``clew check``, ``clew demo``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from .._version import __version__
from ..errors import ClewError

COMMANDS = {"graph": "clew.cli.graph", "check": "clew.cli.check", "demo": "clew.cli.demo"}  # loaded when called

HELP = """\
clew: see an expression as a graph, and follow the thread back for every gradient

  clew graph EXPRESSION NAME=VALUE ...   the graph of an expression: every value and every gradient
  clew check EXPRESSION NAME=VALUE ...   its gradients against numerical ones
  clew demo                              a network learns to read digits

  clew COMMAND --help                    more about a command
  clew --version                         the version

examples
  clew graph "(x + y) * z" x=1 y=3 z=-3
  clew graph "p = x + y; g = p * z" x=1 y=3 z=-3 --steps
  clew graph "sigmoid(a*x + b*y + c)" a=1 b=2 c=-3 x=-1 y=3 --svg neuron.svg
  clew graph "mean((w @ x - 1) ** 2)" w=[[1,2],[3,4]] x=[0.5,-1] --wrt w
  clew check "log(1 + exp(x))" x=2\
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Its exit code: 0, 1 if a check failed, 2 if it was used wrongly (one line on stderr says how)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows a question mark
    name = arguments[0] if arguments else "--help"
    if name in ("--help", "-h", "help"):
        print(HELP)
        return 0
    if name == "--version":
        print(f"clew {__version__}")
        return 0
    if name not in COMMANDS:
        return wrong("clew", f"there is no command {name!r}; there are {', '.join(COMMANDS)} (see clew --help)")
    return run(name, arguments[1:])


def run(name: str, arguments: list[str]) -> int:
    try:
        code = int(importlib.import_module(COMMANDS[name]).main(arguments) or 0)
        sys.stdout.flush()
        return code
    except ClewError as error:
        return wrong(f"clew {name}", str(error).splitlines()[0])
    except BrokenPipeError:  # whoever read our output has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RecursionError, MemoryError) as error:
        return wrong(f"clew {name}", "this is too deep" if isinstance(error, RecursionError) else "this needs too much memory")
    except OSError as error:
        return wrong(f"clew {name}", f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return 130


def wrong(command: str, why: str) -> int:
    print(f"{command}: {why}", file=sys.stderr)
    return 2
