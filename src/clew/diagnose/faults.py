"""Faults: where a NaN or an infinity was made of finite numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..diff.reverse import known, pull_back
from ..ir import INPUT, Array, Graph, Op, Value, evaluate, toposort
from ..loops import Scan, Switch, While
from ..loops.loop import Loop
from .describe import at, finite, first_nonfinite, name, way_to


@dataclass(frozen=True)
class Fault:
    """Where a number that is not finite came from. Print it.

    ``node`` made it forward; backward, its derivative with respect to operand ``operand`` did. ``inside`` are the gates and
    loops that hold the node, outermost first. ``operands`` are what it was made of, and ``index`` is where.
    """

    direction: str
    node: Value
    inside: tuple[str, ...]
    operands: tuple[Array, ...]
    result: Array
    index: tuple[int, ...]
    operand: int | None = None
    upstream: Array | None = None

    @property
    def op(self) -> str:
        """The operation's name."""
        return name(self.node) if self.node.op is None else self.node.op.name

    def __str__(self) -> str:
        v, element = self.node, np.asarray(self.result)[self.index]
        where = f"[{', '.join(map(str, self.index))}]" if self.index else "the number"
        called = f"{v.name} = {self.op}" if v.name else self.op
        within = "".join(f", inside {outer}" for outer in self.inside)
        shape = np.shape(self.result)
        given = ", ".join(at(x, self.index, shape) for x in self.operands)
        lines = []
        if self.direction == "forward":
            lines.append(f"{element.item():.6g} appeared forward, made by {called} of finite numbers{within}")
            lines.append(f"  at {v.site or 'a place without source'}")
            lines.append(f"  {where}: {self.op}({given}) = {element.item():.6g}")
        else:
            operand = self.node.operands[self.operand or 0]
            upstream = at(self.upstream, self.index, shape)
            lines.append(f"{element.item():.6g} appeared backward, in the derivative of {called} by {name(operand)}{within}")
            lines.append(f"  at {v.site or 'a place without source'}")
            lines.append(f"  {where}: of {self.op}({given}), with the upstream gradient {upstream}, it is {element.item():.6g}")
        size, bad = np.size(self.result), int(np.count_nonzero(~np.isfinite(np.asarray(self.result))))
        lines.append(f"  {bad} of {size} element{'s are' if size > 1 else ' is'} not finite")
        lines.append("  the way to it:")
        lines += [f"    {line}" for line in way_to(v).rstrip().splitlines()]
        return "\n".join(lines)


def forward_fault(outputs: Iterable[Value], arrays: Mapping[Value, Any], inside: tuple[str, ...] = ()) -> Fault | None:
    """The first value that is not finite, of operands that are; ``arrays`` are those of all values."""
    for v in toposort(outputs):
        if v.op is None or v.op is INPUT or finite(arrays[v]):
            continue
        operands = [arrays[x] for x in v.operands]
        if all(map(finite, operands)):
            return fault_of(v, operands, arrays[v], inside)
    return None


def fault_of(v: Value, operands: Sequence[Array], result: Any, inside: tuple[str, ...] = ()) -> Fault:
    """The fault of ``v``; of a gate or a loop, that of the part which made it."""
    assert v.op is not None
    found = _within(v.op, operands, (*inside, name(v)))
    if found is not None:
        return found
    results = result if isinstance(result, tuple) else (result,)
    bad = next(data for data in results if not finite(data))
    return Fault("forward", v, inside, tuple(operands), bad, first_nonfinite(bad))


def _within(op: Op, operands: Sequence[Array], inside: tuple[str, ...]) -> Fault | None:
    """The fault of a part of a gate, a loop or a branch."""
    if op.body is not None:
        return _of_graph(op.body, operands, inside)
    if isinstance(op, Switch):
        branch = op.branches[min(max(int(operands[0]), 0), len(op.branches) - 1)]
        return _of_graph(branch, operands[1:], inside)
    if isinstance(op, Loop):
        carry, scanned, fixed = op.split(operands)
        steps = _steps(op, len(scanned[0]) if scanned else 0)
        for n, i in enumerate(steps):
            if isinstance(op, While) and not op.condition.program([*carry, *fixed])[0]:
                return None
            given = [*carry, *[x[i] for x in scanned], *fixed]
            found = _of_graph(op.step, given, (*inside[:-1], f"{inside[-1]} (step {n})"))
            if found is not None:
                return found
            carry = op.step.program(given)[: op.carries]
    return None


def _steps(op: Loop, rows: int) -> Iterable[int]:
    if not isinstance(op, Scan):
        return range(10**9)  # until its condition fails
    count = rows if op.length is None else op.length
    return reversed(range(count)) if op.reverse else range(count)


def _of_graph(graph: Graph, inputs: Sequence[Array], inside: tuple[str, ...]) -> Fault | None:
    arrays = evaluate(graph.outputs, dict(zip(graph.inputs, inputs, strict=True)))
    return forward_fault(graph.outputs, arrays, inside)


def backward_fault(
    seeds: Mapping[Value, Any], read: Callable[[Value], Any] = known, wanted: set[Value] | None = None
) -> Fault | None:
    """The first gradient over an edge that is not finite, of an upstream gradient and operands that are."""
    edges: dict[tuple[Value, int], Any] = {}
    total: dict[Value, Any] = dict(seeds)
    pull_back(seeds, read, wanted, edges)
    for (y, k), g in edges.items():
        x = y.operands[k]
        operands = [read(v) for v in y.operands]
        if not finite(g) and finite(total.get(y)) and all(map(finite, operands)) and finite(read(y)):
            bad = next(part for part in (g if isinstance(g, tuple) else (g,)) if not finite(part))
            return Fault("backward", y, (), tuple(operands), bad, first_nonfinite(bad), k, _one(total.get(y)))
        total[x] = _sum(total.get(x), g)
    return None


def _one(g: Any) -> Any:
    return next((part for part in g if part is not None), 0.0) if isinstance(g, tuple) else g


def _sum(a: Any, b: Any) -> Any:
    if a is None:
        return b
    if isinstance(a, tuple):
        return tuple(_sum(x, y) if y is not None else x for x, y in zip(a, b, strict=True))
    return a + b
