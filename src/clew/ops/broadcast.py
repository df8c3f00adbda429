"""Repeating along new axes, and its transpose: adding up along axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..errors import AxisError
from ..ir import DTYPES, FLOATS, Array, Dtype, Shape, Type
from .kinds import Linear
from .scalars import Index, Read, Scalar, Scalars

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Broadcast(Linear):
    """Repeat along new axes: ``broadcast(f32[3], axes=(0,), sizes=(8,))`` is ``f32[8,3]``."""

    axes: tuple[int, ...]
    sizes: Shape

    def infer(self, x: Type) -> Type:
        ndim = len(x.shape) + len(self.axes)
        if len(self.axes) != len(self.sizes) or not all(0 <= a < ndim for a in self.axes):
            raise self.refuse(f"new axes {self.axes} of sizes {self.sizes} do not fit a result of {ndim} axes", x)
        return x.with_shape(weave(self.axes, self.sizes, x.shape))

    def reference(self, x: Array) -> Array:
        shape = weave(self.axes, self.sizes, x.shape)
        return np.broadcast_to(np.expand_dims(x, self.axes), shape) if shape else x

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        return sum(g, self.axes)

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return broadcast(x, tuple(a + 1 for a in self.axes), self.sizes)

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return x(without(self.axes, i))


@dataclass(frozen=True, eq=False, repr=False)
class Sum(Linear):
    """Add up along ``axes``, which disappear. Half precision is accumulated in float32."""

    axes: tuple[int, ...]

    def infer(self, x: Type) -> Type:
        check_axes(self, self.axes, x)
        if x.dtype.kind == "b":
            raise self.refuse("booleans do not add up; cast to an integer first", x)
        return x.with_shape(without(self.axes, x.shape))

    def reference(self, x: Array) -> Array:
        return np.sum(x, self.axes, dtype=accumulator(x.dtype)).astype(x.dtype, copy=False)

    def transpose(self, k: int, g: Any, x: Any) -> Any:
        return broadcast(g, self.axes, tuple(x.shape[a] for a in self.axes))

    def batch(self, size: int, batched: tuple[bool, ...], x: Any) -> Any:
        return sum(x, tuple(a + 1 for a in self.axes))

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        sizes = tuple(x.shape[a] for a in self.axes)
        return e.reduce("add", sizes, lambda k: x(weave(self.axes, k, i)), e.const(0, x.dtype))


def broadcast(x: Any, axes: tuple[int, ...], sizes: Shape) -> Any:
    """``x`` repeated along new axes; ``x`` itself when there are none."""
    return Broadcast(axes, sizes)(x) if axes else x


def sum(x: Any, axes: tuple[int, ...]) -> Any:
    """``x`` added up along axes; ``x`` itself when there are none."""
    return Sum(axes)(x) if axes else x


def accumulator(dtype: Dtype) -> Dtype:
    """The dtype in which numbers of ``dtype`` are added up and multiplied: float32 for half precision, else itself."""
    return DTYPES["f32"] if dtype in FLOATS and dtype.itemsize == 2 else dtype


def check_axes(op: Any, axes: tuple[int, ...], x: Type) -> None:
    """Refuse axes that repeat or lie outside ``x``."""
    if len(set(axes)) != len(axes) or not all(0 <= a < len(x.shape) for a in axes):
        raise AxisError(f"{op.name}({x}): axes {axes} must be different axes of the operand, which has {len(x.shape)}")


def without(axes: tuple[int, ...], items: tuple[T, ...]) -> tuple[T, ...]:
    """``items`` less those at positions ``axes``."""
    return tuple(item for axis, item in enumerate(items) if axis not in axes)


def weave(axes: tuple[int, ...], new: tuple[T, ...], rest: tuple[T, ...]) -> tuple[T, ...]:
    """``rest`` with ``new`` put in, so that new item ``n`` lands at position ``axes[n]``."""
    here, others = dict(zip(axes, new, strict=True)), iter(rest)
    return tuple(here[k] if k in here else next(others) for k in range(len(new) + len(rest)))
