"""Functions of contractions: the contraction itself, and what follows it fused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..ir import Value
from .block import Block, Reg, number
from .contraction import Epilogue, write, write_finishing, write_packing
from .emit import BEGIN, END, Items, parameter
from .evaluate import I64
from .expression import Buffer, Expr, Place, Point
from .index import Var
from .kernel import Kernel
from .products import Product
from .prologue import Prologue


class Tail(Items):
    """What follows a contraction, element by element: computed on finished vectors while they are in registers."""

    def __init__(self, b: Block, kernel: Kernel, value: Value, own: Callable[[Value], Expr]) -> None:
        super().__init__(b, 0, own)
        self.kernel = kernel
        self.value_of = value
        self.items = [x for nest in kernel.nests for x in nest.items]

    def finish(self, b: Block, index: Sequence[Reg], axis: int, x: Reg, mask: Reg | None) -> None:
        """The epilogue of the contraction generator."""
        self.lanes, self.mask = x.lanes, mask
        self.vector = Var(axis, self.value_of.shape[axis]) if x.lanes else None
        for k, (place, n) in enumerate(zip(index, self.value_of.shape, strict=True)):
            self.env[Var(k, n)] = place
        with self.scope():
            self.scopes[-1][self.own(self.value_of)] = x
            self.turn(self.items, {})
        self.mask = self.vector = None


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
    a, second = _moved(b, made, a, second)
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
    tail = Tail(b, kernel, value, own)
    for k, buffer in enumerate(buffers):
        assert isinstance(buffer, Buffer | Point)
        tail.base[buffer] = parameter(b, 4 + k)
    return tail.finish


def packing(b: Block, made: Product) -> None:
    """The body of the function that copies operands into panels."""
    a, second, _, scratch = (parameter(b, k) for k in range(4))
    a, second = _moved(b, made, a, second)
    write_packing(b, made.plan, a, second, scratch, BEGIN, END)
    b.do("ret void")


def _moved(b: Block, made: Product, a: Reg, second: Reg) -> tuple[Reg, Reg]:
    """The operands' first elements."""
    kind = made.plan.problem.dtype

    def start(x: Reg, offset: int) -> Reg:
        return b.gep(x, number(offset, I64), kind) if offset else x

    return start(a, made.left.offset), start(second, made.right.offset)
