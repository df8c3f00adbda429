"""A call of a signature that brings state or takes some: written out, as a caller would by hand.

The state comes to the inputs, native code runs, and what it made is taken over, whole or not at all.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..._source import function
from ...errors import UsageError
from ...ir import INPUT, Array, Site, Value, here
from ...variable import SLOT, Variable

if TYPE_CHECKING:
    from .entry import Entry

WRITTEN = 16  # of a kind, up to which each variable, number or gradient has lines of its own
PLAIN, FORTRAN = 0x507, 2  # of an array's flags: its own memory, aligned, writable, contiguous (in both orders, or in C's)
put, references = SLOT.__set__, sys.getrefcount


def _references() -> tuple[int, int]:
    """How many references a value and its array have that only a variable holds, where a call counts them."""
    v = Variable(np.zeros(1))
    old = v.value
    array = old.data
    return references(old), references(array)


HELD, ALONE = _references()
WORD = np.uint32  # how native code is told the first number to draw
# One call at a time changes variables. A signal's handler may call between the lock and the note of whose it is.
changing = threading.RLock()
under_way: list[Any] = [0, ""]  # on which thread that is, and the function's name

UPDATED = (
    "old = {x}.value",
    "array = old.data",
    "if references(old) != HELD or references(array) != ALONE or array.flags.num | FORTRAN != PLAIN:",
    "    array = copied({x}, old, fresh)",
    "inputs.append(array)",
)
SCALAR = ("inputs.append({x}.value.data)",)
NUMBER = ("inputs.append(number({x}.holder[{x}.name]))",)
BEFORE = ("inputs.append({x}.label.grad)",)
DRAWN = (
    "for generator, count in draws:",
    "    key, first = generator.reserve(count)",
    "    drawn += 1",
    "    inputs += (key, word(first))",
)
BACK = ("for generator, count in draws[:drawn]:", "    generator.back(count)")
USED = ("if {x}.grad is not used_up:", "    {x}.grad, {x}.fresh = used_up, False")  # else it is not fresh either


def running(entry: Entry, most: int = WRITTEN) -> Callable[[list[Array]], list[Any]]:
    """``run(inputs)``: the results' arrays (and behind them the new state, which has been taken over). What there is more of
    than ``most`` is a loop."""
    text = _Text(entry, most)
    return function("run", "\n".join(["def run(inputs):", *_indented(text.lines())]), text.names)


class _Text:
    """The lines of ``run``, and the names in them."""

    def __init__(self, entry: Entry, most: int) -> None:
        self.entry, self.most = entry, most
        self.names: dict[str, Any] = {
            "name": entry.name,
            "compute": entry.compute,
            "done": entry.compiled.done,
            "number": entry.number,
            "draws": entry.draws,
            "word": WORD,
            "used_up": entry.used_up,
            "changing": changing,
            "under_way": under_way,
            "own": threading.get_ident,
            "refuse": refuse,
            "references": references,
            "copied": copied,
            "put": put,
            "HELD": HELD,
            "ALONE": ALONE,
            "FORTRAN": FORTRAN,
            "PLAIN": PLAIN,
        }

    def lines(self) -> list[str]:
        e = self.entry
        if e.pure:
            return self._run([])
        changes = self._each("label", e.used, USED)
        if e.updated:
            changes += ["for variable, value in fresh:", "    put(variable, value)"]
        if e.more:
            changes += ["take_over(made)"]
            self.names["take_over"] = e.take_over
        state = [*self._each("variable", e.updated, UPDATED), *self._each("scalar", e.scalars, SCALAR)]
        begin = ["me = own()", "if under_way[0] == me:", "    refuse(name)", "with changing:", "    try:"]
        run = ["under_way[0] = me", "under_way[1] = name", "fresh = []", *state, *self._run(changes)]
        return [*begin, *_indented(_indented(run)), "    finally:", "        under_way[0] = 0"]

    def _run(self, changes: list[str]) -> list[str]:
        """``changes`` take the new state over, and can be done twice."""
        e = self.entry
        taken = [*self._each("attribute", e.numbers, NUMBER), *self._each("gradient", e.before, BEFORE)]
        drawing, back = (DRAWN, BACK) if e.draws else ((), ())
        lines = [*taken, "made, drawn, late = [], 0, None", "try:", *_indented([*drawing, "made = compute(inputs, made)"])]
        lines += ["except BaseException as error:", "    if not done(inputs, made):", *_indented(_indented([*back, "raise"]))]
        lines += ["    late = error"]
        if changes:  # what has begun is finished, whatever a signal's handler raises
            lines += ["try:", *_indented(changes), "except BaseException:", *_indented([*changes, "raise"])]
        return [*lines, "if late is not None:", "    raise late", "return made"]

    def _each(self, kind: str, items: Sequence[Any], lines: Sequence[str]) -> list[str]:
        """The lines for each of the items ``x``."""
        if len(items) > self.most:
            self.names[f"{kind}s"] = items
            return [f"for {kind} in {kind}s:", *_indented([line.format(x=kind) for line in lines])]
        self.names |= {f"{kind}{k}": x for k, x in enumerate(items)}
        return [line.format(x=f"{kind}{k}") for k in range(len(items)) for line in lines]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def copied(v: Variable, old: Value, fresh: list[tuple[Variable, Value]]) -> Array:
    """Memory of the variable's own, for what others may see or native code cannot write to; ``fresh`` notes it."""
    array: Array = old.data.copy()
    fresh.append((v, Value(INPUT, (), old.type, array, old.label)))
    return array


def refuse(name: str) -> NoReturn:
    raise UsageError(
        f"{name}: a signal's handler called it while {under_way[1]} was changing variables; let the handler take a note, and "
        f"call {name} afterwards\n  at {Site(*here())}"
    )
