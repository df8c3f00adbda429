"""Errors that say where: the user's line, and what each operand is and where it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from .site import Site
from .value import Value

E = TypeVar("E", bound=Exception)


def located(error: E, operands: Sequence[Any], place: tuple[Any, int, str]) -> E:
    """The error with the user's line and its operands added to the text (once)."""
    text = str(error)
    if "\n  at " in text:
        return error
    lines = [text, f"  at {Site(*place)}"]
    lines += [f"  operand {k}: {describe(x)}" for k, x in enumerate(operands)]
    return type(error)("\n".join(lines))


def describe(x: Any) -> str:
    """An operand in an error's text."""
    if x.__class__ is not Value:
        return f"{x!r:.60}"
    name = f"{x.name}: {x.type}" if x.name else f"{x.type}"
    if x.op is None:
        return f"{name}, a constant"
    if not x.operands:
        return f"{name}, {'a variable' if x.label and x.label.variable else f'an {x.op.name}'}"
    return f"{name}, made by {x.op.name} at {x.site}" if x.site else f"{name}, made by {x.op.name}"
