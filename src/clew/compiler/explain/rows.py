"""The rows of the table: each step of a compiled function, and below a loop those of its step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np

from ...ir import UNKNOWN, Array, Value, evaluate, quiet
from ...loops import Scan, Switch, While
from ...ops.items import items
from ..bands import Band, Body
from ..looping import Around
from ..outside import Reference
from ..steps import PARALLEL, Step
from . import work
from .calibration import Limits
from .origin import Origin, Words
from .timing import Timed


@dataclass(frozen=True)
class Row:
    """One kernel, loop, or op that runs its reference.

    ``seconds`` are of one run, within a loop of one turn, and NaN in a branch that is not taken. ``share`` is that of the
    machine's limit: what ``flops`` take at least, or ``nbytes`` (``bound`` says which is more), over the seconds.
    """

    number: str
    kind: str  # loops, product, native, NumPy, scan, while, branches
    gates: tuple[str, ...]
    names: tuple[str, ...]
    scopes: tuple[str, ...]
    lines: tuple[str, ...]
    loops: str
    flops: int
    nbytes: int
    seconds: float
    share: float
    bound: str  # flops or bytes
    tasks: int
    threads: int
    turns: int | None  # of a loop, where they are known beforehand
    note: str
    tree: str
    part: str = ""  # of a loop that has several graphs: which one it belongs to
    inner: tuple[Row, ...] = ()

    def walk(self) -> Iterator[Row]:
        """The row and those within it."""
        yield self
        for row in self.inner:
            yield from row.walk()


def rows(
    timed: Timed, inputs: Sequence[Array] | None, limits: Limits, origin: Origin, above: str = "", first: int = 1
) -> list[Row]:
    """A row for each step; the steps are timed on these inputs, which they may write to. Without inputs nothing is run."""
    steps = timed.routine.steps
    operands = {} if inputs is None else known(timed, inputs)
    seconds = [nan] * len(steps) if inputs is None else timed.times(inputs)
    return [
        row(step, f"{above}{k}", took, limits, origin, operands)
        for k, (step, took) in enumerate(zip(steps, seconds, strict=True), first)
    ]


def known(timed: Timed, inputs: Sequence[Array]) -> dict[Value, Any]:
    """What the operands of loops are."""
    routine = timed.routine
    wanted = [x for step in routine.steps if isinstance(step, Around) for v in step.values for x in v.operands]
    point = dict(zip(routine.graph.inputs, inputs, strict=True))
    found: dict[Value, Any] = quiet.run(evaluate, wanted, point) if wanted else {}
    return found


def row(step: Step, number: str, seconds: float, limits: Limits, origin: Origin, operands: dict[Value, Any]) -> Row:
    words = origin.words(step.values)
    tasks = max((call.tasks for call in step.calls), default=1)
    shared = any(call.cycles > PARALLEL and call.tasks > 1 for call in step.calls)
    op: Any = step.values[0].op
    turns = op.count if isinstance(op, Band) else getattr(op, "length", None) if isinstance(step, Around) else None
    inner = within(step, number, limits, origin, operands) if isinstance(step, Around) and turns != 0 else ()
    if isinstance(op, Band):
        words = together(inner)
        flops = sum(x.flops * op.cells[k].count for k, part in enumerate(slices(op)) for x in inner if x.part == part)
    else:
        flops = of_turns(inner, 1 if turns is None else turns) if isinstance(step, Around) else work.flops(step)
    nbytes = work.nbytes(step)
    least = {"flops": flops / limits.arithmetic(work.bits(step)), "bytes": nbytes / limits.bandwidth(nbytes)}
    bound = max(least, key=lambda x: least[x])
    return Row(
        number,
        kind(step),
        words.gates,
        words.names,
        words.scopes,
        words.lines,
        work.shape(step),
        flops,
        nbytes,
        seconds,
        least[bound] / seconds if seconds else 0.0,
        bound,
        tasks,
        min(limits.threads, tasks) if shared else 1,
        turns,
        why(step) if isinstance(step, Reference) else "",
        step.tree,
        inner=inner,
    )


def slices(op: Band) -> list[str]:
    """What its bodies are called."""
    return [""] if len(op.bodies) == 1 else ["slices", "last slices"]


def together(rows: Sequence[Row]) -> Words:
    """What several rows say, each thing once."""

    def union(field: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(x for row in rows for x in getattr(row, field)))

    return Words(union("gates"), union("names"), union("scopes"), union("lines"))


def of_turns(inner: Sequence[Row], turns: int) -> int:
    """The operations of a loop, or of the branch that has most."""
    parts: dict[str, int] = {}
    for x in inner:
        part = x.part if x.part.startswith("branches") else ""
        parts[part] = parts.get(part, 0) + x.flops
    return turns * max(parts.values(), default=0)


def kind(step: Step) -> str:
    if isinstance(step, Reference):
        return "NumPy"
    if isinstance(step, Around):
        op = step.values[0].op
        if isinstance(op, Band):
            return "band"
        return "while" if isinstance(op, While) else "scan" if isinstance(op, Scan) else "branches"
    return "product" if step.made is not None else "loops" if step.kernel is not None else "native"


def why(step: Step) -> str:
    """Why a step runs its reference."""
    (v,) = step.values
    assert v.op is not None
    unknown = any(UNKNOWN in x.shape for x in (*items(v), *v.operands))
    return "sizes known only as it runs" if unknown else f"no native code for {v.op.name}"


def within(step: Around, number: str, limits: Limits, origin: Origin, operands: dict[Value, Any]) -> tuple[Row, ...]:
    """The rows of a loop's step, timed on the operands of its first turn, and of a band's slice, timed on the first one; of
    branches, only that which is taken is run."""
    (v,) = step.values
    assert v.op is not None
    given = [operands[x] for x in v.operands] if operands else None
    found: list[Row] = []
    names = slices(v.op) if isinstance(v.op, Band) else list(v.op.graphs)
    for k, (name, graph) in enumerate(zip(names, v.op.graphs.values(), strict=True)):
        timed = Timed(graph, graph.updates if isinstance(graph, Body) else None)
        inputs = None if given is None else first_turn(v.op, k, given)
        inner = origin.within(v, k, timed.routine) if isinstance(v.op, Band) else Origin(graph, timed.routine, origin.known)
        made = rows(timed, inputs, limits, inner, f"{number}.", len(found) + 1)
        found += [replace(x, part=name) for x in made] if len(names) > 1 else made
    return tuple(found)


def first_turn(op: Any, k: int, given: list[Any]) -> list[Array] | None:
    """What graph ``k`` of a loop is given in its first turn; None if that branch is not taken."""
    if isinstance(op, Scan):
        last = op.carries + op.scans
        rows = [x[-1 if op.reverse else 0] for x in given[op.carries : last]]
        return [*given[: op.carries], *rows, *given[last:]]
    if isinstance(op, Band):
        return [*given, *(np.zeros(t.shape, t.dtype) for t in op.totals)]
    if isinstance(op, Switch):
        taken = min(max(int(given[0]), 0), len(op.branches) - 1)
        return given[1:] if k == taken else None
    return given
