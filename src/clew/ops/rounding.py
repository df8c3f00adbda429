"""To whole numbers, to signs, to other dtypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..ir import FLOATS, Array, Dtype, Type
from .elementwise import Elementwise, Numeric, calls
from .kinds import General
from .scalars import Index, Read, Scalar, Scalars


class Rounding(Numeric):
    """To a whole number, in the dtype it came in; integers are whole already. Piecewise constant: no gradient passes."""

    differentiable = False
    partials = (None,)
    function: ClassVar[np.ufunc]

    def reference(self, x: Array) -> Array:
        return x if x.dtype.kind in "iu" else self.function(x)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(i) if x.dtype.kind in "iu" else e.call(self.name, x(i))


class Floor(Rounding):
    """The largest whole number that is not above ``x``."""

    function = np.floor


class Ceil(Rounding):
    """The smallest whole number that is not below ``x``."""

    function = np.ceil


class Trunc(Rounding):
    """The whole number next to ``x`` in the direction of 0."""

    function = np.trunc


class Round(Rounding):
    """The nearest whole number; of two, the even one."""

    function = np.rint


class Sign(Numeric):
    """-1, 0 or 1; NaN of NaN. Piecewise constant: no gradient passes."""

    differentiable = False
    partials = (None,)
    reference = calls(np.sign)


floor, ceil, trunc, round, sign = Floor(), Ceil(), Trunc(), Round(), Sign()


class Identity(Elementwise):
    """``x`` itself, as a node of its own: it can bear a name, or a remark, that ``x`` does not."""

    partials = (lambda y, x: 1,)

    def reference(self, x: Array) -> Array:
        return x

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(i)


class Detach(Elementwise):
    """``x`` itself, as a constant to whatever follows: no gradient passes."""

    differentiable = False
    partials = (None,)

    def reference(self, x: Array) -> Array:
        return x

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(i)


identity, detach = Identity(), Detach()


@dataclass(frozen=True, eq=False, repr=False)
class Cast(General):
    """The numbers in another dtype.

    A float is truncated on its way to an integer; where it does not fit, the nearest that does takes its place, and 0 that
    of NaN. Integers wrap. Anything but 0 is True. From float to float the gradient is cast back; on the way to an integer or
    a bool, and from one, none passes.
    """

    dtype: Dtype

    def infer(self, x: Type) -> Type:
        return x.with_dtype(self.dtype)

    def reference(self, x: Array) -> Array:
        return converted(x, self.dtype)

    def pull(self, k: int, g: Any, y: Any, x: Any) -> Any:
        return cast(g, x.dtype) if self.passes(x) else None

    def push(self, k: int, t: Any, y: Any, x: Any) -> Any:
        return self(t) if self.passes(x) else None

    def passes(self, x: Any) -> bool:
        return self.dtype in FLOATS and x.dtype in FLOATS

    def local(self, k: int, y: Any, x: Any) -> Any:
        return 1 if self.passes(x) else None

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return self(x)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.cast(x(i), self.dtype)


def cast(x: Any, dtype: Dtype) -> Any:
    """``x`` in another dtype; ``x`` itself when it has that already."""
    return x if x.dtype == dtype else Cast(dtype)(x)


def converted(x: Array, dtype: Dtype) -> Array:
    """NumPy's ``astype``, but the same on every processor where a float has no place among integers: see ``Cast``."""
    if dtype.kind not in "iu" or x.dtype not in FLOATS:
        return x.astype(dtype, copy=False)
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x  # f16 has no 2**64 to compare with
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    small, large = wide < float(low), wide >= float(high + 1)
    inside = (wide == wide) & ~small & ~large
    if inside.all():
        return wide.astype(dtype)
    found = np.where(inside, wide, 0).astype(dtype)
    return np.where(small, dtype.type(low), np.where(large, dtype.type(high), found))[()]
