"""A trace: the function runs once on symbols, and so does all state that it reads and changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...diff.reverse import pull_back, together
from ...errors import GradientError
from ...ir import DTYPES, INPUT, Label, Leaked, Site, Type, Used, Value, here, kept, parameter, recording, toposort, tracing
from ...ops.arithmetic import add
from ...ops.elementwise import filled
from ...ops.random import U32
from ...ops.rounding import detach
from ...variable import SLOT, Variable, watched
from .number import F64, Traced
from .swallowed import shown

KEY, DRAW = Type(U32, (2,)), Type(U32, ())
FLOAT = Type(DTYPES["f64"], ())
assert FLOAT.dtype == F64


@dataclass
class Draws:
    """What a generator has drawn so far."""

    key: Value
    first: Value
    count: int = 0


@dataclass
class Read:
    """A variable from outside: the leaf that stands for it at first, and what it holds now, if that is another."""

    leaf: Value
    now: Value


@dataclass(eq=False)
class Trace:
    """State on symbols. ``leaves`` are the inputs that stand for it, each with what it stands for."""

    function: str
    leaves: dict[Value, Any] = field(default_factory=dict)  # in the order of first use
    variables: dict[Variable, Read] = field(default_factory=dict)
    born: dict[Variable, Value] = field(default_factory=dict)  # variables made inside, and what they hold now
    alias: dict[Value, Value] = field(default_factory=dict)  # leaves of variables that were assigned to: what they are
    local: set[Value] = field(default_factory=set)  # leaves of variables made inside whose first value is known
    draws: dict[Any, Draws] = field(default_factory=dict)
    gradients: dict[Label, tuple[Value | None, bool]] = field(default_factory=dict)  # with whether it is fresh
    outside: dict[Label, tuple[bool, bool]] = field(default_factory=dict)  # gradients read: was there one, and fresh
    backwards: list[tuple[Value, Value, bool]] = field(default_factory=list)  # where backward() began: value, gradient, adds up
    attached: list[tuple[Any, Any, Any, Any, list[Variable]]] = field(default_factory=list)  # see attach; third: before
    arrays: dict[int, tuple[Any, str]] = field(default_factory=dict)  # from outside, with what they are called
    bound: dict[int, Value] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)  # made inside
    unrecorded: set[Value] = field(default_factory=set)  # made where recording was off
    cut: dict[Value, Value] = field(default_factory=dict)  # those, detached

    # Ops

    def operands(self, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        """What an op that is recorded takes: no gradient passes to what was made where recording was off."""
        if not recording.on or self.unrecorded.isdisjoint(operands):
            return operands
        return tuple([self._detached(x) if x in self.unrecorded else x for x in operands])

    def _detached(self, v: Value) -> Value:
        if v not in self.cut:
            self.cut[v] = Value(detach, (v,), v.type, None, None, v.place)
            self.values.append(self.cut[v])
        return self.cut[v]

    def made(self, v: Value) -> None:
        self.values.append(v)
        if not recording.on:
            self.unrecorded.add(v)

    def input(self, name: str, type: Type, stands_for: Any, label: Label | None = None) -> Value:
        """A new input."""
        leaf = Value(INPUT, (), type, None, label) if label is not None else parameter(name, type)
        self.leaves[leaf] = stands_for
        return leaf

    # Variables

    def read(self, variable: Variable) -> Value:
        if variable in self.born:
            return self.born[variable]
        known = self.variables.get(variable)
        if known is None:
            v = SLOT.__get__(variable)
            if isinstance(v.data, Leaked):
                v.data.refuse()
            leaf = self.input("", v.type, variable, v.label)
            known = self.variables[variable] = Read(leaf, leaf)
        return known.now

    def write(self, variable: Variable, v: Value) -> None:
        try:
            SLOT.__get__(variable)
        except AttributeError:
            if v.data is not None:
                self.local.add(v)
            self.born[variable] = v
            return
        self.read(variable)
        self.variables[variable].now = v

    def assign(self, variable: Variable, v: Value) -> None:
        old = self.read(variable)
        leaf = Value(INPUT, (), old.type, None, old.label)
        self.alias[leaf] = v
        self.values.append(leaf)
        self.write(variable, leaf)

    def create(self, variable: Variable, v: Value, label: Label) -> None:
        leaf = self.born[variable] = Value(INPUT, (), v.type, None, label)
        self.alias[leaf] = v
        self.values.append(leaf)

    def attach(self, holder: Any, key: Any, x: Any, variables: list[Variable]) -> None:
        self.attached.append((holder, key, holder[key], x, variables))
        holder[key] = x

    # Numbers and arrays

    def array(self, x: Any) -> Value | None:
        base = x
        while base is not None and id(base) not in self.arrays:
            base = base.base if isinstance(base, np.ndarray) else None
        if base is None:
            return None
        if id(x) not in self.bound:
            self.bound[id(x)] = self.input(self.arrays[id(base)][1], Type(x.dtype, x.shape), Bound(x))
        return self.bound[id(x)]

    def draw(self, generator: Any) -> tuple[Value, Value]:
        known = self.draws.get(generator)
        if known is None:
            known = self.draws[generator] = Draws(
                self.input("key", KEY, (generator, "key")), self.input("draw", DRAW, (generator, "draw"))
            )
        number = known.first if not known.count else add(known.first, filled(known.count, DRAW))
        known.count += 1
        return known.key, number

    def number(self, holder: dict[str, Any], name: str) -> Traced:
        for leaf, place in self.leaves.items():
            if isinstance(place, Attribute) and place.holder is holder and place.name == name:
                return Traced(leaf)
        return Traced(self.input(name, FLOAT, Attribute(holder, name)))

    # Texts

    def shown(self, v: Value) -> None:
        shown(self.function, v)

    # Gradients

    def backward(self, output: Value, seed: Value, accumulate: bool) -> None:
        order = toposort((output,))
        wanted = {x for x in order if x.label is not None and (x.label.variable if x.op is INPUT else x.op and x.label.name)}
        if output in self.unrecorded or not any(x.op is INPUT and x in wanted for x in order):
            raise GradientError(
                "backward() from a tensor that nothing tracked leads to: no cl.variable feeds it, or it was computed under "
                f"cl.no_grad() or detached\n  at {Site(*here())}"
            )
        self.backwards.append((output, seed, accumulate))
        before, recording.on = recording.on, False
        try:
            found = pull_back({output: seed}, wanted=wanted)
            total: dict[Label, Value] = {}
            for v, g in found.items():
                if v in wanted and v.label is not None:
                    total[v.label] = together(total[v.label], g) if v.label in total else g
            for label, g in total.items():
                old = self.gradient(label) if accumulate else None
                self.gradients[label] = (g if old is None else add(old, g), True)
        finally:
            recording.on = before

    def gradient(self, label: Label) -> Value | None:
        if label not in self.gradients:
            there = kept(label)
            self.outside[label] = (there is not None, label.fresh)
            leaf = (
                None
                if there is None
                else self.input(f"gradient of {label.name}", Type(there.dtype, there.shape), Gradient(label))
            )
            self.gradients[label] = (leaf, label.fresh)
        return self.gradients[label][0]

    def set_gradient(self, label: Label, gradient: Value | None) -> None:
        self.gradients[label] = (gradient, gradient is not None)

    def is_fresh(self, label: Label) -> bool:
        if label not in self.gradients:
            if isinstance(label.grad, Used) or label.grad is None:
                self.outside[label] = (False, False)
                return False
            self.gradient(label)
        return self.gradients[label][1]

    def use(self, label: Label) -> None:
        self.gradients[label] = (self.gradients[label][0], False)

    # Its end

    def undo(self) -> None:
        """Python's own containers are as they were before."""
        for holder, key, before, _, _ in reversed(self.attached):
            holder[key] = before

    def close(self) -> None:
        """What is still held of the trace becomes an error that tells so."""
        inside = set(self.leaves)
        for v in self.leaves:
            v.data = Leaked(v, self.function)
        for v in self.values:
            if v.data is None and (v in self.alias or not inside.isdisjoint(v.operands)):
                inside.add(v)
                v.data = Leaked(v, self.function)
        stay = {v for *_, variables in self.attached for v in variables}
        for variable, v in self.born.items():
            if variable not in stay:
                SLOT.__set__(variable, Value(INPUT, (), v.type, Leaked(v, self.function), v.label))


@dataclass(frozen=True, eq=False)
class Bound:
    """An array that was there before the function ran: each call reads it anew."""

    array: Any
    label: Label | None = None


@dataclass(frozen=True, eq=False)
class Attribute:
    """A Python number that an object holds."""

    holder: dict[str, Any]
    name: str


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient that a label holds before the call."""

    label: Label


@contextmanager
def traced(trace: Trace) -> Iterator[None]:
    """Inside, this thread's state is that of the trace."""
    with watched():
        before, tracing.trace = tracing.trace, trace
        try:
            yield
        finally:
            tracing.trace = before
