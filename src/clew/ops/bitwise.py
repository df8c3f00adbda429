"""Integers as strings of bits. No gradient passes."""

from __future__ import annotations

import operator
from typing import ClassVar

import numpy as np

from ..ir import Type
from .elementwise import Elementwise, Partial, calls


class Bitwise(Elementwise):
    """For integers, and booleans as single bits."""

    differentiable = False
    partials: ClassVar[tuple[Partial | None, ...]] = (None, None)

    def infer(self, first: Type, *rest: Type) -> Type:
        if first.dtype.kind not in "iub":
            raise self.refuse("needs integers or booleans", first, *rest)
        return super().infer(first, *rest)


class BitwiseAnd(Bitwise):
    scalar = "bit_and"
    reference = staticmethod(operator.and_)


class BitwiseOr(Bitwise):
    scalar = "bit_or"
    reference = staticmethod(operator.or_)


class BitwiseXor(Bitwise):
    scalar = "bit_xor"
    reference = staticmethod(operator.xor)


class BitwiseInvert(Bitwise):
    """Every bit the other way; of a boolean, not."""

    partials = (None,)
    scalar = "bit_not"
    reference = calls(np.invert)


class Shift(Bitwise):
    """For integers only."""

    def infer(self, first: Type, *rest: Type) -> Type:
        if first.dtype.kind == "b":
            raise self.refuse("booleans have no bits to shift; cast to an integer first", first, *rest)
        return super().infer(first, *rest)


class BitwiseLeftShift(Shift):
    """``a * 2**b``, less the bits that leave: 0 where ``b`` is negative or as large as the width."""

    scalar = "shift_left"
    reference = staticmethod(operator.lshift)


class BitwiseRightShift(Shift):
    """``floor(a / 2**b)``: the sign alone (0 or -1) where ``b`` is negative or as large as the width."""

    scalar = "shift_right"
    reference = staticmethod(operator.rshift)


bitwise_and, bitwise_or, bitwise_xor, bitwise_invert = BitwiseAnd(), BitwiseOr(), BitwiseXor(), BitwiseInvert()
bitwise_left_shift, bitwise_right_shift = BitwiseLeftShift(), BitwiseRightShift()
