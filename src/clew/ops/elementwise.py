"""What every elementwise op shares: both directions of its derivative follow from its partial derivatives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..ir import DTYPES, Array, Label, Op, Type, Value, here, quiet, recording
from .broadcast import broadcast
from .scalars import Index, Read, Scalar, Scalars

Partial = Callable[..., Any]


class Rule(NamedTuple):
    """A named repair: what an op makes of operands, one of which is made by an op of class ``of``, is stated stably.

    ``repair(*operands)`` is the stable value, newly made, or None where the pattern is another.
    """

    name: str
    of: type[Op]
    repair: Callable[..., Value | None]


class _Nested(threading.local):
    depth = 0


nested = _Nested()  # repairs that are tried within one another, per thread


class Elementwise(Op):
    """Acts on each element alone. Operands have equal types (broadcasting is an explicit op); the result has it too.

    ``partials[k](y, *operands)`` is the derivative of the result with respect to operand ``k``: an array, or a plain
    number where it is constant. None stands for an operand that no gradient reaches. Rules may mix in plain numbers.
    """

    partials: ClassVar[tuple[Partial | None, ...]]
    scalar: ClassVar[str] = ""  # its name in the scalar language, if not the op's own
    rules: ClassVar[Mapping[type, list[Rule]]] = {}  # its repairs, by their ``of``; all are listed in ``repair``
    results: ClassVar[dict[Type, Type]]  # what was inferred before, by the type of all operands

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.results = {}

    def __call__(self, *operands: Any) -> Any:
        for x in operands:
            kind = x.__class__
            if kind is Value:
                return self.apply(*alike(operands))
            if kind is float or kind is int:
                break
        else:
            return self.reference(*operands)
        return self.apply(*alike(operands)) if Value in map(type, operands) else self.reference(*typed(operands))

    def apply(self, *operands: Value) -> Value:
        # The hot path of eager mode: Op.apply for known operands of one type that was met before, and no repair in sight.
        first, last = operands[0], operands[-1]
        result = self.results.get(first.type)
        x, y, rules = first.data, last.data, self.rules
        if (
            result is None
            or first.type is not last.type
            or x is None
            or y is None
            or len(operands) > 2
            or (rules and (first.op.__class__ in rules or last.op.__class__ in rules))
        ):
            return self.apply_any(*operands)
        data = quiet.run(self.reference, x) if len(operands) == 1 else quiet.run(self.reference, x, y)
        if (first.op is None and last.op is None) or not recording.on:
            return Value(None, (), result, data)
        return Value(self, operands, result, data, None, here(3))  # each frame looked at costs; ``apply``'s caller is clew

    def apply_any(self, *operands: Value) -> Value:
        """``apply``, whatever the operands."""
        made = super().apply(*operands)
        if all([x.type is operands[0].type for x in operands]):
            self.results[operands[0].type] = made.type
        return made

    def infer(self, first: Type, *rest: Type) -> Type:
        for t in rest:
            if t is not first and t != first:
                raise self.refuse("operands must have equal types; cast or broadcast them first", first, *rest)
        return first

    def repair(self, *operands: Value) -> Value | None:
        if nested.depth == 16:  # a chain of a million quotients is no pattern
            return None
        nested.depth += 1
        try:
            for x in operands:
                for rule in self.rules.get(x.op.__class__, ()):
                    stable = rule.repair(*operands)
                    if stable is not None:
                        stable.label = Label(note=f"repaired: {rule.name}")
                        return stable
            return None
        finally:
            nested.depth -= 1

    def local(self, k: int, y: Any, *operands: Any) -> Any:
        partial = self.partials[k]
        return None if partial is None else partial(y, *operands)

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        partial = self.partials[k]
        if partial is None:
            return None
        d = partial(y, *operands)
        kind = d.__class__
        if kind is g.__class__ and kind is not Value:  # two arrays, most of the time: save a call
            return chain.reference(g, d)
        return g if kind is int and d == 1 else chain(g, d)

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        return self.pull(k, t, y, *operands)

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        return self(*(x if b else broadcast(x, (0,), (size,)) for x, b in zip(operands, batched, strict=True)))

    def at(self, e: Scalars, i: Index, *operands: Any) -> Scalar:
        return e.call(self.scalar or self.name, *(x(i) for x in operands))


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


class Predicate(Elementwise):
    """An elementwise op whose result is bool; no gradient passes."""

    differentiable = False
    partials: ClassVar[tuple[Partial | None, ...]] = (None, None)

    def infer(self, first: Type, *rest: Type) -> Type:
        return super().infer(first, *rest).with_dtype(DTYPES["bool"])


def calls(function: Any) -> Any:
    """A ``reference`` that is a function of NumPy."""
    return staticmethod(function)


@lru_cache(maxsize=4096)
def _filled(value: float, kind: Any, negative_zero: bool, type: Type) -> Value:
    number = type.dtype.type(value)
    data = number if not type.shape else np.broadcast_to(number, type.shape)
    return Value(None, (), type, data)


def filled(value: float, type: Type) -> Value:
    """The constant of this type whose every element is ``value``; it takes the memory of one."""
    kind: Any = value.__class__
    return _filled(value, kind, value == 0 and str(value)[0] == "-", type)


def like(x: Any, value: float) -> Any:
    """``value`` as an elementwise operand beside ``x``."""
    return filled(value, x.type) if x.__class__ is Value else x.dtype.type(value)


def alike(operands: tuple[Any, ...]) -> list[Value]:
    """Plain numbers and arrays among values, as values."""
    values = [x for x in operands if x.__class__ is Value]
    if len(values) == len(operands):
        return values
    model = max(values, key=lambda v: v.ndim)
    return [x if x.__class__ is Value else lift(x, model) for x in operands]


def lift(x: Any, model: Value) -> Value:
    """A plain number, or an array of the model's shape, as a constant beside the value ``model``."""
    if x.__class__ is float or x.__class__ is int:
        return filled(x, model.type)
    array = np.asarray(x)
    return Value(None, (), model.type.with_dtype(array.dtype), np.broadcast_to(array, model.shape) if model.shape else x)


