"""The choice of a plan: every register block that fits is costed in cycles, and the cheapest is taken.

The model counts what one turn of the summed loops asks of a core: two multiply-adds and two loads a cycle, and four cycles
from one multiply-add of an accumulator to its next (the common ground of current x86 cores).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product
from math import gcd, inf, log2, prod
from typing import NamedTuple

from clew.compiler.contraction.division import divided
from clew.compiler.contraction.lanes import CLOSE
from clew.compiler.contraction.plan import Pack, Plan, pack, sets
from clew.compiler.contraction.problem import Axis, Problem, inward

LATENCY = 4.5  # cycles from one multiply-add of an accumulator to its next, and a little for loads that come late
GATHERED = 1.5  # loads that one lane of a gather costs
SHUFFLED = 1.5  # loads that a vector of elements a few apart costs, for each element between
STORED = 1.5  # cycles of one element's store where neighbours are not adjacent
OUTWARD = 2.0  # cycles of one vector in each stage of turning a square, or storing it in parts of lines
BLOCK = 15  # cycles to set up one register block
ADDED_UP = 10  # cycles to add up the lanes of one vector
PHASE = 1000  # cycles that a step of packing costs before its first element
COPIED, TURNED, PICKED = 0.15, 0.4, 2.0  # cycles to pack one element: in vectors, turned in registers, one by one
TORN = 3.0  # the same in short pieces of rows that lie far apart
FAR = 6.0  # cycles to wait for the held operand's next row where its rows outdo a cache's sets
PASSING = 1.0  # the same for the passing operand's
NEAREST, LINE = 1 << 15, 64  # bytes that the nearest cache keeps, and that come to it at once
FETCHED, STREAMED = 22, 40  # bytes a cycle that come from the next one: of rows that lie apart, and of what is read in order
EDGE = 0.015  # the worth of one kind of block less, for each has its own code
ORDERLY = 1.5  # bytes from one turn's to the next one's, for each that is read, up to which memory is read in order
COUNTS = (2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28)


@lru_cache(maxsize=1024)
def plan(problem: Problem, bits: int) -> Plan:
    """The cheapest plan by the model above for vectors of ``bits`` bits."""
    empty = any(x.size == 0 for x in problem.summed)
    summed = () if empty else inward(problem.summed)
    lines = [Line(problem, bits, summed, i, None) for i, x in enumerate(problem.axes) if x.size > 1]
    lines += [Line(problem, bits, summed, None, k) for k in range(len(summed))] or [Line(problem, bits, (), None, None)]
    best: tuple[float, Line, dict[int, int]] | None = None
    for line in sorted(lines, key=lambda x: x.floor):
        if best is None or line.floor < best[0]:
            cycles, tile = line.best(best[0] if best else inf)
            if best is None or cycles < best[0]:
                best = cycles, line, tile
    assert best is not None
    cycles, line, tile = best
    return line.plan(tile, cycles)


class Option(NamedTuple):
    """How operands are read: a vector's cost in loads, cycles of waiting each turn, cycles spent before, and what is copied."""

    load: float
    stall: float
    extra: float
    copies: str = ""


