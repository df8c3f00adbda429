"""The summed loops of one register block: multiply-adds, and hardly anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clew.compiler.block import Block, Reg, number, vector
from clew.compiler.contraction.lanes import at, first, plain, take
from clew.compiler.contraction.plan import Plan, sets
from clew.compiler.contraction.problem import Axis
from clew.compiler.contraction.slots import Slot

UNROLLED = 32  # multiply-adds in one turn of the innermost loop, at most
SHORT = 48  # the same where that does away with a loop

Steps = list[tuple[int, int]]  # offsets of a and b, of steps that are written one after another
Body = Callable[[Reg, Reg, list[Reg], Steps], list[Reg]]


@dataclass(frozen=True)
class Summing:
    """The products of a block added up over ``summed``, outermost first: the plan's axes, or a stretch of them."""

    b: Block
    plan: Plan
    slots: list[Slot]
    summed: tuple[Axis, ...]

    @property
    def kind(self) -> str:
        return self.plan.problem.dtype

    def sums(self, a: Reg, b_: Reg, start: list[Reg]) -> list[Reg]:
        """What the accumulators hold after all steps, begun with ``start``. Few accumulators stand in several sets, which
        take steps in turn, so that none waits for its last multiply-add."""
        zeros = [number(0.0, x.type) for x in start]
        count = len(start)
        sums = self.all(a, b_, start + zeros * (sets(count) - 1))
        while len(sums) > count:
            half = len(sums) // count // 2 * count
            sums = [self.b.fadd(x, y) for x, y in zip(sums[:half], sums[half : 2 * half], strict=True)] + sums[2 * half :]
        return sums

    def all(self, a: Reg, b_: Reg, sums: list[Reg]) -> list[Reg]:
        axes, steps = list(self.summed), [(0, 0)]
        if self.plan.vector is None and axes:
            return self.along(axes, a, b_, sums)
        while axes and axes[-1].size * len(steps) * len(self.slots) <= SHORT:
            x = axes.pop()
            steps = [(k * x.a + p, k * x.b + q) for k in range(x.size) for p, q in steps]
        return self.nest(axes, a, b_, sums, self.adding(0), steps)

    def along(self, axes: list[Axis], a: Reg, b_: Reg, sums: list[Reg]) -> list[Reg]:
        """Lanes follow the last summed axis: whole vectors of it, and then the rest of it."""
        x, lanes = axes[-1], self.plan.lanes
        full, rest = divmod(x.size, lanes)
        if full:
            whole = [*axes[:-1], Axis(full, x.a * lanes, x.b * lanes)]
            sums = self.nest(whole, a, b_, sums, self.adding(lanes), [(0, 0)])
        if rest:
            a, b_ = (at(self.b, p, full * lanes * s, self.kind) for p, s in ((a, x.a), (b_, x.b)))
            sums = self.nest(axes[:-1], a, b_, sums, self.adding(rest), [(0, 0)])
        return sums

    def nest(self, axes: Sequence[Axis], a: Reg, b_: Reg, sums: list[Reg], body: Body, steps: Steps) -> list[Reg]:
        """Loops over ``axes``, outermost first, around the body; the innermost is unrolled a little."""
        if not axes:
            return body(a, b_, sums, steps)
        x, inner = axes[0], axes[1:]
        times = 1 if inner else self.times(x.size, len(steps))
        unrolled = [(k * x.a + p, k * x.b + q) for k in range(times) for p, q in steps]
        turns, left = divmod(x.size, times)
        if turns > 1:
            with self.b.loop(number(0, "i64"), number(turns, "i64"), carried=[a, b_, *sums]) as loop:
                p, q, *sums = loop.carried
                p, q = plain(self.b, p), plain(self.b, q)
                sums = self.nest(inner, p, q, sums, body, unrolled)
                loop.next = [at(self.b, p, times * x.a, self.kind), at(self.b, q, times * x.b, self.kind), *sums]
            a, b_, *sums = loop.results
        else:
            sums = self.nest(inner, a, b_, sums, body, unrolled)
            a, b_ = at(self.b, a, times * x.a, self.kind), at(self.b, b_, times * x.b, self.kind)
        if left:
            steps = [(k * x.a + p, k * x.b + q) for k in range(left) for p, q in steps]
            sums = body(plain(self.b, a), plain(self.b, b_), sums, steps)
        return sums

    def times(self, size: int, steps: int) -> int:
        """How often to unroll the innermost loop: nothing is left over where that costs little."""
        most = max(1, min(4, UNROLLED // (len(self.slots) * steps), size))
        return next((t for t in range(most, (most + 1) // 2 - 1, -1) if size % t == 0), most)

    def adding(self, count: int) -> Body:
        """One multiply-add per accumulator and step; ``count`` lanes follow the summed axis where it is not 0."""
        v = self.plan.vector
        lane = self.plan.inside[v] if v is not None else self.summed[-1] if self.summed else Axis(1, 0, 0)

        def body(a: Reg, b_: Reg, sums: list[Reg], steps: Steps) -> list[Reg]:
            out = list(sums)
            for n, (p, q) in enumerate(steps):
                if n:
                    a, b_ = plain(self.b, a), plain(self.b, b_)
                start = n * len(self.slots) % len(out)
                seen: dict[tuple[str, int, int], Reg] = {}
                for k, s in enumerate(self.slots):
                    x = self.read(seen, "a", a, s.a + p, lane.a, s, count)
                    y = self.read(seen, "b", b_, s.b + q, lane.b, s, count)
                    out[start + k] = self.b.intrinsic("fmuladd", x, y, out[start + k])
            return out

        return body

    def read(
        self, seen: dict[tuple[str, int, int], Reg], name: str, base: Reg, offset: int, stride: int, slot: Slot, count: int
    ) -> Reg:
        """An operand of one accumulator, read just before its first use: what several share is read once."""
        key = name, offset, slot.lanes
        if key not in seen:
            x = take(self.b, base, offset, stride, count or slot.count, vector(self.kind, slot.lanes))
            mask = first(count, slot.lanes) if count and not stride else None  # one number, in the lanes that are summed alone
            seen[key] = self.b.select(mask, x, number(0.0, x.type)) if mask else x
        return seen[key]
