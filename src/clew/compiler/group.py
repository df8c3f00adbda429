"""What is computed together: which values get memory, and which of those share a kernel.

Three steps. *Roots*: values that must be computed for themselves, since they are results, are reductions, or would
cost too much to compute wherever they are read; all others become part of the expressions that read them. *Groups*: a
root joins the kernel of what it reads where its elements can be computed in the same turns. *Places*: a root that only its
own kernel reads lives in a register or in scratch, and needs no memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from math import prod

from ..ir import INPUT, UNKNOWN, Graph, Shape, Value
from ..ops.broadcast import Broadcast, Sum
from ..ops.contraction import Contract, parse
from ..ops.convolution import Convolve
from ..ops.cost import WEIGHTS
from ..ops.elementwise import Elementwise
from ..ops.indexing import Gather
from ..ops.movement import Concat, Slice
from ..ops.pooling import Windows
from ..ops.reductions import ArgExtreme, Reduction
from ..ops.rounding import Cast
from .expression import Buffer, Expr, Recorder, filling, identity, walk
from .products import Product, follows, is_product, product
from .prologue import suits
from .views import view

EXPENSIVE = 8  # additions: what is read in several places and costs this is computed once
UNROLLED = 16  # elements: a reduction of no more is computed where it is read
SMALL = 4096  # elements: kernels this small are merged though they then run on one thread
SHORT = 32  # elements: loops that do not fill enough vectors
SCRATCH = 1 << 15  # bytes of a turn
LARGE = 1 << 20  # bytes from which on writing a product's operand and reading it again costs more than computing it twice
WIDEST = 8  # bytes of a number, at most
REPEATED = 24  # additions: what may be computed again for that
LONGEST = 400  # steps of a kernel: LLVM's time grows faster than the length of a function


@dataclass(eq=False)
class Group:
    """Values that one kernel computes. ``domain`` is the shape of what they have in common, ``steps`` how many expressions they
    are, and ``reads`` what those read."""

    index: int
    kind: str  # loops, product, whole, joint (of parts that others write)
    members: list[Value] = field(default_factory=list)
    domain: Shape = ()
    steps: int = 0
    reads: set[Buffer] = field(default_factory=set)


def is_whole(v: Value) -> bool:
    """An op of no elements' own, or of elements that only the run counts."""
    if v.op is None or v.op is INPUT:
        return False
    return not v.op.pulls or any([UNKNOWN in x.shape for x in (v, *v.operands)])


def reduced(v: Value) -> int:
    """How many elements of an operand one element is folded from; 0 of no reduction."""
    if isinstance(v.op, Reduction | Sum):
        return prod(v.operands[0].shape[a] for a in v.op.axes)
    if isinstance(v.op, ArgExtreme):
        return v.operands[0].shape[v.op.axis]
    if isinstance(v.op, Convolve):
        return v.operands[1].type.size // v.operands[1].shape[0]
    if isinstance(v.op, Contract):
        left, right, result = parse(v.op.spec)
        sizes = dict(zip(left + right, v.operands[0].shape + v.operands[1].shape, strict=True))
        summed = [n for letter, n in sizes.items() if letter not in result]
        return prod(summed) if summed else 0
    return 0


