"""The kinds of op that state less: linear ones (their transpose) and general ones (both directions).

Elementwise ones, which state their partial derivatives once, are in ``elementwise``.
"""

from __future__ import annotations

import abc
from typing import Any, ClassVar

from ..ir import Op


class Linear(Op):
    """Linear in each of the operands ``linear``: moving one of them moves the result by the op of the move."""

    linear: ClassVar[tuple[int, ...]] = (0,)

    @abc.abstractmethod
    def transpose(self, k: int, g: Any, *operands: Any) -> Any:
        """The transposed map of operand ``k`` (one of ``linear``), applied to ``g``."""

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return self.transpose(k, g, *operands) if k in self.linear else None

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        return self(*operands[:k], t, *operands[k + 1 :]) if k in self.linear else None


class General(Op):
    """Neither elementwise nor linear: states both ``pull`` and ``push``."""


class Flat(Op):
    """Piecewise constant in every operand: no gradient passes."""

    differentiable = False

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> None:
        return None

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> None:
        return None


class Whole(Op):
    """Computed as a whole: its elements come out of one another, so none of them is said alone."""

    pulls = False

    def at(self, e: Any, i: Any, *operands: Any) -> Any:
        raise self.refuse("has no pull form; run its reference, or a kernel of its own")
