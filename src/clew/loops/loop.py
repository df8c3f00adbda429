"""What loops have in common: both directions of their derivative are loops again."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..diff.forward import push_forward
from ..errors import TypeRuleError
from ..ir import Array, Graph, Tuple, Type, Value, here, located, parameter, quiet, recording
from ..ops.elementwise import filled
from ..ops.items import items
from ..ops.kinds import General, Whole
from ..ops.movement import concat, narrow, reshape
from .adjoint import Adjoint, adjoint
from .step import Step


class Saved(NamedTuple):
    """What a loop saved on its way forward, and for which way back."""

    rule: Adjoint
    stacks: tuple[Array, ...]

    @property
    def nbytes(self) -> int:
        return sum(stack.nbytes for stack in self.stacks)


class Results(tuple[Array, ...]):
    """The results of a loop that was recorded, with what it saved."""

    saved: Saved | None = None


class Loop(Whole, General):
    """Runs a step again and again. Its results are the last carries, and the stacked results of every step."""

    step: Graph
    carries: int
    scans: int  # how many operands are scanned, one row in each step
    joint: ClassVar[bool] = True
    masked: ClassVar[bool] = False  # whether its way back asks of each step if it was taken

    @cached_property
    def parts(self) -> Step:
        return Step(self.step, self.carries, self.scans)

    @abc.abstractmethod
    def remade(self, step: Step) -> Loop:
        """The same loop of another step, whose first carries and fixed operands are those of this one."""

    @abc.abstractmethod
    def returning(self, step: Step) -> Loop:
        """The loop of the way back."""

    @abc.abstractmethod
    def steps(self, step: Step) -> int:
        """The size of the stacks' first axis."""

    @property
    def shifts(self) -> bool:
        return False

    def carried(self, *operands: Type) -> Type:
        """The type of the results, from checked operands."""
        for k, (x, now) in enumerate(zip(self.parts.carry, self.parts.next, strict=True)):
            if x.type is not now.type:
                raise self.refuse(f"carry {k} is {x.type} before a step and {now.type} after it; they must be equal", *operands)
        count = self.steps(self.parts)
        return Tuple((*(v.type for v in self.parts.next), *(v.type.with_shape((count, *v.shape)) for v in self.parts.stacked)))

    def split(self, operands: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The operands that start the carries, that are scanned, and that stay fixed."""
        a, b = self.carries, self.carries + self.scans
        return list(operands[:a]), list(operands[a:b]), list(operands[b:])

    # Eager mode saves on the way forward

    def apply(self, *operands: Value) -> Value:
        wanted = tuple([x.op is not None and x.type.differentiable for x in operands])
        if not recording.on or not any(wanted) or any([x.data is None for x in operands]):
            return super().apply(*operands)
        try:
            result = self.infer(*[x.type for x in operands])
            assert isinstance(result, Tuple)
            rule = self.adjoint(wanted, tuple(t.differentiable for t in result.items))
            made = quiet.run(self.saving(rule).reference, *[x.data for x in operands])
        except TypeRuleError as error:
            raise located(error, operands, here()) from None
        data = Results(made[: len(result.items)])
        data.saved = Saved(rule, made[len(result.items) :])
        return Value(self, operands, result, data, None, here())

    # Reverse mode

    def adjoint(self, wanted: tuple[bool, ...], present: tuple[bool, ...]) -> Adjoint:
        key = (wanted, present)
        if key not in self.adjoints:
            self.adjoints[key] = adjoint(self.parts, wanted, present, self.masked, self.shifts)
        return self.adjoints[key]

    @cached_property
    def adjoints(self) -> dict[Any, Adjoint]:
        return {}

    def saving(self, rule: Adjoint) -> Loop:
        """The loop that also saves what the way back reads."""
        if not rule.kept:
            return self
        if rule not in self.extensions:
            self.extensions[rule] = made = self.remade(rule.saving)
            object.__setattr__(made, "extends", self)  # no field: two loops are told apart by what they do
        return self.extensions[rule]

    @cached_property
    def extensions(self) -> dict[Adjoint, Loop]:
        return {}

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return self.pulling(tuple([j == k for j in range(len(operands))]), g, y, *operands)(k)

    def pulling(self, wanted: tuple[bool, ...], g: Any, y: Any, *operands: Any) -> Callable[..., Any]:
        symbolic = any([x.__class__ is Value for x in (*g, *operands)])
        saved = y.saved if isinstance(y, Results) and not symbolic else None
        if saved is None:
            rule = self.adjoint(wanted, tuple([x is not None for x in g]))
            everything = items(self.saving(rule)(*operands))
        else:
            rule, everything = saved.rule, (*y, *saved.stacks)
        count = len(self.step.outputs)
        results, stacks = everything[:count], everything[count:]
        init, scanned, fixed = self.split(operands)

        def zero(type: Type) -> Any:
            return filled(0, type) if symbolic else filled(0, type).data

        read = [*(results[self.carries + j] for j in rule.reads), *stacks]
        carried = [zero(self.parts.carry[k].type) if g[k] is None else g[k] for k in rule.live]
        sums = [zero(self.parts.fixed[k].type) for k in rule.fixed]
        flowing = [(g[self.carries + j], results[self.carries + j]) for j in rule.seeds]
        seeds = [np.zeros_like(result) if x is None else x for x, result in flowing]
        shifted = [self.shifted(init[k], read[place]) for k, place in rule.shifting]
        again = [scanned[k] for k in rule.scanned_read]
        rest = [fixed[k] for k in rule.fixed_read]
        found = items(self.returning(rule.back)(*carried, *sums, *seeds, *read, *shifted, *again, *rest))
        first = self.carries + self.scans
        places = [*rule.live, *(first + k for k in rule.fixed), *(self.carries + k for k in rule.scanned)]
        gradients = dict(zip(places, found, strict=True))
        return lambda k, *_: gradients.get(k)

    def shifted(self, first: Any, stack: Any) -> Any:
        """The stack of what was before each step, from that of what was after it."""
        raise NotImplementedError

    # Forward mode

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        return self.pushing(tuple([t if j == k else None for j in range(len(operands))]), y, *operands)

    def pushing(self, tangents: tuple[Any, ...], y: Any, *operands: Any) -> Any:
        moving = tuple([t is not None for t in tangents])
        if moving not in self.tangents:
            self.tangents[moving] = self.tangent(moving)
        step, inputs, outputs = self.tangents[moving]
        symbolic = any([x.__class__ is Value for x in (*tangents, *operands)])

        def move(k: int) -> Any:
            still = filled(0, self.step.inputs[k].type) if symbolic else filled(0, self.step.inputs[k].type).data
            return still if tangents[k] is None else tangents[k]

        a, b = self.carries, self.carries + self.scans
        extra = [[move(k) for k in inputs if low <= k < high] for low, high in ((0, a), (a, b), (b, len(operands)))]
        init, scanned, fixed = self.split(operands)
        made = items(self.remade(step)(*init, *extra[0], *scanned, *extra[1], *fixed, *extra[2]))
        places = {k: a + n for n, k in enumerate(k for k in outputs if k < a)}  # after the carries themselves
        places |= {k: step.carries + n for n, k in enumerate(k for k in outputs if k >= a)}
        return tuple([made[places[k]] if k in places else None for k in range(len(self.step.outputs))])

    @cached_property
    def tangents(self) -> dict[tuple[bool, ...], tuple[Step, list[int], list[int]]]:
        return {}

    def tangent(self, moving: tuple[bool, ...]) -> tuple[Step, list[int], list[int]]:
        """The step that also moves tangents; the inputs that have one, and the outputs (a carry has both or neither)."""
        step, graph = self.parts, self.step
        inputs = [k for k, x in enumerate(graph.inputs) if x in step.moving(moving)]
        tangents = {graph.inputs[k]: parameter(f"d{graph.inputs[k].name}", graph.inputs[k].type) for k in inputs}
        found = push_forward(dict(tangents), graph.outputs)
        carries = [k for k in inputs if k < self.carries]
        stacked = [k for k, y in enumerate(graph.outputs) if k >= self.carries and y in found]
        moved = [found.get(graph.outputs[k]) or filled(0, graph.outputs[k].type) for k in (*carries, *stacked)]

        def extended(part: tuple[Value, ...]) -> tuple[Value, ...]:
            return (*part, *(tangents[x] for x in part if x in tangents))

        given = (*extended(step.carry), *extended(step.scanned), *extended(step.fixed))
        outputs = (*step.next, *moved)
        counts = len(extended(step.carry)), len(extended(step.scanned))
        return Step(Graph(f"{graph.name}_forward", given, outputs), *counts), inputs, [*carries, *stacked]


def before(first: Any, stack: Any, reverse: bool) -> Any:
    """``stack`` one step later: ``first`` stands before its first row (in reverse: after its last)."""
    n = stack.shape[0]
    row = reshape(first, (1, *first.shape))
    return concat(narrow(stack, 0, 1, n), row, axis=0) if reverse else concat(row, narrow(stack, 0, 0, n - 1), axis=0)