def roots(graph: Graph, computed: Collection[Value] = ()) -> dict[Value, None]:
    """The values that are computed for themselves, operands before users. What contractions read is, but for what they are to
    have ``computed`` where they need it."""
    users: dict[Value, list[Value]] = defaultdict(list)
    bases: set[Value] = set()  # that contractions read, through views
    dense: set[Value] = set()  # ops of no elements' own, and what they read
    for v in graph.values:
        if is_product(v):
            bases.add(v)
            bases.update(x for x in [view(x).base for x in v.operands] if x not in computed)
            continue
        for x in dict.fromkeys(v.operands):
            users[x].append(v)
        if is_whole(v):
            dense.update((v, *v.operands))
    found: dict[Value, None] = {}
    outputs = set(graph.outputs)
    joint = {x for v in joints(graph) for x in (v, *v.operands)}
    cost: dict[Value, float] = {}
    sources: dict[Value, set[Value]] = {}  # values of the same size, in memory, that it is computed from
    length: dict[Value, int] = {}  # steps
    for v in graph.values:
        if v.op is None or v.op is INPUT:
            cost[v], length[v] = 0, 1
            continue
        inline = sum([cost[x] for x in v.operands])
        length[v] = 1 + sum([length[x] for x in v.operands])
        size = reduced(v)
        cost[v] = WEIGHTS.get(type(v.op), 1 if isinstance(v.op, Elementwise) else 0) + inline * max(1, size) + size
        if v.type.size >= LARGE // WIDEST:  # others are not asked for theirs
            whole = [x for x in v.operands if x.type.size == v.type.size]
            sources[v] = set().union(*[{x} if x in found or x.op is INPUT else sources.get(x, ()) for x in whole])
        if (
            v in outputs
            or v in dense
            or size > UNROLLED
            or lengthwise(v)
            or (size and (len(users[v]) > 1 or any(map(repeats, users[v]))))
            or v in bases
            or v in joint
            or (cost[v] >= EXPENSIVE and shared(v, users[v]) and not again(v, cost[v], users[v], sources.get(v, ())))
            or (cost[v] >= EXPENSIVE / 2 and any(map(repeats, users[v])))
            or length[v] >= LONGEST
        ):
            found[v] = None
            cost[v], length[v] = 0, 1
    return found


def shared(v: Value, users: list[Value]) -> bool:
    """Whether elements have several users: of large values, parts may have one each."""
    parts = v.type.nbytes >= LARGE and all([isinstance(u.op, Slice) for u in users])
    return len(users) > 1 and not (parts and sum([u.type.size for u in users]) <= v.type.size)


def again(v: Value, cost: float, users: list[Value], sources: Collection[Value]) -> bool:
    """Whether it is rather computed again by each of its users than written and read: so large that it leaves the caches, and
    made of no more than one such value."""
    elementwise = all(isinstance(u.op, Elementwise) for u in (v, *users))
    return elementwise and v.type.nbytes >= LARGE and cost <= REPEATED and len(sources) <= 1


def joints(graph: Graph) -> dict[Value, None]:
    """The concatenations all of whose parts are computed, each for this one alone, and may be written where they belong."""
    dense = {x for v in graph.values if is_whole(v) for x in v.operands} | set(graph.outputs)
    dense |= {view(x).base for v in graph.values if is_product(v) for x in v.operands}
    uses = Counter(x for v in graph.values if isinstance(v.op, Concat) for x in v.operands)
    found: dict[Value, None] = {}
    for v in graph.values:
        if isinstance(v.op, Concat) and all(
            isinstance(x.op, Elementwise | Cast) and uses[x] == 1 and x not in dense for x in v.operands
        ):
            found[v] = None
    return found


def lengthwise(v: Value) -> bool:
    """Whether it folds runs of neighbours: lanes should follow those, and not the results."""
    if not isinstance(v.op, Reduction | Sum) or reduced(v) <= 4 or isinstance(v.operands[0].op, Windows):
        return False
    return v.operands[0].ndim - 1 in v.op.axes


def repeats(v: Value) -> bool:
    """Whether elements of an operand are read several times."""
    if isinstance(v.op, Windows | ArgExtreme) or (isinstance(v.op, Reduction) and reduced(v) > 1):
        return True
    return isinstance(v.op, Broadcast | Gather) and v.type.size > v.operands[0].type.size


