"""``checkpoint``: compute again on the way back, instead of storing on the way forward."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any

from ..array.promotion import value_of
from ..diff.reverse import pull_back, seeded
from ..diff.stored import stored
from ..errors import UsageError
from ..gates import Checkpoint, free_values
from ..ir import INPUT, UNKNOWN, Graph, Site, Tuple, Value, here, parameter, substitute, toposort
from ..ops.cost import cost, operations
from ..ops.elementwise import filled
from ..ops.items import Item, items
from ..passes.merge import merged
from ..pytree import Tree, flatten
from ..tensor import Tensor, unwrap
from .gate import Opened, opened
from .run import Function, name_of

Policy = str | Collection[str] | int | None


@dataclass(frozen=True)
class CheckpointReport:
    """What a checkpoint changes at some arguments, known before anything runs. Print it.

    ``stored`` counts the bytes of the forward pass that backward rules read, without and with the checkpoint; ``kept`` names
    what its policy keeps. ``operations`` counts those of the forward pass, ``added`` those done again on the way back.
    """

    name: str
    stored_without: int
    stored: int
    kept: tuple[str, ...]
    operations: int
    added: int

    @property
    def saved(self) -> int:
        """The bytes that need not be stored."""
        return self.stored_without - self.stored

    def __str__(self) -> str:
        kept = f" (of what is inside: {', '.join(self.kept)})" if self.kept else ""
        share = f" ({100 * self.added / self.operations:.0f} %)" if self.operations else ""
        return (
            f"checkpoint of {self.name}: stores {self.stored:,} bytes{kept} instead of {self.stored_without:,}, {self.saved:,} "
            f"less; adds {self.added:,} operations to the {self.operations:,} of the forward pass{share}"
        )


def checkpoint(f: Function | None = None, *, policy: Policy = None) -> Any:
    """``f``, with nothing of what is inside stored for its gradient: the way back computes it again from the arguments.

    The call becomes one gate. ``policy`` names what is kept nevertheless: ops, gates, or nodes that ``f`` gives a name; or
    it is a number of bytes, spent on what costs most operations to have again for each of them. Results and gradients are
    those of ``f``. ``checkpoint(f).report(*args)`` says what it would save, and what that costs, before anything runs.

    >>> import clew as cl
    >>> def deep(x):
    ...     for _ in range(4):
    ...         x = cl.sin(cl.exp(x))
    ...     return x
    >>> cl.grad(cl.checkpoint(deep))(0.1).item() == cl.grad(deep)(0.1).item()
    True
    >>> print(cl.checkpoint(deep).report(cl.zeros(1000)))
    checkpoint of deep: stores 4,000 bytes instead of 16,000, 12,000 less; adds 56,000 operations to the 64,000 of the ...
    """
    if f is None:
        return lambda function: checkpoint(function, policy=policy)

    def parts(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Checkpoint, Opened, list[Value], Tree, int]:
        call = opened(f, args, kwargs)
        results, shape = flatten(call.returned)
        outputs = tuple(value_of(unwrap(x)) for x in results)
        free = free_values(call.inputs, outputs)
        stand_ins = {x: parameter(x.name or f"free{k}", x.type) for k, x in enumerate(free)}
        plain = Graph(name_of(f), (*call.inputs, *stand_ins.values()), substitute(outputs, stand_ins))
        kept = _kept(plain, policy)
        op = Checkpoint(plain.name, Graph(plain.name, plain.inputs, (*plain.outputs, *kept)))
        return op, call, free, shape, len(outputs)

    @wraps(f, updated=())
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        op, call, free, shape, count = parts(args, kwargs)
        if not op.body.inputs:
            return call.returned
        return shape.unflatten(Tensor(v) for v in items(op(*call.operands, *free))[:count])

    def report(*args: Any, **kwargs: Any) -> CheckpointReport:
        op, _, _, _, count = parts(args, kwargs)
        return _report(op, count)

    checkpointed.report = report  # type: ignore[attr-defined]
    return checkpointed


def _kept(graph: Graph, policy: Policy) -> list[Value]:
    """What is inside the graph and kept."""
    outputs = set(graph.outputs)
    inside = [v for v in graph.values if v.op not in (None, INPUT) and v not in outputs and not isinstance(v.type, Tuple)]
    inside = [v for v in inside if UNKNOWN not in v.shape]
    if policy is None:
        return []
    if isinstance(policy, int):
        read = stored(graph)
        chosen, left = [], policy
        for v in sorted((v for v in inside if v in read), key=lambda v: -operations(v) / max(1, v.type.nbytes)):
            if v.type.nbytes <= left:
                chosen.append(v)
                left -= v.type.nbytes
        return [v for v in inside if v in set(chosen)]
    names = {policy} if isinstance(policy, str) else set(policy)
    known = {name for v in (*inside, *outputs) for name in _called(v)}
    if unknown := sorted(names - known):
        has = ", ".join(sorted(known)) or "no parts"
        what = f"nothing called {', '.join(unknown)} to keep; it has {has}"
        raise UsageError(f"checkpoint: {graph.name} has {what}\n  at {Site(*here())}")
    return [v for v in inside if names.intersection(_called(v))]


def _called(v: Value) -> list[str]:
    """What a policy may call a value: its own name, and that of its op; an item has that of the op with several results."""
    made = v.operands[0] if isinstance(v.op, Item) else v
    return [name for name in (v.name, made.op.name if made.op else None) if name]


def _report(op: Checkpoint, count: int) -> CheckpointReport:
    body = op.body
    plain = Graph(body.name, body.inputs, body.outputs[:count])
    inputs = tuple(parameter(x.name or "x", x.type) for x in body.inputs)
    coarse = Graph(body.name, inputs, items(op(*inputs))[:count])
    there = tuple([k < count and v.type.differentiable for k, v in enumerate(body.outputs)])
    rule = op.reverse_rule(there)
    kept = tuple(_called(v)[0] for v in body.outputs[count:])
    (without, operations_back), (within, _) = _way_back(plain), _way_back(coarse)
    return CheckpointReport(body.name, without, within, kept, cost(plain.values), cost(rule.values) - operations_back)


def _way_back(graph: Graph) -> tuple[int, int]:
    """The bytes of the forward pass that the way back reads, and its operations. Loops run once, and save what it reads."""
    outputs = [v for v in graph.outputs if v.type.differentiable]
    found = pull_back(seeded(outputs, [filled(1, v.type) for v in outputs]), wanted=set(graph.inputs))
    both = merged((*graph.outputs, *(found[x] for x in graph.inputs if x in found)))
    results, gradients = both[: len(graph.outputs)], both[len(graph.outputs) :]
    forward, everything = set(toposort((*graph.inputs, *results))), toposort(both)
    forward |= {v for v in everything if isinstance(v.op, Item) and v.operands[0] in forward}  # also what a loop saves
    back = [v for v in everything if v not in forward]
    read = {x for v in back for x in v.operands if x in forward} | forward.intersection(gradients)
    nbytes = sum(x.type.nbytes for x in read if x.op is not None and not isinstance(x.type, Tuple))
    return nbytes, cost(back)
