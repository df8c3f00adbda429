"""Finished blocks leave their registers: to c, or to an epilogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from clew.compiler.block import Block, Reg, number
from clew.compiler.contraction.lanes import first, put
from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.slots import Slot
from clew.compiler.contraction.turn import turned

Epilogue = Callable[[Block, Sequence[Reg], int, Reg, Reg | None], None]


def leave(
    b: Block, plan: Plan, epilogue: Epilogue | None, place: list[Reg], slots: list[Slot], sums: list[Reg], c: Reg
) -> None:
    """Every accumulator leaves, turned where that makes neighbours adjacent. The block stands at ``place``, and at ``c``."""

    def deliver(index: tuple[int, ...], axis: int, x: Reg, count: int, offset: int, stride: int) -> None:
        mask = first(count, x.lanes) if x.lanes else None
        if epilogue:
            moved = [b.add(p, number(k, "i64")) if k else p for p, k in zip(place, index, strict=True)]
            epilogue(b, moved, axis, x, mask)
        else:
            put(b, x, c, offset, stride, mask)

    v, turn = plan.vector, plan.turn
    step = plan.inside[v].c if v is not None else 0
    groups: dict[tuple[int, ...], list[tuple[Slot, Reg]]] = {}
    for slot, x in zip(slots, sums, strict=True):
        if v is None:
            deliver(slot.index, -1, total(b, x), 1, slot.c, 0)
        elif turn is None or not slot.lanes:
            deliver(slot.index, v, x, slot.count, slot.c, step)
        else:
            groups.setdefault(tuple(-1 if i == turn else k for i, k in enumerate(slot.index)), []).append((slot, x))
    for group in groups.values():
        lanes = group[0][0].lanes
        for start in range(0, len(group), lanes):
            rows = [x for _, x in group[start : start + lanes]]
            slot = group[start][0]
            columns = turned(b, rows + [Reg("poison", rows[0].type)] * (lanes - len(rows)))
            for k, x in enumerate(columns[: slot.count]):
                index = tuple(n + k if i == v else n for i, n in enumerate(slot.index))
                deliver(index, turn or 0, x, len(rows), slot.c + k * step, 1)


def total(b: Block, x: Reg) -> Reg:
    """The lanes of an accumulator added up; their order is free."""
    if not x.lanes:
        return x
    name = f"llvm.vector.reduce.fadd.v{x.lanes}f{'32' if x.element == 'float' else '64'}"
    b.module.declare(f"declare {x.element} @{name}({x.element}, {x.type})")
    return b.put(f"call reassoc {x.element} @{name}({number(-0.0, x.element)}, {x})", x.element)
