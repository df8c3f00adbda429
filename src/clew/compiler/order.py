"""In which order steps run: what takes less memory when it is done is done at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from ..ir import Graph, Value
from ..ops.broadcast import Broadcast, Sum
from ..ops.elementwise import Elementwise
from ..ops.movement import Permute, Reshape
from ..ops.reductions import Reduction
from ..ops.rounding import Cast
from .expression import Buffer
from .products import is_product
from .steps import Step

LARGE = 1 << 18  # bytes of operands that are not kept until the end for what is made of them


def gradients(graph: Graph, updates: Collection[int]) -> set[Value]:
    """The products and sums that updates are made of, element by element, where they are much smaller than what they read:
    they are computed early, and the updates late, for until then nothing is changed that anybody sees."""
    found: set[Value] = set()
    seen: set[Value] = set()
    stack = [graph.outputs[k] for k in updates]
    while stack:
        v = stack.pop()
        if v in seen:
            continue
        seen.add(v)
        if isinstance(v.op, Elementwise | Cast | Broadcast | Permute | Reshape):
            stack += v.operands
        elif is_product(v) or isinstance(v.op, Sum | Reduction):
            read = sum(x.type.nbytes for x in v.operands)
            if read >= LARGE and read >= 2 * v.type.nbytes:
                found.add(v)
    return found


def ordered(steps: Sequence[Step], sizes: Mapping[Buffer, int]) -> list[Step]:
    """The steps, those that free more memory than they take as soon as they can run. ``sizes`` are the bytes of buffers that
    only steps need."""
    lacking = [0] * len(steps)  # steps that each one waits for
    following: dict[int, set[int]] = defaultdict(set)
    writers: dict[Buffer, list[int]] = defaultdict(list)
    readers: dict[Buffer, set[int]] = defaultdict(set)
    for n, step in enumerate(steps):
        for m in {m for x in step.reads for m in writers[x.memory]}:
            following[m].add(n)
            lacking[n] += 1
        for x in {x.memory for x in step.reads}:
            readers[x].add(n)
        for x in step.writes:
            writers[x.memory].append(n)
    made: list[Step] = []
    done: set[int] = set()
    there: set[Buffer] = set()

    def gain(step: Step) -> int:
        freed = sum(sizes.get(x, 0) for x in {x.memory for x in step.reads} if len(readers[x]) == 1)
        return freed - sum(sizes.get(x, 0) for x in {x.memory for x in step.writes} if x not in there)

    for first in range(len(steps)):
        stack = [first]
        while stack:
            n = stack.pop()
            if n in done or lacking[n] or (n != first and gain(steps[n]) <= 0):
                continue
            done.add(n)
            made.append(steps[n])
            there |= {x.memory for x in steps[n].writes}
            for m in following[n]:
                lacking[m] -= 1
            changed = set(following[n])
            for x in {x.memory for x in steps[n].reads}:
                readers[x].remove(n)
                if len(readers[x]) == 1:
                    changed |= readers[x]
            stack += sorted(changed, reverse=True)
    return made