class Grouping:
    """The groups of a graph, in the order that they run."""

    def __init__(self, graph: Graph, bits: int = 512, early: Collection[Value] = ()) -> None:
        self.graph = graph
        self.early = early  # values that share no kernel with others: they are computed before
        self.bits = bits
        self.joints = joints(graph)
        self.computed: set[Value] = set()  # operands of products that are computed where those need them
        self.products: dict[Value, Product] = {}
        self._group()
        self.computed = self._computable()
        if self.computed:
            self._group()

    def _group(self) -> None:
        graph = self.graph
        self.roots = roots(graph, self.computed)
        self.computed -= set(self.roots)
        names = {v: f"b{k}" for k, v in enumerate(self.roots)}
        self.buffers: dict[Value, Buffer] = {v: Buffer(v, names[v]) for v in self.roots}
        self.products = {v: made for v in self.roots if is_product(v) and (made := product(v, self.bits, self.computed))}
        bases = {x for made in self.products.values() for x in made.read}
        bases |= {x for v in self.roots if is_whole(v) for x in v.operands}
        for k, v in enumerate(graph.values):
            if v.op is INPUT:
                self.buffers[v] = Buffer(v, v.name or f"x{k}")
            elif v.op is None and v.type.size and (v in bases or filling(v) is None):
                self.buffers[v] = Buffer(v, f"k{k}")
        self._join()
        self.recorder = Recorder(self.buffers)
        self.expressions: dict[Value, Expr] = {}
        self.groups: list[Group] = []
        self.of: dict[Value, Group] = {}
        self.needs: dict[Value, set[Value]] = {}
        for v in self.roots:
            self._place(v)

    def _computable(self) -> set[Value]:
        """What products read, and is now a kernel of its own: what others read too, if it is cheap."""
        read: dict[Value, list[Value]] = defaultdict(list)
        for v, made in self.products.items():
            for x in made.read:
                read[x].append(v)
        large = [x for x in read if x.type.nbytes >= LARGE and x in self.of and x not in self.graph.outputs]
        alone = [x for x in large if self.of[x].kind == "loops" and self.of[x].members == [x]]
        if not alone:
            return set()
        uses = Counter(x for v in self.graph.values for x in v.operands)
        plain = [x for x in alone if suits(self.expression(x), max(uses[x], len(read[x])))]
        found = {x for x in plain if all(product(v, self.bits, {x}) for v in read[x])}
        for v, made in self.products.items():
            if not product(v, self.bits, found):  # either of its operands may be computed, and both may not
                found.discard(made.right.base)
        return found

    def _join(self) -> None:
        """Parts of concatenations are written where they belong, once."""
        for v in self.joints:
            at = 0
            for x in v.operands:
                part = self.buffers[x]
                part.within, part.axis, part.start = self.buffers[v], v.op.axis, at  # type: ignore[union-attr]
                at += x.shape[part.axis]

    def expression(self, v: Value) -> Expr:
        """The element of a root at its own index."""
        e = self.expressions.get(v)
        if e is None:
            e = self.expressions[v] = self.recorder.element(v)
        return e

    def across(self, v: Value) -> bool:
        """Whether it folds whole arrays into one number, and so may do it in the turns of those."""
        if v.shape or reduced(v) <= 1:
            return False
        e = self.expression(v)
        return e.kind == "reduce" and not any(x.kind == "reduce" and not x.vars for x in walk(e.args))

    def _place(self, v: Value) -> None:
        if v in self.joints:
            self._open(v, "joint", v.shape)
            self.needs[v] = set(v.operands)
            return
        if is_whole(v) or is_product(v):
            self._open(v, "whole" if is_whole(v) else "product", v.shape)
            read = v.operands if is_whole(v) else self._read(v)
            self.needs[v] = {x for x in read if x in self.roots}
            return
        e = self.expression(v)
        steps = walk([e])
        loads = [x for x in steps if x.kind == "load"]
        self.needs[v] = {x.attr[0].value for x in loads if x.attr[0].value in self.roots}
        first = max((self.of[x].index for x in self.needs[v]), default=0)
        for group in reversed(self.groups[first:]):
            domain = self._common(v, e, loads, group) if group.steps + len(steps) <= LONGEST else None
            if domain is not None:
                group.domain = domain
                group.members.append(v)
                self.of[v] = group
                break
        else:
            self._open(v, "loops", self._shape(v, e))
        self.of[v].steps += len(steps)
        self.of[v].reads.update(x.attr[0] for x in loads)

    def _read(self, v: Value) -> list[Value]:
        """What a product reads from memory, itself or for what is computed."""
        made = self.products[v]
        computed = [self.expression(made.views[name].base) for name in made.cuts]
        return made.read + [x.attr[0].value for x in walk(computed) if x.kind == "load"]

    def _open(self, v: Value, kind: str, domain: Shape) -> None:
        group = Group(len(self.groups), kind, [v], domain)
        self.groups.append(group)
        self.of[v] = group

    def _shape(self, v: Value, e: Expr) -> Shape:
        """The axes that a root's turns run over: its own, or of a fold of everything the operand's."""
        if not self.across(v):
            return v.shape
        vars = {u.place: u.size for u in self.expression(v).attr[1]}
        return tuple(vars.get(k, 1) for k in range(max(vars) + 1))

    def _common(self, v: Value, e: Expr, loads: list[Expr], group: Group) -> Shape | None:
        """The domain of the group once ``v`` has joined; None if it should not."""
        if group.kind in ("whole", "joint") or (v in self.early) != (group.members[0] in self.early):
            return None
        shape = self._shape(v, e)
        if group.kind == "product":
            return group.domain if self._follows(v, e, loads, group) else None
        inside = self._of_group(loads, group)
        if not inside:
            same = shape == group.domain and any(x.attr[0] in group.reads for x in loads)
            same = same and all(lengthwise(m) == lengthwise(v) for m in group.members if reduced(m) and reduced(v))
            return group.domain if same else None
        depth = prefix(shape, group.domain)
        for x in inside:  # a fold of everything is complete only when the kernel is, unless all of it is one turn
            depth = 0 if self.across(x.attr[0].value) else min(depth, identity(x.attr[1], shape))
        domain = shape[:depth]
        if domain == group.domain == shape:
            return domain
        everything = [*group.members, v]
        if any(map(self.across, everything)):
            domain = ()
        row = sum(prod(m.shape[len(domain) :]) * m.dtype.itemsize for m in everything)
        total = max(prod(self._shape(m, self.expression(m))) * max(1, 0 if self.across(m) else reduced(m)) for m in everything)
        inner = max(prod(m.shape[len(domain) :]) for m in everything)
        scalars = [
            m
            for m in everything
            if m.op is not None and m.shape == domain and WEIGHTS.get(type(m.op), 0) >= EXPENSIVE and not reduced(m)
        ]
        if scalars and inner < SHORT and total > SMALL:
            return None  # lanes would follow the short loops, and the functions of each turn would be computed one by one
        if total > SMALL and any(lengthwise(m) and len(domain) < m.ndim for m in everything):
            return None
        fits = row <= SCRATCH and (total <= SMALL or prod(domain) >= 8)
        return domain if fits and (domain or total <= SMALL) else None

    def _follows(self, v: Value, e: Expr, loads: list[Expr], group: Group) -> bool:
        """Whether it can be computed on the elements of a product as they leave the registers."""
        if v.shape != group.domain or any(x.kind == "reduce" for x in walk([e])) or not follows(group.members[0]):
            return False
        inside = self._of_group(loads, group)
        return bool(inside) and all(identity(x.attr[1], v.shape) == v.ndim for x in inside)

    def _of_group(self, loads: list[Expr], group: Group) -> list[Expr]:
        """The reads of what the group computes."""
        return [x for x in loads if self.of.get(x.attr[0].value) is group]


def prefix(a: Shape, b: Shape) -> int:
    """How many leading axes two shapes have in common."""
    k = 0
    while k < min(len(a), len(b)) and a[k] == b[k]:
        k += 1
    return k