def typed(operands: tuple[Any, ...]) -> list[Array]:
    """Plain numbers among arrays, in the arrays' dtype."""
    for x in operands:
        if x.__class__ is not float and x.__class__ is not int:
            number = x.dtype.type
            break
    return [number(x) if x.__class__ is float or x.__class__ is int else x for x in operands]


class Chain(Elementwise):
    """The chain rule's product, upstream gradient ``g`` times local gradient ``d``, in which a zero annihilates.

    A path that does not move the result contributes nothing, however steep it is: 0 * inf and 0 * nan are 0 where
    ``g`` is 0, and 0 * inf is 0 where ``d`` is 0. A NaN that comes from upstream stays one. This is what keeps the
    branch not taken of a ``where`` from leaking, and makes the gradient of ``sqrt(sum(x*x))`` at 0 the least one, 0.
    """

    partials = (lambda y, g, d: d, lambda y, g, d: g)

    def __call__(self, g: Any, d: Any) -> Any:
        kind = d.__class__
        if kind is Value or g.__class__ is Value:
            return super().__call__(g, d)
        return self.reference(g, g.dtype.type(d) if kind is int or kind is float else d)

    def reference(self, g: Array, d: Array) -> Array:
        y = g * d
        if y.__class__ is not np.ndarray:
            return y if y == y else _annihilated(y, g, d)[()]
        return _annihilated(y, g, d) if np.isnan(y).any() else y

    def at(self, e: Scalars, i: Index, g: Read, d: Read) -> Scalar:
        up, local = g(i), d(i)
        zero = e.const(0, g.dtype)
        known = e.call("equal", up, up)  # not NaN
        none = e.call("logical_or", e.call("equal", up, zero), e.call("logical_and", e.call("equal", local, zero), known))
        return e.select(none, zero, e.call("mul", up, local))


def _annihilated(y: Array, g: Array, d: Array) -> Array:
    return np.where((g == 0) | ((d == 0) & (g == g)), y.dtype.type(0), y)


chain = Chain()
