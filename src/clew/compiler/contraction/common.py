"""Register blocks that products have in common: functions of which steps and the number of turns are parameters.

They leave as they are, rows of whole vectors, for ``c`` or for what an epilogue reads. A module of several products then has
few kinds of blocks to compile.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from clew.compiler.block import BITS, WIDEST, Block, Reg, number, vector
from clew.compiler.contraction.lanes import at, counted, plain
from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.problem import Axis

ROWS = 8  # at most: each has an address of its own
FULL = 12  # accumulators from which on one turn's multiply-adds need no other turn's to run beside them

HELD, PASSING, C = (Reg(f"%{x}", "ptr") for x in ("held", "passing", "c"))
STEPS = [Reg(f"%{x}", "i64") for x in ("held_step", "passing_step", "row", "out", "turns")]
SOME = Reg("%some", "i64")  # lanes of the last vector that count


@dataclass(frozen=True)
class Shape:
    """So many ``rows`` of passing elements by so many ``vectors``; of the last of these some lanes may count."""

    kind: str
    lanes: int
    rows: int
    vectors: int
    masked: bool

    def write(self, b: Block) -> None:
        """The function's body."""
        held_step, passing_step, row, out, turns = STEPS
        type, align = vector(self.kind, self.lanes), BITS[self.kind] // 8
        mask = counted(b, SOME, self.lanes) if self.masked else None
        places = [b.mul(row, number(k, "i64")) for k in range(1, self.rows)]
        zeros = [number(0.0, type)] * (self.rows * self.vectors)
        with b.loop(number(0, "i64"), turns, carried=[HELD, PASSING, *zeros]) as loop:
            held, passing, *sums = loop.carried
            held, passing = plain(b, held), plain(b, passing)
            for k in range(self.rows):
                x = b.load(b.gep(passing, places[k - 1], self.kind) if k else passing, self.kind, align)
                if not k:
                    columns = self._columns(b, held, mask)
                x = b.splat(x, self.lanes)
                for n, y in enumerate(columns, k * self.vectors):
                    sums[n] = b.intrinsic("fmuladd", y, x, sums[n])
            loop.next = [b.gep(held, held_step, self.kind), b.gep(passing, passing_step, self.kind), *sums]
        _, _, *sums = loop.results
        to = C
        for n, x in enumerate(sums):
            column = n % self.vectors
            to = b.gep(to, out, self.kind) if n and not column else to
            address = at(b, to, column * self.lanes, self.kind)
            if mask is not None and column == self.vectors - 1:
                b.masked_store(x, address, mask, align)
            else:
                b.store(x, address, align)
        b.do("ret void")

    def _columns(self, b: Block, held: Reg, mask: Reg | None) -> list[Reg]:
        """The vectors of one turn."""
        type, align = vector(self.kind, self.lanes), BITS[self.kind] // 8
        places = [at(b, held, k * self.lanes, self.kind) for k in range(self.vectors)]
        found = [b.load(x, type, align) for x in places[: None if mask is None else -1]]
        return found if mask is None else [*found, b.masked_load(places[-1], mask, number(0.0, type), align)]


@dataclass(frozen=True)
class Common:
    """A block of a plan as a call of such a function."""

    shape: Shape
    held: str  # the operand whose vectors these are
    steps: tuple[int, int, int]  # of the held operand and the other in each turn, and of the other from row to row
    turns: int
    rest: int  # lanes of the last vector that count

    def call(self, b: Block, a: Reg, b_: Reg, c: Reg, out: int) -> None:
        """From these operands to ``c``, where rows are ``out`` elements apart."""
        given = [HELD, PASSING, C, *STEPS, *([SOME] if self.shape.masked else [])]
        name = b.module.shared(self.shape, "void", given, self.shape.write)
        numbers = [*self.steps, out, self.turns, *([self.rest] if self.shape.masked else [])]
        pointers = [a, b_, c] if self.held == "a" else [b_, a, c]
        b.do(f"call void @{name}({', '.join(map(str, [*pointers, *(number(n, 'i64') for n in numbers)]))})")


def common(plan: Plan, tile: list[int], summed: tuple[Axis, ...]) -> Common | None:
    """A block of so many elements along each kept axis, if it is of that kind."""
    v = plan.vector
    if v is None or plan.turn is not None or len(summed) != 1:
        return None
    lane, x = plan.inside[v], summed[0]
    held, other = ("a", "b") if lane.a else ("b", "a")
    rows = [i for i, n in enumerate(tile) if i != v and n > 1]
    if len(rows) > 1 or (getattr(lane, held), getattr(lane, other)) != (1, 0):
        return None
    down = plan.inside[rows[0]] if rows else Axis(1, 0, 0)
    count, vectors, rest = prod(tile[i] for i in rows), -(-tile[v] // plan.lanes), tile[v] % plan.lanes
    masked = bool(rest) or (plan.bits >= WIDEST and plan.problem.axes[v].size % plan.lanes != 0)
    if getattr(down, held) or count > ROWS or count * vectors < FULL or (masked and not plan.masks):
        return None
    shape = Shape(plan.problem.dtype, plan.lanes, count, vectors, masked)
    return Common(shape, held, (getattr(x, held), getattr(x, other), getattr(down, other)), x.size, rest or plan.lanes)
