"""A loop of a known number of steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..diff.batching import batch_forward, stacked_or_repeated
from ..ir import UNKNOWN, Array, Graph, Type
from ..ops.broadcast import broadcast
from ..ops.items import items
from ..ops.movement import permute
from .loop import Loop, before
from .step import Step, many_of


@dataclass(frozen=True, eq=False)
class Scan(Loop):
    """``step`` run ``length`` times, from the first row of the scanned operands to the last, or in ``reverse``.

    ``(carry, y) = step(carry, x, fixed)``: the operands are the first carries, the scanned arrays, whose first axis is the
    steps', and what stays fixed. The results are the last carries, and the ys stacked along a new first axis. A length of
    None is that of the scanned operands, known when they are.
    """

    step: Graph
    carries: int
    scans: int
    length: int | None
    reverse: bool = False

    def infer(self, *operands: Type) -> Type:
        count = self.steps(self.parts)
        expected = [v.type for v in self.step.inputs]
        for k in range(self.carries, self.carries + self.scans):
            expected[k] = expected[k].with_shape((count, *expected[k].shape))
        if operands != tuple(expected):
            raise self.refuse(f"its step was made for ({', '.join(map(str, expected))})", *operands)
        return self.carried(*operands)

    def reference(self, *operands: Array) -> Any:
        carry, scanned, fixed = self.split(operands)
        count = len(scanned[0]) if self.length is None else self.length
        stacked = [np.empty((count, *v.shape), v.dtype) for v in self.parts.stacked]
        program = self.step.program
        for i in range(count - 1, -1, -1) if self.reverse else range(count):
            results = program([*carry, *[x[i] for x in scanned], *fixed])
            carry = results[: self.carries]
            for stack, row in zip(stacked, results[self.carries :], strict=True):
                stack[i] = row
        return (*carry, *stacked)

    def steps(self, step: Step) -> int:
        return UNKNOWN if self.length is None else self.length

    def remade(self, step: Step) -> Scan:
        return replace(self, step=step.graph, carries=step.carries, scans=step.scans)

    def returning(self, step: Step) -> Scan:
        return replace(self.remade(step), reverse=not self.reverse)

    @property
    def shifts(self) -> bool:
        return bool(self.length)

    def shifted(self, first: Any, stack: Any) -> Any:
        return before(first, stack, self.reverse)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        """One scan of all examples. A carry is batched if what starts it is, or what it becomes."""
        flags = list(batched)
        while True:
            many = many_of(self.step.inputs, flags, size)
            stacked = batch_forward(many, size, self.step.outputs)
            more = [k for k in range(self.carries) if self.parts.next[k] in stacked and not flags[k]]
            if not more:
                break
            for k in more:
                flags[k] = True
        carry = [stacked_or_repeated(stacked, v, size) if flags[k] else v for k, v in enumerate(self.parts.next)]
        rows = [stacked.get(v, v) for v in self.parts.stacked]
        inputs = tuple(many.get(v, v) for v in self.step.inputs)
        step = Graph(self.step.name, inputs, (*carry, *rows))
        given = []
        for k, (x, was, now) in enumerate(zip(operands, batched, flags, strict=True)):
            if now and not was:
                x = broadcast(x, (0,), (size,))
            given.append(swapped(x) if was and self.carries <= k < self.carries + self.scans else x)
        made = items(replace(self, step=step)(*given))
        last = [x if b else broadcast(x, (0,), (size,)) for x, b in zip(made, flags[: self.carries], strict=False)]
        ys = zip(made[self.carries :], self.parts.stacked, strict=True)
        return (*last, *(swapped(x) if v in stacked else broadcast(x, (0,), (size,)) for x, v in ys))


def swapped(x: Any) -> Any:
    """``x`` with its first two axes exchanged."""
    return permute(x, (1, 0, *range(2, x.ndim)))
