"""What may be typed as an expression: a part of Python's syntax, read and checked against lists, never run as Python."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from ..errors import ParseError

CONSTANTS = {"e": math.e, "pi": math.pi, "inf": math.inf, "nan": math.nan}

FUNCTIONS = frozenset(
    """
    abs sign square sqrt rsqrt reciprocal pow maximum minimum hypot copysign remainder clip
    exp expm1 log log1p log2 log10 logaddexp xlogy erf sigmoid softplus relu softmax log_softmax
    sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
    floor ceil round trunc where isnan isinf isfinite
    sum mean prod max min var std logsumexp cumulative_sum cumulative_prod sort
    matmul vecdot reshape
    """.split()
)

OTHER_NAMES = {"ln": "log", "lg": "log10", "logistic": "sigmoid", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
OTHER_NAMES |= {"dot": "vecdot", "average": "mean", "cumsum": "cumulative_sum", "cumprod": "cumulative_prod", "power": "pow"}

BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
HINTS: dict[type[ast.AST], str] = {
    ast.BitXor: "a power is written **, not ^",
    ast.BitAnd: "that both hold is written: and",
    ast.BitOr: "that one of two holds is written: or",
    ast.Invert: "that something does not hold is written: not",
    ast.Attribute: "names have no dots here; write exp(x), not math.exp(x)",
}
ALLOWED = (
    *(*BINARY, *COMPARISONS, ast.UAdd, ast.USub, ast.Not, ast.And, ast.Or, ast.Load),
    *(ast.Constant, ast.Name, ast.List, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.Call, ast.keyword, ast.Subscript, ast.Slice),
)

MAX = 1.7e308  # whole numbers above it are no float64

Part = tuple[str, ast.expr]


def parts(text: str) -> list[Part]:
    """``p = x + y; p * z`` as pairs of a name (empty where there is none) and a formula; the last one is the result."""
    if not text.strip():
        raise ParseError("the expression is empty")
    found: list[Part] = []
    body = _parsed(text.strip())
    for statement in body:
        match statement:
            case ast.Expr(value=tree) if statement is body[-1]:
                found.append(("", tree))
            case ast.Assign(targets=[ast.Name(id=name)], value=tree):
                found.append((name, tree))
            case _:
                raise ParseError(f"{shown(statement)!r} is neither the last expression nor NAME = EXPRESSION")
    for _, tree in found:
        _check(tree)
    return found


def _parsed(text: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(text).body
    except SyntaxError as error:
        line = (text.splitlines() or [""])[(error.lineno or 1) - 1]
        column = min(max((error.offset or 1) - 1, 0), len(line))
        reasons = {"invalid syntax": "this cannot be read", "invalid decimal literal": "a product is written with *, as 2*x"}
        reason = reasons.get(error.msg, error.msg)
        raise ParseError(f"syntax error at the ^ in {line[:column]}^{line[column:]} ({reason})") from None
    except (RecursionError, MemoryError):
        raise ParseError("the expression is nested too deeply") from None


def _check(tree: ast.expr) -> None:
    """An error that names the first thing that has no place in an expression."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name not in FUNCTIONS:
                raise ParseError(unknown_function(name))
            case ast.Call(func=function) if not isinstance(function, ast.Name | ast.Attribute):
                raise ParseError(f"{shown(function)!r} is not a function; a product is written with *")
            case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) in HINTS:
                raise ParseError(f"in {shown(node)!r}: {HINTS[type(op)]}")
            case ast.Constant(value=value) if not isinstance(value, int | float) and value is not ...:
                raise ParseError(f"{shown(node)!r} is not a number")
            case ast.Constant(value=int(value)) if value > MAX:
                raise ParseError(f"a number of {len(str(value))} digits is too large for float64; write it as 1e300")
        if type(node) in HINTS:
            raise ParseError(f"in {shown(node)!r}: {HINTS[type(node)]}")
        if not isinstance(node, ALLOWED):
            raise ParseError(f"{shown(node)!r} has no place in an expression")


def unknown_function(name: str) -> str:
    close = OTHER_NAMES.get(name) or next(iter(get_close_matches(name, FUNCTIONS, 1)), None)
    hint = f"did you mean {close}?" if close else "clew graph --help lists them; a product is written with *"
    return f"there is no function {name}; {hint}"


def value_names(trees: Iterable[ast.expr]) -> Iterator[str]:
    """The names of values in formulas, in the order of reading."""
    stack: list[ast.AST] = [*reversed(list(trees))]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            yield node.id
        children = [child for child in ast.iter_child_nodes(node) if not isinstance(node, ast.Call) or child is not node.func]
        stack += children[::-1]


def shown(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())
