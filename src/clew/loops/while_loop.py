"""A loop that ends when its condition does not hold any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..diff.batching import batch_forward, stacked_or_repeated
from ..ir import UNKNOWN, Array, Graph, Type, parameter, substitute
from ..ops import reductions
from ..ops.broadcast import broadcast
from ..ops.elementwise import filled
from ..ops.items import items
from .loop import Loop
from .scan import Scan, swapped
from .step import Step, chosen, many_of


@dataclass(frozen=True, eq=False)
class While(Loop):
    """``step`` run while ``condition`` holds, which is asked first.

    The operands are the first carries and what stays fixed; both graphs are given all of them. The results are the last
    carries, and what else the step returns, stacked along a first axis of unknown size: such is what a loop saves for its
    way back, which is a scan over these stacks.
    """

    step: Graph
    condition: Graph
    carries: int
    masked: ClassVar[bool] = True

    @property
    def scans(self) -> int:  # type: ignore[override]
        return 0

    @property
    def name(self) -> str:
        return "while_loop"

    def infer(self, *operands: Type) -> Type:
        expected = tuple(v.type for v in self.step.inputs)
        if operands != expected:
            raise self.refuse(f"its step was made for ({', '.join(map(str, expected))})", *operands)
        return self.carried(*operands)

    def reference(self, *operands: Array) -> Any:
        carry, _, fixed = self.split(operands)
        stacked: list[list[Array]] = [[] for _ in self.parts.stacked]
        step, condition = self.step.program, self.condition.program
        while condition([*carry, *fixed])[0]:
            results = step([*carry, *fixed])
            carry = results[: self.carries]
            for stack, row in zip(stacked, results[self.carries :], strict=True):
                stack.append(row)
        ys = zip(stacked, self.parts.stacked, strict=True)
        return (*carry, *(np.array(rows, v.dtype).reshape(len(rows), *v.shape) for rows, v in ys))

    def steps(self, step: Step) -> int:
        return UNKNOWN

    def remade(self, step: Step) -> While:
        """The condition is given what was added, and does not look at it."""
        asked = self.condition.inputs
        carry, fixed = asked[: self.carries], asked[self.carries :]
        more = tuple(parameter("extra", v.type) for v in step.carry[len(carry) :])
        others = tuple(parameter("extra", v.type) for v in step.fixed[len(fixed) :])
        condition = Graph(self.condition.name, (*carry, *more, *fixed, *others), self.condition.outputs)
        return While(step.graph, condition, step.carries)

    def returning(self, step: Step) -> Scan:
        return Scan(step.graph, step.carries, step.scans, None, reverse=True)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        """One loop of all examples, which ends with the last: those that have finished keep their carries.

        What a finished example would stack are zeros.
        """
        flags = list(batched)
        while True:
            many = many_of(self.step.inputs, flags, size)
            inputs = tuple(many.get(v, v) for v in self.step.inputs)
            asked = dict(zip(self.condition.inputs, inputs, strict=True))
            question = self.condition.outputs[0]
            questions = batch_forward({x: v for x, v in asked.items() if v in many.values()}, size, [question])
            alone = question not in questions  # every example takes as many steps
            stacked = batch_forward(many, size, self.step.outputs)
            more = [k for k in range(self.carries) if not flags[k] and (not alone or self.parts.next[k] in stacked)]
            if not more:
                break
            for k in more:
                flags[k] = True
        carry = [stacked_or_repeated(stacked, v, size) if flags[k] else v for k, v in enumerate(self.parts.next)]
        rows = [stacked.get(v, v) if alone else stacked_or_repeated(stacked, v, size) for v in self.parts.stacked]
        (question,) = substitute((questions.get(question, question),), asked)
        if not alone:
            carry = [chosen(question, new, old) for new, old in zip(carry, inputs, strict=False)]
            rows = [chosen(question, row, filled(0, row.type)) for row in rows]
            question = reductions.any(question, (0,))
        step, condition = Graph(self.step.name, inputs, (*carry, *rows)), Graph(self.condition.name, inputs, (question,))
        pairs = zip(operands, batched, flags, strict=True)
        repeated = [broadcast(x, (0,), (size,)) if now and not was else x for x, was, now in pairs]
        made = items(While(step, condition, self.carries)(*repeated))
        last = [x if b else broadcast(x, (0,), (size,)) for x, b in zip(made, flags[: self.carries], strict=False)]
        ys = zip(made[self.carries :], rows, self.parts.stacked, strict=True)
        return (*last, *(swapped(x) if row.ndim > v.ndim else broadcast(x, (0,), (size,)) for x, row, v in ys))
