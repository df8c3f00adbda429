"""How much a step does: its floating-point operations, and the bytes that it has to move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from math import prod

from ...ir import Tuple
from ...ops.cost import operations
from ..expression import Buffer, Expr, walk
from ..index import Var
from ..kernel import Fold, Nest
from ..products import flops as of_product
from ..steps import Step

FUNCTION = 20  # operations of a polynomial that gives exp or tanh
FREE = frozenset("isnan isinf isfinite logical_and logical_or logical_not".split())
WEIGHTS = {
    **dict.fromkeys("add sub mul neg abs sign maximum minimum equal not_equal less less_equal copysign".split(), 1),
    **dict.fromkeys("floor ceil round trunc".split(), 1),
    **dict.fromkeys("div reciprocal sqrt rsqrt".split(), 4),
    "pow": 2 * FUNCTION,
}


def flops(step: Step) -> int:
    """Floating-point operations: those of a product as they are, a division or a root as 4, a function such as exp as 20, and
    anything else that is done with a float (comparing and choosing too) as 1, as often as its loops turn."""
    if step.kernel is None:
        return sum(map(operations, step.values))
    done = {x.expr for x in step.kernel.items if isinstance(x, Fold)}
    operands = sum(of_nest(nest, set()) for x in step.computed.values() for nest in x.nests)
    product = of_product(step.made) + operands if step.made is not None else 0
    return product + sum(of_nest(x, done) for x in step.kernel.nests)


def of_nest(nest: Nest, done: set[Expr]) -> int:
    """The operations of one nest, to which folds that are done in nests of their own add nothing. What does not change from
    turn to turn of a loop is computed once."""
    roots = [x.expr.args[0] if isinstance(x, Fold) else x.expr for x in nest.items]
    computed = [*within(roots, done), *(x.expr for x in nest.items if isinstance(x, Fold))]
    return sum(weight(e) * turns(e.vars | loops(e)) for e in computed)


def within(roots: Iterable[Expr], done: set[Expr]) -> Iterator[Expr]:
    """The expressions that a nest computes."""
    return (e for e in walk(roots, lambda e: e not in done) if e not in done)


def loops(e: Expr) -> frozenset[Var]:
    """What an expression folds over."""
    return frozenset(e.attr[1]) if e.kind == "reduce" else frozenset()


def turns(vars: Iterable[Var]) -> int:
    return prod(v.size for v in vars)


def weight(e: Expr) -> int:
    """The operations of one expression, without its operands."""
    floating = e.dtype.kind in "fV" or any(x.dtype.kind in "fV" for x in e.args)
    if not floating or e.kind not in ("call", "select", "reduce"):
        return 0
    if e.kind != "call":
        return 1
    return 0 if e.attr in FREE else WEIGHTS.get(e.attr, FUNCTION)


def nbytes(step: Step) -> int:
    """The bytes of what it reads and writes, each counted once, and of what it reads in part, that part."""
    parts: dict[Buffer, int] = {}
    if step.kernel is not None:
        for e in walk(x.expr for x in step.kernel.items):
            if e.kind == "load":
                parts[e.attr[0]] = parts.get(e.attr[0], 0) + turns(e.vars)
    product = step.values[0] if step.made is not None else None
    whole = {} if product is None else {x.value: x for x in step.reads}
    if product is not None and step.made is not None:
        for (name, view), operand in zip(step.made.views.items(), product.operands, strict=True):
            if name not in step.computed:
                buffer = whole[view.base]
                parts[buffer] = parts.get(buffer, 0) + operand.type.size
        for e in walk(x.expr for each in step.computed.values() for x in each.items):
            if e.kind == "load":
                parts[e.attr[0]] = parts.get(e.attr[0], 0) + turns(e.vars)
    read = sum(min(x.value.type.size, parts.get(x, x.value.type.size)) * x.value.dtype.itemsize for x in step.reads)
    return read + sum(x.value.type.nbytes for x in step.writes)


def bits(step: Step) -> int:
    """Of the numbers that it computes with: 64 if some of them are that wide, else 32."""
    several = isinstance(step.values[0].type, Tuple)
    values = [x.value for x in step.writes] if several else step.values
    return 64 if any(v.dtype.kind == "f" and v.dtype.itemsize == 8 for v in values) else 32


def shape(step: Step) -> str:
    """Its loops: the domain, and within each of its turns the nests, one after the other; of a product, rows, columns and
    depth, with the block that stays in registers.

    ``32 x (10; 10)``: thirty-two times a loop of ten and another. ``32x128x784 by 6x32``: 6 rows and 32 columns at a time.
    """
    if step.made is not None:
        return of_problem(step)
    if step.kernel is None:
        return times(step.values[0].shape) if not isinstance(step.values[0].type, Tuple) else ""
    domain = times(v.size for v in step.kernel.domain)
    done = {x.expr for x in step.kernel.items if isinstance(x, Fold)}
    inner = [times([*(v.size for v in nest.vars), *folded(nest, done)]) for nest in step.kernel.nests]
    counts = [(x, len(list(same))) for x, same in groupby(x for x in inner if x)]
    if not counts:
        return domain or "1"
    several = [x if n == 1 else f"{n} times {x}" for x, n in counts]
    joined = several[0] if len(several) == 1 and counts[0][1] == 1 else f"({'; '.join(several)})"
    return f"{domain} x {joined}" if domain else joined


def times(sizes: Iterable[int]) -> str:
    return "x".join(str(n) for n in sizes if n != 1)


def folded(nest: Nest, done: set[Expr]) -> list[int]:
    """The sizes of the widest fold that is computed within one turn of a nest."""
    roots = [x.expr.args[0] if isinstance(x, Fold) else x.expr for x in nest.items]
    found = [[v.size for v in e.attr[1]] for e in within(roots, done) if e.kind == "reduce"]
    return max(found, key=prod, default=[])


def of_problem(step: Step) -> str:
    assert step.made is not None
    plan = step.made.plan
    kinds: dict[str, list[tuple[int, int]]] = {"batch": [], "rows": [], "columns": []}
    for axis, tile in zip(plan.problem.axes, plan.tile, strict=True):
        kind = "batch" if axis.a and axis.b else "rows" if axis.a else "columns"
        kinds[kind].append((axis.size, tile))
    sizes = {kind: (prod(n for n, _ in axes), prod(t for _, t in axes)) for kind, axes in kinds.items()}
    batch = f"{sizes['batch'][0]} of " if sizes["batch"][0] > 1 else ""
    rows, columns = sizes["rows"], sizes["columns"]
    return f"{batch}{rows[0]}x{columns[0]}x{plan.problem.depth} by {rows[1]}x{columns[1]}"
