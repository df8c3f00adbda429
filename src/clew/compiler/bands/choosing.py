"""Which stretches of a graph become bands.

A product that is larger than what it is made of is the seed of *wide* values: with it, all values of its size that it is
made into, or is combined with. Where they end (in reductions, and in products that are small again) are the *exits*. Those
exits that can be computed from the same slices become one band, and what is wide is computed within it, anew in each
band that needs it. What would cost too much to compute again is kept, as it is without bands.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import reduce
from math import ceil, prod
from operator import or_

from ...ir import INPUT, UNKNOWN, Graph, Tuple, Value
from ...ops.comparison import Equal, NotEqual
from ...ops.contraction import Contract, parse
from ...ops.items import items
from ...passes.rewrite import renewed, replaced
from ..products import is_product
from ..views import view
from .cutting import of_operands
from .drafting import Draft, Read, Refused, Zone

WIDE = 1 << 20  # bytes from which on a value is worth a band
SLICE = 3 << 18  # bytes that a slice may have at a time: what stays in a cache
SLICES = 16  # at least, for threads to share
ROWS = 16  # that products in a slice have at least
TURN = 1 << 22  # bytes of a slice where they are computed one after the other, for threads to share
TURNS = 4  # slices at least then, where more would cost time
AGAIN = 96  # terms of a product's sums up to which it is rather computed again than kept


def banded(graph: Graph) -> Graph:
    """The graph with its bands."""
    kept: set[Value] = set()
    complete: set[Value] = set()  # exits that are no sums over slices
    while True:
        zone = wide_zone(graph, kept)
        if not zone.wide:
            return graph
        drafts = chosen(zone, complete)
        costly = {v for draft in drafts for v in draft.sums if not worth(draft)}
        if costly:
            complete |= costly
            continue
        found = {v for draft in drafts if worth(draft) for v in draft.exits}
        dropped = {x for v in zone.exits if v not in found for x in v.operands if x in zone.wide}
        dropped |= {v for v in repeated(drafts) if depth(v) > AGAIN or exact(v, drafts)}
        if not dropped:
            return with_bands(graph, drafts)
        kept |= dropped


# What is wide


def wide_zone(graph: Graph, kept: set[Value]) -> Zone:
    """The wide values of a graph, and their exits. What somebody reads who cannot read it in slices is not wide."""
    users: dict[Value, list[Value]] = defaultdict(list)
    for v in graph.values:
        for x in dict.fromkeys(v.operands):
            users[x].append(v)
    kept = kept | set(graph.outputs)
    while True:
        wide = _wide(graph, users, kept)
        exits = [v for v in graph.values if v not in wide and any(x in wide for x in v.operands)]
        blind = {x for v in exits if not v.ndim or of_operands(v, (0, *([None] * (v.ndim - 1)))) is None for x in v.operands}
        blind &= wide
        if not blind:
            break
        kept |= blind
    bits = {v: 1 << k for k, v in enumerate(exits)}
    above: dict[Value, int] = {}
    for v in graph.values:
        above[v] = bits.get(v, 0)
        for x in v.operands:
            above[v] |= above[x]
    return Zone(wide, bits, above)


def _wide(graph: Graph, users: dict[Value, list[Value]], kept: set[Value]) -> set[Value]:
    seen: set[Value] = set()
    stack = [v for v in graph.values if v not in kept and seed(v)]
    while stack:
        v = stack.pop()
        if v in seen or not computed(v) or (v in kept and is_product(v)):
            continue
        seen.add(v)
        near = v.operands if v in kept else (*users[v], *v.operands)  # where wide values end, they are made of others
        stack += [x for x in near if x.type.size == v.type.size and x not in seen]
    return seen - kept


def seed(v: Value) -> bool:
    """Whether it is a product that is larger than what it is made of."""
    return (
        is_product(v)
        and isinstance(v.op, Contract)
        and v.type.nbytes >= WIDE
        and v.type.size >= sum(x.type.size for x in v.operands)
    )


def computed(v: Value) -> bool:
    """Whether slices can compute it."""
    if v.op is None or v.op is INPUT or isinstance(v.type, Tuple) or UNKNOWN in v.shape or not v.ndim:
        return False
    return of_operands(v, (None,) * v.ndim) is not None


# Drafts


def chosen(zone: Zone, complete: Collection[Value]) -> list[Draft]:
    """Every exit in a draft: in that of another one where both can be computed in the same slices. The exits that have to be
    ``complete`` where they are computed are no sums over slices."""
    drafts: list[Draft] = []
    for v in zone.exits:
        forms: list[tuple[Value, ...]] = [()] if v in complete else [(), (v,)]
        alone = [draft for sums in forms if (draft := drafted(zone, [v], sums)) is not None and draft.wide]
        if not alone or any(joined(zone, drafts, draft) for draft in alone):
            continue
        drafts.append(alone[0])
    return drafts


def joined(zone: Zone, drafts: list[Draft], alone: Draft) -> bool:
    """Whether a draft has become part of one of the others."""
    for k, draft in reversed(list(enumerate(drafts))):
        both = together(zone, draft, alone)
        if both is not None and not circular(both, [*drafts[:k], *drafts[k + 1 :]]):
            drafts[k] = both
            return True
    return False


def together(zone: Zone, draft: Draft, alone: Draft) -> Draft | None:
    """The draft with one exit more, if both compute something wide."""
    if draft.wide.isdisjoint(alone.wide):
        return None
    both = drafted(zone, [*draft.exits, *alone.exits], [*draft.sums, *alone.sums], draft.depth)
    return both if both is not None and (both.depth == draft.depth or both.cell <= SLICE) else None


def circular(draft: Draft, others: Sequence[Draft]) -> bool:
    """Whether it reads what others can only compute after it."""
    before = draft.needs
    while more := [other for other in others if other.mask & before and other.needs & ~before]:
        before |= reduce(or_, (other.needs for other in more))
    return bool(before & draft.mask)


def drafted(zone: Zone, exits: Sequence[Value], sums: Sequence[Value] = (), most: int = 64) -> Draft | None:
    """The draft of the finest grid."""
    own = [v.ndim for v in exits if v not in sums]
    added = [max(x.ndim for x in v.operands) for v in sums]
    for depth in range(min([most, *own, *added]), 0, -1):
        try:
            return Draft(zone, exits, depth, sums)
        except Refused:
            continue
    return None


def blocks(draft: Draft) -> list[int]:
    """How many cells of the grid a slice has along each axis: what memory allows, and more where products want more rows, or
    where too much would be read again and again."""
    cells = prod(draft.shape)
    least = max(1, int((TURN if draft.sums else SLICE) / draft.cell), ceil(ROWS / draft.rows))
    most = max(least, cells // TURNS) if draft.sums else max(1, cells // SLICES)
    share = 8 if draft.sums else 4
    room = least
    while room < most and again(draft, cut(draft, room)) > traffic(draft) / share:
        room *= 2
    return cut(draft, min(room, most))


def cut(draft: Draft, room: int) -> list[int]:
    """Slices of about so many cells: the inner axes whole, as far as they reach, and one in equal parts if possible."""
    found: list[int] = []
    for n in reversed(draft.shape):
        parts = ceil(n / max(1, min(n, room)))
        parts = next((k for k in range(parts, min(2 * parts, n) + 1) if n % k == 0), parts)
        found.insert(0, ceil(n / parts))
        room = room // n if parts == 1 else 1
    return found


def worth(draft: Draft) -> bool:
    """Whether less is read again, in every slice, than would be written and read of wide values; much less, where all threads
    wait for the memory at the same time."""
    slices = blocks(draft)
    return slices != list(draft.shape) and again(draft, slices) <= traffic(draft) / (4 if draft.sums else 1)


def again(draft: Draft, slices: Sequence[int]) -> float:
    """The bytes of what is not cut, and of totals, which are read and written, in every slice but the first."""
    parts = [ceil(n / m) for n, m in zip(draft.shape, slices, strict=True)]
    reads = {Read(view(x.value).base, x.cut): x.value.type.nbytes for x in draft.reads}
    read = sum(size * (prod(n for k, n in enumerate(parts) if k not in x.cut) - 1) for x, size in reads.items())
    return read + 2 * sum(v.type.nbytes for v in draft.sums) * (prod(parts) - 1)


def traffic(draft: Draft) -> float:
    """The bytes that would be written and read of wide values: of those that smaller ones are made of."""
    ends = [(x, v) for v in draft.exits for x in v.operands if x in draft.wide and v.type.size < x.type.size]
    return 2 * sum(x.type.nbytes for x in {x for x, _ in ends})


def repeated(drafts: list[Draft]) -> list[Value]:
    """The products that several drafts compute."""
    times = Counter(v for draft in drafts for v in draft.products)
    return [v for v, n in times.items() if n > 1]


def exact(v: Value, drafts: list[Draft]) -> bool:
    """Whether it matters that it has the same bits wherever it is computed: sums of another order would not equal their largest
    element, say, as it was found elsewhere."""
    compared = (x for draft in drafts if v in draft.wide for x in draft.order if isinstance(x.op, Equal | NotEqual))
    return any(y.dtype.kind == "f" and y in draft.wide for x in compared for y in x.operands for draft in drafts)


def depth(v: Value) -> int:
    """How many terms each element of a product sums."""
    assert isinstance(v.op, Contract)
    left, _, result = parse(v.op.spec)
    return prod(n for letter, n in zip(left, v.operands[0].shape, strict=True) if letter not in result)


# The graph with bands


def with_bands(graph: Graph, drafts: list[Draft]) -> Graph:
    """Exits are results of bands; what only bands computed is not there any more."""
    of = {v: draft for draft in drafts for v in draft.exits}
    reads = {draft: [view(x.value).base for x in draft.reads] for draft in drafts}
    order = needed(graph, lambda v: reads[of[v]] if v in of else v.operands)
    found = set(order)
    new: dict[Value, Value] = {v: v for v in graph.inputs}
    for v in order:
        if v in new:
            continue
        if v in of:
            draft = of[v]
            exits = [x for x in draft.exits if x in found]
            op = draft.band(blocks(draft), exits)
            given = tuple(new[x] for x in reads[draft])
            band = Value(op, given, op.infer(*(x.type for x in given)), None, None, v.place)
            new |= dict(zip(exits, items(band), strict=True))
        else:
            new[v] = replaced(v, new)
    return renewed(graph, new)


def needed(graph: Graph, operands: Callable[[Value], Sequence[Value]]) -> list[Value]:
    """What the outputs are made of, operands before users."""
    found: dict[Value, None] = {}
    stack = [(v, False) for v in reversed(graph.outputs)]
    while stack:
        v, done = stack.pop()
        if done:
            found[v] = None
        elif v not in found:
            stack.append((v, True))
            stack += [(x, False) for x in reversed(operands(v)) if x not in found]
    return list(found)
