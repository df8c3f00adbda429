"""Contractions and convolutions as problems for the contraction generator."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

from ..ir import DTYPES, Graph, Shape, Value
from ..ops.contraction import Contract, parse
from ..ops.convolution import Convolve
from ..ops.movement import Permute, pad, permute
from ..ops.movement import slice as sliced
from ..passes.rewrite import rewrite
from .contraction import Axis, Plan, Problem, plan
from .conversion import register_type
from .views import View, along, row_major, view

FLOATS = DTYPES["f32"], DTYPES["f64"]  # those that the generator knows


def is_product(v: Value) -> bool:
    """A contraction with a sum, of floats that the generator knows."""
    if not isinstance(v.op, Contract | Convolve) or v.dtype not in FLOATS:
        return False
    if isinstance(v.op, Convolve):
        return True
    left, right, result = parse(v.op.spec)
    return any(letter not in result for letter in left + right)


def follows(v: Value) -> bool:
    """Whether the kept axes of a product's problem are those of its result, so that more can be computed at its index."""
    return not isinstance(v.op, Convolve) or v.op.groups == 1


def unpadded(graph: Graph) -> Graph:
    """The graph in which convolutions read inputs that were padded, and stretched, beforehand."""

    def rule(v: Value) -> Value:
        op = v.op
        if not isinstance(op, Convolve) or not v.type.size:
            return v
        n = len(op.stride)
        if not any(any(p) for p in op.padding) and all(d == 1 for d in op.input_dilation):
            return v
        x, kernel = v.operands
        plain = Convolve(op.stride, ((0, 0),) * n, op.dilation, (1,) * n, op.groups)
        return plain.apply(padded(x, op.padding, op.input_dilation), kernel)

    return rewrite(graph, rule)


def padded(x: Value, padding: Sequence[tuple[int, int]], steps: Sequence[int]) -> Value:
    """``x`` with zeros around and between its elements along the last axes; below a permutation, where forward and
    backward passes can share it."""
    if isinstance(x.op, Permute):
        lead = x.ndim - len(steps)
        full_padding, full_steps = [(0, 0)] * lead + list(padding), [1] * lead + list(steps)
        order = x.op.order
        inverse = [order.index(a) for a in range(x.ndim)]
        inner = _padded(x.operands[0], [full_padding[a] for a in inverse], [full_steps[a] for a in inverse])
        return permute(inner, order)  # type: ignore[no-any-return]
    lead = x.ndim - len(steps)
    return _padded(x, [(0, 0)] * lead + list(padding), [1] * lead + list(steps))


def _padded(x: Value, padding: Sequence[tuple[int, int]], steps: Sequence[int]) -> Value:
    low, high = (tuple(max(0, p[side]) for p in padding) for side in (0, 1))
    y: Value = pad(x, low, high, tuple(steps))
    start = tuple(max(0, -a) for a, _ in padding)
    stop = tuple(n - max(0, -b) for n, (_, b) in zip(y.shape, padding, strict=True))
    return y if start == (0,) * x.ndim and stop == y.shape else sliced(y, start, stop)


@dataclass(frozen=True)
class Product:
    """How a contraction is computed: its problem, and where its operands lie. Operands may be computed where they are needed,
    some steps along one of their axes at a time: ``cuts`` has that axis for the left operand, "a", and the right one, "b".
    """

    problem: Problem
    bits: int
    left: View
    right: View
    cuts: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def plan(self) -> Plan:
        """Its loops: searched for when first asked for, while code of what comes before is compiled already."""
        return plan(self.problem, self.bits)

    @property
    def likeness(self) -> Hashable:
        """Equal for products whose code is one: where in memory their operands begin is no part of it."""
        return self.problem, self.bits, tuple(self.cuts.items())

    @property
    def views(self) -> dict[str, View]:
        return {"a": self.left, "b": self.right}

    @property
    def read(self) -> list[Value]:
        """The values that lie in memory."""
        return [x.base for name, x in self.views.items() if name not in self.cuts]


def product(v: Value, bits: int, computed: Collection[Value] = ()) -> Product | None:
    """The problem of a contraction or an unpadded convolution. None where what should be ``computed`` cannot be."""
    left, right = (view(x) for x in v.operands)
    if any(x.base in computed for x in (left, right)):
        return _computing(v, left, right, bits, computed)
    problem = (_convolution if isinstance(v.op, Convolve) else _contraction)(v, left, right)
    return Product(problem, bits, left, right)


