"""What no carry of a step needs: computed of all steps at once, after the loop, from what the step then stacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..diff.batching import batch_forward
from ..diff.reverse import reaching
from ..ir import INPUT, Tuple, Value, rebuilt, toposort
from ..ops.arithmetic import Add, Neg, Sub, mul
from ..ops.broadcast import Sum, broadcast, sum
from ..ops.contraction import Contract, parse, unused
from ..ops.elementwise import filled
from ..ops.items import Item
from ..ops.movement import Pad
from .early import added, addends
from .loop import before
from .taken import Taken, is_product, is_view, loops_of, nbytes, put_together, stand_in, uses


def finished(t: Taken) -> dict[int, Value]:
    """The results that are used, of a scan whose step computes and stacks as little as possible."""
    if not t.length:
        types = {k: v.type.with_shape((0, *v.shape)) for k, v in t.stacks.items()}
        empty = {k: Value(None, (), type, np.empty(type.shape, type.dtype)) for k, type in types.items()}
        return t.known | {k: t.first[x] for k, x in t.lasts.items()} | empty
    return _Late(t).results()


class _Late:
    """Plans what is moved behind a loop. Its expressions are over stand-ins: for the stacks of values of the step, for the
    operands (a fixed parameter stands for itself), and for the last carries."""

    def __init__(self, t: Taken) -> None:
        self.t = t
        self.order = toposort(t.ends)
        self.varying = reaching(self.order, {*t.next, *t.rows})
        self.late = reaching(self.order, {*t.next, *loops_of(self.order)})
        self.rows = {x: stand_in(x, t.length) for x in t.rows}
        self.stacks = dict(self.rows)
        self.made: dict[Value, Value] = {}  # those of them that the loop is asked for
        self.first = {x: stand_in(x) for x in t.next}
        self.last = {x: stand_in(x) for x in t.next}
        self.terms = {x: terms for x in t.next if (terms := self.summed(x)) is not None}
        self.moving: dict[Value, bool] = {}  # what ``is_moved`` said, while stacks are what they are
        self.totals: dict[Value, Value] = {}
        self.sums: dict[Value, list[Value]] = {x: [] for x in self.terms}  # the totals of terms that have been moved
        needed = [y for x, y in t.next.items() if x not in self.terms]
        self.inside = set(toposort([*needed, *loops_of(self.order)]))
        self.outside: set[Value] = set()  # the contractions that no carry needs, and what follows from them
        for v in self.order:
            if v in self.inside or v not in self.varying:
                continue
            worth = is_product(v) and (self.small(v) or v in t.stacks.values()) and self.fits(v.operands)
            if worth or not self.outside.isdisjoint(v.operands):
                self.outside.add(v)

    # What stands where

    def followed(self, v: Value) -> bool:
        """Whether the stack of ``v`` is made from those of its operands."""
        if v.op is INPUT or v in self.stacks:
            return False
        if v in self.outside:
            return True
        if isinstance(v.op, Item):
            return self.followed(v.operands[0])
        if is_view(v) or isinstance(v.op, Pad):
            return v.operands[0].type.nbytes <= v.type.nbytes or v not in self.late
        return v not in self.inside and v not in self.late and self.small(v)

    def ground(self, ends: Iterable[Value]) -> list[Value]:
        """The values whose stacks those of ``ends`` are made from."""
        found: dict[Value, None] = {}
        stack, seen = list(ends), set[Value]()
        while stack:
            v = stack.pop()
            if v not in self.varying or v in seen:
                continue
            seen.add(v)
            if self.followed(v):
                stack += v.operands
            else:
                found[v] = None
        return list(found)

    def missing(self, ends: Iterable[Value]) -> int:
        """The bytes of the stacks that are not there yet."""
        return self.t.length * nbytes(v for v in self.ground(ends) if not self.there(v))

    def there(self, v: Value) -> bool:
        return v in self.stacks or self.t.next.get(v) in self.stacks

    def fits(self, ends: Iterable[Value]) -> bool:
        """Whether the stacks that ``ends`` are made from are not too much to keep."""
        return self.missing(ends) + nbytes(self.made.values()) <= self.t.budget

    def small(self, v: Value) -> bool:
        """Whether ``v`` of all steps is not too much to compute at once."""
        return isinstance(v.type, Tuple) or self.t.length * v.type.nbytes <= self.t.budget

    # What stands for it outside

    def stack(self, v: Value) -> Value:
        """The stack of a value of all steps."""
        t, ground = self.t, self.ground([v])
        if v not in self.varying:
            return broadcast(v, (0,), (t.length,))  # type: ignore[no-any-return]
        for x in ground:
            if x not in self.stacks and self.there(x):
                self.stacks[x] = before(self.first[x], self.stacks[t.next[x]], t.op.reverse)
            elif x not in self.stacks:
                self.stacks[x] = self.made[x] = stand_in(x, t.length)
        if v not in self.stacks:
            alone = {x: stand_in(x) for x in ground}
            made = rebuilt((v,), alone)[v]
            many = batch_forward({y: self.stacks[x] for x, y in alone.items()}, t.length, [made])
            self.stacks[v] = many[made]
        return self.stacks[v]

    def results(self) -> dict[int, Value]:
        """The results of the loop that are used."""
        self.move()
        found = {k: self.stack(y) for k, y in self.t.stacks.items()}
        self.move()
        t, rest = self.t, self.rest()
        for k, x in t.lasts.items():
            found[k] = added([self.last[x] if x in rest.next else self.first[x], *self.sums.get(x, ())])
        last, stacks = put_together(rest, self.made)
        given = t.fixed | {self.rows[x]: outer for x, outer in t.rows.items()} | {self.first[x]: y for x, y in t.first.items()}
        given |= {self.last[x]: y for x, y in last.items()} | {self.made[v]: y for v, y in stacks.items()}
        new = rebuilt(tuple(found.values()), given)
        return t.known | {k: new[v] for k, v in found.items()}

    def rest(self) -> Taken:
        """The loop with the carries that stay, less the terms that have been moved."""
        t = self.t
        stay = {x: y for x, y in t.next.items() if x not in self.terms or self.terms[x]}
        stay |= {x: added([x, *self.terms[x]]) for x in stay if self.sums.get(x)}
        lasts = {k: x for k, x in t.lasts.items() if x in stay}
        return replace(t, next=stay, first={x: t.first[x] for x in stay}, lasts=lasts)

    def move(self) -> None:
        """Take the totals that can be had, until no more can: each may bring stacks that others are made from."""
        going = True
        while going:
            going = False
            self.moving = {}
            for x, terms in self.terms.items():
                for v in [v for v in terms if self.is_moved(v)]:
                    self.sums[x].append(self.total(v))
                    terms.remove(v)
                    going = True

    # Carries that only add up

    def summed(self, carry: Value) -> list[Value] | None:
        """What is added to a carry in each step, if that is all that becomes of it."""
        counted = self.counted
        path = reaching(self.order, {carry})
        v, terms = self.t.next[carry], list[Value]()
        while v is not carry:
            if not isinstance(v.op, Add) or counted[v] != 1 or len(path.intersection(v.operands)) != 1:
                return None
            a, b = v.operands
            v, other = (a, b) if a in path else (b, a)
            terms.append(other)
        if counted[carry] != 1 or carry.dtype.kind == "b":
            return None
        inner = {x for x in self.order if isinstance(x.op, Add) and counted[x] == 1}
        return [x for term in terms for x in (addends(term, inner) if term in inner else [term])]

    @cached_property
    def counted(self) -> dict[Value, int]:
        return uses(self.t.ends)

    def is_moved(self, v: Value) -> bool:
        """Whether the total of ``v`` over all steps is taken after the loop."""
        if v not in self.moving:
            self.moving[v] = self.moves(v)
        return self.moving[v]

    def moves(self, v: Value) -> bool:
        if v not in self.varying:
            return v.dtype.kind == "f" and v.dtype.itemsize >= 4
        if self.is_outer(v):
            return self.fits(v.operands)
        if self.is_linear(v):
            return True
        return v in self.outside or not self.missing([v])

    def is_linear(self, v: Value) -> bool:
        """Whether the total of ``v`` follows from that of its operands."""
        if isinstance(v.op, Contract) and not self.varying.issuperset(v.operands):
            return v in self.outside or all(self.is_moved(x) for x in v.operands if x in self.varying)
        zero = isinstance(v.op, Pad) and v.op.value == 0
        straight = zero or is_view(v) or isinstance(v.op, Neg | Sum | Add | Sub)
        return straight and all(self.is_moved(x) for x in v.operands)

    def is_outer(self, v: Value) -> bool:
        """Whether ``v`` is a product of two factors that change, of which the total is one contraction."""
        if not isinstance(v.op, Contract) or not self.varying.issuperset(v.operands):
            return False
        return is_product(v) or v.type.size > max(x.type.size for x in v.operands)

    def total(self, v: Value) -> Value:
        """``v`` added up over all steps."""
        if v not in self.totals:
            self.totals[v] = self.totalled(v)
        return self.totals[v]

    def totalled(self, v: Value) -> Value:
        if v not in self.varying:
            return mul(v, filled(self.t.length, v.type))  # type: ignore[no-any-return]
        if self.is_outer(v):
            assert isinstance(v.op, Contract)
            left, right, result = parse(v.op.spec)
            step = unused(v.op.spec)
            return Contract(f"{step}{left},{step}{right}->{result}").apply(*map(self.stack, v.operands))
        if self.is_linear(v):
            assert v.op is not None
            whole = isinstance(v.op, Contract)
            return v.op.apply(*[x if whole and x not in self.varying else self.total(x) for x in v.operands])
        return sum(self.stack(v), (0,))  # type: ignore[no-any-return]
