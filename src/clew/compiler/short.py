"""Short last axes, as of points in space and of colours: of lanes that followed one, most would be idle.

Lanes follow the axis before it. What it steps over lies side by side in memory, so its turns are written out within those of
the lanes, and their vectors are read and written interleaved.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from .expression import walk
from .index import Var
from .kernel import Kernel, Nest

MOST = 8  # elements side by side, at most, that are read and written as whole vectors
STEPS = 200  # of expressions, written out for each of them: LLVM's time grows with the length


def inward(kernel: Kernel, count: int) -> Kernel:
    """The same kernel, where the last axes of its domain, so many longer than 1, are loops of its one nest."""
    long = [v for v in kernel.domain if v.size > 1]
    axes = long[len(long) - count :]
    at = kernel.domain.index(axes[0])
    (nest,) = kernel.nests
    return replace(kernel, domain=kernel.domain[:at], nests=[Nest((*axes, *nest.vars), nest.items)])


def within(nest: Nest, lane: Var | None) -> tuple[Var, ...]:
    """The loops of a nest that run within those of the lanes, which follow one of them or, of None, an axis outside."""
    inner = nest.vars[nest.vars.index(lane) + 1 :] if lane is not None else nest.vars
    count = prod(v.size for v in inner)
    short = 1 < count <= MOST and count * len(walk(x.expr for x in nest.items)) <= STEPS
    return inner if short else ()
