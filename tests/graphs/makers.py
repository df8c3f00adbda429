"""How each kind of node is made: ``maker(builder)`` is a new value, or None where nothing fits."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce as folded
from operator import mul as times
from typing import Any

import numpy as np

from clew.gates import composite
from clew.ir import DTYPES, Graph, Op, Type, Value, parameter
from clew.loops import Scan, Switch, While
from clew.ops import arithmetic, bitwise, comparison, cumulative, erf, exponential, rounding, trigonometric
from clew.ops import elementwise as el
from clew.ops import reductions as red
from clew.ops.broadcast import Broadcast, Sum
from clew.ops.contraction import Contract
from clew.ops.convolution import Convolve
from clew.ops.indexing import Gather, ScatterAdd
from clew.ops.items import items
from clew.ops.movement import Concat, Flip, Iota, Pad, Permute, Reshape, Slice
from clew.ops.pooling import Fold, Windows
from clew.ops.power import pow
from clew.ops.sorting import ArgSort, Sort

from .builder import BOOL, LARGEST, Builder

Maker = Callable[[Builder], Value | None]
ANY, POSITIVE, UNIT, MODERATE, TURN = (-LARGEST, LARGEST), (0.3, LARGEST), (-0.9, 0.9), (-2.9, 2.9), (-1.2, 1.2)

SMOOTH: dict[Op, tuple[float, float]] = {  # ops of one float, and where they are smooth and of moderate size
    arithmetic.neg: ANY,
    arithmetic.square: (-4.0, 4.0),
    arithmetic.sqrt: POSITIVE,
    arithmetic.rsqrt: POSITIVE,
    arithmetic.reciprocal: POSITIVE,
    exponential.exp: MODERATE,
    exponential.expm1: MODERATE,
    exponential.log: POSITIVE,
    exponential.log1p: (-0.6, LARGEST),
    exponential.log2: POSITIVE,
    exponential.log10: POSITIVE,
    exponential.sigmoid: ANY,
    exponential.softplus: ANY,
    erf.erf: ANY,
    trigonometric.sin: ANY,
    trigonometric.cos: ANY,
    trigonometric.tan: TURN,
    trigonometric.asin: UNIT,
    trigonometric.acos: UNIT,
    trigonometric.atan: ANY,
    trigonometric.sinh: MODERATE,
    trigonometric.cosh: MODERATE,
    trigonometric.tanh: ANY,
    trigonometric.asinh: ANY,
    trigonometric.acosh: (1.3, LARGEST),
    trigonometric.atanh: UNIT,
    rounding.identity: ANY,
}


def unary(b: Builder) -> Value | None:
    op = b.choose(list(SMOOTH))
    x = b.into(b.pick_float(), *SMOOTH[op])
    return None if x is None else b.make(op, x)


def kinked(b: Builder) -> Value | None:
    """One float or integer, with kinks or jumps."""
    x = b.pick(lambda v: v.dtype != BOOL and v.dtype.kind != "u")
    if x is None:
        return None
    data = b.wide(x)
    whole = np.abs(data - np.rint(data))
    op, distance = b.choose(
        [
            (arithmetic.abs, np.abs(data)),
            (rounding.sign, np.abs(data)),
            (rounding.floor, whole),
            (rounding.ceil, whole),
            (rounding.trunc, whole),
            (rounding.round, 0.5 - whole),
        ]
    )
    return b.make(op, x, exact=True) if b.kink(distance, x) else None


def binary(b: Builder) -> Value | None:
    x = b.pick_float()
    y = b.beside(x)
    name = b.choose(
        ("add", "mul", "sub", "div", "pow", "hypot", "atan2", "logaddexp", "xlogy", "copysign", "remainder", "chain")
    )
    if name in ("add", "sub", "mul"):
        return b.make(getattr(arithmetic, name), x, y)
    if name == "chain":
        return b.make(el.chain, x, y)
    if name == "logaddexp":
        return b.make(exponential.logaddexp, x, y)
    if name == "copysign":
        near = b.kink(np.minimum(np.abs(b.wide(x)), np.abs(b.wide(y))), x, y)
        return b.make(arithmetic.copysign, x, y, exact=True) if near else None
    away = b.into(y, *POSITIVE)
    if away is None:
        return None
    if name == "div":
        return b.make(arithmetic.div, x, away)
    if name == "xlogy":
        return b.make(exponential.xlogy, x, away) if b.kink(np.abs(b.wide(x)), x) else None
    if name == "remainder":
        quotient = b.wide(x) / b.wide(away)
        near = b.kink(np.abs(quotient - np.rint(quotient)), x, away)
        return b.make(b.choose((arithmetic.remainder, arithmetic.floor_divide)), x, away) if near else None
    if name == "pow":
        exponent = b.into(x, *MODERATE)
        return None if exponent is None else b.make(pow, away, exponent)
    return b.make(arithmetic.hypot if name == "hypot" else trigonometric.atan2, x, away)


def choice(b: Builder) -> Value | None:
    """The larger, the smaller, or one by a condition."""
    x = b.pick_float()
    y = b.beside(x)
    gap = np.abs(b.wide(x) - b.wide(y))
    if b.chance(2):
        op = b.choose((arithmetic.maximum, arithmetic.minimum))
        return b.make(op, x, y, exact=True) if x is not y and b.kink(gap, x, y) else None
    condition = b.pick(lambda v: v.dtype == BOOL and v.shape == x.shape)
    if condition is None:
        condition = b.input(x.type.with_dtype(BOOL))
    return b.make(comparison.where, condition, x, y, exact=True)


def question(b: Builder) -> Value | None:
    """A bool."""
    x = b.pick_float()
    if b.chance(3):
        held = b.pick(lambda v: v.dtype == BOOL)
        if held is not None:
            if b.chance(3):
                return b.make(comparison.logical_not, held, exact=True)
            op = b.choose((comparison.logical_and, comparison.logical_or, comparison.logical_xor))
            return b.make(op, held, b.beside(held), exact=True)
        return (
            b.make(b.choose((comparison.isnan, comparison.isfinite, comparison.signbit)), x, exact=True)
            if (b.kink(np.abs(b.wide(x)), x))
            else None
        )
    y = b.beside(x)
    if not b.kink(np.abs(b.wide(x) - b.wide(y)), x, y):
        return None
    asked = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
    return b.make(getattr(comparison, b.choose(asked)), x, y, exact=True)


def integer(b: Builder) -> Value | None:
    """Integer arithmetic."""
    x = b.pick(lambda v: v.dtype.kind in "iu")
    if x is None:
        return b.input(Type(DTYPES[b.choose(("i64", "i32", "i8", "u8"))], b.shape()))
    op = b.choose(
        [
            arithmetic.add,
            arithmetic.mul,
            arithmetic.sub,
            arithmetic.maximum,
            arithmetic.floor_divide,
            arithmetic.remainder,
            bitwise.bitwise_and,
            bitwise.bitwise_xor,
        ]
    )
    return b.make(op, x, b.beside(x), exact=True)


def cast(b: Builder) -> Value | None:
    x = b.pick(lambda v: True)
    if x is None:
        return None
    dtype = b.choose([*b.floats, DTYPES["i64"]])
    if x.type.differentiable and dtype == DTYPES["i64"] and not b.kink(np.abs(b.wide(x) - np.rint(b.wide(x))), x):
        return None
    return None if x.dtype == dtype else b.make(rounding.Cast(dtype), x, exact=True)


# --- placing elements anew


def widened(b: Builder) -> Value | None:
    x = b.pick_float()
    axes = tuple(sorted({b.integer(0, x.ndim + 1 - k) for k in range(b.integer(1, 2))}))
    axes = tuple(a for a in axes if a < x.ndim + len(axes))
    sizes = tuple(b.choose(b.few) for _ in axes)
    return b.make(Broadcast(axes, sizes), x, exact=True) if axes and x.type.size * np.prod(sizes) <= b.most else None


def moved(b: Builder) -> Value | None:
    x = b.pick(lambda v: v.ndim > 0)
    if x is None:
        return None
    how = b.integer(0, 4)
    if how == 0:
        return b.make(Permute(b.order(x.ndim)), x, exact=True)
    if how == 1:
        return b.make(Flip(b.subset(range(x.ndim))), x, exact=True)
    if how == 2:
        starts = tuple(b.integer(0, max(n - 1, 0)) for n in x.shape)
        stops = tuple(n if b.chance(2) else b.integer(a, n) for a, n in zip(starts, x.shape, strict=True))
        return b.make(Slice(starts, stops, tuple(b.choose((1, 2, 3)) for _ in starts)), x, exact=True)
    if how == 3:
        sides = [tuple(b.choose((0, 1, 2)) for _ in x.shape) for _ in range(2)]
        value = b.choose((0.0, 0.0, 1.5)) if x.type.differentiable else 0.0
        return b.make(Pad(sides[0], sides[1], tuple(b.choose((1, 1, 2)) for _ in x.shape), value), x, exact=True)
    others = [x, *[y for y in b.values if y is not x and y.dtype == x.dtype and y.ndim == x.ndim]]
    axis = b.integer(0, x.ndim - 1)
    fitting = [y for y in others if all(m == n for a, (m, n) in enumerate(zip(x.shape, y.shape, strict=True)) if a != axis)]
    return b.make(Concat(axis), *[b.choose(fitting) for _ in range(b.integer(1, 3))], exact=True)


def reshaped(b: Builder) -> Value | None:
    x = b.pick_float()
    size = x.type.size
    sizes: list[int] = []
    for _ in range(b.integer(0, 3)):
        divisors = [d for d in range(1, size + 1) if size % d == 0] or [0, 2]
        sizes.append(b.choose(divisors))
        size = size // sizes[-1] if sizes[-1] else 0
    sizes += [size] if size != 1 or (x.type.size == 0 and 0 not in sizes) else []
    return b.make(Reshape(tuple(sizes)), x, exact=True) if folded(times, sizes, 1) == x.type.size else None


def gathered(b: Builder) -> Value | None:
    x = b.pick(lambda v: v.ndim > 0 and v.type.size > 0)
    if x is None:
        return None
    paired = b.integer(0, min(1, x.ndim - 1))
    axis = b.integer(paired, x.ndim - 1)
    shape = (*x.shape[:paired], *(b.choose(b.few) for _ in range(b.integer(0, 2))))
    index = b.indices(shape, x.shape[axis])
    if b.chance(2):
        return b.make(Gather((axis,), paired), x, index, exact=True)
    if x.dtype == BOOL or paired or x.shape[:1] == ():
        return None
    target = b.integer(1, 4)
    rows = b.indices(x.shape[:1], target)
    return b.make(ScatterAdd((target, *x.shape[1:]), (0,)), x, rows)


# --- reducing, contracting, ordering


def reduced(b: Builder) -> Value | None:
    x = b.pick(lambda v: v.dtype != BOOL and v.ndim > 0)
    if x is None:
        return None
    axes = b.subset(range(x.ndim)) or (x.ndim - 1,)
    return reduce_along(b, x, axes)


def reduce_along(b: Builder, x: Value, axes: tuple[int, ...]) -> Value | None:
    name = b.choose(("sum", "max", "prod", "logsumexp", "min", "argmax"))
    if name == "sum":
        return b.make(Sum(axes), x)
    if name == "prod":
        return b.make(red.Prod(axes), x)
    if name == "logsumexp":
        empty = any(x.shape[a] == 0 for a in axes)  # -inf
        return b.make(red.LogSumExp(axes), x) if x.type.differentiable and not empty else None
    if any(x.shape[a] == 0 for a in axes):
        return None
    axes = axes[:1] if name == "argmax" else axes
    lines = np.moveaxis(b.wide(x), axes, range(-len(axes), 0)).reshape(-1, int(np.prod([x.shape[a] for a in axes])))
    line = np.sort(lines if name != "min" else -lines, axis=-1)
    if x.type.differentiable and line.shape[-1] > 1 and not b.kink(line[:, -1] - line[:, -2], x):
        return None
    op: Any = {"max": red.Max(axes), "min": red.Min(axes), "argmax": red.ArgMax(axes[0])}[name]
    return b.make(op, x, exact=True)


def contracted(b: Builder) -> Value | None:
    x = b.pick_float()
    letters = "abcdefgh"[: x.ndim]
    shared = b.subset(letters)
    new = "xy"[: b.integer(0, 2)]
    right = [*shared, *new]
    right = [right[k] for k in b.order(len(right))]
    sizes = {**dict(zip(letters, x.shape, strict=True)), **{letter: b.choose(b.few) for letter in new}}
    kept = [letter for letter in letters if letter not in shared or b.chance(3)] + list(new)
    result = "".join(kept[k] for k in b.order(len(kept)))
    shape = tuple(sizes[letter] for letter in right)
    y = b.pick(lambda v: v.dtype == x.dtype and v.shape == shape) if b.chance(2) else None
    if y is None:
        y = b.input(Type(x.dtype, shape))
    return b.make(Contract(f"{letters},{''.join(right)}->{result}"), x, y)


def slid(b: Builder) -> Value | None:
    """Windows, their transpose, and a convolution."""
    x = b.pick(lambda v: v.type.differentiable and v.ndim > 0 and v.type.size > 0)
    if x is None:
        return None
    n, window, stride, dilation = x.shape[-1], b.integer(1, 3), b.integer(1, 2), b.integer(1, 2)
    op = Windows((window,), (stride,), (dilation,))
    if b.chance(2):
        return b.make(op, x, exact=True)
    if x.ndim >= 2 and b.chance(2):
        size = dilation * (x.shape[-2] - 1) + 1 + stride * (n - 1) + b.integer(0, stride - 1)
        return b.make(Fold((x.shape[-2],), (stride,), (dilation,), (size,)), x)
    shaped: Value | None = x
    if x.ndim != 3:
        channels = b.choose([d for d in (1, 2, 3) if x.type.size % d == 0])
        shaped = b.make(Reshape((1, channels, x.type.size // channels)), x, exact=True)
    if shaped is None:
        return None
    kernel = b.input(Type(x.dtype, (b.integer(1, 2), shaped.shape[1], window)))
    low, high, spread = b.integer(0, 2), b.integer(0, 2), b.integer(1, 2)
    return b.make(Convolve((stride,), ((low, high),), (dilation,), (spread,), 1), shaped, kernel)


def ordered(b: Builder) -> Value | None:
    """Along an axis: running sums and products, a recurrence, sorting."""
    x = b.pick(lambda v: v.type.differentiable and v.ndim > 0)
    if x is None:
        return None
    axis, name = b.integer(0, x.ndim - 1), b.choose(("sum", "prod", "recurrence", "sort", "argsort"))
    if name == "sum":
        return b.make(cumulative.CumulativeSum(axis, b.chance(2)), x)
    if name == "prod":
        return b.make(cumulative.CumulativeProd(axis, b.chance(2)), x)
    if name == "recurrence":
        return b.make(cumulative.LinearRecurrence(axis, b.chance(2)), x, b.beside(x))
    if not b.kink(np.diff(np.sort(b.wide(x), axis=axis), axis=axis), x):
        return None
    count = b.integer(0, x.shape[axis]) if b.chance(3) else None
    return b.make(Sort(axis, b.chance(2), count) if name == "sort" else ArgSort(axis, b.chance(2), count), x, exact=True)


def counted(b: Builder) -> Value | None:
    """A count along an axis, as a number."""
    shape = b.shape() or (3,)
    return b.make(Iota(shape, b.integer(0, len(shape) - 1), b.choose([*b.floats, DTYPES["i64"]])), exact=True)


def repairable(b: Builder) -> Value | None:
    """Patterns that are rewritten for stability when they are applied."""
    x = b.into(b.pick_float(), *MODERATE)
    if x is None:
        return None
    e, one = b.make(exponential.exp, x), b.full(1.0, x.type)
    if e is None:
        return None
    how = b.integer(0, 4)
    if how == 0:
        total = b.make(arithmetic.add, one, e)
        return None if total is None else b.make(exponential.log, total)
    if how == 1:
        return b.make(exponential.log, e)
    if how == 2:
        y = b.make(exponential.sigmoid, x)
        return None if y is None else b.make(exponential.log, y)
    if how == 3:
        y = b.make(exponential.log, e)
        return None if y is None else b.make(arithmetic.mul, e, y)
    total = b.make(Sum(tuple(range(x.ndim))), e) if x.ndim and x.type.size else None
    return None if total is None else b.make(exponential.log, total)


# --- loops and branches: a step is drawn as a graph of its own, small, and smooth where it is run


def step_of(b: Builder, inputs: list[Value], outputs: int) -> tuple[Value, ...]:
    """Values of one type, made of inputs of this type: sums of bounded functions of them, so that steps do not blow up."""
    made = list(inputs)
    for _ in range(b.integer(1, 4)):
        x, y = b.choose(made), b.choose(made)
        name = b.choose(("tanh", "sin", "mix", "gate", "half"))
        if name == "tanh":
            made.append(trigonometric.tanh(arithmetic.add(x, y)))
        elif name == "sin":
            made.append(trigonometric.sin(x))
        elif name == "mix":
            made.append(trigonometric.tanh(arithmetic.mul(x, y)))
        elif name == "gate":
            made.append(composite("bend", (x.type,), bend)(x))
        else:
            made.append(arithmetic.mul(x, el.filled(0.5, x.type)))
    return tuple(b.choose(made[-3:] if b.chance(2) else made) for _ in range(outputs))


def bend(x: Value) -> Any:
    y = trigonometric.tanh(x)
    return y, lambda g: arithmetic.mul(g, arithmetic.sub(el.filled(1.0, y.type), arithmetic.square(y)))


def parameters(prefix: str, count: int, type: Type) -> list[Value]:
    return [parameter(f"{prefix}{k}", type) for k in range(count)]


def scanned(b: Builder) -> Value | None:
    """A scan along the first axis of an array; its carries and fixed operands have the type of a row."""
    x = b.pick(lambda v: v.type.differentiable and v.ndim > 0 and v.shape[0] <= 4)
    if x is None:
        return None
    row = x.type.with_shape(x.shape[1:])
    carries, fixed, stacked = b.integer(0, 2), b.integer(0, 1), b.integer(0, 2)
    if not carries + stacked:
        return None
    given = [*parameters("c", carries, row), *parameters("x", 1, row), *parameters("w", fixed, row)]
    step = Graph("step", tuple(given), step_of(b, given, carries + stacked))
    outer = [b.input(row) for _ in range(carries)], [b.input(row) for _ in range(fixed)]
    loop = Scan(step, carries, 1, x.shape[0], b.chance(2))
    return several(b, loop, *outer[0], x, *outer[1])


def repeated(b: Builder) -> Value | None:
    """A while loop of a few steps, counted by an integer carry."""
    x = b.pick_float()
    start = b.placed(np.int64(b.integer(0, 3)))
    count, state, weight = parameter("n", Type(DTYPES["i64"], ())), parameter("s", x.type), parameter("w", x.type)
    (new,) = step_of(b, [state, weight], 1)
    step = Graph("step", (count, state, weight), (arithmetic.add(count, el.filled(1, count.type)), new))
    condition = Graph("condition", (count, state, weight), (comparison.less(count, el.filled(3, count.type)),))
    return several(b, While(step, condition, 2), start, x, b.beside(x))


def branched(b: Builder) -> Value | None:
    """One of two or three branches."""
    x = b.pick_float()
    y = b.beside(x)
    graphs = []
    for k in range(b.integer(2, 3)):
        inputs = parameters("x", 2, x.type)
        graphs.append(Graph(f"branch{k}", tuple(inputs), step_of(b, inputs, 1)))
    return several(b, Switch(tuple(graphs)), b.placed(np.int64(b.integer(-1, 3))), x, y)


def several(b: Builder, op: Op, *operands: Value) -> Value | None:
    """The op of several results, which all go on into the graph; the last of them."""
    node = b.several(op, *operands)
    if node is None:
        return None
    last: Value | None = None
    for v in items(node):
        last = b.known(v, b.arrays[node][v.op.k])  # type: ignore[union-attr]
    return last


ELEMENTWISE: tuple[Maker, ...] = (unary, binary, unary, binary, choice, kinked, question)
CONTRACTION: tuple[Maker, ...] = (contracted,)
ALL: tuple[Maker, ...] = (
    *ELEMENTWISE,
    *(widened, moved, reshaped, gathered, reduced, contracted, slid, ordered, counted, repairable, integer, cast),
    *(moved, reduced, contracted),
    *(scanned, repeated, branched),
)
