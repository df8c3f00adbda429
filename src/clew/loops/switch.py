"""One of several graphs, chosen while running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from ..diff.batching import batch_forward, stacked_or_repeated
from ..diff.forward import push_forward
from ..diff.reverse import pull_back, seeded
from ..ir import DTYPES, Array, Call, Graph, Tuple, Type, parameter, substitute
from ..ops.arithmetic import maximum, minimum
from ..ops.comparison import equal
from ..ops.elementwise import filled
from ..ops.items import items
from ..ops.kinds import General, Whole
from .step import chosen, many_of


@dataclass(frozen=True, eq=False)
class Switch(Whole, General):
    """``branches[index](operands)``. An index outside is moved to the nearest branch.

    The first operand is the index, an i64; the others go to the branch. Only the chosen branch runs. Its way back is a
    branch too: it computes again what it needs of the way forward from the operands and the results.
    """

    branches: tuple[Graph, ...]
    joint: ClassVar[bool] = True

    def infer(self, index: Type, *operands: Type) -> Type:
        if index is not INDEX:
            raise self.refuse(f"the index must be {INDEX}", index, *operands)
        expected = tuple(v.type for v in self.branches[0].inputs)
        if operands != expected:
            raise self.refuse(f"its branches were made for ({', '.join(map(str, expected))})", index, *operands)
        results = [tuple(v.type for v in branch.outputs) for branch in self.branches]
        for k, types in enumerate(results):
            if types != results[0]:
                shown = [", ".join(map(str, t)) for t in (results[0], types)]
                raise self.refuse(f"branch 0 returns ({shown[0]}), branch {k} returns ({shown[1]}); they must be equal", index)
        return Tuple(results[0])

    def reference(self, index: Array, *operands: Array) -> Any:
        branch = self.branches[min(max(int(index), 0), len(self.branches) - 1)]
        return tuple(branch.program(operands))

    # Reverse mode

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return self.pulling(tuple([j == k for j in range(len(operands))]), g, y, *operands)(k)

    def pulling(self, wanted: tuple[bool, ...], g: Any, y: Any, index: Any, *operands: Any) -> Callable[..., Any]:
        there = tuple([x is not None for x in g])
        if (wanted, there) not in self.made:
            self.made[wanted, there] = Switch(tuple([self._backward(b, wanted[1:], there) for b in self.branches]))
        found = items(self.made[wanted, there](index, *[x for x in g if x is not None], *items(y), *operands))
        gradients = dict(zip([k for k, asked in enumerate(wanted) if asked], found, strict=True))
        return lambda k, *_: gradients.get(k)

    def _backward(self, branch: Graph, wanted: tuple[bool, ...], there: tuple[bool, ...]) -> Graph:
        """The graph of the gradients of the results ``there``, all results, and the operands, to the wanted gradients."""
        asked = [x for x, is_wanted in zip(branch.inputs, wanted, strict=True) if is_wanted]
        moved = [v for v, is_there in zip(branch.outputs, there, strict=True) if is_there]
        given = [parameter("g", v.type) for v in moved]
        found = pull_back(seeded(moved, given), wanted=set(asked))
        known = [parameter("y", v.type) for v in branch.outputs]
        at_hand = dict(zip(branch.outputs, known, strict=True))
        gradients = substitute(tuple(found.get(x) or filled(0, x.type) for x in asked), at_hand)
        return Graph(f"{branch.name}_backward", (*given, *known, *branch.inputs), gradients)

    # Forward mode

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        return self.pushing(tuple([t if j == k else None for j in range(len(operands))]), y, *operands)

    def pushing(self, tangents: tuple[Any, ...], y: Any, index: Any, *operands: Any) -> Any:
        moving = tuple([t is not None for t in tangents])
        if moving not in self.made:
            self.made[moving] = Switch(tuple([self._forward(b, moving[1:]) for b in self.branches]))
        return items(self.made[moving](index, *[t for t in tangents if t is not None], *operands))

    def _forward(self, branch: Graph, moving: tuple[bool, ...]) -> Graph:
        tangents = {x: parameter(f"d{x.name}", x.type) for x, moves in zip(branch.inputs, moving, strict=True) if moves}
        found = push_forward(dict(tangents), branch.outputs)
        moved = tuple(found.get(v) or filled(0, v.type) for v in branch.outputs)
        return Graph(f"{branch.name}_forward", (*tangents.values(), *branch.inputs), moved)

    @cached_property
    def made(self) -> dict[Any, Switch]:
        return {}

    # Batching

    def batch(self, size: int, batched: tuple[bool, ...], index: Any, *operands: Any) -> Any:
        """With one index for all examples, one branch of them all; else every branch runs, and each example takes its own."""
        branches = [_stacked(branch, size, batched[1:]) for branch in self.branches]
        if not batched[0]:
            return items(Switch(tuple(branches))(index, *operands))
        index = minimum(maximum(index, 0), len(branches) - 1)
        results: list[Any] = []
        for k, branch in enumerate(branches):
            call = Call(branch, *operands)
            own = [call.output(n) for n in range(len(branch.outputs))]
            here = equal(index, k)
            results = [chosen(here, new, old) for new, old in zip(own, results, strict=True)] if k else own
        return tuple(results)


def _stacked(branch: Graph, size: int, batched: tuple[bool, ...]) -> Graph:
    """The branch of ``size`` examples; those of its inputs are stacked that are ``batched``, and all results."""
    many = many_of(branch.inputs, batched, size)
    stacked = batch_forward(many, size, branch.outputs)
    outputs = tuple(stacked_or_repeated(stacked, v, size) for v in branch.outputs)
    return Graph(branch.name, tuple(many.get(v, v) for v in branch.inputs), outputs)


INDEX = Type(DTYPES["i64"], ())
