"""Kernels: what one native function computes, as a tree of loops that can be read.

A kernel runs over its *domain*, the axes that all its results share. In each turn it runs its *nests* in order: a nest is
loops over further axes (or none) whose items are stores and folds. A fold is a reduction that is complete when its nest
is; a result that only later nests read lives in scratch, as long as one turn. A fold over the domain itself gives one
partial result per block of turns, which are combined in order afterwards, however many threads there were.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from ..ir import Value
from .expression import Buffer, Expr, Place, Point, flat, show, walk
from .index import Var

POINTS = 8  # single elements, at most, that are given by their addresses


@dataclass(eq=False)
class Store:
    """The element of a member at the loops' index; into memory, into scratch, or only into a register."""

    buffer: Buffer
    expr: Expr
    vars: tuple[Var, ...]  # its axes, of size 1 too
    place: str = "memory"  # or scratch, register


@dataclass(eq=False)
class Fold:
    """A reduction: ``expr`` is the reduce expression."""

    expr: Expr
    total: Buffer | None = None  # of a fold over the domain: where its one result goes


@dataclass(eq=False)
class Nest:
    """Loops, outermost first, and what is done in each turn."""

    vars: tuple[Var, ...]
    items: list[Store | Fold] = field(default_factory=list)


@dataclass(eq=False)
class Kernel:
    """See above. ``domain`` has axes of size 1 too; loops run over the others."""

    name: str
    domain: tuple[Var, ...]
    nests: list[Nest]
    sources: list[Value]  # the values of the graph that it computes, for people

    @property
    def items(self) -> Iterator[Store | Fold]:
        for nest in self.nests:
            yield from nest.items

    @property
    def turns(self) -> int:
        return prod(v.size for v in self.domain)

    @property
    def written(self) -> list[Buffer]:
        """The buffers in memory that it writes."""
        stores = [x.buffer.memory for x in self.items if isinstance(x, Store) and x.place == "memory"]
        return list(dict.fromkeys(stores)) + [x.total for x in self.items if isinstance(x, Fold) and x.total is not None]

    @property
    def read(self) -> list[Buffer]:
        """The buffers in memory that it reads and does not write."""
        own = {x.buffer for x in self.items if isinstance(x, Store)}
        loads = (e.attr[0] for e in walk(x.expr for x in self.items) if e.kind == "load")
        return list(dict.fromkeys(buffer.memory for buffer in loads if buffer not in own))

    @cached_property
    def points(self) -> dict[Expr, Point]:
        """The reads of single elements, if they are few. They are given by their addresses: kernels that differ in the
        positions alone are alike."""
        written = set(self.written) | {x.buffer.memory for x in self.items if isinstance(x, Store)}
        found: dict[Expr, Point] = {}
        for e in walk(x.expr for x in self.items):
            if e.kind == "load" and e.attr[0].value.type.size > 1 and e.attr[0].memory not in written:
                position = flat(*e.attr)
                if isinstance(position, int):
                    found[e] = Point(e.attr[0].memory, position)
        return found if len(found) <= POINTS else {}

    @property
    def given(self) -> list[Buffer | Point]:
        """What its function is given the addresses of, besides what it writes."""
        own = {x.buffer for x in self.items if isinstance(x, Store)}
        loads = [e for e in walk(x.expr for x in self.items) if e.kind == "load" and e.attr[0] not in own]
        return list(dict.fromkeys(self.points.get(e, e.attr[0].memory) for e in loads))

    def __str__(self) -> str:
        return "\n".join(lines(self))


def lines(kernel: Kernel) -> Iterator[str]:
    """The kernel as text: loops indented, each step named where it is used more than once."""
    yield f"kernel {kernel.name}({', '.join(f'{b}: {b.value.type}' for b in kernel.read)}):"
    depth = 1
    for v in kernel.domain:
        if v.size > 1:
            yield f"{'  ' * depth}for {v} in {v.size}:"
            depth += 1
    count = 0
    named: list[Expr] = []
    for nest in kernel.nests:
        inner = depth
        for v in nest.vars:
            if v.size > 1:
                yield f"{'  ' * inner}for {v} in {v.size}:"
                inner += 1
        pad = "  " * inner
        for item in nest.items:
            root = item.expr.args[0] if isinstance(item, Fold) else item.expr
            for e in walk([root], lambda e: not e.name):
                if e.kind != "const" and not e.name:
                    text = show(e)
                    e.name = f"%{count}"
                    count += 1
                    named.append(e)
                    yield f"{pad}{e.name}: {e.dtype} = {text}"
            if isinstance(item, Fold):
                target = f" into {item.total}" if item.total is not None else ""
                item.expr.name = f"%{count}"
                count += 1
                named.append(item.expr)
                of = f"fold {item.expr.attr[0]} of {item.expr.args[0]} from {item.expr.args[1]!r}"
                yield f"{pad}{item.expr.name}: {item.expr.dtype} = {of}{target}"
            else:
                index = ", ".join(str(v) if v.size > 1 else "0" for v in item.vars)
                kind = "" if item.place == "memory" else f" ({item.place})"
                yield f"{pad}{item.buffer}[{index}] = {item.expr!r}{kind}"
    for e in named:
        e.name = ""


def likeness(kernel: Kernel, points: Mapping[Expr, Point] | None = None) -> Hashable:
    """Equal for kernels that differ only in which buffers, and which of their ``points``, they are about: their code is one."""
    points = kernel.points if points is None else points
    numbers: dict[Expr, int] = {}
    buffers: dict[Place, int] = {}
    steps: list[Hashable] = []

    def named(x: Buffer) -> Hashable:
        if x not in buffers:
            buffers[x] = len(buffers)
            steps.append((x.value.type, x.within and named(x.within), x.axis, x.start))
        return buffers[x]

    def read(e: Expr) -> Hashable:
        return buffers.setdefault(points[e], len(buffers)) if e in points else (named(e.attr[0]), e.attr[1])

    for e in walk(x.expr for x in kernel.items):
        numbers[e] = len(numbers)
        attr: Hashable = read(e) if e.kind == "load" else repr(e.attr) if e.kind == "const" else e.attr
        steps.append((e.kind, attr, e.dtype, *(numbers[x] for x in e.args)))
    for nest in kernel.nests:
        steps.append(nest.vars)
        for x in nest.items:
            to = x.total if isinstance(x, Fold) else x.buffer
            place = "fold" if isinstance(x, Fold) else x.place
            steps.append((place, numbers[x.expr], to and named(to), () if isinstance(x, Fold) else x.vars))
    return kernel.domain, tuple(steps)
