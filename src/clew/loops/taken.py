"""A scan taken apart, to be put together again when its step does less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..ir import Graph, Value, parameter, rebuilt, toposort
from ..ops.broadcast import Broadcast, broadcast
from ..ops.contraction import Contract, parse
from ..ops.convolution import Convolve
from ..ops.items import Item
from ..ops.movement import Flip, Permute, Reshape, Slice
from ..passes.rewrite import number
from .scan import Scan

GROWTH = 4  # what is kept of all steps is at most so many times what the loop reads and writes in any case,
ALLOWANCE = 1 << 26  # or at most so many bytes


@dataclass(frozen=True)
class Taken:
    """A scan's parts: the parameters of its step with the operands that they stand for, and the results that are used."""

    op: Scan
    length: int
    first: dict[Value, Value]  # of each carry: what it starts from
    next: dict[Value, Value]  # and what it becomes
    rows: dict[Value, Value]
    fixed: dict[Value, Value]
    known: dict[int, Value]  # the results that are operands: of carries that stay what they were
    lasts: dict[int, Value]  # of each result used that is a last carry: the carry
    stacks: dict[int, Value]  # of each result used that is stacked: what the step returns

    @property
    def ends(self) -> list[Value]:
        return [*self.next.values(), *self.stacks.values()]

    @property
    def nbytes(self) -> int:
        """Of what is scanned and stacked."""
        return nbytes(self.rows.values()) + self.length * nbytes(self.stacks.values())

    @property
    def budget(self) -> int:
        return max(ALLOWANCE, GROWTH * self.nbytes)


def taken(op: Scan, operands: tuple[Value, ...], used: set[int]) -> Taken:
    """The scan's parts, less what no used result needs. A carry that stays what it was is fixed."""
    step, (first, rows, fixed) = op.parts, op.split(operands)
    assert op.length is not None
    still = {x: init for x, y, init in zip(step.carry, step.next, first, strict=True) if x is y}
    after = {x: y for x, y in zip(step.carry, step.next, strict=True) if x is not y}
    starts = {x: init for x, init in zip(step.carry, first, strict=True) if x in after}
    everything = Taken(
        op,
        op.length,
        starts,
        after,
        dict(zip(step.scanned, rows, strict=True)),
        dict(zip(step.fixed, fixed, strict=True)) | still,
        {k: still[x] for k, x in enumerate(step.carry) if x in still},
        {k: x for k, x in enumerate(step.carry) if k in used and x in after},
        {k: y for k, y in enumerate(step.graph.outputs) if k in used and k >= op.carries},
    )
    return alive(merged_operands(sunk(everything)))


def alive(t: Taken) -> Taken:
    """Without the carries that no result needs, and the operands that are not read."""
    live = set(t.lasts.values())
    while True:
        reached = set(toposort([*(y for x, y in t.next.items() if x in live), *t.stacks.values()]))
        more = {x for x in t.next if x in reached} - live
        if not more:
            break
        live |= more
    return replace(
        t,
        first={x: init for x, init in t.first.items() if x in live},
        next={x: y for x, y in t.next.items() if x in live},
        rows={x: outer for x, outer in t.rows.items() if x in reached},
        fixed={x: outer for x, outer in t.fixed.items() if x in reached},
    )


def sunk(t: Taken) -> Taken:
    """With what repeats in operands repeated in the step: numbers become its constants, broadcasts its own."""
    fixed, new = dict[Value, Value](), dict[Value, Value]()
    for x, outer in [*t.rows.items(), *t.fixed.items()]:
        lead = int(x in t.rows)  # the axis of the steps comes first
        op = outer.op
        if number(outer) is not None:
            new[x] = Value(None, (), x.type, np.broadcast_to(np.asarray(outer.data).flat[0], x.shape)[()])
        elif isinstance(op, Broadcast) and set(range(lead)) <= set(op.axes):
            small = stand_in(outer.operands[0])
            axes = tuple((a - lead, n) for a, n in zip(op.axes, op.sizes, strict=True) if a >= lead)
            new[x] = broadcast(small, tuple(a for a, _ in axes), tuple(n for _, n in axes))
            fixed[small] = outer.operands[0]
    rows = {x: outer for x, outer in t.rows.items() if x not in new}
    fixed |= {x: outer for x, outer in t.fixed.items() if x not in new}
    return on(replace(t, rows=rows, fixed=fixed), new) if new else t


def merged_operands(t: Taken) -> Taken:
    """With one parameter for one operand."""
    seen: dict[tuple[bool, Value], Value] = {}
    same: dict[Value, Value] = {}
    for x, outer in [*t.rows.items(), *t.fixed.items()]:
        if seen.setdefault((x in t.rows, outer), x) is not x:
            same[x] = seen[x in t.rows, outer]
    if not same:
        return t
    rows = {x: outer for x, outer in t.rows.items() if x not in same}
    fixed = {x: outer for x, outer in t.fixed.items() if x not in same}
    return on(replace(t, rows=rows, fixed=fixed), same)


def on(t: Taken, replacement: dict[Value, Value]) -> Taken:
    """The step with some values replaced."""
    new = rebuilt(tuple(t.ends), replacement)
    return replace(t, next={x: new[y] for x, y in t.next.items()}, stacks={k: new[y] for k, y in t.stacks.items()})


def put_together(t: Taken, stacked: Iterable[Value]) -> tuple[dict[Value, Value], dict[Value, Value]]:
    """The last carries by carry, and the stacks of ``stacked`` by value, of a scan that returns these."""
    t = alive(replace(t, stacks=dict(enumerate(dict.fromkeys(stacked)))))
    if not t.ends:
        return {}, {}
    given = {**t.first, **t.rows, **t.fixed}
    step = Graph(t.op.step.name, tuple(given), tuple(t.ends))
    made = replace(t.op, step=step, carries=len(t.next), scans=len(t.rows)).apply(*given.values())
    results = [Item(k).apply(made) for k in range(len(t.ends))]
    return dict(zip(t.next, results, strict=False)), dict(zip(t.stacks.values(), results[len(t.next) :], strict=True))


# --- What a value of a step is


def is_view(v: Value) -> bool:
    """Whether ``v`` only places the elements of its operand anew."""
    return isinstance(v.op, Broadcast | Reshape | Permute | Flip | Slice)


def is_product(v: Value) -> bool:
    """A contraction with a sum, or a convolution."""
    if isinstance(v.op, Contract):
        left, _, result = parse(v.op.spec)
        return not set(left) <= set(result)
    return isinstance(v.op, Convolve)


def loops_of(order: Iterable[Value]) -> list[Value]:
    """The loops and branches among these: they stay where they are."""
    return [v for v in order if v.op is not None and v.op.graphs]


def uses(ends: list[Value]) -> Counter[Value]:
    """How often each value is read, or returned."""
    return Counter([*ends, *(x for v in toposort(ends) for x in v.operands)])


def stand_in(v: Value, count: int | None = None) -> Value:
    """A parameter in place of ``v``, or of it in all steps."""
    return parameter(v.name or "x", v.type if count is None else v.type.with_shape((count, *v.shape)))


def nbytes(values: Iterable[Value]) -> int:
    return sum(v.type.nbytes for v in values)
