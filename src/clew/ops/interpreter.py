"""The scalar language, evaluated: one Python number at a time. Slow, obvious, and independent of the references."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..ir import DTYPES, Array, Dtype, Op, Shape, Type, quiet
from .elementary import FLOAT, INTEGER, PREDICATES
from .scalars import REDUCTIONS, Component, Index, Scalars

BOOL, F32 = DTYPES["bool"], DTYPES["f32"]


class Number(NamedTuple):
    """A Python bool, int or float, and the dtype it is a number of."""

    value: Any
    dtype: Dtype


class Interpreter:
    """``Scalars`` on plain Python numbers: a float is rounded to its dtype after each call, an integer wraps to its width."""

    def const(self, value: float | int | bool, dtype: Dtype) -> Number:
        return Number(rounded(value, dtype), dtype)

    def call(self, function: str, *arguments: Number) -> Number:
        dtype = one_dtype(function, *arguments)
        values = [x.value for x in arguments]
        if function in PREDICATES:
            return Number(PREDICATES[function](*values), BOOL)
        if function == "nextafter":
            return Number(next_after(values[0], values[1], dtype), dtype)
        table = FLOAT if isinstance(values[0], float) else INTEGER
        if function not in table:
            raise TypeError(f"{function} is not a function of {dtype}")
        return Number(rounded(table[function](*values), dtype), dtype)

    def select(self, condition: Number, yes: Number, no: Number) -> Number:
        one_dtype("select", yes, no)
        return yes if truth(condition) else no

    def cast(self, x: Number, dtype: Dtype) -> Number:
        return Number(rounded(x.value, dtype), dtype)

    def number(self, i: Component, dtype: Dtype) -> Number:
        return Number(rounded(i, dtype), dtype)

    def index(self, x: Number) -> int:
        if x.dtype.kind not in "iu":
            raise TypeError(f"an index must be an integer, not a number of {x.dtype}")
        return int(x.value)

    def inside(self, i: Component, low: int, high: int) -> Number:
        return Number(low <= i < high, BOOL)

    def guard(self, condition: Number, yes: Callable[[], Number], no: Number) -> Number:
        if not truth(condition):
            return no
        x = yes()
        one_dtype("guard", x, no)
        return x

    def reduce(self, function: str, sizes: Shape, term: Callable[[Index], Number], initial: Number) -> Number:
        """Half precision is carried in float32 and rounded once, as the references do."""
        if function not in REDUCTIONS:
            raise ValueError(f"{function} is not a function to reduce with: {', '.join(sorted(REDUCTIONS))}")
        dtype = initial.dtype
        carried = F32 if dtype in (DTYPES["f16"], DTYPES["bf16"]) else dtype
        total = Number(initial.value, carried)
        for k in itertools.product(*map(range, sizes)):
            x = term(k)
            one_dtype("reduce", initial, x)
            total = self.call(function, total, Number(x.value, carried))
        return self.cast(total, dtype)


class Elements:
    """An array to read from: a wrong index is an error."""

    def __init__(self, data: Array) -> None:
        self.data = np.asarray(data)
        self.shape: Shape = self.data.shape
        self.dtype: Dtype = self.data.dtype

    def __call__(self, i: Index) -> Number:
        if len(i) != len(self.shape) or not all(0 <= k < n for k, n in zip(i, self.shape, strict=True)):
            raise IndexError(f"read of {Type(self.dtype, self.shape)} at {i}, which lies outside")
        return Number(plain(self.data[i]), self.dtype)


def interpret(op: Op, *operands: Array) -> Array:
    """The op's result, element by element, as its ``at`` says it."""
    scalars: Scalars = Interpreter()
    reads = [Elements(x) for x in operands]
    result = op.infer(*[Type(x.dtype, x.shape) for x in reads])
    data = np.empty(result.shape, result.dtype)
    for i in np.ndindex(result.shape):
        element = op.at(scalars, i, *reads)
        if element.dtype != result.dtype:
            raise TypeError(f"{op.name}: its element at {i} is of {element.dtype}, but its type is {result}")
        data[i] = element.value
    return data if result.shape else data[()]


def rounded(value: Any, dtype: Dtype) -> Any:
    """The nearest number of a float dtype; an integer modulo the width of an integer one; the truth of a bool.

    A float is truncated on its way to an integer; where it does not fit, the nearest that does takes its place, and 0 that
    of NaN.
    """
    if dtype.kind == "b":
        return bool(value)
    if dtype.kind not in "iu":
        return float(value) if dtype.itemsize == 8 else float(quiet.run(dtype.type, value))
    if isinstance(value, float):
        info = np.iinfo(dtype)
        return 0 if value != value else info.min if value < info.min else info.max if value > info.max else int(value)
    bits = 8 * dtype.itemsize
    wrapped = value & ((1 << bits) - 1)
    return wrapped - (1 << bits) if dtype.kind == "i" and wrapped >> (bits - 1) else wrapped


def next_after(a: float, b: float, dtype: Dtype) -> float:
    """The number of the dtype that follows ``a`` in the direction of ``b``: its bits, read as an integer, plus or minus one."""
    if a != a or b != b:
        return math.nan
    if a == b:
        return b
    if a == 0:
        return math.copysign(from_bits(1, dtype), b)
    outward = (b > a) == (a > 0)
    return from_bits(int.from_bytes(dtype.type(a).tobytes(), "little") + (1 if outward else -1), dtype)


def from_bits(bits: int, dtype: Dtype) -> float:
    return float(np.frombuffer(bits.to_bytes(dtype.itemsize, "little"), dtype)[0])


def plain(x: Any) -> Any:
    """A NumPy scalar as a Python number."""
    kind = x.dtype.kind
    return bool(x) if kind == "b" else int(x) if kind in "iu" else float(x)


def truth(condition: Number) -> bool:
    if condition.dtype != BOOL:
        raise TypeError(f"a condition must be a bool, not a number of {condition.dtype}")
    return bool(condition.value)


def one_dtype(what: str, *arguments: Number) -> Dtype:
    dtypes = [x.dtype for x in arguments]
    if any(dtype != dtypes[0] for dtype in dtypes):
        raise TypeError(f"{what} needs arguments of one dtype, not {', '.join(map(str, dtypes))}")
    return dtypes[0]
