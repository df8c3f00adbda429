"""Loops whose steps do as little as possible: what can be computed for all steps at once is, before a loop or after it.

Rewritten are scans of a known length, in the steps of others and in branches too, the innermost first:

- What follows from fixed operands alone is computed before the loop; of a while loop too.
- Contractions, convolutions and costly functions of scanned rows are computed of all rows at once before the loop, with
  what follows from them (of a recurrent cell: the product of the inputs with their weights).
- Of a carry that only adds up, the terms that are contractions of two changing factors are one contraction after the loop,
  over the stacked factors (the gradients of weights); other terms, whose stacks are there anyway, are one sum.
- Contractions that no carry needs, and what follows from them, are computed of all steps at once after the loop.
- Carries, stacks and operands that nobody reads are dropped, equal ones are one.

Sums may be added up in another order. Nothing else changes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from ..ir import INPUT, Graph, Value, rebuild, rebuilt
from ..ir.call import Call
from ..ops.items import Item
from ..passes import optimise
from ..passes.rewrite import renewed
from .early import early, invariants
from .late import finished
from .scan import Scan
from .switch import Switch
from .taken import stand_in, taken
from .while_loop import While

LOOPS = Scan, While, Switch


def hoist(graph: Graph) -> Graph:
    """The graph with light loops. What a loop has no use for any more may have been all that another one was asked for: so
    the second round."""
    return _hoisted(_hoisted(graph))


def _hoisted(graph: Graph) -> Graph:
    if not any([isinstance(v.op, LOOPS) for v in graph.values]):
        return graph
    used: dict[Value, set[int]] = defaultdict(set)
    for v in graph.values:
        if isinstance(v.op, Item):
            used[v.operands[0]].add(v.op.k)
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    parts: dict[Value, dict[int, Value]] = {}
    for v in graph.values:
        if v in new:
            continue
        if isinstance(v.op, Item) and v.operands[0] in parts:
            new[v] = parts[v.operands[0]][v.op.k]
            continue
        operands = tuple([new[x] for x in v.operands])
        if isinstance(v.op, Scan):
            light = replace(v.op, step=_step(v.op.step))
            if light.length is None or v in graph.outputs:
                new[v] = light.apply(*operands)
            else:
                parts[v] = finished(early(taken(light, operands, used[v])))
        elif isinstance(v.op, While):
            new[v] = _while(v.op, operands)
        elif isinstance(v.op, Switch):
            new[v] = Switch(tuple(map(_step, v.op.branches))).apply(*operands)
        else:
            same = all([a is b for a, b in zip(operands, v.operands, strict=True)])
            new[v] = v if same else rebuild(v, operands)
    return renewed(graph, new)


def _step(graph: Graph) -> Graph:
    """The graph of a step with light loops, without gates, names and what is computed twice."""
    return optimise(_hoisted(_plain(graph)))


def _plain(graph: Graph) -> Graph:
    """The graph with gates replaced by their parts, and without names, which keep values apart."""
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    parts: dict[Value, tuple[Value, ...]] = {}
    for v in graph.values:
        if v in new:
            continue
        if isinstance(v.op, Item) and v.operands[0] in parts:
            new[v] = parts[v.operands[0]][v.op.k]
        elif v.op is None or v.op is INPUT:
            new[v] = v
        elif v.op.body is not None:
            body = _plain(v.op.body)
            call = Call(body, *[new[x] for x in v.operands])
            parts[v] = tuple(call.output(k) for k in range(len(body.outputs)))
            new[v] = parts[v][0]
        else:
            new[v] = Value(v.op, tuple([new[x] for x in v.operands]), v.type, v.data, None, v.place)
    return Graph(graph.name, graph.inputs, tuple(new[v] for v in graph.outputs))


def _while(op: While, operands: tuple[Value, ...]) -> Value:
    """The loop with what its step and its condition compute of fixed operands computed before."""
    step, condition = _step(op.step), _step(op.condition)
    a = op.carries
    given = list(zip(step.inputs, operands, strict=True))
    more: list[tuple[Value, Value]] = []
    outputs = []
    for graph in (step, condition):
        fixed = dict(zip(graph.inputs[a:], operands[a:], strict=True))
        found = invariants(graph.outputs, fixed, graph.inputs[:a])
        outer = rebuilt(tuple(found), fixed)
        new = {v: stand_in(v) for v in found}
        more += [(x, outer[v]) for v, x in new.items()]
        made = rebuilt(graph.outputs, new)
        outputs.append(tuple(made[v] for v in graph.outputs))
    extra = tuple(x for x, _ in more)
    light = While(
        Graph(step.name, (*step.inputs, *extra), outputs[0]), Graph(condition.name, (*condition.inputs, *extra), outputs[1]), a
    )
    return light.apply(*(outer for _, outer in given), *(outer for _, outer in more))
