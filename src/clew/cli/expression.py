"""Expressions typed on the command line, as functions. Everything is computed in float64."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import reduce
from inspect import Parameter, Signature, signature
from typing import Any

import numpy as np

import clew as cl

from ..errors import ParseError, UsageError
from ..tensor import Tensor
from ..variable import Variable
from .grammar import BINARY, COMPARISONS, CONSTANTS, FUNCTIONS, parts, shown, value_names


class Expression:
    """An expression, for which values of some names are ``given``: exactly its variables, or an error says which.

    Called with tensors for its ``variables``, in their order, it returns a tensor. Parts named in it (``p = x + y; p * z``)
    are named nodes; the result is named too: f, if nothing else is. For others it is a function of its variables.
    """

    def __init__(self, text: str, given: Collection[str] = ()) -> None:
        self.__name__ = text.strip()
        self.parts = parts(text)
        self.constants = {name: value for name, value in CONSTANTS.items() if name not in given}
        named = [name for name, _ in self.parts if name]
        used = dict.fromkeys(value_names(tree for _, tree in self.parts))
        self.variables = tuple(name for name in used if name not in named and name not in self.constants)
        self.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in self.variables])
        self._check_parts(named, given)
        _check_missing([name for name in self.variables if name not in given], [*given, *self.constants, *named])
        unused = [name for name in given if name not in self.variables]
        if unused:
            has = f"its names are {', '.join(self.variables)}" if self.variables else "it has no names"
            raise UsageError(f"{' and '.join(unused)} {_are(unused)} given, but not in the expression; {has}")
        self.result = self.parts[-1][0] or next(n for n in ("f", "result", "output", "value") if n not in (*used, *named))

    def _check_parts(self, named: list[str], given: Collection[str]) -> None:
        for k, name in enumerate(named):
            if name in named[:k] or name in given:
                raise UsageError(f"{name} is given a value twice; use another name for one of them")
            if name in value_names(tree for _, tree in self.parts[: k + 1]):
                raise UsageError(f"{name} is used before it is computed")
            if k < len(self.parts) - 1 and name not in value_names(tree for _, tree in self.parts):
                raise UsageError(f"{name} is computed, but not used; leave it out")

    def __call__(self, *values: Any) -> Any:
        known = {**self.constants, **dict(zip(self.variables, values, strict=True))}
        result: Any = None
        for name, tree in self.parts:
            result = tensor(_read(tree, known))
            if result.tracked and not isinstance(result, Variable):
                result = result.named(name or self.result)
            known[name] = result
        return result


def _check_missing(missing: list[str], others: Iterable[str]) -> None:
    for name in missing:
        if name in FUNCTIONS:
            raise UsageError(f"{name} is a function; call it, as {name}(x)")
    if missing:
        close = get_close_matches(missing[0], others, 1)
        hint = f"did you mean {close[0]}?" if close else f"add {' '.join(f'{name}=1' for name in missing)}, or other numbers"
        raise UsageError(f"{' and '.join(missing)} {'has' if len(missing) == 1 else 'have'} no value; {hint}")


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def number(name: str, text: str) -> Any:
    """The value given for ``name``: a number, or nested lists of numbers, as a float64 array."""
    try:
        value = Expression(text)()
    except (ParseError, UsageError) as error:
        raise UsageError(f"{name}={text}: {error}; a value is a number or a list, such as 1e-3 or [[1,2],[3,4]]") from None
    if value.dtype != np.float64:
        raise UsageError(f"{name}={text} is not a number or a list of numbers")
    return np.array(value.numpy())


def tensor(x: Any) -> Any:
    """A Python number, or nested lists of them, as a float64 tensor; a tensor as it is."""
    return x if isinstance(x, Tensor) else cl.asarray(np.array(x, np.float64))


def _read(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of a formula: a tensor, or a Python number or list where no tensor is in it."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return known[name]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return _sequence(node, [_read(item, known) for item in items])
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _operand(_read(left, known)), _operand(_read(right, known))
            return BINARY[type(op)](a if isinstance(b, Tensor) else tensor(a), b)
        case ast.UnaryOp(op=op, operand=operand):
            return _signed(op, _read(operand, known))
        case ast.BoolOp(op=op, values=values):
            join = cl.logical_and if isinstance(op, ast.And) else cl.logical_or
            return reduce(join, [tensor(_read(x, known)) for x in values])
        case ast.Compare(left=left, ops=ops, comparators=others):
            xs = [tensor(_read(x, known)) for x in (left, *others)]
            return reduce(cl.logical_and, [COMPARISONS[type(op)](a, b) for op, a, b in zip(ops, xs, xs[1:], strict=False)])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return cl.where(*(tensor(_read(x, known)) for x in (test, body, orelse)))
        case ast.Subscript(value=value, slice=index):
            return tensor(_read(value, known))[_index(index)]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            options = {str(k.arg): _read(k.value, known) for k in keywords}
            return _call(name, [_read(x, known) for x in args], options)
    raise ParseError(f"{shown(node)!r} has no place in an expression")


def _operand(x: Any) -> Any:
    return x if isinstance(x, int | float) else tensor(x)  # a number takes the dtype beside it


def _signed(op: ast.unaryop, x: Any) -> Any:
    if isinstance(op, ast.Not):
        return cl.logical_not(tensor(x))
    return -_operand(x) if isinstance(op, ast.USub) else _operand(x)


def _sequence(node: ast.List | ast.Tuple, items: list[Any]) -> Any:
    if any([isinstance(x, Tensor) for x in items]):
        return cl.stack([tensor(x) for x in items])
    try:
        np.array(items, np.float64)
    except ValueError:
        raise ParseError(f"the rows of {shown(node)} differ in length") from None
    return items if isinstance(node, ast.List) else tuple(items)


def _index(node: ast.expr) -> Any:
    match node:
        case ast.Tuple(elts=items):
            return tuple(_index(item) for item in items)
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if x is None else _index(x) for x in (lower, upper, step)))
        case ast.Constant(value=value) if isinstance(value, int) or value is ...:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
    raise ParseError(f"an index is a whole number, not {shown(node)!r}")


def _call(name: str, args: list[Any], options: dict[str, Any]) -> Any:
    args = [x if isinstance(x, tuple) else tensor(x) for x in args]
    if name in ("max", "min") and len(args) > 1:  # of several values; of one, its largest element
        return reduce(cl.maximum if name == "max" else cl.minimum, args)
    function = getattr(cl, name)
    try:
        signature(function).bind(*args, **options)
    except TypeError as error:
        raise ParseError(f"{name}(...): {error}") from None
    return function(*args, **options)
