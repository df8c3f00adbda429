"""How an elementwise op becomes a function of the namespace: operands promoted and broadcast first."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..ir import Op, Value
from ..ops.elementwise import filled
from .broadcasting import aligned
from .promotion import DEFAULT_FLOAT, cast_to, value_of

ArrayLike = Any  # a tensor, a NumPy array, a nested list, or a Python scalar


def unary(name: str, op: Op, formula: str, example: str, *, floating: bool = False) -> Callable[[ArrayLike], Value]:
    """The function of one array that applies ``op``; with ``floating``, integers become the default float first."""

    def function(x: ArrayLike, /) -> Value:
        v = x if x.__class__ is Value else value_of(x)
        if floating and not v.type.differentiable:
            v = cast_to(v, DEFAULT_FLOAT)
        return op.apply(v)

    return documented(function, 1, name, formula, example)


def binary(name: str, op: Op, formula: str, example: str, *, floating: bool = False) -> Callable[[ArrayLike, ArrayLike], Value]:
    """The function of two arrays that applies ``op``; with ``floating``, integers become the default float first."""

    def function(x1: ArrayLike, x2: ArrayLike, /) -> Value:
        if x1.__class__ is Value and x1.type.differentiable:  # the hot path: nothing to promote
            if x2.__class__ is Value:
                if x1.type is x2.type:
                    return op.apply(x1, x2)
            elif x2.__class__ is float or x2.__class__ is int:
                return op.apply(x1, filled(x2, x1.type))
        elif x2.__class__ is Value and x2.type.differentiable and (x1.__class__ is float or x1.__class__ is int):
            return op.apply(filled(x1, x2.type), x2)
        a, b = aligned(name, x1, x2)
        if floating and not a.type.differentiable:
            a, b = cast_to(a, DEFAULT_FLOAT), cast_to(b, DEFAULT_FLOAT)
        return op.apply(a, b)

    return documented(function, 2, name, formula, example)


def documented(function: Callable[..., Value], arity: int, name: str, formula: str, example: str) -> Callable[..., Value]:
    """The function under its name, as if written out in the calling module, with an example that runs as a test."""
    call, _, result = example.rpartition(" -> ")
    function.arity = arity  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    function.__module__ = sys._getframe(2).f_globals["__name__"]
    function.__doc__ = f"{formula}\n\n>>> import clew as cl\n>>> {call}.tolist()\n{result}\n"
    return function
