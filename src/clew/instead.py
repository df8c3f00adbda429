"""What to write instead of Python's control flow where it would depend on a value that is not known yet."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable

from .ir import Site

ANY = "keep it a tensor (cl.where chooses by a condition), or compute it outside"


def instead(site: Site) -> str:
    """The form to use for the statement at ``site``, written out for it where that can be done."""
    statement = statement_at(site)
    match statement:
        case ast.If():
            return _for_if(statement)
        case ast.While():
            return _for_while(statement)
        case ast.For():
            return _for_for(statement)
        case ast.Assert(test=condition):
            return f"leave the assertion out, or make it outside of the traced function; it asks for {ast.unparse(condition)}"
    choice = next((node for node in ast.walk(statement) if isinstance(node, ast.IfExp)), None) if statement else None
    if choice is not None:
        then, test, other = (ast.unparse(part) for part in (choice.body, choice.test, choice.orelse))
        return f"write cl.where({test}, {then}, {other}), or cl.cond, which runs only one of them"
    return ANY


def statement_at(site: Site) -> ast.stmt | None:
    """The innermost statement of the user's code that holds the site's line; None where there is no source."""
    try:
        lines, first = inspect.getsourcelines(site.code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    line = site.line - (first or 1) + 1
    found: ast.stmt | None = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            head = node.body[0].lineno if isinstance(node, ast.If | ast.While | ast.For) else line + 1
            if line < head or line == node.lineno:
                found = node if found is None or node.lineno >= found.lineno else found
    return found


def _for_if(node: ast.If) -> str:
    test = ast.unparse(node.test)
    match node.body, node.orelse:
        case [ast.Return(value=ast.expr() as then)], [ast.Return(value=ast.expr() as other)]:
            return f"write\n    return {_cond(test, then, other)}"
        case [ast.Assign(targets=[target], value=then)], [ast.Assign(targets=[again], value=other)] if ast.unparse(
            target
        ) == ast.unparse(again):
            return f"write\n    {ast.unparse(target)} = {_cond(test, then, other)}"
        case [ast.Assign(targets=[target], value=then)], []:
            return f"write\n    {ast.unparse(target)} = {_cond(test, then, target)}"
    changed = _listed(_assigned(node.body + node.orelse)) or "result"
    return (
        f"write both branches as functions that return ({changed}), and\n"
        f"    {changed} = cl.cond({test}, then, otherwise, ...)\n"
        f"or choose element by element with cl.where({test}, ..., ...)"
    )


def _cond(test: str, then: ast.expr, other: ast.expr) -> str:
    """``cl.cond`` with both branches as functions of the names that they read."""
    read = _listed(dict.fromkeys([*_read(then), *_read(other)]))
    head = f"lambda {read}" if read else "lambda"
    return f"cl.cond({test}, {head}: {ast.unparse(then)}, {head}: {ast.unparse(other)}{', ' + read if read else ''})"


def _for_while(node: ast.While) -> str:
    state = list(dict.fromkeys(_assigned(node.body)))
    return _loop(state, f"cl.while_loop(lambda state: {_of_state(node.test, state)}, body, {_tuple(state)})")


def _for_for(node: ast.For) -> str:
    target, over = ast.unparse(node.target), node.iter
    state = [name for name in dict.fromkeys(_assigned(node.body)) if name != target]
    if isinstance(over, ast.Call) and ast.unparse(over.func) == "range":
        bounds = [ast.unparse(a) for a in over.args]
        low, high = ("0", bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
        return _loop(state, f"cl.fori_loop({low}, {high}, body, {_tuple(state)})", f"{target}, ")
    rows = _rows(over)
    lines = [
        f"write\n    def body(state, {target}):",
        *([f"        {_tuple(state)} = state"] if state else []),
        "        ...",
        f"        return {_tuple(state)}, None",
        f"    {_tuple(state)}, _ = cl.scan(body, {_tuple(state)}, {rows})",
        "or, to write every step out in the graph, loop over cl.unstack of it",
    ]
    return "\n".join(lines)


def _rows(over: ast.expr) -> str:
    """What a scan goes over instead: of a zip, a tuple."""
    if isinstance(over, ast.Call) and ast.unparse(over.func) in ("zip", "enumerate"):
        parts = ", ".join(ast.unparse(a) for a in over.args)
        return f"({parts})" if ast.unparse(over.func) == "zip" else f"(cl.arange(len({parts})), {parts})"
    return ast.unparse(over)


def _loop(state: list[str], call: str, first: str = "") -> str:
    lines = [
        f"write\n    def body({first}state):",
        *([f"        {_tuple(state)} = state"] if state else []),
        "        ...",
        f"        return {_tuple(state)}",
        f"    {_tuple(state)} = {call}",
    ]
    return "\n".join(lines)


def _of_state(test: ast.expr, state: list[str]) -> str:
    """The condition as a function of the state's parts."""

    class Parts(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if node.id not in state:
                return node
            part = f"state[{state.index(node.id)}]" if len(state) > 1 else "state"
            return ast.parse(part, mode="eval").body

    return ast.unparse(Parts().visit(test))


def _tuple(names: list[str]) -> str:
    return "()" if not names else names[0] if len(names) == 1 else f"({', '.join(names)})"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _assigned(statements: list[ast.stmt]) -> list[str]:
    """The names that the statements assign to."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def _read(node: ast.expr) -> list[str]:
    """The names that an expression reads, functions that it calls aside."""
    called = {id(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    spaces = {id(part.value) for part in ast.walk(node) if isinstance(part, ast.Attribute) and _is_module(part.value)}
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and id(part) not in called | spaces]


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("cl", "clew", "np", "numpy", "math")
