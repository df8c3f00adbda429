"""What the commands on expressions share: their arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import UsageError
from .expression import Expression, number


class OneLine(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


class Parser(OneLine):
    """A parser of ``EXPRESSION NAME=VALUE ...`` among options."""

    def __init__(self, command: str, description: str, options: str, epilog: str) -> None:
        super().__init__(
            prog=f"clew {command}",
            usage=f"clew {command} EXPRESSION NAME=VALUE ...{options}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument("arguments", nargs="*", metavar="EXPRESSION NAME=VALUE", help=argparse.SUPPRESS)

    def read(self, argv: Sequence[str]) -> tuple[Expression, dict[str, Any], argparse.Namespace]:
        """The expression, the values of its variables, and the options."""
        # An expression may start with a minus; with a space before it, it does not look like an option.
        shielded = [f" {a}" if re.match(r"-[^-]", a) and a != "-h" else a for a in argv]
        options = self.parse_intermixed_args(shielded)
        if not options.arguments:
            self.error("which expression? For example: " + self.prog + ' "(x + y) * z" x=1 y=3 z=-3')
        first, *rest = options.arguments
        values = assignments(rest)
        expression = Expression(first, values)
        return expression, {name: number(name, values[name]) for name in expression.variables}, options


def assignments(arguments: Sequence[str]) -> dict[str, str]:
    """``x=1 y=3`` as a dictionary."""
    values: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = (part.strip() for part in argument.partition("="))
        if not equals or not name.isidentifier():
            raise UsageError(f"{argument.strip()!r} is not NAME=VALUE; an expression with spaces stands in quotes, and first")
        if not value:
            raise UsageError(f"{name}= has no value; write it without spaces, such as {name}=1")
        if name in values:
            raise UsageError(f"{name} is given twice: {name}={values[name]} and {name}={value}")
        values[name] = value
    return values
