"""One signature of a compiled function: the compiled graph, and the state that each call brings to it and takes from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from ...gates import Gate
from ...ir import INPUT, Array, Graph, Label, Type, Used, Value, constant, here, recording
from ...ops.items import Item, several_of
from ...tensor import Tensor
from ...variable import Variable
from .guards import Guards
from .interpreted import Interpreted
from .results import Results
from .running import WORD, put, running
from .snapshot import Snapshot
from .tracer import Attribute, Bound, Gradient
from .usual import recogniser

WIDE = np.float64


@dataclass(eq=False)
class Entry:
    """A compiled signature. Inputs are the arguments' arrays and then, in this order, the fields below."""

    name: str
    graph: Graph
    guards: Guards
    results: Results
    types: list[Type]  # of the results
    floats: list[int]  # which arguments are Python floats
    bound: list[Bound]
    reads: list[Variable]
    updated: list[Variable]  # in place where that is safe
    scalars: list[Variable]  # updated too, but NumPy's scalars cannot change in place
    numbers: list[Attribute]
    before: list[Gradient]
    draws: list[tuple[Any, int]]  # generators, and how many numbers each draws
    outside: dict[Label, tuple[bool, bool]]
    put: list[tuple[Variable, Type, Label | None]]  # the scalars, and variables that were made inside and stay
    kept: list[Label]  # whose gradients nothing inside has used
    used: list[Label]  # whose gradient was made inside, and used
    spent: list[Label]  # whose gradient was there before, and used
    cleared: list[Label]
    attached: list[tuple[Any, Any, Any, Any]]  # holder, key, what was there, what is there after a call
    keep: list[Any]  # what the signature knows by its identity alone
    native: bool = True  # else it runs in NumPy
    like: Callable[..., list[Array] | None] | None = None  # recognises the usual arguments, of which there are ``count``
    count: int | None = None  # None until it is called again

    def __post_init__(self) -> None:
        self.arrays = [b.array for b in self.bound]
        closed = bool(self.bound or self.reads)
        self.conditional = bool(self.outside or self.attached)
        self.free = not (self.guards or self.conditional)
        self.holds = self._holds if self.conditional else self.guards.holds
        self.wrap = self.results.once
        results, place = len(self.types), len(self.graph.inputs) - self.after_updated
        self.updates = {results + k: place + k for k in range(len(self.updated))}
        changes = self.updated or self.put or self.kept or self.used or self.spent or self.cleared or self.attached
        self.plain = not (changes or self.numbers or self.before or self.draws or self.outside)
        self.pure = not changes
        self.more = bool(self.put or self.kept or self.spent or self.cleared or self.attached)
        state = any(v.value.type.differentiable for v in self.reads) or any(b.label for b in self.bound)
        self.tracks = self.pure and any(t.differentiable for t in self.types) and state
        self.used_up = Used(self.name)
        start = perf_counter()
        # It loads LLVM, which takes longer than all the rest of clew.
        compiled: Any = import_module("clew.compiler.compiled").Compiled if self.native else Interpreted
        loaded = perf_counter()
        self.compiled = compiled(self.graph, self.updates)
        self.took = {"loading the compiler": loaded - start, "compiling": perf_counter() - loaded}  # seconds
        self.number: Any = WIDE
        self.converted = self.floats  # to NumPy's scalars, for a call
        if getattr(self.compiled, "takes_floats", False):
            self.converted, self.number = [], float
        self.gathers = closed or bool(self.converted)
        self.compute: Callable[..., list[Any]] = getattr(self.compiled, "call", self.compiled)
        self.call: Callable[[list[Array]], list[Any]] = self.compute if self.plain else running(self, 0)

    @property
    def after_updated(self) -> int:
        """How many inputs come from the updated variables on."""
        inputs = len(self.updated) + len(self.scalars) + len(self.numbers) + len(self.before)
        return inputs + 2 * len(self.draws)

    def again(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A second call: from now on such arguments are recognised, and all is done in the quickest way."""
        if not self.conditional:
            self.holds = self.guards.hold
        if not self.plain:
            self.call = running(self)
        self.wrap = self.results.of_arrays
        self.like = None if kwargs else recogniser(args)
        self.count = len(args)

    def _holds(self) -> bool:
        """Whether everything that was read of Python, and which gradients and states are there, is as it was when traced."""
        if not self.guards.hold():
            return False
        for label, was in self.outside.items():
            there = label.grad is not None and label.grad.__class__ is not Used
            if (there, there and label.fresh) != was:
                return False
        return all([holder[key] is was for holder, key, was, _ in self.attached])

    def inputs(self, leaves: list[Array]) -> list[Array]:
        """The arguments' arrays, those that the function closed over, and those of the variables that it reads."""
        for k in self.converted:
            leaves[k] = WIDE(leaves[k])
        return [*leaves, *self.arrays, *[v.value.data for v in self.reads]]

    def peek(self, leaves: list[Array]) -> list[Array]:
        """All inputs that a call would have now."""
        leaves = [WIDE(x) if x.__class__ is float else x for x in leaves]
        inputs = self.inputs(leaves) + [v.value.data for v in (*self.updated, *self.scalars)]
        inputs += [WIDE(number.holder[number.name]) for number in self.numbers]
        inputs += [gradient.label.grad for gradient in self.before]
        for generator, count in self.draws:
            key, first = generator.reserve(count)
            generator.back(count)
            inputs += (key, WORD(first))
        return inputs

    def take_over(self, made: list[Any]) -> None:
        """The new state that is neither in updated arrays nor used up. It can be done twice."""
        place = len(self.types) + len(self.updated)
        for k, (v, type, named) in enumerate(self.put, place):
            put(v, Value(INPUT, (), type, made[k], named))
        place += len(self.put)
        for k, label in enumerate(self.kept, place):
            label.grad, label.fresh = made[k], True
        for label in self.spent:
            label.fresh = False
        for label in self.cleared:
            label.grad, label.fresh = None, False
        for holder, key, _, x in self.attached:
            holder[key] = x

    def buffers(self) -> list[Array]:
        """Memory for the arrays that a call changes in place."""
        return [np.empty(v.shape, v.dtype) for v in self.updated]

    def snapshot(self, buffers: Sequence[Array] = ()) -> Snapshot:
        """The state that a call changes. The arrays that it would change in place are copied to the buffers.

        Without buffers they are held on to, and so the next call changes copies of them.
        """
        return Snapshot(
            (*self.updated, *self.scalars),
            (*self.kept, *self.used, *self.spent, *self.cleared),
            [generator for generator, _ in self.draws],
            [(holder, key) for holder, key, _, _ in self.attached],
            buffers,
        )

    def called(self, leaves: list[Array], tracked: dict[int, Value]) -> tuple[Any, list[Any]]:
        """What the call returns, and the arrays that it has made. (``Jit.__call__`` has this written out.)"""
        if (tracked or self.tracks) and self.pure and recording.on:
            return self.recorded(leaves, tracked)
        made = self.call(self.inputs(leaves))
        return self.wrap(made), made

    # A function that changes nothing is one node of the eager graph

    def recorded(self, leaves: list[Array], tracked: dict[int, Value]) -> tuple[Any, list[Any]]:
        """The results, recorded as those of one gate, whose way back is that of its parts, and their arrays."""
        inputs = self.inputs(leaves)
        values = [v.value for v in self.reads]
        made = self.call(inputs)
        operands = [tracked[k] if k in tracked else constant(x) for k, x in enumerate(inputs)]
        first = len(leaves)
        for k, b in enumerate(self.bound, first):
            if b.label is not None:
                operands[k] = Value(INPUT, (), operands[k].type, b.array, b.label)
        first += len(self.bound)
        operands[first : first + len(values)] = values
        y = Value(self.gate, tuple(operands), several_of(tuple(self.types)), made[0], None, here())
        if len(made) == 1:
            return self.results.of_tensors([Tensor(y)]), made
        y.data = tuple(made)
        items = [Tensor(Value(Item(k), (y,), t, made[k], None, y.place)) for k, t in enumerate(self.types)]
        return self.results.of_tensors(items), made

    @cached_property
    def gate(self) -> Gate:
        return Gate(self.name, self.graph)
