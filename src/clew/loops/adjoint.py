"""The way back through one step of a loop: what the forward pass saves for it, and the graph that it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..diff.reverse import pull_back, reaching, seeded
from ..ir import DTYPES, UNKNOWN, Graph, Tuple, Type, Value, parameter, substitute, toposort
from ..ops.arithmetic import add
from ..ops.broadcast import Broadcast
from ..ops.elementwise import filled
from ..ops.items import Item
from ..ops.movement import Flip, Permute, Reshape
from ..passes.merge import merged
from .step import Step, chosen

BOOL = Type(DTYPES["bool"], ())


@dataclass(frozen=True)
class Adjoint:
    """The way back through a step, for some operands whose gradients are wanted and results whose gradients are there.

    The loop runs ``saving`` forward: the step that also returns ``kept``, which is what its way back reads and could not
    have otherwise. Numbers say which carry, which scanned or fixed operand, which stacked result is meant. ``back`` is a
    step again. It carries the gradients of the carries ``live`` and the sums of the gradients of the ``fixed`` operands; it
    scans the gradients of the stacked results ``seeds``, the stacked results ``reads``, the kept stacks, those of the
    carries before each step that can be had by ``shifting`` other stacks, and the scanned operands ``scanned_read``; fixed
    are ``fixed_read``; it returns the gradients of the ``scanned`` operands.
    """

    saving: Step
    back: Step
    kept: tuple[Value, ...]
    live: tuple[int, ...]
    fixed: tuple[int, ...]
    scanned: tuple[int, ...]
    seeds: tuple[int, ...]
    reads: tuple[int, ...]
    shifting: tuple[tuple[int, int], ...]  # (the carry, the place of the stack of what it becomes: in reads, then kept)
    scanned_read: tuple[int, ...]
    fixed_read: tuple[int, ...]


def adjoint(step: Step, wanted: tuple[bool, ...], present: tuple[bool, ...], masked: bool, shifts: bool) -> Adjoint:
    """The way back through ``step``.

    ``wanted`` are the operands whose gradients are asked for, ``present`` the results that have one. In a ``masked`` loop
    each step also saves that it was taken, and the way back skips those that were not: in a batch of loops, those of the
    examples that had finished before. A carry before a step is what it became in the step before: where that is stacked
    anyway, the stack ``shifts``.
    """
    moving = step.moving(wanted)
    live = {k for k in range(step.carries) if present[k] and step.carry[k] in moving}
    stacked = [j for j in range(len(step.stacked)) if present[step.carries + j]]
    while True:
        carried = {k: parameter("g", step.carry[k].type) for k in sorted(live)}
        flowing = {j: parameter("g", step.stacked[j].type) for j in stacked}
        ends = [*(step.next[k] for k in carried), *(step.stacked[j] for j in flowing)]
        found = pull_back(seeded(ends, [*carried.values(), *flowing.values()]), wanted=moving)
        more = {k for k, x in enumerate(step.carry) if x in found and x in moving} - live
        if not more:
            break
        live |= more
    fixed = [k for k, x in enumerate(step.fixed) if x in found and x in moving]
    scanned = [k for k, x in enumerate(step.scanned) if x in found and x in moving]
    sums = {k: parameter("sum", step.fixed[k].type) for k in fixed}

    # What flows back in one step
    alive = parameter("alive", BOOL)
    carries = [found.get(step.carry[k]) or filled(0, step.carry[k].type) for k in carried]
    totals = [add(sums[k], found[step.fixed[k]]) for k in fixed]
    rows = [found[step.scanned[k]] for k in scanned]
    if masked:
        carries = [chosen(alive, new, old) for new, old in zip(carries, carried.values(), strict=True)]
        totals = [chosen(alive, new, old) for new, old in zip(totals, sums.values(), strict=True)]
        rows = [chosen(alive, g, filled(0, g.type)) for g in rows]
    outputs = (*carries, *totals, *rows)

    # What it reads
    reading = _Reading(step, outputs)
    stacks = [step.stacked[j] for j in reading.results]
    there = {*stacks, *reading.kept}.difference(step.carry)
    shifted = [k for k, x in enumerate(step.carry) if shifts and x in reading.kept and step.next[k] in there]
    kept = [v for v in reading.kept if v not in [step.carry[k] for k in shifted]]
    places = tuple((k, [*stacks, *kept].index(step.next[k])) for k in shifted)
    stand_ins = {v: parameter(v.name or "kept", v.type) for v in kept}
    before = {step.carry[k]: parameter(step.carry[k].name or "carry", step.carry[k].type) for k in shifted}
    again = {step.stacked[j]: parameter(step.stacked[j].name or "result", step.stacked[j].type) for j in reading.results}
    rescanned = {step.scanned[k]: parameter(step.scanned[k].name or "x", step.scanned[k].type) for k in reading.scanned}
    refixed = {step.fixed[k]: parameter(step.fixed[k].name or "fixed", step.fixed[k].type) for k in reading.fixed}
    outputs = substitute(outputs, stand_ins | before | again | rescanned | refixed)
    marks = (alive,) if masked else ()
    inputs = (
        *(*carried.values(), *sums.values()),
        *(*flowing.values(), *again.values(), *stand_ins.values(), *marks, *before.values(), *rescanned.values()),
        *refixed.values(),
    )
    back = Graph(f"{step.graph.name}_backward", inputs, outputs)
    saved = (*kept, *(filled(True, BOOL) for _ in marks))
    saving = Graph(f"{step.graph.name}_saving", step.graph.inputs, merged((*step.graph.outputs, *saved)))
    scans = len(flowing) + len(again) + len(stand_ins) + len(marks) + len(before) + len(rescanned)
    return Adjoint(
        Step(saving, step.carries, len(step.scanned)),
        Step(back, len(carried) + len(sums), scans),
        saved,
        tuple(carried),
        tuple(fixed),
        tuple(scanned),
        tuple(flowing),
        tuple(reading.results),
        places,
        tuple(reading.scanned),
        tuple(reading.fixed),
    )


class _Reading:
    """What the way back reads of the forward pass, and how it comes by each."""

    def __init__(self, step: Step, outputs: Iterable[Value]) -> None:
        self.step = step
        self.varying = reaching(step.graph.values, {*step.carry, *step.scanned})
        forward = self.forward(outputs)
        later = [v for v in toposort(outputs) if v not in forward]
        need = [x for v in later for x in v.operands if x in forward] + [v for v in outputs if v in forward]
        self.kept: dict[Value, None] = {}
        results: set[int] = set()
        inputs: set[Value] = set()
        seen: set[Value] = set()
        while need:
            v = need.pop()
            if v in seen or v.op is None:
                continue
            seen.add(v)
            if v in step.scanned or v in step.fixed:
                inputs.add(v)
            elif v in step.stacked:
                results.add(step.stacked.index(v))
            elif v not in step.carry and self.cheap(v):
                need += v.operands
            else:
                self.kept[v] = None
        self.kept = {v: None for v in toposort([*step.graph.outputs, *self.kept]) if v in self.kept}
        self.results = sorted(results)
        self.scanned = [k for k, x in enumerate(step.scanned) if x in inputs]
        self.fixed = [k for k, x in enumerate(step.fixed) if x in inputs]

    def forward(self, outputs: Iterable[Value]) -> set[Value]:
        """The values of the step; and of its inner loops, those that save for their own way back."""
        forward = set(self.step.graph.values)
        for v in toposort(outputs):
            inner = isinstance(v.op, Item) or (v.op is not None and v.op.extends is not None)
            if v not in forward and inner and all([x in forward or x.op is None for x in v.operands]):
                forward.add(v)
                if not self.varying.isdisjoint(v.operands):
                    self.varying.add(v)
        return forward

    def cheap(self, v: Value) -> bool:
        """Whether to make ``v`` again from what it is made of: nothing is computed, or it has no known size to be kept in."""
        if v not in self.varying or isinstance(v.type, Tuple) or UNKNOWN in v.shape:
            return True
        return isinstance(v.op, Broadcast | Reshape | Permute | Flip) and v.operands[0].type.nbytes <= v.type.nbytes
