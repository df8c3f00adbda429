"""The names in a function's code, in the order of its instructions: a part of what ``dis`` tells, in a fifth of its time."""

from __future__ import annotations

import dis
import functools
import sys
from types import CodeType
from typing import NamedTuple

PADDING = dis.opmap["CACHE"]
FLAGS = {"LOAD_GLOBAL": 1, "LOAD_SUPER_ATTR": 2}  # bits of the argument that are no part of the name's number
if sys.version_info >= (3, 12):
    FLAGS["LOAD_ATTR"] = 1
IN_NAMES = {code: FLAGS.get(dis.opname[code], 0) for code in dis.hasname}
KINDS = ("LOAD_DEREF", "LOAD_FAST")
VARIABLES = {  # one each: later versions of Python also have instructions that load two
    code for name, code in dis.opmap.items() if name.startswith(KINDS) and name.count("LOAD") == 1
}


class Named(NamedTuple):
    """An instruction that has a name."""

    place: int
    operation: str
    name: str
    next: bool  # whether it comes right after the one before it in the list

    @property
    def is_variable(self) -> bool:
        """Whether it loads a variable of the function's, or of one around it."""
        return self.operation.startswith(KINDS)

    @property
    def is_global(self) -> bool:
        return self.operation.endswith(("_GLOBAL", "_NAME"))


@functools.lru_cache(maxsize=4096)
def named(code: CodeType) -> list[Named]:
    """Those that load variables, and all that mention globals and attributes."""
    found: list[Named] = []
    names = code.co_names
    variables = (*code.co_varnames, *[x for x in code.co_cellvars if x not in code.co_varnames], *code.co_freevars)
    extended, follows, instructions = 0, False, code.co_code
    for place in range(0, len(instructions), 2):
        operation, argument = instructions[place], instructions[place + 1] | extended
        if operation == PADDING:
            continue
        extended = argument << 8 if operation == dis.EXTENDED_ARG else 0
        if operation in IN_NAMES:
            found.append(Named(place, dis.opname[operation], names[argument >> IN_NAMES[operation]], follows))
            follows = True
        elif operation in VARIABLES:
            found.append(Named(place, dis.opname[operation], variables[argument], follows))
            follows = True
        elif not extended:
            follows = False
    return found
