"""What a contraction is: ``c[kept] = sum over summed of a[kept, summed] * b[kept, summed]`` over strided memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod


@dataclass(frozen=True)
class Axis:
    """One loop: how often it turns, and the steps of the operands along it, in elements (0: it does not appear there)."""

    size: int
    a: int
    b: int
    c: int = 0


@dataclass(frozen=True)
class Problem:
    """A contraction. Rows are kept axes of ``a`` alone, columns of ``b`` alone, batches of both; windows are further axes.

    Operands may be ``computed``, a stretch of one axis at a time: they are in no memory, and their steps are those that a copy
    of them would have in which that axis, the ``cut``, is the outermost.
    """

    dtype: str  # "float" or "double"
    axes: tuple[Axis, ...]  # kept: what c is indexed by
    summed: tuple[Axis, ...]
    computed: str = ""  # "a", "b", "ab"
    cut: int = -1  # by its place among the kept axes and then the summed ones

    @property
    def cut_axis(self) -> Axis:
        return (*self.axes, *self.summed)[self.cut]

    @property
    def slices(self) -> dict[str, int]:
        """Of each computed operand: how many elements it has for one step along the cut."""
        return {name: getattr(self.cut_axis, name) for name in self.computed}

    @property
    def element_bits(self) -> int:
        return {"float": 32, "double": 64}[self.dtype]

    @property
    def size(self) -> int:
        """How many elements ``c`` has."""
        return prod(x.size for x in self.axes)

    @property
    def depth(self) -> int:
        """How many products each element of ``c`` adds up."""
        return prod(x.size for x in self.summed)


def merged(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    """The same walk with fewer loops: neighbours that continue each other in all operands are one, loops of one turn none.

    >>> merged([Axis(4, 60, 0), Axis(5, 12, 0), Axis(1, 9, 9), Axis(3, 1, 1)])
    (Axis(size=20, a=12, b=0, c=0), Axis(size=3, a=1, b=1, c=0))
    """
    out: list[Axis] = []
    for x in axes:
        if x.size == 1:
            continue
        last = out[-1] if out else None
        if last and (last.a, last.b, last.c) == (x.size * x.a, x.size * x.b, x.size * x.c):
            out[-1] = replace(x, size=last.size * x.size)
        else:
            out.append(x)
    return tuple(out)


def inward(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    """Summed loops from the widest steps to the narrowest, merged: their order is free."""
    return merged(sorted(axes, key=lambda x: -max(abs(x.a), abs(x.b))))
