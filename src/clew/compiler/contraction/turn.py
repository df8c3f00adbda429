"""Square blocks of registers turned: rows become columns.

Each stage joins pairs of registers by one of the shuffles that processors have as one instruction: interleaving inside
128-bit parts first, then exchanging whole parts (Eklundh, "A fast computer method for matrix transposing", 1972).
"""

from __future__ import annotations

import platform
from collections.abc import Sequence

from clew.compiler.block import BITS, Block, Reg, number, vector
from clew.compiler.contraction.lanes import counted

LONG = 8  # rows from which on the code that turns them is long, and stands in a function of its own
VECTORS = "w" if platform.machine() in ("aarch64", "arm64") else "v"  # LLVM's letter for a vector register


def turned(b: Block, rows: Sequence[Reg]) -> list[Reg]:
    """``n`` vectors of ``n`` lanes (a power of two); lane ``i`` of the result's ``j``-th is lane ``j`` of the ``i``-th. Rows
    that are not wanted are ``poison``."""
    n = len(rows)
    part = min(n, 128 // BITS[rows[0].element])
    columns = [list(range(n)) for _ in rows]  # which column each lane came from
    registers = list(rows)
    gap = 1
    while gap < n:
        low, high = _shuffles(n, part, gap)
        for i in range(n):
            if not i & gap:
                x, y = registers[i], registers[i + gap]
                both = columns[i] + columns[i + gap]
                if x.text != "poison" or y.text != "poison":
                    registers[i], registers[i + gap] = b.shuffle(x, y, low), b.shuffle(x, y, high)
                columns[i], columns[i + gap] = [both[k] for k in low], [both[k] for k in high]
        gap *= 2
        if gap < n:  # LLVM spends milliseconds on shuffles of shuffles, and finds nothing
            registers = [
                x if x.text == "poison" else b.put(f'call {x.type} asm "", "={VECTORS},0"({x})', x.type) for x in registers
            ]
    return [x for _, x in sorted(zip((c[0] for c in columns), registers, strict=True), key=lambda pair: pair[0])]


def turn(b: Block, kind: str, lanes: int, source: Reg, apart: int, target: Reg, step: int, tall: int, wide: int) -> None:
    """A square in memory, of ``lanes`` rows that lie ``apart``, becomes rows ``step`` apart: of the first ``wide`` of them the
    first ``tall`` elements are written. The function that does it serves all of the module."""
    part = (tall, wide) if min(tall, wide) < lanes else ()
    given = [Reg("%source", "ptr"), Reg("%apart", "i64"), Reg("%target", "ptr"), Reg("%step", "i64")]
    given += [Reg(f"%part{k}", "i64") for k in range(len(part))]
    name = b.module.shared(("turn", kind, lanes, bool(part)), "void", given, lambda inner: _square(inner, kind, lanes, *given))
    values = [source, number(apart, "i64"), target, *(number(n, "i64") for n in (step, *part))]
    b.do(f"call void @{name}({', '.join(map(str, values))})")


def _square(b: Block, kind: str, lanes: int, source: Reg, apart: Reg, target: Reg, step: Reg, *part: Reg) -> None:
    """The body of the function that turns a square, or ``part`` of one, which is so tall and so wide."""
    align = BITS[kind] // 8
    rows = [b.load(x, vector(kind, lanes), align) for x in _rows(b, kind, lanes, source, apart)]
    places = _rows(b, kind, lanes, target, step)
    counts = [counted(b, part[0], lanes)] if part else []
    for k, (x, place) in enumerate(zip(turned(b, rows), places, strict=True)):
        if part:
            some = b.select(b.icmp("slt", number(k, "i64"), part[1]), counts[0], number(0, counts[0].type))
            b.masked_store(x, place, some, align)
        else:
            b.store(x, place, align)
    b.do("ret void")


def _rows(b: Block, kind: str, count: int, base: Reg, step: Reg) -> list[Reg]:
    """Where rows begin that lie a step apart."""
    found = [base]
    while len(found) < count:
        found.append(b.gep(found[-1], step, kind))
    return found


def _shuffles(n: int, part: int, gap: int) -> tuple[list[int], list[int]]:
    """The lanes of two registers (the second's count from ``n``) that the stage with this gap joins."""
    if gap < part:  # interleave runs of ``gap`` lanes within each part
        runs = [[*range(k, k + gap), *range(n + k, n + k + gap)] for k in range(0, n, gap)]
        half = part // gap // 2
        return tuple([x for k, run in enumerate(runs) if (k // half) % 2 == side for x in run] for side in (0, 1))  # type: ignore[return-value]
    parts = n // part
    apart = parts == 2 or gap > part
    chosen = [range(side, parts, 2) if apart else range(2 * side, 2 * side + 2) for side in (0, 1)]
    return tuple([p * part + k + side for side in (0, n) for p in own for k in range(part)] for own in chosen)  # type: ignore[return-value]
