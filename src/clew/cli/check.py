"""``clew check``: the gradients of an expression against numerical ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..errors import ClewError, UsageError
from ..transforms.check import check_gradients
from .arguments import Parser

EPILOG = """\
Expressions are those of clew graph. The exit code is 1 if the gradients differ.

examples
  clew check "log(1 + exp(x))" x=2
  clew check "sum((w @ x) ** 2)" w=[[1,2],[3,4]] x=[0.5,-1]"""


def main(argv: Sequence[str]) -> int:
    expression, values, _ = Parser("check", "The gradients of an expression against numerical ones.", "", EPILOG).read(argv)
    if not values:
        raise UsageError("there is nothing to check: the expression has no names")
    expression(*values.values())  # what is wrong with the expression itself is told as such
    try:
        report = check_gradients(expression, *values.values())
    except ClewError as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    return 0