def _computing(v: Value, left: View, right: View, bits: int, computed: Collection[Value]) -> Product | None:
    """A contraction of which an operand, or both, are computed: along the longest axis that those have in common."""
    if not isinstance(v.op, Contract):
        return None
    *specs, result = parse(v.op.spec)
    places: dict[str, dict[str, int]] = {}  # of each computed operand: the axes of what is computed, by their letters
    for name, spec, x, of in zip("ab", specs, v.operands, (left, right), strict=True):
        if of.base in computed:
            axes = moved(of, x.shape)
            if axes is None:
                return None
            places[name] = dict(zip(spec, axes, strict=True))
    sizes = dict(zip("".join(specs), (n for x in v.operands for n in x.shape), strict=True))
    last = {"a": left.base.ndim - 1, "b": right.base.ndim - 1}
    common = [
        letter for letter in sizes if all(letter in found and found[letter] != last[name] for name, found in places.items())
    ]
    if not common:
        return None
    cut = max(common, key=sizes.__getitem__)
    cuts = {name: found[cut] for name, found in places.items()}
    a, b = (
        View(of.base, 0, tuple(along(of.base.shape, cuts[name])[places[name][letter]] for letter in spec))
        if name in places
        else of
        for name, spec, of in zip("ab", specs, (left, right), strict=True)
    )
    problem = _contraction(v, a, b)
    letters = [*result, *(x for x in dict.fromkeys("".join(specs)) if x not in result)]
    made = Product(replace(problem, computed="".join(cuts), cut=letters.index(cut)), bits, a, b, cuts)
    return made if made.plan.near < sizes[cut] else None


def moved(of: View, shape: Shape) -> tuple[int, ...] | None:
    """Which axis of its base each axis of a view is; None where a view does more than to move axes about.

    >>> from clew.ir import f32, parameter
    >>> x = parameter("x", f32(4, 5))
    >>> moved(View(x, 0, (1, 5)), (5, 4)), moved(View(x, 0, (5, 2)), (4, 2))
    ((1, 0), None)
    """
    base = of.base.shape
    steps = {(n, s): k for k, (n, s) in enumerate(zip(base, row_major(base), strict=True))}
    found = tuple(steps.get((n, s), -1) for n, s in zip(shape, of.strides, strict=True))
    return found if not of.offset and sorted(found) == list(range(len(base))) else None


def _contraction(v: Value, left: View, right: View) -> Problem:
    assert isinstance(v.op, Contract)
    first, second, result = parse(v.op.spec)
    sizes = dict(zip(first + second, v.operands[0].shape + v.operands[1].shape, strict=True))
    a = dict(zip(first, left.strides, strict=True))
    b = dict(zip(second, right.strides, strict=True))
    c = dict(zip(result, row_major(v.shape), strict=True))

    def axis(letter: str) -> Axis:
        return Axis(sizes[letter], a.get(letter, 0), b.get(letter, 0), c.get(letter, 0))

    summed = [letter for letter in dict.fromkeys(first + second) if letter not in result]
    return Problem(register_type(v.dtype), tuple(map(axis, result)), tuple(map(axis, summed)))


def _convolution(v: Value, left: View, right: View) -> Problem:
    op = v.op
    assert isinstance(op, Convolve)
    kernel = v.operands[1].shape
    groups, outputs, channels = op.groups, kernel[0] // op.groups, kernel[1]
    n, o, *places = row_major(v.shape)
    xs, ks = left.strides, right.strides
    axes = [Axis(v.shape[0], xs[0], 0, n)]
    if groups > 1:
        axes.append(Axis(groups, xs[1] * channels, ks[0] * outputs, o * outputs))
    axes.append(Axis(outputs, 0, ks[0], o))
    axes += [Axis(m, x * s, 0, c) for m, x, s, c in zip(v.shape[2:], xs[2:], op.stride, places, strict=True)]
    summed = [Axis(channels, xs[1], ks[1])]
    summed += [Axis(m, x * d, k) for m, x, d, k in zip(kernel[2:], xs[2:], op.dilation, ks[2:], strict=True)]
    return Problem(register_type(v.dtype), tuple(axes), tuple(summed))


def flops(made: Product) -> int:
    """Multiplications and additions."""
    problem = made.problem
    return 2 * problem.size * prod(x.size for x in problem.summed)
