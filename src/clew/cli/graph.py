"""``clew graph``: the graph of an expression, with every value and every gradient."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence

from ..errors import GradientError, UsageError
from ..variable import variable
from ..view import GraphView
from .arguments import Parser
from .grammar import FUNCTIONS

OPTIONS = "\n                  [--wrt NAMES] [--steps] [--svg FILE] [--png FILE] [--json] [--open GATES | --fold GATES]"

EPILOG = f"""\
An expression has numbers, names, + - * / // % ** @, comparisons, and, or, not, [lists], x[0], "a if c else b",
the constants e, pi, inf, nan, and these functions:
{chr(10).join(f"  {' '.join(sorted(FUNCTIONS)[k : k + 12])}" for k in range(0, len(FUNCTIONS), 12))}
Parts can be named: "p = x + y; g = p * z". Everything is computed in float64.

examples
  clew graph "(x + y) * z" x=1 y=3 z=-3
  clew graph "p = x + y; g = p * z" x=1 y=3 z=-3 --steps
  clew graph "1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))" w0=2 x0=-1 w1=-3 x1=-2 w2=-3 --svg neuron.svg
  clew graph "mean((w @ x - 1) ** 2)" w=[[1,2],[3,4]] x=[0.5,-1] --wrt w"""


def main(argv: Sequence[str]) -> int:
    parser = Parser("graph", "The graph of an expression, with every value and every gradient.", OPTIONS, EPILOG)
    parser.add_argument("--wrt", metavar="NAMES", help="only the gradients with respect to these names, as x,y")
    parser.add_argument("--steps", action="store_true", help="each step of both passes in words, after the table")
    parser.add_argument("--svg", metavar="FILE", help="write the picture as SVG")
    parser.add_argument("--png", metavar="FILE", help="write the picture as PNG")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON instead")
    parser.add_argument("--open", metavar="GATES", help="show what is inside these gates (softmax,...), or all")
    parser.add_argument("--fold", metavar="GATES", help="leave only these gates closed, or all")
    expression, values, options = parser.read(argv)
    if options.json and options.steps:
        raise UsageError("--json and --steps exclude each other")
    if options.open and options.fold:
        raise UsageError("--open and --fold exclude each other; gates that are not named in --fold are open")
    output = expression(*(variable(array, name) for name, array in values.items()))
    whole = output.graph("expression")
    closed = _closed(whole, options.open, options.fold)
    if options.wrt:
        whole = _restricted(whole, options.wrt)
    view = whole.folded(closed)
    drawn = [_drawn(whole, closed, suffix, path) for suffix, path in ((".svg", options.svg), (".png", options.png)) if path]
    print(json.dumps(view.to_dict(), indent=2, allow_nan=False) if options.json else view)
    if options.steps:
        print(f"\n{view.steps()}")
    remarks = [f"wrote {path}" for path in drawn] + ([] if view.gradients else [f"no gradients: {_why(whole)}"])
    for remark in remarks:
        print(remark, file=sys.stderr)  # apart from the output proper
    return 0


def _closed(view: GraphView, opened: str | None, folded: str | None) -> bool | Collection[str]:
    """The gates to show as one; True for all."""
    if folded is not None:
        return True if folded == "all" else _names(folded)
    if opened is None:
        return True
    if opened == "all":
        return frozenset()
    for name in _names(opened) - view.gates:
        raise UsageError(f"there is no gate {name!r} to open; there are: {', '.join(sorted(view.gates)) or 'none'}")
    return view.gates - _names(opened)


def _drawn(view: GraphView, closed: bool | Collection[str], suffix: str, path: str) -> str:
    if not path.lower().endswith(suffix):
        raise UsageError(f"--{suffix[1:]} {path}: the name of the file must end with {suffix}")
    view.draw(path, fold="auto" if closed is True else closed)
    return path


def _restricted(view: GraphView, names: str) -> GraphView:
    if not view.gradients:
        raise GradientError(f"--wrt {names}: {_why(view)}")
    for name in _names(names) - view.nodes.keys():
        raise UsageError(f"--wrt: there is no {name!r}; there are {', '.join(view.nodes)}")
    return view.wrt(*_names(names))


def _why(view: GraphView) -> str:
    output = view.graph.outputs[0]
    if output.op is None:
        return "the result does not depend on any name"
    if not output.type.differentiable:
        return f"the result is {output.type}, and only floating-point numbers have gradients"
    return f"the result is {output.type}, not a scalar; take its sum(...) or mean(...)"


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, map(str.strip, text.split(","))))
