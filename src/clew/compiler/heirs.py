"""Values that are written where an older one lies, element by element, whose last use that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .expression import Buffer, Place, identity, walk
from .kernel import Store
from .memory import Life
from .steps import Step


def heirs(steps: Sequence[Step], lives: dict[Place, Life]) -> dict[Buffer, Buffer]:
    """In whose place each heir is. Heirs have no life of their own any more: those that they inherit from live longer."""
    found: dict[Buffer, Buffer] = {}
    for n, step in enumerate(steps):
        free = {found.get(x, x): x for x in step.reads}
        free = {place: x for place, x in free.items() if place in lives and lives[place].last == n}
        for x in stored(step):
            if x not in lives or lives[x].first != n:
                continue
            for place, source in free.items():
                if lives[place].nbytes == lives[x].nbytes and own(step, source, x):
                    found[x] = place
                    lives[place] = lives[place]._replace(last=lives.pop(x).last)
                    del free[place]
                    break
    return found


def stored(step: Step) -> Iterator[Buffer]:
    """What a kernel stores in memory of its own."""
    for nest in step.kernel.nests if step.kernel is not None else ():
        for item in nest.items:
            if isinstance(item, Store) and item.buffer in step.writes:
                yield item.buffer


def own(step: Step, source: Buffer, x: Buffer) -> bool:
    """Whether a step reads of ``source`` only the element of ``x`` that it then writes, and not after that."""
    if step.kernel is None or source.value.shape != x.value.shape:
        return False
    if step.made is not None and source.value in step.made.read:
        return False
    if any(source in x.read for x in step.computed.values()):
        return False
    written = False
    for nest in step.kernel.nests:
        for e in walk(i.expr for i in nest.items):
            read = e.kind == "load" and e.attr[0].memory is source
            if read and (written or identity(e.attr[1], source.value.shape) != source.value.ndim):
                return False
        written |= any(isinstance(i, Store) and i.buffer is x for i in nest.items)
    return True
