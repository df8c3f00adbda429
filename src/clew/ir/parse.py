"""Graphs read from text. ``show(parse(text, ops))`` is ``text`` again."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ClewError, ParseError
from .graph import Graph
from .op import Op, parameter
from .types import DTYPES, UNKNOWN, Array, Tuple, Type
from .value import Label, Value

_ARRAY = r"\w+\[[\d,?]*\]"
_HEAD = re.compile(r"graph (\w+)\((.*)\) -> (.*):$")
_LINE = re.compile(rf"  (%\d+|\w+): ({_ARRAY}|\((?:{_ARRAY},? ?)*\)) = (\w+)\((.*?)\)(?:  # (.*))?$")
_PARAMETER = re.compile(rf"(\w+): ({_ARRAY})")
_TYPE = re.compile(r"(\w+)\[([\d,?]*)\]$")
_NUMBERS = {"inf": float("inf"), "nan": float("nan"), **DTYPES}


def parse_type(text: str) -> Type:
    """``f32[8,3]`` as a type, ``(f32[8,3], i64[])`` as a tuple of types."""
    if text.startswith("("):
        return Tuple(tuple(map(parse_type, re.findall(_ARRAY, text))))
    match = _TYPE.match(text)
    if match is None or match[1] not in DTYPES:
        raise ParseError(f"not a type: {text!r}; a type is a dtype ({' '.join(DTYPES)}) and a shape, such as f32[8,3]")
    return Type(DTYPES[match[1]], tuple(UNKNOWN if n == "?" else int(n) for n in match[2].split(",") if n))


def parse(text: str, ops: Mapping[str, type[Op]]) -> Graph:
    """The last graph of ``text``; the graphs before it are those that it refers to as ``@name``."""
    graphs: dict[str, Graph] = {}
    reader: _Reader | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.startswith("graph "):
                reader = _Reader(line, ops, graphs)
            elif line.strip() and reader is None:
                raise ParseError(f"expected 'graph name(...) -> ...:', got {line!r}")
            elif line.startswith("  return") and reader is not None:
                graphs[reader.name] = graph = reader.finish(line)
                reader = None
            elif line.strip() and reader is not None:
                reader.read(line)
        except ClewError as error:
            raise ParseError(f"line {number}: {error}") from error
    if reader is not None or not graphs:
        raise ParseError("the text ends before a graph's 'return' line" if reader else "the text holds no graph")
    return graph


def elements(type: Type, arguments: list[Any]) -> Array:
    """The data of ``constant(...)``: every element, or the one number that all are."""
    try:
        (argument,) = arguments
        data = np.array(argument, type.dtype)
        data = data.reshape(type.shape) if data.size == type.size else np.broadcast_to(data, type.shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise ParseError(f"a constant of {type} needs {type.size} numbers, or one for all of them: {error}") from error
    return data if type.shape else data[()]


class _Reader:
    """Reads the lines of one graph."""

    def __init__(self, head: str, ops: Mapping[str, type[Op]], graphs: Mapping[str, Graph]) -> None:
        match = _HEAD.match(head)
        if match is None:
            raise ParseError(f"expected 'graph name(...) -> ...:', got {head!r}")
        self.name, self.ops, self.graphs = match[1], ops, graphs
        self.values = {name: parameter(name, parse_type(t)) for name, t in _PARAMETER.findall(match[2])}
        self.inputs = tuple(self.values.values())

    def read(self, line: str) -> None:
        match = _LINE.match(line)
        if match is None:
            raise ParseError(f"expected '  %n: type = op(...)', got {line!r}")
        name, kind, op, arguments, note = match.groups()
        type, (positional, keywords) = parse_type(kind), self.arguments(arguments)
        label = Label(None if name.startswith("%") else name, note) if note or not name.startswith("%") else None
        if op == "constant":
            self.values[name] = Value(None, (), type, elements(type, positional), label)
            return
        if op not in self.ops:
            raise ParseError(f"there is no op {op!r}")
        operands = tuple(positional)
        if any(x.__class__ is not Value for x in operands):
            raise ParseError(f"the operands of {op} must be values made before it, in ({arguments})")
        try:
            made = self.ops[op](**keywords)
        except TypeError as error:
            raise ParseError(f"{op} has other attributes than ({arguments}): {error}") from error
        inferred = made.infer(*(x.type for x in operands))
        if inferred is not type:
            raise ParseError(f"{name} is declared {type}, but {op} makes {inferred}")
        self.values[name] = Value(made, operands, type, None, label)

    def arguments(self, text: str) -> tuple[list[Any], dict[str, Any]]:
        try:
            source = re.sub(r"@(\w+)", r"__graph_\1", re.sub(r"%(\d+)", r"__value_\1", text))
            call = ast.parse(f"f({source})", mode="eval").body
        except SyntaxError as error:
            raise ParseError(f"cannot read the arguments ({text})") from error
        assert isinstance(call, ast.Call)
        return [self.read_argument(a) for a in call.args], {str(k.arg): self.read_argument(k.value) for k in call.keywords}

    def read_argument(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Tuple(elts=items):
                return tuple(self.read_argument(item) for item in items)
            case ast.List(elts=items):
                return [self.read_argument(item) for item in items]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.read_argument(operand)
            case ast.Name(id=name):
                return self.look_up(name)
        raise ParseError(f"cannot read {ast.unparse(node)!r}")

    def look_up(self, name: str) -> Any:
        if name.startswith("__graph_") and (graph := name.removeprefix("__graph_")) in self.graphs:
            return self.graphs[graph]
        if name.startswith("__graph_"):
            raise ParseError(f"there is no graph @{name.removeprefix('__graph_')} before this one")
        key = "%" + name.removeprefix("__value_") if name.startswith("__value_") else name
        if key in self.values:
            return self.values[key]
        if name in _NUMBERS:
            return _NUMBERS[name]
        raise ParseError(f"{key} is used before it is made")

    def finish(self, line: str) -> Graph:
        names = [name.strip() for name in line.removeprefix("  return").split(",") if name.strip()]
        for name in names:
            if name not in self.values:
                raise ParseError(f"{name} is returned but never made")
        return Graph(self.name, self.inputs, tuple(self.values[name] for name in names))
