"""What a step computes before its carries come in: once for all steps, before the loop."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..diff.batching import batch_forward
from ..diff.reverse import reaching
from ..ir import INPUT, Value, rebuilt, toposort
from ..ops.arithmetic import Add
from ..ops.cost import FUNCTION, WEIGHTS
from ..ops.elementwise import Elementwise
from ..ops.movement import Pad
from .taken import GROWTH, Taken, is_product, is_view, loops_of, nbytes, on, stand_in, uses


def early(t: Taken) -> Taken:
    """The scan whose step reads what can be computed before: of fixed operands once, of scanned rows in one go."""
    return _rows(_invariants(_regrouped(t)))


def invariants(ends: Collection[Value], fixed: Iterable[Value], varying: Iterable[Value]) -> list[Value]:
    """What the ends read that follows from ``fixed`` parameters alone; below views of it, which cost nothing where they are."""
    order = toposort(ends)
    moving, known = reaching(order, set(varying)), reaching(order, set(fixed))
    read = [*ends, *(x for v in order if v in moving for x in v.operands)]
    found = (bottom(x, known) for x in read if x not in moving and x in known)
    return [x for x in dict.fromkeys(found) if x.op is not INPUT]


def bottom(v: Value, inside: Collection[Value]) -> Value:
    """What ``v`` is a view of, as far down as values are ``inside``."""
    while is_view(v) and v.operands[0] in inside:
        v = v.operands[0]
    return v


def _invariants(t: Taken) -> Taken:
    found = invariants(t.ends, t.fixed, [*t.next, *t.rows])
    if not found:
        return t
    outer = rebuilt(tuple(found), t.fixed)
    new = {v: stand_in(v) for v in found}
    return on(replace(t, fixed=t.fixed | {x: outer[v] for v, x in new.items()}), new)


def _regrouped(t: Taken) -> Taken:
    """With the addends of a sum that need no carry added up first, where one of them is worth computing before."""
    order = toposort(t.ends)
    late, counted = reaching(order, set(t.next)), uses(t.ends)
    costly = reaching(order, [v for v in order if is_product(v) and v not in late])
    inner = {x for v in order if isinstance(v.op, Add) for x in v.operands if isinstance(x.op, Add) and counted[x] == 1}
    new: dict[Value, Value] = {}
    for v in order:
        if not isinstance(v.op, Add) or v in inner or v not in late:
            continue
        terms = addends(v, inner)
        soon, others = [x for x in terms if x not in late], [x for x in terms if x in late]
        if len(soon) > 1 and not costly.isdisjoint(soon):
            new[v] = added([added(soon), *others])
    return on(t, _chained(new)) if new else t


def _chained(new: dict[Value, Value]) -> dict[Value, Value]:
    """The replacements, each with those below it made, for a value that is replaced is not looked into."""
    made: dict[Value, Value] = {}
    for v, other in new.items():
        made[v] = rebuilt((other,), made)[other]
    return made


def addends(v: Value, inner: Collection[Value]) -> list[Value]:
    """The terms of a sum whose partial sums are ``inner``."""
    terms, stack = [], [v]
    while stack:
        x = stack.pop()
        if x is v or x in inner:
            stack += reversed(x.operands)
        else:
            terms.append(x)
    return terms


def added(terms: Sequence[Value]) -> Value:
    result = terms[0]
    for x in terms[1:]:
        result = Add().apply(result, x)
    return result


def _rows(t: Taken) -> Taken:
    """With what is worth it computed of all rows at once, and scanned."""
    order = toposort(t.ends)
    rows = reaching(order, set(t.rows)) - reaching(order, {*t.next, *loops_of(order)})
    moved = _worth(t, [v for v in order if v in rows])
    read = [*t.ends, *(x for v in order if v not in moved for x in v.operands)]
    found = dict.fromkeys(_lower(x, moved) for x in read if x in moved)
    if not found:
        return t
    whole = {x: stand_in(x, t.length) for x in t.rows}
    stacked = batch_forward(whole, t.length, found)
    outer = rebuilt(tuple(stacked[v] for v in found), t.fixed | {y: t.rows[x] for x, y in whole.items()})
    new = {v: stand_in(v) for v in found}
    return on(replace(t, rows=t.rows | {x: outer[stacked[v]] for v, x in new.items()}), new)


def _lower(v: Value, moved: set[Value]) -> Value:
    while (is_view(v) or isinstance(v.op, Pad)) and v.operands[0] in moved:
        v = v.operands[0]
    return v


def _worth(t: Taken, rows: list[Value]) -> set[Value]:
    """The values that follow from rows and are to be computed before the loop."""
    moved: set[Value] = set()
    scanned = nbytes(t.rows)
    spent = 0
    for v in rows:
        follows = not moved.isdisjoint(v.operands)
        if is_product(v):
            worth = spent + t.length * v.type.nbytes <= t.budget
            spent += t.length * v.type.nbytes * worth
        elif is_function(v):
            worth = v.type.nbytes <= GROWTH * scanned
        else:
            worth = follows and (isinstance(v.op, Elementwise | Pad) or is_view(v))
        if worth:
            moved |= {x for x in toposort([v]) if is_function(x)}.intersection(rows) | {v}
    return moved


def is_function(v: Value) -> bool:
    """Whether ``v`` is elementwise, and takes its time."""
    return WEIGHTS.get(type(v.op), 0) >= FUNCTION if v.op is not None else False
