"""Contractions and convolutions as problems for the contraction generator."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod

from ..ir import DTYPES, Graph, Value
from ..ops.contraction import Contract, parse
from ..ops.convolution import Convolve
from ..ops.movement import Permute, pad, permute
from ..ops.movement import slice as sliced
from ..passes.rewrite import rewrite
from .contraction import Axis, Plan, Problem, plan
from .conversion import register_type
from .views import View, row_major, view


def is_product(v: Value) -> bool:
    """A contraction with a sum, of floats that the generator knows."""
    if v.dtype not in (DTYPES["f32"], DTYPES["f64"]):
        return False
    if isinstance(v.op, Convolve):
        return True
    if not isinstance(v.op, Contract):
        return False
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
    """How a contraction is computed: its problem, and where its operands lie."""

    plan: Plan
    left: View
    right: View

    @property
    def likeness(self) -> Hashable:
        """Equal for products whose code is one."""
        return self.plan, self.left.offset, self.right.offset


def product(v: Value, bits: int) -> Product:
    """The problem of a contraction or an unpadded convolution."""
    left, right = (view(x) for x in v.operands)
    problem = (_convolution if isinstance(v.op, Convolve) else _contraction)(v, left, right)
    return Product(plan(problem, bits), left, right)


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
    problem = made.plan.problem
    return 2 * problem.size * prod(x.size for x in problem.summed)
