"""A graph under construction: its values so far, what each computes at the point, and how operands are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from clew.ir import DTYPES, FLOATS, INTEGERS, Array, Op, Type, Value, constant, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import broadcast
from clew.ops.elementwise import filled
from clew.ops.exponential import softplus
from clew.ops.movement import permute, reshape
from clew.ops.trigonometric import tanh

T = TypeVar("T")

LARGEST = 20.0  # elements, in size: larger ones are not built on
MARGIN = 0.02  # how far from a kink an operand lies, for the graph to count as smooth
F64, BOOL, I64 = DTYPES["f64"], DTYPES["bool"], DTYPES["i64"]


@cache
def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


class Builder:
    """Draws by hypothesis: when a property fails, the graph shrinks."""

    sizes: Sequence[int] = (2, 3, 1, 4, 2, 3, 2, 0)  # of axes
    few: Sequence[int] = (2, 1, 3, 0)  # of axes that come to others
    most = 40  # elements of an array
    rank = 8  # axes of one; arrays of no elements would grow ever more
    largest = LARGEST

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], floats: Sequence[str]) -> None:
        self.draw = draw
        self.floats = [DTYPES[name] for name in floats]
        self.values: list[Value] = []
        self.inputs: list[Value] = []
        self.arrays: dict[Value, Array] = {}  # by the ops' references, one at a time
        self.exact: set[Value] = set()  # without a rounding on the way: ties and jumps are the same by every route
        self.smooth = True
        self.rng = np.random.default_rng(self.integer(0, 2**16))

    # Choices

    def integer(self, low: int, high: int) -> int:
        return self.draw(_integers(low, high))

    def chance(self, one_in: int) -> bool:
        return self.integer(0, one_in - 1) == one_in - 1

    def choose(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def subset(self, options: Sequence[T]) -> tuple[T, ...]:
        mask = self.integer(0, 2 ** len(options) - 1)
        return tuple(x for k, x in enumerate(options) if mask >> k & 1)

    def order(self, count: int) -> tuple[int, ...]:
        """A permutation."""
        rest = list(range(count))
        return tuple(rest.pop(self.integer(0, len(rest) - 1)) for _ in range(count))

    def shape(self, most_axes: int = 3) -> tuple[int, ...]:
        sizes = tuple(self.choose(self.sizes) for _ in range(self.integer(0, most_axes)))
        return sizes if np.prod(sizes) <= self.most else sizes[:1]

    def pick(self, fits: Callable[[Value], bool]) -> Value | None:
        """One of the values that fit, the latest first."""
        found = [v for v in self.values[::-1] if fits(v)]
        return self.choose(found) if found else None

    def pick_float(self) -> Value:
        found = self.pick(lambda v: v.type.differentiable)
        return found if found is not None else self.input(Type(self.choose(self.floats), self.shape()))

    # Leaves

    def input(self, type: Type, low: int = -2, high: int = 2) -> Value:
        data = self.data(type, low, high)
        return self.placed(data)

    def placed(self, data: Array) -> Value:
        """An input, or a constant, with this data."""
        if self.chance(3) and self.inputs:
            v = constant(data)
        else:
            v = parameter(f"x{len(self.inputs)}", Type(data.dtype, data.shape))
            self.inputs.append(v)
        return self.known(v, data, exact=True)

    def data(self, type: Type, low: int = -2, high: int = 2) -> Array:
        if type.dtype == BOOL:
            data = self.rng.random(type.shape) < 0.5
        elif type.dtype in INTEGERS:
            data = self.rng.integers(max(low, 0) if type.dtype.kind == "u" else low, high + 1, type.shape)
        elif self.chance(4):  # ties
            data = self.rng.integers(2 * low, 2 * high + 1, type.shape) / 2
        else:
            data = self.rng.uniform(low, high, type.shape)
        return np.asarray(data).astype(type.dtype)[()]

    def indices(self, shape: tuple[int, ...], size: int) -> Value:
        """Integers below ``size``, as an input or a constant."""
        dtype = DTYPES[self.choose(("i64", "i32", "u8"))]
        return self.placed(np.asarray(self.rng.integers(0, size, shape)).astype(dtype)[()])

    def full(self, number: float, type: Type) -> Value:
        v = filled(number, type)
        return self.known(v, v.data, exact=True)

    # Nodes

    def known(self, v: Value, data: Array, exact: bool = False) -> Value:
        if v not in self.arrays:
            self.arrays[v] = data
            self.values.append(v)
        if exact:
            self.exact.add(v)
        return v

    def make(self, op: Op, *operands: Value, exact: bool = False) -> Value | None:
        """The op of the operands, unless its elements are too large to go on with."""
        for x in operands:
            if x not in self.arrays:
                assert x.op is None
                self.arrays[x] = x.data
        with np.errstate(all="ignore"):
            data = op.reference(*[self.arrays[x] for x in operands])
        wide = np.asarray(data).astype(np.float64)
        if np.size(data) > self.most or np.ndim(data) > self.rank or not np.all(np.abs(wide) <= self.largest):
            return None
        foldable = all(x.op is None for x in operands)  # stays an expression, for constant folding to find
        v = Value(op, operands, op.infer(*[x.type for x in operands])) if foldable else op(*operands)
        return self.known(v, data, exact and all(x in self.exact for x in operands))

    def several(self, op: Op, *operands: Value) -> Value | None:
        """The op of several results, unless their elements are too large to go on with."""
        for x in operands:
            self.arrays.setdefault(x, x.data)
        with np.errstate(all="ignore"):
            results = op.reference(*[self.arrays[x] for x in operands])
        if any(np.size(a) > self.most or not np.all(np.abs(np.asarray(a).astype(np.float64)) <= self.largest) for a in results):
            return None
        node = Value(op, operands, op.infer(*[x.type for x in operands]))
        self.arrays[node] = results
        return node

    def call(self, function: Callable[..., Any], *operands: Value, exact: bool = False) -> Value | None:
        """``make`` for a function of values that makes one node, or none."""
        stand_ins = [parameter("x", x.type) for x in operands]
        made: Value = function(*stand_ins)
        if made in stand_ins:
            return operands[stand_ins.index(made)]
        assert made.op is not None and all(x in stand_ins for x in made.operands)
        return self.make(made.op, *[operands[stand_ins.index(x)] for x in made.operands], exact=exact)

    def kink(self, distance: Array, *operands: Value) -> bool:
        """Whether an op with kinks or jumps can be used where the nearest is this far; the graph is not smooth if near."""
        nearest = float(np.min(np.asarray(distance, np.float64), initial=np.inf))
        if nearest >= MARGIN:
            return True
        if all(x in self.exact for x in operands):
            self.smooth = False
            return True
        return False

    def wide(self, v: Value) -> Array:
        return np.asarray(self.arrays[v]).astype(np.float64)

    # Fitting operands

    def within(self, v: Value, low: float, high: float) -> bool:
        data = self.wide(v)
        return bool(np.all((data >= low) & (data <= high)))

    def into(self, v: Value, low: float, high: float) -> Value | None:
        """``v``, or a smooth function of it that lies between ``low`` and ``high``."""
        if self.within(v, low, high):
            return v
        if high >= LARGEST:
            up = self.make(softplus, v)
            return None if up is None else self.make(add, up, self.full(low, v.type))
        flat = self.make(tanh, v)
        half, middle = 0.49 * (high - low), (high + low) / 2
        if flat is None:
            return None
        scaled = self.make(mul, flat, self.full(half, v.type))
        return scaled if scaled is None or middle == 0 else self.make(add, scaled, self.full(middle, v.type))

    def beside(self, v: Value) -> Value:
        """Another operand of the same type."""
        how = self.integer(0, 3)
        if how == 0:
            found = self.pick(lambda x: x.type is v.type)
            if found is not None:
                return found
        if how == 1 and v.ndim and v.type.size:
            small = self.pick(lambda x: x.dtype == v.dtype and x.ndim < v.ndim and x.shape == v.shape[v.ndim - x.ndim :])
            if small is not None:
                count = v.ndim - small.ndim
                made = self.call(lambda x: broadcast(x, tuple(range(count)), v.shape[:count]), small, exact=True)
                if made is not None:
                    return made
        if how == 2 and v.dtype in FLOATS:
            return self.full(self.choose((1.0, 0.5, 2.0, -1.0, 0.0)), v.type)
        return self.input(v.type)

    def flat(self, v: Value) -> Value:
        made = self.call(lambda x: reshape(x, (x.type.size,)), v, exact=True)
        assert made is not None
        return made

    def moved(self, v: Value, order: tuple[int, ...]) -> Value:
        made = self.call(lambda x: permute(x, order), v, exact=True)
        assert made is not None
        return made


class Wide(Builder):
    """Draws axes that vectors of 4, 8 and 16 lanes do not fit, too."""

    sizes = (5, 17, 1, 16, 33, 3, 8, 31, 2, 40, 7, 19, 0)
    few = (2, 17, 1, 9, 0)
    most = 4000
    largest = 500.0
