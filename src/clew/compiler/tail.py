"""Functions of contractions: the contraction itself, and what follows it fused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..ir import Value
from .block import Block, Reg
from .contraction import Epilogue, write, write_finishing, write_packing
from .emit import BEGIN, CONTEXT, END, Items, parameter
from .expression import Buffer, Expr, Place, Point
from .index import Var
from .kernel import Kernel
from .products import Product
from .prologue import Prologue
from .turns import Spot


class Tail(Items):
    """What follows a contraction, element by element: computed on finished vectors while they are in registers."""

    def __init__(self, b: Block, kernel: Kernel, value: Value, own: Callable[[Value], Expr], buffers: Sequence[Place]) -> None:
        super().__init__(b, 0, own)
        self.kernel = kernel
        self.value_of = value
        self.buffers = buffers
        self.known_in: dict[Block, tuple[dict[Buffer | Point, Reg], list[dict[Any, Reg]]]] = {}
        self.place: Sequence[Reg] = ()
        self.there: dict[Any, Reg] = {}  # sums of the place's registers
        self.level = 0  # scopes where a vector is served
        self.enter(b)
        self.items = [x for nest in kernel.nests for x in nest.items]

    def enter(self, b: Block) -> None:
        """What is written from now on is part of this function."""
        if b not in self.known_in:
            base = {x: parameter(b, 4 + k) for k, x in enumerate(self.buffers) if isinstance(x, Buffer | Point)}
            self.known_in[b] = base, [{}]
        self.b, (self.base, self.scopes) = b, self.known_in[b]

    def finish(self, b: Block, place: Sequence[Reg], steps: Sequence[int], axis: int, x: Reg, mask: Reg | None) -> None:
        """The epilogue of the contraction generator."""
        if place is not self.place or b is not self.b:
            self.place, self.there = place, {}
        self.enter(b)
        self.lanes, self.mask = x.lanes, mask
        self.vector = Var(axis, self.value_of.shape[axis]) if x.lanes else None
        for k, (start, more, n) in enumerate(zip(place, steps, self.value_of.shape, strict=True)):
            self.env[Var(k, n)] = Spot(start, more) if start.text.startswith("%") else int(start.text) + more
        with self.scope():
            self.level = len(self.scopes)
            self.scopes[-1][self.own(self.value_of)] = x
            self.turn(self.items, {})
        self.mask = self.vector = None

    def added(self, terms: tuple[tuple[Any, int], ...], first: bool) -> Reg:
        """Sums of the place's registers serve all vectors of a block, if they are not written inside of a loop."""
        if len(self.scopes) > self.level or not all([isinstance(x, Reg) for x, _ in terms]):
            return super().added(terms, first)
        if terms not in self.there:
            self.there[terms] = super().added(terms, first)
        return self.there[terms]


def function(
    b: Block,
    made: Product,
    kernel: Kernel,
    value: Value,
    own: Callable[[Value], Expr],
    buffers: Sequence[Place],
    computed: Mapping[str, Kernel],
) -> None:
    """The body of the function that computes some tasks. Its context: the operands, the result, scratch, the ``buffers`` of
    what follows, where anything does, and what operands are computed from."""
    a, second, c, scratch = (parameter(b, k) for k in range(4))
    tail = following(b, kernel, value, own, buffers)
    sources = [x for each in computed.values() for x in each.read]
    places = {x: parameter(b, 4 + len(buffers) + k) for k, x in enumerate(sources)}
    prologue = Prologue(computed, made.cuts, places, made.plan.bits)
    write(b, made.plan, a, second, c, scratch, BEGIN, END, tail, prologue)
    b.do("ret void")


def finishing(
    b: Block, made: Product, kernel: Kernel, value: Value, own: Callable[[Value], Expr], buffers: Sequence[Place]
) -> None:
    """The body of the function that adds up what the shares of a long sum came to."""
    c, scratch = (parameter(b, k) for k in (2, 3))
    write_finishing(b, made.plan, c, scratch, BEGIN, END, following(b, kernel, value, own, buffers))
    b.do("ret void")


def following(
    b: Block, kernel: Kernel, value: Value, own: Callable[[Value], Expr], buffers: Sequence[Place]
) -> Epilogue | None:
    """What follows, where anything does."""
    if not buffers:
        return None
    return Epilogue(Tail(b, kernel, value, own, buffers).finish, (CONTEXT,))


def packing(b: Block, made: Product) -> None:
    """The body of the function that copies operands into panels."""
    a, second, _, scratch = (parameter(b, k) for k in range(4))
    write_packing(b, made.plan, a, second, scratch, BEGIN, END)
    b.do("ret void")
