"""How a contraction is run: which loop the lanes follow, what one register block covers, and how the work divides."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from clew.compiler.contraction.problem import Axis, Problem

FAR = 4000  # multiply-adds of vectors from which on a register block takes so long that a slow call of it does not count


@dataclass(frozen=True)
class Pack:
    """A copy of an operand in panels: each holds ``width`` neighbours along a kept axis, for every step of the summed loops.

    Memory is ``[other kept axes][panel][summed axes][width]``; the last panel may be filled in part.
    """

    operand: str  # "a" or "b"
    axis: int
    width: int
    start: int  # its first element in the scratch memory
    size: int
    kept: tuple[int, ...]  # steps in the copy along each kept axis; along ``axis`` they hold from panel to panel
    summed: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """The loops of a problem as they are written. Kept axes go by their place in ``problem.axes``."""

    problem: Problem
    bits: int
    vector: int | None  # the kept axis that lanes follow; None: they follow the last summed axis and are added up at the end
    turn: int | None  # the kept axis along which blocks are turned before they leave their registers, for adjacent stores
    tile: tuple[int, ...]  # how many elements of each kept axis one register block covers
    order: tuple[int, ...]  # the kept axes' loops, outermost first
    chunk: tuple[int, ...]  # how many elements of each kept axis one task covers: whole tiles
    walk: tuple[Axis, ...]  # the kept axes with steps between blocks
    inside: tuple[Axis, ...]  # and within a block: they differ where panels are packed
    summed_axes: tuple[Axis, ...]  # outermost first, as the operands lie in memory
    summed: tuple[Axis, ...]  # the same with the steps of packed operands
    packs: tuple[Pack, ...]
    split: int = 0  # elements of the outermost summed axis after which blocks rest in scratch memory, so that caches hold; or 0
    shares: int = 0  # into how many tasks the outermost sum divides, or the rounds in which operands are computed; or 0
    near: int = 0  # steps along the cut for which operands are computed in one round, as large as a chunk or a stretch; or 0

    @property
    def lanes(self) -> int:
        """How many numbers a full vector holds."""
        return self.bits // self.problem.element_bits

    @property
    def masks(self) -> bool:
        """Whether the rest of a row is one masked vector; below 256 bits, masked loads and stores would be branches."""
        return self.bits > 128

    @property
    def parts(self) -> tuple[int, ...]:
        """Into how many tasks each kept axis divides."""
        return tuple(-(-x.size // n) if x.size else 0 for x, n in zip(self.problem.axes, self.chunk, strict=True))

    @property
    def tasks(self) -> int:
        """How many independent pieces of work there are; none for an empty result."""
        return self.shares or prod(self.parts)

    @property
    def finishing(self) -> int:
        """How many tasks ``write_finishing`` has, after all of the product; 0: there is none."""
        return prod(self.parts) if self.shares and self.split else 0

    @property
    def scratch(self) -> int:
        """How many elements of scratch memory it needs, shared by all tasks."""
        return self.computing + self.shares * self.near * sum(self.problem.slices.values())

    @property
    def computing(self) -> int:
        """Where in the scratch memory operands are computed, by each share in its own part: after the blocks at rest."""
        return self.resting + (max(1, self.shares) * self.blocks * self.area if self.split else 0)

    @property
    def blocks(self) -> int:
        """How many register blocks c has."""
        return prod(-(-x.size // n) for x, n in zip(self.problem.axes, self.tile, strict=True))

    @property
    def step(self) -> int:
        """Elements of the outermost summed axis that a stretch has a multiple of."""
        return 4 * self.lanes if len(self.summed) == 1 else 1

    @property
    def resting(self) -> int:
        """Where in the scratch memory blocks rest: after the copies."""
        return sum(x.size for x in self.packs)

    @property
    def apart(self) -> bool:
        """Whether blocks are functions, and the loops around them compiled in a hurry: these then hardly count. Where operands
        are computed between blocks they do."""
        depth = self.problem.depth // self.summed[0].size * self.split if self.split else self.problem.depth
        return not self.near and self.area // self.lanes * depth >= FAR

    @property
    def area(self) -> int:
        """How many elements the accumulators of one block have."""
        odd = not self.masks  # the rest of a row may then be two vectors, of two lanes and of one
        vectors = prod(-(-n // self.lanes) + odd if i == self.vector else n for i, n in enumerate(self.tile))
        return vectors * self.lanes

    @property
    def packing(self) -> int:
        """How many tasks ``write_packing`` has, all to be done before the first task of the product; 0: there is none."""
        return sum(self.panels(x) for x in self.packs)

    def panels(self, pack: Pack) -> int:
        """How many panels a copy has."""
        rows = (x.size for x, step in zip(self.problem.axes, pack.kept, strict=True) if step)
        axis = self.problem.axes[pack.axis]
        return prod(rows) // axis.size * -(-axis.size // pack.width)


def pieces(count: int, lanes: int, masks: bool) -> list[tuple[int, int, int]]:
    """``count`` neighbours as vectors: (first, lanes, how many of them count); 0 lanes is a scalar.

    >>> pieces(37, 16, masks=True)
    [(0, 16, 16), (16, 16, 16), (32, 8, 5)]
    >>> pieces(7, 4, masks=False)
    [(0, 4, 4), (4, 2, 2), (6, 0, 1)]
    """
    out = [(k * lanes, lanes, lanes) for k in range(count // lanes)]
    done, rest = count // lanes * lanes, count % lanes
    while rest:
        wide = 1 << (rest - 1).bit_length() if masks else 1 << (rest.bit_length() - 1)
        out.append((done, wide if wide > 1 else 0, min(wide, rest)))
        done, rest = done + wide, rest - min(wide, rest)
    return out


def sets(sums: int) -> int:
    """How many times a block of few accumulators has them, for steps in turn, so that none waits for the one before."""
    return max(1, min(4, 8 // max(sums, 1)))


def pack(problem: Problem, summed: tuple[Axis, ...], operand: str, axis: int, width: int, start: int) -> Pack:
    """The layout of an operand's copy, in panels of ``width`` along ``axis``."""
    step, inner = width, [0] * len(summed)
    for k in reversed(range(len(summed))):
        if getattr(summed[k], operand):
            inner[k], step = step, step * summed[k].size
    outer = [0] * len(problem.axes)
    outer[axis] = step // width
    step *= -(-problem.axes[axis].size // width)
    for i in reversed(range(len(outer))):
        if i != axis and getattr(problem.axes[i], operand):
            outer[i], step = step, step * problem.axes[i].size
    return Pack(operand, axis, width, start, step, tuple(outer), tuple(inner))
