"""The language that ops are lowered in: scalars at an index.

An op answers one question in it: *what is your result's element at index i?* A backend is one implementation of
``Scalars``: the interpreter evaluates it, the compiler's recorder turns it into a kernel. Index components may be
symbolic there: only ``+ - * // %`` and ``e.inside`` are applied to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from ..ir.types import Dtype, Shape

Scalar: TypeAlias = Any  # whatever the backend calls a number
Component: TypeAlias = Any  # an int, or the backend's symbolic index
Index: TypeAlias = tuple[Component, ...]

FUNCTIONS = frozenset(
    "add sub mul div floor_div remainder pow neg abs sign sqrt exp expm1 log log1p log2 log10 "
    "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf "
    "floor ceil trunc round maximum minimum nextafter copysign signbit isnan isinf "
    "equal less less_equal logical_and logical_or logical_not "
    "bit_and bit_or bit_xor bit_not shift_left shift_right".split()
)
REDUCTIONS = frozenset(["add", "mul", "maximum", "minimum", "logical_and", "logical_or"])


class Read(Protocol):
    """An operand during lowering: its type, and its scalar at an index."""

    shape: Shape
    dtype: Dtype

    def __call__(self, i: Index, /) -> Scalar: ...


class Scalars(Protocol):
    """What an ``at`` may say."""

    def const(self, value: float | int | bool, dtype: Dtype) -> Scalar:
        """A number."""

    def call(self, function: str, *arguments: Scalar) -> Scalar:
        """An elementary function by its name in ``FUNCTIONS``; arguments have one dtype (comparisons give bool)."""

    def select(self, condition: Scalar, yes: Scalar, no: Scalar) -> Scalar:
        """``yes`` where the condition holds, else ``no``; both are evaluated."""

    def cast(self, x: Scalar, dtype: Dtype) -> Scalar:
        """The number in another dtype; a float is truncated on its way to an integer."""

    def number(self, i: Component, dtype: Dtype) -> Scalar:
        """An index component as a number."""

    def index(self, x: Scalar) -> Component:
        """An integer scalar as an index component (this is what makes a gather)."""

    def inside(self, i: Component, low: int, high: int) -> Scalar:
        """Whether ``low <= i < high``, as a bool scalar."""

    def guard(self, condition: Scalar, yes: Callable[[], Scalar], no: Scalar) -> Scalar:
        """``yes()`` where the condition holds, else ``no``; ``yes`` may read only where it holds."""

    def reduce(self, function: str, sizes: Shape, term: Callable[[Index], Scalar], initial: Scalar) -> Scalar:
        """Fold ``term(k)`` over every index ``k`` below ``sizes`` with a function of ``REDUCTIONS``, in row-major order."""
