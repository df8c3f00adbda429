"""How a kernel is laid out: which loop is vectors, and what a task is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import prod

from .costs import cost
from .expression import Expr, flat, indices, walk
from .index import Component, Ix, Var, variable
from .kernel import Fold, Kernel, Nest, Store
from .short import MOST, inward, within
from .squares import squares

TASKS = 256  # at most; fixed, so that results are
WORK = 8192  # elements: what a task should at least compute
MANY, SOME, FEW = 8, 4, 2  # vectors abreast, where folds run across them
FOLDED = 32  # vectors that are folded in all: so many stay in registers
SHORT = 8  # steps of which as many may wait in registers
LONG = 16  # turns of such a fold


class Layout:
    """Of one kernel, for vectors of so many bits."""

    def __init__(self, kernel: Kernel, bits: int) -> None:
        exprs = list(walk(x.expr for x in kernel.items))
        self.width = self.lanes = bits // widest(exprs)  # elements of a vector
        self.kernel = kernel = better(kernel, self.lanes)
        domain = [v for v in kernel.domain if v.size > 1]
        self.along = {nest: along(nest, self.lanes) for nest in kernel.nests if nest.vars}  # what lanes within a turn follow
        inner = set(self.along.values())
        run = merged(domain, exprs, [x for x in kernel.items if isinstance(x, Store)])
        length = prod(v.size for v in domain[len(domain) - run :])
        outer = bool(domain) and (not inner or price(kernel, self.lanes, domain[-1], length) < price(kernel, self.lanes))
        self.vectors = "outer" if outer else "inner" if inner else "none"
        if self.vectors == "inner":  # what is one number in a turn needs no lanes
            self.width = self.lanes = bits // widest(e for e in exprs if e.vars & inner)
        if outer:
            self.lanes *= abreast(kernel, domain[-1], length, self.width)
        self.rows = domain[: len(domain) - run] if outer else domain
        self.merged = domain[len(self.rows) : -1] if outer else []  # axes that the last one runs on through
        self.across = domain[-1] if outer else None
        self.length = length if outer else 1
        self.squares = squares(kernel, self.rows, domain[-1], self.lanes) if outer else None
        if self.squares is not None:
            self.rows = [self.squares.tiles if v == self.squares.var else v for v in self.rows]
        self.turns = prod(v.size for v in self.rows)
        self.split = outer and not self.rows  # tasks are stretches of one row
        work = sum(max(1, prod(v.size for v in nest.vars)) for nest in kernel.nests)
        if self.split:
            self.chunk = max(-(-self.length // TASKS), -(-WORK // work))
            self.chunk = -(-self.chunk // self.lanes) * self.lanes
            self.tasks = -(-self.length // self.chunk)
        else:
            per_row = work * self.length * (self.lanes if self.squares else 1)
            self.chunk = max(1, -(-self.turns // TASKS), min(self.turns, -(-WORK // per_row)))
            self.tasks = -(-self.turns // self.chunk)
        self.totals = [x for x in kernel.items if isinstance(x, Fold) and x.total is not None]
        stores = [x.buffer for x in kernel.items if isinstance(x, Store) and x.place == "memory"]
        self.parameters = list(dict.fromkeys((*kernel.given, *(x.memory for x in stores))))


def widest(exprs: Iterable[Expr]) -> int:
    """The bits of a lane."""
    return 64 if any(e.dtype.itemsize == 8 for e in exprs if e.kind != "const" and e.dtype.kind in "fiu") else 32


def better(kernel: Kernel, lanes: int) -> Kernel:
    """The kernel as it is or, where its last axes are short, with those within the lanes of the axis before."""
    domain = [v for v in kernel.domain if v.size > 1]
    if len(kernel.nests) != 1 or kernel.nests[0].vars or not domain:
        return kernel
    run = merged(domain, walk(x.expr for x in kernel.items), [x for x in kernel.items if isinstance(x, Store)])
    short = prod(v.size for v in domain[-run:])
    if run == len(domain) or short >= lanes:
        return kernel
    other = inward(kernel, run)
    if not within(other.nests[0], None):
        return kernel
    return other if price(other, lanes, domain[-run - 1]) / short < price(kernel, lanes, domain[-1], short) else kernel


def along(nest: Nest, lanes: int) -> Var:
    """Which loop of a nest lanes do best to follow: its last one, or that before short ones."""
    last = nest.vars[-1]
    return min([last, *(v for v in nest.vars if within(nest, v))], key=lambda v: of_nest(nest, lanes, v, ()))


def price(kernel: Kernel, lanes: int, lane: Var | None = None, length: int = 0) -> float:
    """About what as many turns as there are lanes cost, where lanes follow an axis of the domain, of this length; without
    one, where they follow a loop of each nest, turn by turn."""
    done = {x.expr for x in kernel.items if isinstance(x, Fold)}  # in nests of their own, or just before
    followed = [lane or (along(nest, lanes) if nest.vars else None) for nest in kernel.nests]
    total = sum(of_nest(nest, lanes, v, done) for nest, v in zip(kernel.nests, followed, strict=True))
    length = length or (lanes if lane is None else lane.size)
    return total if length >= lanes else total * lanes / length


def of_nest(nest: Nest, lanes: int, lane: Var | None, done: Collection[Expr]) -> float:
    """``price`` of one nest, without what is ``done`` before it."""
    total = 0.0
    for e in walk(parts(nest), lambda e: e not in done):
        if e not in done:
            each = cost(e) if e.kind != "load" else reading(flat(*e.attr), lane, lanes)
            total += each * _turns(nest, e.vars, lane, lanes)
    for x in nest.items:
        if isinstance(x, Store) and x.place != "register":
            total += reading(flat(x.buffer, own_index(x)), lane, lanes) * _turns(nest, frozenset(nest.vars), lane, lanes)
    return total


def _turns(nest: Nest, vars: frozenset[Var], lane: Var | None, lanes: int) -> float:
    """How often something is done that depends on these variables: what does not depend on a loop is done before it."""
    sizes = {v: v.size for v in nest.vars if v in vars}
    if lane is not None and lane not in nest.vars:
        return prod(sizes.values())
    if lane in sizes:
        sizes[lane] = -(-lane.size // lanes)
    return lanes * prod(sizes.values())


def abreast(kernel: Kernel, lane: Var, length: int, lanes: int) -> int:
    """How many vectors go abreast along an axis that runs on to this length: folds across them need not wait for each other,
    and more of each row is read at once."""
    if length < SOME * lanes or any(isinstance(x, Store) and x.place == "scratch" for x in kernel.items):
        return 1
    loops = [nest for nest in kernel.nests if nest.vars]
    folds = [nest for nest in loops for x in nest.items if isinstance(x, Fold)]
    if not any(prod(v.size for v in nest.vars) >= LONG for nest in folds):
        return 1
    found = list(walk(x for nest in loops for x in parts(nest)))
    read = [flat(*e.attr) for e in found if e.kind == "load"]
    even = length % (MANY * lanes) == 0 or length >= MANY * 4 * lanes  # the rest is masked, which takes more registers
    short = sum([cost(e) for e in found if e.kind not in ("load", "const")]) <= SHORT
    most = max(FEW, min(FOLDED // len(folds), MANY if even and short else SOME))
    fitting = (n for n in (MANY, SOME, FEW) if n <= most and n * lanes <= length)
    return next((n for n in fitting if all(reading(x, lane, n * lanes) <= 1 for x in read)), 1)


def reading(position: Component, v: Var | None, lanes: int) -> float:
    """What an access costs: adjacent elements little, others an address each."""
    if v is None or not isinstance(position, Ix) or v not in position.vars:
        return 1
    step = position.along(v, lanes)
    return lanes if step is None or not -1 <= step <= MOST else 1 if step in (0, 1) else max(3, step)


def parts(nest: Nest) -> list[Expr]:
    """What one turn of a nest computes: of a fold, its term."""
    return [x.expr.args[0] if isinstance(x, Fold) else x.expr for x in nest.items]


def own_index(x: Store) -> tuple[Component, ...]:
    """Where a store writes."""
    return tuple(variable(v) for v in x.vars)


def merged(domain: list[Var], exprs: Iterable[Expr], written: Sequence[Store]) -> int:
    """How many of the last axes are one axis to every read and write: each index steps over them as over one."""
    everything = list(exprs)
    stores = [flat(x.buffer, own_index(x)) for x in written if x.place == "memory"]
    lacking = [x.vars for x in written]
    count = min(1, len(domain))
    while count < len(domain):
        outer, inner = domain[-count - 1], domain[-count]
        for e in everything:
            flats = [flat(*e.attr)] if e.kind == "load" else list(indices(e))
            for f in flats:
                if isinstance(f, Ix) and not _steps(f, outer, inner):
                    return count
        if any(isinstance(f, Ix) and not _steps(f, outer, inner) for f in stores):
            return count
        if any((outer in vars) != (inner in vars) for vars in lacking):
            return count
        count += 1
    return count


def _steps(f: Ix, outer: Var, inner: Var) -> bool:
    if outer not in f.vars and inner not in f.vars:
        return True
    a, b = f.coefficient(outer), f.coefficient(inner)
    return a is not None and b is not None and a == b * inner.size
