"""Copies of operands in panels, so that a register block reads one stretch of memory from end to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from clew.compiler.block import BITS, Block, Reg, number, vector
from clew.compiler.contraction.lanes import at, first, plain, put, take
from clew.compiler.contraction.outlined import outlined
from clew.compiler.contraction.plan import Pack, Plan, pieces
from clew.compiler.contraction.problem import Axis, merged
from clew.compiler.contraction.turn import LONG, turn, turned


def write_packing(b: Block, plan: Plan, a: Reg, b_: Reg, scratch: Reg, begin: Reg, end: Reg) -> None:
    """The packing tasks ``begin`` to ``end``, one per panel of each copy; all come before the first task of ``write``. What is
    written here hardly computes: functions do that it calls."""
    before = 0
    for pack in plan.packs:
        after = before + plan.panels(pack)
        low = b.intrinsic("smax", begin, number(before, "i64"))
        high = b.intrinsic("smin", end, number(after, "i64"))
        with b.loop(low, high, empty=True) as loop:
            panel = b.sub(loop.i, number(before, "i64"))
            _panel(b, plan, pack, panel, a if pack.operand == "a" else b_, at(b, scratch, pack.start, plan.problem.dtype))
        before = after


def _panel(b: Block, plan: Plan, pack: Pack, panel: Reg, source: Reg, target: Reg) -> None:
    """One panel, whole or the last of its axis."""
    kind, rest = plan.problem.dtype, panel
    kept = list(enumerate(plan.problem.axes))
    ordered = [(i, x) for i, x in kept if i != pack.axis and pack.kept[i]] + [kept[pack.axis]]
    place = number(0, "i64")
    for i, x in reversed(ordered):
        turns, width = (-(-x.size // pack.width), pack.width) if i == pack.axis else (x.size, 1)
        place = b.mul(b.binary("urem", rest, number(turns, "i64")), number(width, "i64"))
        rest = b.binary("udiv", rest, number(turns, "i64"))
        source = b.gep(source, b.mul(place, number(getattr(x, pack.operand), "i64")), kind)
        target = b.gep(target, b.mul(place, number(pack.kept[i], "i64")), kind)
        if i == pack.axis:
            along = place
    size = plan.problem.axes[pack.axis].size
    step = getattr(plan.problem.axes[pack.axis], pack.operand)
    steps = (getattr(x, pack.operand) for x in plan.summed_axes)
    axes = merged(Axis(x.size, s, t) for x, s, t in zip(plan.summed_axes, steps, pack.summed, strict=True) if t)
    run = next((x for x in axes if abs(x.a) == 1 and x.size >= 4), None)
    if step != 1 and run:
        left = b.sub(number(size, "i64"), along)
        others = tuple(x for x in axes if x is not run)

        def turning(b: Block, values: Sequence[Reg]) -> None:
            p, q, left = values
            _nest(b, kind, others, p, q, lambda p, q: _turn(b, plan, pack, run, step, left, p, q))

        if _whole_squares(plan, pack) and _by_function(plan.lanes, run, plan.lanes, plan.lanes) and run.size >= plan.lanes:
            turning(b, [source, target, left])
        else:
            outlined(b, (), [source, target, left], turning)
        return
    whole = size // pack.width * pack.width
    for count, there in ((pack.width, "slt"), (size - whole, "sge")):
        if count and (there == "sge" or whole):

            def rows(b: Block, values: Sequence[Reg], count: int = count) -> None:
                p, q = values
                _nest(b, kind, axes, p, q, lambda p, q: _row(b, kind, plan.lanes, step, count, p, q))

            with b.when(b.icmp(there, along, number(whole, "i64"))):
                outlined(b, (), [source, target], rows)


def _nest(b: Block, kind: str, axes: Sequence[Axis], source: Reg, target: Reg, body: Callable[[Reg, Reg], None]) -> None:
    """The body at every step of the axes."""
    if not axes:
        body(plain(b, source), plain(b, target))
        return
    x = axes[0]
    with b.loop(number(0, "i64"), number(x.size, "i64"), carried=[source, target]) as loop:
        p, q = loop.carried
        _nest(b, kind, axes[1:], p, q, body)
        loop.next = [at(b, p, x.a, kind), at(b, q, x.b, kind)]


def _row(b: Block, kind: str, lanes: int, step: int, count: int, source: Reg, target: Reg) -> None:
    """Neighbours of one step: as vectors where they are adjacent, one by one otherwise."""
    align = BITS[kind] // 8
    if step == 1:
        for k, wide, some in pieces(count, lanes, masks=False):
            put(b, take(b, source, k, 1, some, vector(kind, wide)), target, k, 1, None)
        return
    with b.loop(number(0, "i64"), number(count, "i64"), carried=[source, target]) as loop:
        p, q = loop.carried
        b.store(b.load(p, kind, align), q, align)
        loop.next = [at(b, p, step, kind), at(b, q, 1, kind)]


def _turn(b: Block, plan: Plan, pack: Pack, run: Axis, step: int, left: Reg, source: Reg, target: Reg) -> None:
    """Memory is adjacent along a summed axis, the copy along the panel: square blocks are turned in registers.

    The panel ends after its width or after the ``left`` elements of its axis; only there, less than a square may be left, which
    is a part of one that overlaps the one before, unless the whole of the panel is less.
    """
    kind, lanes = plan.problem.dtype, plan.lanes
    size = plan.problem.axes[pack.axis].size
    rest = size % lanes
    width = number(pack.width, "i64")
    count = b.intrinsic("smin", left, width)

    def squares(start: Reg, tall: int) -> None:
        p = b.gep(source, b.mul(start, number(step, "i64")), kind)
        q = b.gep(target, start, kind)
        if run.size < lanes:
            _square(b, kind, lanes, run, step, tall, run.size, p, q)
            return
        with b.loop(number(0, "i64"), number(run.size, "i64"), lanes) as loop:
            first_ = b.intrinsic("smin", loop.i, number(run.size - lanes, "i64"))  # the last square may overlap the one before
            places = (b.mul(first_, number(s, "i64")) for s in (run.a, run.b))
            _square(
                b, kind, lanes, run, step, tall, lanes, *(b.gep(x, at_, kind) for x, at_ in zip((p, q), places, strict=True))
            )

    if _whole_squares(plan, pack):
        with b.loop(number(0, "i64"), count, lanes) as loop:
            squares(b.intrinsic("smin", loop.i, b.sub(count, number(lanes, "i64"))), lanes)  # these may overlap too
        return
    if pack.width >= lanes:
        with b.loop(number(0, "i64"), b.sub(count, number(lanes - 1, "i64")), lanes, empty=True) as loop:
            squares(loop.i, lanes)
    if rest:
        with b.when(b.icmp("sle", left, width)):
            squares(b.sub(left, number(rest, "i64")), rest)


def _whole_squares(plan: Plan, pack: Pack) -> bool:
    """Whether squares reach over each panel, the last one too: they may overlap."""
    size = plan.problem.axes[pack.axis].size
    return pack.width % plan.lanes == 0 and (size % pack.width or pack.width) >= plan.lanes


def _by_function(lanes: int, run: Axis, tall: int, wide: int) -> bool:
    """Whether a square is long enough for the function that turns whole ones."""
    return tall == lanes >= LONG and run.a == 1 and wide == lanes


def _square(b: Block, kind: str, lanes: int, run: Axis, step: int, tall: int, wide: int, source: Reg, target: Reg) -> None:
    """``tall`` rows of the panel by ``wide`` steps of the run."""
    if _by_function(lanes, run, tall, wide):
        turn(b, kind, lanes, source, step, target, run.b, tall, wide)
        return
    p, q, type = plain(b, source), plain(b, target), vector(kind, lanes)
    rows = [take(b, p, k * step, run.a, wide, type) for k in range(tall)]
    for k, x in enumerate(turned(b, rows + [Reg("poison", type)] * (lanes - tall))[:wide]):
        put(b, x, q, k * run.b, 1, first(tall, lanes))
