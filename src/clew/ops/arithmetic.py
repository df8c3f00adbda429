"""Sums, products, quotients and powers."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir import Array, Type, Value
from .elementwise import Elementwise, chain, like
from .scalars import Index, Read, Scalar, Scalars


class Numeric(Elementwise):
    """Not for booleans."""

    def infer(self, first: Type, *rest: Type) -> Type:
        if first.dtype.kind == "b":
            raise self.refuse("booleans have no arithmetic; cast to a number first", first, *rest)
        return super().infer(first, *rest)


class Floating(Elementwise):
    """For floating-point numbers only."""

    def infer(self, first: Type, *rest: Type) -> Type:
        if not first.differentiable:
            raise self.refuse("needs floating-point operands; cast first", first, *rest)
        return super().infer(first, *rest)


@dataclass(frozen=True)
class Add(Numeric):
    partials = (lambda y, a, b: 1, lambda y, a, b: 1)
    reference = staticmethod(operator.add)


@dataclass(frozen=True)
class Sub(Numeric):
    partials = (lambda y, a, b: 1, lambda y, a, b: -1)
    reference = staticmethod(operator.sub)


@dataclass(frozen=True)
class Mul(Numeric):
    partials = (lambda y, a, b: b, lambda y, a, b: a)
    reference = staticmethod(operator.mul)


@dataclass(frozen=True)
class Div(Floating):
    """``a / b`` of floats."""

    partials = (lambda y, a, b: reciprocal(b), lambda y, a, b: neg(div(y, b)))
    reference = staticmethod(operator.truediv)


@dataclass(frozen=True)
class Neg(Numeric):
    partials = (lambda y, x: -1,)
    reference = staticmethod(operator.neg)


add, sub, mul, div, neg = Add(), Sub(), Mul(), Div(), Neg()


@dataclass(frozen=True)
class Reciprocal(Floating):
    """``1 / x``."""

    partials = (lambda y, x: neg(square(y)),)

    def reference(self, x: Array) -> Array:
        return like(x, 1) / x

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.call("div", e.const(1, x.dtype), x(i))


@dataclass(frozen=True)
class Square(Numeric):
    partials = (lambda y, x: add(x, x),)

    def reference(self, x: Array) -> Array:
        return x * x

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.call("mul", x(i), x(i))


reciprocal, square = Reciprocal(), Square()

