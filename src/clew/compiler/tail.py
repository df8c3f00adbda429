"""Functions of contractions: the contraction itself, and what follows it fused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir import Value
from .block import Block, Reg, number
from .contraction import write, write_packing
from .emit import BEGIN, END, Items, parameter
from .evaluate import I64
from .expression import Buffer, Expr, Place
from .index import Var
from .kernel import Kernel
from .products import Product


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
    b: Block, made: Product, kernel: Kernel, value: Value, own: Callable[[Value], Expr], buffers: Sequence[Place]
) -> None:
    """The body of the function that computes some tasks. Its context: the operands, the result, scratch, and the ``buffers``
    of what follows; where nothing does, there are none."""
    a, second, c, scratch = (parameter(b, k) for k in range(4))
    a, second = _moved(b, made, a, second)
    tail = Tail(b, kernel, value, own)
    for k, buffer in enumerate(buffers):
        assert isinstance(buffer, Buffer)
        tail.base[buffer] = parameter(b, 4 + k)
    write(b, made.plan, a, second, c, scratch, BEGIN, END, tail.finish if buffers else None)
    b.do("ret void")


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