@dataclass(frozen=True)
class Line:
    """A choice of the loop that lanes follow: a kept axis, a summed one, or none where there is but one product."""

    problem: Problem
    bits: int
    summed: tuple[Axis, ...]
    vector: int | None
    along: int | None

    @cached_property
    def lane(self) -> Axis:
        if self.vector is not None:
            return self.problem.axes[self.vector]
        return self.summed[self.along] if self.along is not None else Axis(1, 0, 0)

    @cached_property
    def lanes(self) -> int:
        return self.bits // self.problem.element_bits

    @cached_property
    def held(self) -> str:
        """The operand whose vectors stay in registers while the other's elements pass, one in all lanes at a time."""
        return "a" if self.lane.a and (not self.lane.b or abs(self.lane.a) < abs(self.lane.b)) else "b"

    @cached_property
    def other(self) -> str:
        return "b" if self.held == "a" else "a"

    def best(self, most: float) -> tuple[float, dict[int, int]]:
        """The cheapest register block, of those that take no more than ``most`` cycles. The largest are tried first: they tend
        to be the best, and others are then put away quickly."""
        found: tuple[float, dict[int, int]] = inf, {}
        for tile in reversed(list(self.tiles())):
            cycles = self.cycles(tile, most)
            if cycles <= most:
                found, most = (cycles, tile), cycles
        return found

    def tiles(self) -> Iterator[dict[int, int]]:
        """The register blocks that fit."""
        kept, v = self.problem.axes, self.vector
        rows = [i for i, y in enumerate(kept) if i != v and y.size > 1 and getattr(y, self.other) and not getattr(y, self.held)]
        columns = [
            i for i, y in enumerate(kept) if i != v and y.size > 1 and getattr(y, self.held) and not getattr(y, self.other)
        ]
        registers = 32 if self.bits == 512 else 16
        vectors = range(1, min(8, -(-self.lane.size // self.lanes)) + 1) if v is not None else (1,)
        for more in _selections(kept, columns, 6 if v is not None else 4):
            for n in vectors:
                across = n * prod(more.values())
                if across > 8:
                    break
                for down in _selections(kept, rows, (registers - 1 - across) // across):
                    tile = {**more, **down}
                    if v is not None:
                        tile[v] = min(n * self.lanes, self.lane.size)
                    yield tile

    # What a block costs

    @cached_property
    def least(self) -> float:
        """The cycles of the multiply-adds alone, of which two begin in each."""
        vectors = self.depth * prod(x.size for i, x in enumerate(self.problem.axes) if i != self.vector)
        if self.vector is not None:
            vectors *= -(-self.lane.size // self.lanes)
        return vectors / 2

    @cached_property
    def floor(self) -> float:
        """No block of this line takes fewer cycles."""
        registers = 32 if self.bits == 512 else 16
        return min(x.extra + self.least * max(1.0, x.load / registers) for x in self.options)

    def cycles(self, tile: dict[int, int], most: float = inf) -> float:
        """What the whole contraction takes; infinity where that is more than ``most``."""
        found = inf
        for x in self.options:
            found = min(found, x.extra + self.spent(tile, x, min(most, found) - x.extra))
        return found

    def spent(self, tile: dict[int, int], option: Option, most: float = inf) -> float:
        """All full blocks, and those at the edges; infinity where that is more than ``most``."""
        times, covered, kinds = 1, 1.0, 1
        for i, size in enumerate(self.sizes):
            n = tile.get(i, 1)
            times *= size // n
            if size % n:
                covered *= size // n * n / size
                kinds *= 2
        worth = 1 + EDGE * (kinds - 1)
        found = times * self.block(tile, option)
        if (found + (1 - covered) * self.least) * worth > most:  # what is left at the edges takes no less than its part
            return inf
        outer = prod(size for i, size in enumerate(self.sizes) if i not in tile)
        ways = [[(self.sizes[i] // n, n), (1, self.sizes[i] % n)][: 1 + bool(self.sizes[i] % n)] for i, n in tile.items()]
        for way in list(product(*ways))[1:]:
            times = outer * prod(t for t, _ in way)
            found += times * self.block(dict(zip(tile, (n for _, n in way), strict=True)), option)
        found *= worth
        return found if found <= most else inf

    @cached_property
    def options(self) -> list[Option]:
        """Operands as they lie in memory, and packed where that could be better."""
        held, other, step = self.held, self.other, getattr(self.lane, self.held)
        far, passing = FAR * self.far(held), PASSING * self.far(other)
        found = [Option(self.reading(held), far + passing, 0.0)]
        if self.vector is None or self.both:
            return found
        if held not in self.problem.computed and (abs(step) > 1 or far):
            runs = any(abs(getattr(x, held)) == 1 and x.size >= 4 for x in self.summed)
            each = COPIED if step == 1 else TURNED if runs else PICKED
            found.append(Option(1.0, passing, PHASE + each * self.elements(held), held))
        if passing and other not in self.problem.computed and self.rows is not None:
            copy = TORN * self.elements(other)
            found += [Option(x.load, x.stall - passing, (x.extra or PHASE) + copy, x.copies + other) for x in found]
        return found

    def elements(self, operand: str) -> int:
        """How many an operand has."""
        return prod(x.size for x in (*self.problem.axes, *self.summed) if getattr(x, operand))

    @cached_property
    def rows(self) -> int | None:
        """The kept axis along which the passing operand's neighbours lie, which a copy of it has together."""
        return next(
            (i for i, x in enumerate(self.problem.axes) if getattr(x, self.other) == 1 and not getattr(x, self.held)), None
        )

    def far(self, operand: str) -> bool:
        """Whether the steps of a summed loop fall into too few sets of a cache of 16 ways of 64 kB."""
        steps = ((x.size, abs(getattr(x, operand)) * self.problem.element_bits // 8) for x in self.summed)
        return any(step >= 64 and size > 8 * (65536 // gcd(step, 65536)) for size, step in steps)

    def reading(self, operand: str) -> float:
        """What a vector of an operand costs, in loads; those that cross a line of the cache are two."""
        step = abs(getattr(self.lane, operand))
        others = (getattr(x, operand) for x in (*self.problem.axes, *self.summed) if x is not self.lane)
        crossing = 1 + self.bits / 512 * 0.9 if step and any(x % self.lanes for x in others) else 1.0
        return crossing * (1.0 if step <= 1 else SHUFFLED * step if step <= CLOSE else GATHERED * self.lanes)

    def block(self, tile: dict[int, int], option: Option) -> float:
        """The cycles of one register block."""
        across = sums = passing = held = 1
        for i, n in tile.items():
            if i == self.vector:
                across = -(-n // self.lanes)
                continue
            sums *= n
            in_held, in_other = self.sides[i]
            if in_held:
                held *= n
            if in_other:
                passing *= n
        sums *= across
        loads = option.load * held * across + passing * self.passing * (across if self.both else 1)
        turn = max(sums / 2, loads / 2, LATENCY / sets(sums))
        read = held * across * self.bits + passing * (across * self.bits if self.both else self.problem.element_bits)
        if self.depth * read // 8 > NEAREST:
            turn = max(turn, self.fetching(tile, across, option))
        return self.depth * (turn + option.stall) + self.leaving(tile, sums) + BLOCK

    def fetching(self, tile: dict[int, int], across: int, option: Option) -> float:
        """The cycles of a turn's reads where the nearest cache does not keep what a block reads."""
        held = across * self.bits // 8
        passing = held if self.both else self.problem.element_bits // 8
        for i, n in tile.items():
            if i != self.vector:
                in_held, in_other = self.fresh[i]
                held *= n if in_held else 1
                passing *= n if in_other else 1
        if self.vector is None:
            return (held + passing) / STREAMED
        if not (self.both or self.later or self.rows is None or self.other in option.copies):
            near = tile.get(self.rows, 1) * self.problem.element_bits // 8  # what lies beside comes too, and no turn needs it
            passing = passing // near * (-(-near // LINE) * LINE)
        in_order = (
            self.held in option.copies or self.apart <= ORDERLY * across * self.bits // 8,
            self.later or self.other in option.copies,
        )
        return sum([n / (STREAMED if x else FETCHED) for n, x in zip((held, passing), in_order, strict=True)])

    @cached_property
    def both(self) -> bool:
        """Whether the other operand follows the lanes too."""
        return bool(getattr(self.lane, self.other))

    @cached_property
    def fresh(self) -> list[tuple[bool, bool]]:
        """Of each kept axis, whether steps along it lead to elements of the held operand that no turn has read, and of the
        other: not so where windows overlap."""
        if self.vector is None:
            return self.sides
        apart = [{abs(getattr(x, name)) for x in self.summed} | {0} for name in (self.held, self.other)]
        return [
            (abs(getattr(x, self.held)) not in apart[0], abs(getattr(x, self.other)) not in apart[1]) for x in self.problem.axes
        ]

    @cached_property
    def apart(self) -> int:
        """Bytes from a vector of the held operand to the next turn's."""
        steps = [abs(getattr(x, self.held)) for x in self.summed]
        return min([x for x in steps if x], default=0) * self.problem.element_bits // 8

    @cached_property
    def later(self) -> bool:
        """Whether other turns read what lies beside an element of the passing operand."""
        steps = [abs(getattr(x, self.other)) * self.problem.element_bits // 8 for x in self.summed]
        return any(0 < step < LINE for step in steps)

    @cached_property
    def sizes(self) -> list[int]:
        return [x.size for x in self.problem.axes]

    @cached_property
    def sides(self) -> list[tuple[bool, bool]]:
        """Of each kept axis, whether the held operand has it, and the other."""
        return [(bool(getattr(x, self.held)), bool(getattr(x, self.other))) for x in self.problem.axes]

    @cached_property
    def passing(self) -> float:
        return self.reading(self.other)

    @cached_property
    def depth(self) -> int:
        """Turns of the innermost loop."""
        turns = prod(x.size for x in self.summed)
        return turns if self.along is None or not turns else turns // self.lane.size * -(-self.lane.size // self.lanes)

    def leaving(self, tile: dict[int, int], sums: int) -> float:
        """The cycles of storing a block."""
        if self.vector is None:
            return sums * ADDED_UP
        if self.lane.c == 1:
            return sums
        scattered = STORED * sums * self.lanes
        turn = self.turn(tile)
        if turn is None:
            return scattered
        squares = sums // tile[turn] * -(-tile[turn] // self.lanes)
        return min(scattered, squares * self.lanes * (log2(self.lanes) + 1) * OUTWARD)

    def turn(self, tile: dict[int, int]) -> int | None:
        """The axis to turn a block along: c is adjacent there, and not along the lanes."""
        if self.vector is None or self.lane.c == 1:
            return None
        return next((i for i, n in tile.items() if i != self.vector and n > 1 and self.problem.axes[i].c == 1), None)

    # The plan

    def plan(self, tile: dict[int, int], cycles: float) -> Plan:
        """The plan with this block."""
        whole = self.whole(tile)
        made = divided(whole, cycles, self.held)
        copies = min(self.options, key=lambda x: x.extra + self.spent(tile, x)).copies
        if not copies:
            return made
        if made.shares and abs(getattr(self.lane, self.held)) <= 1:  # a stretch stays near, however far apart its rows are
            near = self.options[0]._replace(stall=0.0)
            other = divided(self.whole(min(self.tiles(), key=lambda x: self.spent(x, near))), cycles, self.held)
            return other if other.shares else made
        for operand in copies:
            axis = self.vector if operand == self.held else self.rows
            assert axis is not None
            size = whole.tile[axis]
            wide = min(self.lanes, 1 << (size - 1).bit_length()) if operand == self.held else 1  # loads cross no lines
            start = sum(x.size for x in whole.packs)
            whole = packed(whole, pack(self.problem, whole.summed, operand, axis, -(-size // wide) * wide, start))
        return divided(whole, cycles, self.held)

    def whole(self, tile: dict[int, int]) -> Plan:
        """The plan with this block before it is divided."""
        problem, summed = self.problem, self.summed
        kept = problem.axes
        if self.along is not None:
            summed = (*summed[: self.along], *summed[self.along + 1 :], self.lane)
        tiles = tuple(tile.get(i, 1) for i in range(len(kept)))
        chunk = tuple(max(x.size, 1) for x in kept)
        return Plan(
            problem, self.bits, self.vector, self.turn(tile), tiles, self.order(), chunk, kept, kept, summed, summed, ()
        )

    def order(self) -> tuple[int, ...]:
        """Batches outermost, then blocks of columns, and rows inside: the columns' panel stays near while rows stream by."""

        def rank(i: int) -> tuple[int, int]:
            x = self.problem.axes[i]
            return 0 if x.a and x.b else 1 if getattr(x, self.held) else 2, i

        return tuple(sorted(range(len(self.problem.axes)), key=rank))


def packed(plan: Plan, copy: Pack) -> Plan:
    """The plan with an operand read from a copy."""
    name = copy.operand
    walk = tuple(_with(x, name, step) for x, step in zip(plan.walk, copy.kept, strict=True))
    inside = tuple(
        _with(x, name, 1 if i == copy.axis else x_) for i, (x, x_) in enumerate(zip(plan.inside, copy.kept, strict=True))
    )
    summed = tuple(_with(x, name, step) for x, step in zip(plan.summed, copy.summed, strict=True))
    return replace(plan, walk=walk, inside=inside, summed=summed, packs=(*plan.packs, copy))


def _with(x: Axis, name: str, step: int) -> Axis:
    return Axis(x.size, step, x.b, x.c) if name == "a" else Axis(x.size, x.a, step, x.c)


def _selections(kept: tuple[Axis, ...], axes: list[int], most: int) -> Iterator[dict[int, int]]:
    """Blocks of at most ``most`` elements: part of one axis, after all of a small one perhaps."""
    yield {}
    for i in axes:
        size = kept[i].size
        room = min(most, size)  # smaller parts than a third of it would read again too often what they share
        wanted = {n for n in (*COUNTS, size, -(-size // 2), -(-size // 3)) if 1 < n <= room < 3 * n}
        yield from ({i: n} for n in sorted(wanted))
        if size <= most // 2:
            for j in axes:
                if j != i:
                    room = min(most // size, kept[j].size)
                    yield from ({i: size, j: n} for n in range(2, room + 1))
