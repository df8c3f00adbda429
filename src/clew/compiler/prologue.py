"""Operands of a contraction that are computed where it needs them, a stretch at a time, and are in no memory of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ir import Value
from .block import I64, Block, Reg, number
from .contraction.lanes import put
from .conversion import register_type
from .costs import cost
from .evaluate import Evaluator
from .expression import Buffer, Expr, walk
from .index import Var, variable
from .kernel import Kernel, Nest, Store
from .layout import Layout
from .views import along

DEAR = 12  # about the cycles of a vector of what is computed again and again


def suits(e: Expr, times: int) -> bool:
    """Whether an element is made of elements that are found without reading where they are, and is cheap where it is computed
    several times."""
    steps = list(walk([e]))
    plain = all(x.kind in ("const", "call", "select", "cast") or (x.kind == "load" and not x.args) for x in steps)
    dear = times > 1 and sum(cost(x) for x in steps if x.kind not in ("const", "load")) > DEAR
    return plain and not dear


def kernel(v: Value, e: Expr) -> Kernel:
    """What computes an element, to be looked at and compared."""
    vars = tuple(Var(k, n) for k, n in enumerate(v.shape))
    return Kernel(v.name or "operand", vars, [Nest((), [Store(Buffer(v, "operand"), e, vars, "register")])], [v])


class Prologue:
    """Writes what computes operands: the prologue of the contraction generator."""

    def __init__(
        self, kernels: Mapping[str, Kernel], cuts: Mapping[str, int], buffers: Mapping[Buffer, Reg], bits: int
    ) -> None:
        self.kernels = kernels
        self.cuts = cuts
        self.buffers = buffers
        self.bits = bits

    def __call__(self, b: Block, operand: str, start: Reg, stop: Reg, to: Reg) -> None:
        """The steps ``start`` to ``stop`` along the cut, written ``to``."""
        Strip(b, self.kernels[operand], self.cuts[operand], self.buffers, self.bits).fill(start, stop, to)


class Strip(Evaluator):
    """Writes some steps along one axis of an array, with lanes along its last axis."""

    def __init__(self, b: Block, kernel: Kernel, cut: int, buffers: Mapping[Buffer, Reg], bits: int) -> None:
        super().__init__(b, Layout(kernel, bits).lanes)
        (store,) = kernel.items
        assert isinstance(store, Store)
        self.expr = store.expr
        self.axes = store.vars
        self.cut = store.vars[cut]
        self.steps = along(store.buffer.value.shape, cut)
        self.base.update(buffers.items())

    def fill(self, start: Reg, stop: Reg, to: Reg) -> None:
        others = [v for v in self.axes if v.size > 1 and v != self.cut]
        self.prepare([self.expr])
        with self.b.loop(start, stop) as loop, self.scope():
            self.env[self.cut] = loop.i
            self._loops(others, self._moved(to, self.b.sub(loop.i, start), self.cut))

    def _loops(self, axes: Sequence[Var], to: Reg) -> None:
        self.prepare([self.expr])
        if len(axes) == 1:
            self.in_lanes(axes[0], axes[0].size, [self.expr], lambda: self._store(axes[0], to))
            return
        with self.b.loop(number(0, I64), number(axes[0].size, I64)) as loop, self.scope():
            self.env[axes[0]] = loop.i
            self._loops(axes[1:], self._moved(to, loop.i, axes[0]))

    def _store(self, v: Var, to: Reg) -> None:
        x = self.spread(self.value(self.expr), self.lanes)
        put(self.b, x, self._moved(to, self._index(variable(v), first=True), v), 0, 1, self.mask)

    def _moved(self, to: Reg, index: Reg, v: Var) -> Reg:
        step = number(self.steps[self.axes.index(v)], I64)
        return self.b.gep(to, index if step.text == "1" else self.b.mul(index, step), register_type(self.expr.dtype))
