"""The signatures that a function was compiled for, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Signature:
    """What one compiled version holds for: each argument's type, or its value where it is no array."""

    number: int
    arguments: dict[str, str]
    reason: str

    def __str__(self) -> str:
        given = ", ".join(f"{name}: {what}" for name, what in self.arguments.items()) or "no arguments"
        return f"{self.number}: {given}\n   {self.reason}"


class Signatures(list[Signature]):
    """Printed, one after the other."""

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing was compiled yet"


def reason(arguments: dict[str, str], before: Sequence[Signature], changes: list[str]) -> str:
    """Why a signature is another than those before: what differs from the one that is most like it."""
    if not before:
        return "the first call"
    if changes:
        return "; ".join(changes) + " before"
    nearest = min(reversed(before), key=lambda s: len(_differences(arguments, s.arguments)))
    return "; ".join(_differences(arguments, nearest.arguments)) or "the objects among the arguments are others"


def _differences(now: dict[str, str], was: dict[str, str]) -> list[str]:
    told = [
        f"argument {name}: {what} was {was[name]} before" if name in was else f"argument {name}: {what} was not there before"
        for name, what in now.items()
        if was.get(name) != what
    ]
    return told + [f"argument {name}: {what} is not there any more" for name, what in was.items() if name not in now]
