"""How the work of a plan divides: into tasks, and into stretches that stay in a cache.

Tasks are blocks of c. Where c is small and the sum long, they are shares of the sum instead: each task adds up its own for all
of c, and what the tasks found is added up afterwards, in order. Operands that are computed divide a task further, into rounds:
what one round needs of them stays near. All of that follows from the shape.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, prod

from clew.compiler.contraction.plan import Plan
from clew.compiler.contraction.problem import Axis

TASK = 20_000  # cycles worth a task of its own
TASKS = 64
SHARE = 100_000  # cycles worth a share of its own
SHARES = 16
LARGE = 1 << 22  # bytes of an operand that no cache keeps while others pass
PASSED, ROWS = 1 << 19, 256  # bytes of it that a task has, and the least of its rows where the other one is large too
COLUMNS = 256  # of the other one, at least: for each task its rows are read anew
STRETCH = 1 << 18  # bytes of operands that one block may pass over before it rests
NEAR = 1 << 18  # bytes of operands that are passed over again and again
RESTING = 1 << 19  # bytes of accumulators at rest, of each share
COMPUTED = 1 << 17  # bytes of operands that one round computes
ROUNDS = 32  # tasks of rounds
LONG, APART = 256, 32  # turns of a stretch that are worth the rest after it; the second where batches lie side by side


def divided(whole: Plan, cycles: float, held: str) -> Plan:
    """The plan with its tasks. ``held`` is the operand that is read as vectors."""
    if whole.problem.computed:
        return _in_rounds(whole, cycles)
    shared = _shared(whole, cycles)
    if shared:
        return shared
    whole = replace(whole, chunk=_near(whole, cycles, held) or _chunks(whole, cycles, held))
    return replace(whole, split=_split(whole, held))


def _shared(whole: Plan, cycles: float) -> Plan | None:
    """Tasks that are shares of the outermost sum, in stretches of which everything that is read stays near."""
    size = whole.problem.element_bits // 8
    resting = whole.blocks * whole.area * size
    if not whole.summed or not resting or resting > RESTING:
        return None
    x, step = whole.summed[0], whole.step
    read = size * _elements(whole, x)  # by each step
    turns = max(1, whole.problem.depth // x.size // (whole.lanes if whole.vector is None else 1))  # of a step
    least = APART if any(y.a and y.b and y.size > 1 for y in whole.problem.axes) else LONG
    wanted = min(SHARES, int(cycles / SHARE), read * x.size // (2 * resting), x.size * turns // least)
    if wanted < 4:
        return None
    near = max(NEAR // read, min(8 * NEAR // read, least // turns))
    stretch = max(1, min(near, x.size // wanted) // step) * step
    stretch = next((n for n in range(stretch, stretch * 2 // 3, -step) if x.size % n == 0), stretch)
    if stretch * turns < least or 2 * stretch > x.size:
        return None
    per = -(-(x.size // stretch) // wanted)
    return replace(whole, split=stretch, shares=-(-(x.size // stretch) // per))


def _in_rounds(whole: Plan, cycles: float) -> Plan:
    """Tasks of rounds along the cut. Where that cannot be, one round computes everything."""
    problem = whole.problem
    x, slices = problem.cut_axis, sum(problem.slices.values())
    room = COMPUTED * 8 // problem.element_bits // slices
    if problem.cut < len(problem.axes):
        tile = whole.tile[problem.cut]
        near = min(room // tile * tile or x.size, x.size)
        shares = max(1, min(ROUNDS, int(cycles / TASK), -(-x.size // near)))
        near = min(near, -(-x.size // (shares * tile)) * tile)
        chunk = tuple(near if i == problem.cut else n for i, n in enumerate(whole.chunk))
        rounds = -(-x.size // near)
        return replace(whole, chunk=chunk, near=near, shares=ceil(rounds / ceil(rounds / shares)))
    near = room // whole.step * whole.step
    outermost = bool(whole.summed_axes) and whole.summed_axes[0] == replace(x, c=0)
    if not near or not outermost or whole.blocks * whole.area * problem.element_bits // 8 > RESTING or x.size < 2 * near:
        return replace(whole, near=x.size, shares=1)
    per = -(-(x.size // near) // max(1, min(SHARES, int(cycles / SHARE))))
    return replace(whole, split=near, near=near, shares=-(-(x.size // near) // per))


def _elements(whole: Plan, x: Axis) -> int:
    """How many elements of both operands one step of a loop reads, in all turns of the others."""
    others = [y for y in (*whole.walk, *whole.summed) if y is not x]
    return sum(prod(y.size for y in others if getattr(y, name)) for name in "ab" if getattr(x, name))


def _near(whole: Plan, cycles: float, held: str) -> tuple[int, ...] | None:
    """Rows whose batches lie side by side are taken few at a time, all batches of them, so that memory is read in order."""
    other = "a" if held == "b" else "b"
    size = whole.problem.element_bits // 8
    kept = whole.problem.axes
    rows = [i for i, x in enumerate(kept) if x.size > 1 and getattr(x, other) and not getattr(x, held) and i != whole.vector]
    batches = [x for x in kept if x.size > 1 and x.a and x.b]
    if not rows or not batches:
        return None
    r = max(rows, key=lambda i: abs(kept[i].c))
    apart = all(abs(getattr(x, s)) < abs(getattr(kept[r], s)) for x in batches for s in (other, "c"))
    mine = prod(x.size for x in (*kept, *whole.summed) if getattr(x, held)) * size
    per = _elements(whole, kept[r]) * size + prod(x.size for i, x in enumerate(kept) if i != r and x.c) * size
    least = max(1, int(TASK * kept[r].size / cycles))
    few = max(1, -(-max(NEAR // per, least) // whole.tile[r])) * whole.tile[r]
    if not apart or mine > NEAR or few * 2 > kept[r].size:
        return None
    return tuple(few if i == r else n for i, n in enumerate(whole.chunk))


def _chunks(whole: Plan, cycles: float, held: str) -> tuple[int, ...]:
    """Outer loops are cut first, until there are tasks enough or each is short; the rows of a large operand before those."""
    wanted = max(1, min(TASKS, int(cycles / TASK)))
    kept, chunk = whole.problem.axes, list(whole.chunk)
    rows = _few_rows(whole, "a" if held == "b" else "b")
    for i, few in rows.items():
        chunk[i] = few
        wanted = ceil(wanted / ceil(kept[i].size / few))
    for i in whole.order:
        if wanted <= 1:
            break
        if i not in rows:
            blocks = ceil(kept[i].size / whole.tile[i])
            least = COLUMNS // whole.tile[i] if rows and not (kept[i].a and kept[i].b) else 1
            per = max(1, blocks // wanted, min(blocks, least))
            chunk[i] = per * whole.tile[i]
            wanted = ceil(wanted / max(1, ceil(blocks / per)))
    return tuple(chunk)


def _few_rows(whole: Plan, passing: str) -> dict[int, int]:
    """Of an operand that is too large to be passed over for each panel of the other: how much of its axes a task has."""
    other = "a" if passing == "b" else "b"
    if _reach(whole, passing) < LARGE:
        return {}
    rows = [(abs(getattr(x, passing)), i) for i, x in enumerate(whole.problem.axes) if not getattr(x, other)]
    least = ROWS if _reach(whole, other) > 2 * LARGE else 1
    found, left = {}, max(least, PASSED * 8 // whole.problem.element_bits // max(1, whole.problem.depth))
    for step, i in sorted(rows):
        if step:
            x, tile = whole.problem.axes[i], whole.tile[i]
            found[i] = min(x.size, max(1, left // tile) * tile)
            left = max(1, left // found[i])
    return found


def _reach(whole: Plan, operand: str) -> int:
    """The bytes of memory that an operand covers, of one batch."""
    walk = (*(x for x in whole.problem.axes if not (x.a and x.b)), *whole.problem.summed)
    steps: list[int] = [(x.size - 1) * abs(getattr(x, operand)) for x in walk]
    return sum(steps) * whole.problem.element_bits // 8


def _split(whole: Plan, held: str) -> int:
    """After how much of the outermost summed axis a block should rest: its operands' stretches stay in a cache then."""
    if not whole.summed:
        return 0
    x, vectors = whole.summed[0], whole.area // whole.lanes
    along = [n for i, n in enumerate(whole.tile) if i != whole.vector and getattr(whole.problem.axes[i], held)]
    across = prod(along) * (-(-whole.tile[whole.vector] // whole.lanes) if whole.vector is not None else 1)
    bytes_ = whole.problem.depth * whole.problem.element_bits // 8
    reach = bytes_ * (across * (whole.lanes if whole.vector is not None else 1) + vectors // across)
    passing = "a" if held == "b" else "b"
    rows = prod(n for y, n in zip(whole.problem.axes, whole.chunk, strict=True) if getattr(y, passing)) * bytes_
    copied = any(x.operand == passing for x in whole.packs)
    apart = not copied and abs(getattr(whole.summed_axes[-1], passing)) > 1  # its lines are not read from end to end
    parts = max(reach // STRETCH if reach > 2 * STRETCH else 0, rows // (PASSED if apart and rows > LARGE else LARGE))
    if parts < 2:
        return 0
    parts = min(parts, x.size)
    parts = next((n for n in range(parts, min(parts * 3 // 2, x.size) + 1) if x.size % n == 0), parts)
    return ceil(ceil(x.size / parts) / whole.step) * whole.step
