"""The rows of the table: each step of a compiled function, and below a loop those of its step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...ir import UNKNOWN, Array, Graph, Value, evaluate
from ...loops import Scan, Switch, While
from ...ops.items import items
from ..looping import Around
from ..outside import Reference
from ..steps import PARALLEL, Step
from . import work
from .calibration import Limits
from .origin import Origin
from .timing import Timed


@dataclass(frozen=True)
class Row:
    """One kernel, loop, or op that runs its reference.

    ``seconds`` are of one run, within a loop of one turn. ``share`` is that of the machine's limit: what ``flops`` take at
    least, or ``nbytes`` (``bound`` says which is more), over the seconds.
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


def rows(timed: Timed, inputs: Sequence[Array], limits: Limits, origin: Origin, above: str = "", first: int = 1) -> list[Row]:
    """A row for each step; the steps are timed on these inputs, which they may write to."""
    operands = known(timed, inputs)
    seconds = timed.times(inputs)
    return [
        row(step, f"{above}{k}", took, limits, origin, operands)
        for k, (step, took) in enumerate(zip(timed.routine.steps, seconds, strict=True), first)
    ]


def known(timed: Timed, inputs: Sequence[Array]) -> dict[Value, Any]:
    """What the operands of loops are."""
    routine = timed.routine
    wanted = [x for step in routine.steps if isinstance(step, Around) for v in step.values for x in v.operands]
    return evaluate(wanted, dict(zip(routine.graph.inputs, inputs, strict=True))) if wanted else {}


def row(step: Step, number: str, seconds: float, limits: Limits, origin: Origin, operands: dict[Value, Any]) -> Row:
    words = origin.words(step.values)
    tasks = max((call.tasks for call in step.calls), default=1)
    shared = any(call.cycles > PARALLEL and call.tasks > 1 for call in step.calls)
    inner, turns = within(step, number, limits, origin, operands)
    flops = work.flops(step) if not inner else (turns or 1) * sum(x.flops for x in inner)
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
        least[bound] / seconds if seconds > 0 else 0.0,
        bound,
        tasks,
        min(limits.threads, tasks) if shared else 1,
        turns,
        why(step) if isinstance(step, Reference) else "",
        str(step.kernel) if step.kernel is not None else "",
        inner=inner,
    )


def kind(step: Step) -> str:
    if isinstance(step, Reference):
        return "NumPy"
    if isinstance(step, Around):
        op = step.values[0].op
        return "while" if isinstance(op, While) else "scan" if isinstance(op, Scan) else "branches"
    return "product" if step.made is not None else "loops" if step.kernel is not None else "native"


def why(step: Step) -> str:
    """Why a step runs its reference."""
    (v,) = step.values
    assert v.op is not None
    unknown = any(UNKNOWN in x.shape for x in (*items(v), *v.operands))
    return "sizes known only as it runs" if unknown else f"no native code for {v.op.name}"


def within(
    step: Step, number: str, limits: Limits, origin: Origin, operands: dict[Value, Any]
) -> tuple[tuple[Row, ...], int | None]:
    """The rows of a loop's step, timed on the operands of its first turn; and how often it turns."""
    if not isinstance(step, Around):
        return (), None
    (v,) = step.values
    op, given = v.op, [operands[x] for x in v.operands]
    assert op is not None
    found: list[Row] = []
    for name, graph in op.graphs.items():
        timed = Timed(graph)
        inner = Origin(graph, timed.routine, origin.known)
        made = rows(timed, first_turn(op, graph, given), limits, inner, f"{number}.", len(found) + 1)
        found += [replace(x, part=name) for x in made] if len(op.graphs) > 1 else made
    return tuple(found), getattr(op, "length", None)


def first_turn(op: Any, graph: Graph, given: list[Any]) -> list[Array]:
    """What a loop's graph is given in its first turn."""
    if isinstance(op, Scan):
        last = op.carries + op.scans
        rows = [x[-1 if op.reverse else 0] for x in given[op.carries : last]]
        return [*given[: op.carries], *rows, *given[last:]]
    return given[1:] if isinstance(op, Switch) else given
