"""Why a gradient does not arrive: the way from a loss to a variable, and where it is cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..diff.reverse import known, pull_back, reaching
from ..errors import GradientError
from ..ir import INPUT, Array, Tuple, Value, toposort
from ..ops import arithmetic, exponential, reductions, rounding, sorting, trigonometric
from ..ops.comparison import Where
from ..ops.elementwise import Predicate
from ..tensor import Tensor
from .describe import name, place, spread

MOST = 6  # cuts that are told


@dataclass(frozen=True)
class Cut:
    """An edge over which no gradient passes, or only zeros: from ``node`` to its operand ``operand``."""

    node: Value
    operand: int
    why: str

    def __str__(self) -> str:
        x = self.node.operands[self.operand]
        site = f"\n      at {self.node.site}" if self.node.site is not None else ""
        return f"{name(self.node)} <- {name(x)}: {self.why}{site}"


@dataclass(frozen=True)
class GradientFlow:
    """What became of the gradient from a loss to a variable. Print it.

    ``connected`` says whether there is a path at all, ``gradient`` is what arrives (None: nothing), ``path`` is one way from
    the loss to the variable, and ``cuts`` are the edges where the gradient ends.
    """

    variable: str
    connected: bool
    gradient: Array | None
    path: tuple[Value, ...]
    cuts: tuple[Cut, ...]
    hints: tuple[str, ...] = ()
    shares: tuple[tuple[Value, float], ...] = ()  # nodes of the path, and how much of what comes back to them ends there

    @property
    def arrives(self) -> bool:
        """Whether a gradient that is not all zeros arrives."""
        return bool(np.any(self.gradient)) if self.gradient is not None else False

    def __str__(self) -> str:
        if not self.connected:
            lines = [f"{self.variable} gets no gradient: nothing that the loss was computed from leads to it"]
            return "\n".join([*lines, *(f"  {hint}" for hint in self.hints)])
        way = " <- ".join(name(v) for v in self.path)
        if self.gradient is not None and self.arrives:
            zeros = 1 - np.count_nonzero(self.gradient) / np.size(self.gradient)
            share = f", {100 * zeros:.3g} % of it zeros" if zeros else ""
            lines = [f"{self.variable} gets a gradient: {spread(self.gradient)}{share}", f"  path: {way}"]
            lines += [
                f"  {name(v)} passes nothing to {100 * share:.3g} % of its elements{place(v)}" for v, share in self.shares
            ]
            lines += [f"  on another path nothing passes {cut}" for cut in self.cuts[:MOST]]
            return "\n".join(lines)
        what = "no gradient" if self.gradient is None else "a gradient of zeros"
        lines = [f"{self.variable} gets {what}", f"  path: {way}"]
        lines += [f"  cut at {cut}" for cut in self.cuts[:MOST]]
        if len(self.cuts) > MOST:
            lines.append(f"  and at {len(self.cuts) - MOST} more edges")
        return "\n".join(lines)


def why_no_gradient(loss: Tensor, variable: Tensor) -> GradientFlow:
    """Why the gradient of ``loss`` with respect to ``variable``, or to any node, is absent or zero.

    Tells whether there is a path from the one to the other, and each edge where the gradient ends: cut off (``detach``, a
    cast to integers, a comparison, argmax, rounding), or multiplied by zero (a dead ReLU, with its share of zeros, a saturated
    sigmoid or tanh, a mask, a factor that is zero). If a gradient arrives, it says so.

    >>> import clew as cl
    >>> w = cl.variable([-1.0, -2.0], name="w")
    >>> print(cl.why_no_gradient(cl.sum(cl.maximum(w, 0.0)), w))
    w gets a gradient of zeros
      path: sum <- maximum <- w
      cut at maximum <- w: the other operand is larger in all 2 elements (dead: 100 % are zeros)
          at ...
    """
    output, target = loss.value, variable.value
    called = target.name or "the variable"
    if output.data is None:
        raise GradientError("why_no_gradient: the loss has no value yet (it is traced); ask for one that was computed")
    order = toposort((output,))
    targets = {v for v in order if v is target or (target.label is not None and target.label is v.label)}
    active = reaching(order, targets)
    if output not in active:
        return GradientFlow(called, False, None, (), (), tuple(_hints(output, order)))
    edges: dict[tuple[Value, int], Any] = {}
    seed = np.ones(output.shape, output.dtype)[()] if output.type.differentiable else None
    found = {} if seed is None else pull_back({output: seed}, known, None, edges)
    gradient = None
    for v in targets:
        if v in found:
            gradient = found[v] if gradient is None else gradient + found[v]
    cuts = [] if seed is not None else [Cut(output, 0, f"the loss is {output.type}, which has no derivative")]
    for y in reversed(order):
        if y.op is None or y.op is INPUT or y not in active or _zero(found.get(y)):
            continue
        for k, x in enumerate(y.operands):
            if x in active and not x.type.differentiable:
                cuts += [Cut(z, j, _no_derivative(z, z.operands[j])) for z, j in _leaving_floats(x, active)]
            elif x in active and _zero(edges.get((y, k))):
                cuts.append(Cut(y, k, _reason(y, k, found[y], edges.get((y, k)))))
    path = _path(order, targets, active, edges)
    return GradientFlow(called, True, gradient, tuple(path), tuple(cuts), (), tuple(_shares(path, edges)))


def _leaving_floats(x: Value, active: set[Value]) -> list[tuple[Value, int]]:
    """Of a value that is no float: the edges on the ways to the variable where floats were left."""
    found, waiting, seen = [], [x], {x}
    while waiting:
        z = waiting.pop()
        for j, y in enumerate(z.operands):
            if y in active and y.type.differentiable:
                found.append((z, j))
            elif y in active and y not in seen:
                seen.add(y)
                waiting.append(y)
    return found


def _zero(g: Any) -> bool:
    if isinstance(g, tuple):
        return all(_zero(part) for part in g)
    return g is None or not np.any(g)


def _path(order: list[Value], targets: set[Value], active: set[Value], edges: dict[tuple[Value, int], Any]) -> list[Value]:
    """One way from the loss to the variable: one that carries a gradient to the end, or else as far as any does."""
    carrying = set(targets)
    for y in order:
        if any([x in carrying and not _zero(edges.get((y, k))) for k, x in enumerate(y.operands)]):
            carrying.add(y)
    path = [order[-1]]
    while path[-1] not in targets:
        y = path[-1]
        ways = [(k, x) for k, x in enumerate(y.operands) if x in active]
        path.append(max(ways, key=lambda way: (way[1] in carrying, not _zero(edges.get((y, way[0]))), -way[0]))[1])
    return path


def _shares(path: list[Value], edges: dict[tuple[Value, int], Any]) -> Iterator[tuple[Value, float]]:
    """The nodes of the path that turn some elements of what comes back to them into zeros, and to how many."""
    for y, x in itertools.pairwise(path):
        flow = edges.get((y, y.operands.index(x)))
        if flow is None or isinstance(flow, tuple) or np.size(flow) < 2 or np.shape(flow) != y.shape:
            continue
        parts = [g for (user, k), g in edges.items() if user.operands[k] is y and not isinstance(g, tuple)]
        arriving = np.count_nonzero(sum(parts)) if parts else np.size(flow)
        ended = arriving - np.count_nonzero(flow)
        if ended > 0:
            yield y, ended / np.size(flow)


def _hints(output: Value, order: list[Value]) -> list[str]:
    """What may have cut the connection where none is recorded."""
    hints = [f"a constant of it was {v.note}" for v in order if v.op is None and v.note and v.note.startswith("detached")]
    if output.op is None:
        cut = hints or ["it was detached, computed under cl.no_grad(), from values taken out (item, numpy), or not at all"]
        return [f"the loss itself is a constant: {cut[0].removeprefix('a constant of it was ')}"]
    leaves = ", ".join(dict.fromkeys(name(v) for v in order if v.op is INPUT)) or "none"
    hints.append(f"what it depends on: {leaves}")
    if len(hints) == 1:
        hints.append("no detach is recorded; was the variable used under cl.no_grad(), or its value taken out (item, numpy)?")
    return hints


def _reason(y: Value, k: int, g: Any, flow: Any) -> str:
    """Why nothing passes over this edge, although a gradient reaches ``y``."""
    x, op = y.operands[k], y.op
    assert op is not None
    if flow is None:
        return _no_derivative(y, x)
    data, others = x.data, [v.data for j, v in enumerate(y.operands) if j != k]
    reached = np.broadcast_to(np.asarray(_first(g)) != 0, np.shape(y.data)) if not isinstance(y.type, Tuple) else np.ones(())
    counted = f"all {np.size(data)} elements" if np.size(data) > 1 else "its only element"
    if op.name == "relu":
        return f"a dead ReLU: what it is given is not above 0 in {counted} ({spread(data)})"
    tell = _ZERO.get(type(op))
    if tell is not None and data is not None:
        return tell(counted, data, others, reached)
    if isinstance(op, arithmetic.Mul | arithmetic.Div) or op.name == "contract":
        return f"what it is multiplied by is zero ({name(y.operands[1 - k])}: {spread(others[0])})"
    return (
        f"its local gradient is zero wherever a gradient arrives ({spread(data)})" if data is not None else "it is zero there"
    )


def _first(g: Any) -> Any:
    return next((part for part in g if part is not None), 0.0) if isinstance(g, tuple) else g


def _dead(counted: str, data: Array, others: list[Any], reached: Array) -> str:
    return f"the other operand is larger in {counted} (dead: 100 % are zeros)"


def _dead_below(counted: str, data: Array, others: list[Any], reached: Array) -> str:
    return f"the other operand is smaller in {counted} (dead: 100 % are zeros)"


def _saturated(counted: str, data: Array, others: list[Any], reached: Array) -> str:
    return f"saturated: its slope is 0 in floating point at {spread(data)}"


def _masked(counted: str, data: Array, others: list[Any], reached: Array) -> str:
    return "masked: the condition takes the other one wherever a gradient arrives"


_ZERO: dict[type, Callable[..., str]] = {
    arithmetic.Maximum: _dead,
    arithmetic.Minimum: _dead_below,
    exponential.Sigmoid: _saturated,
    exponential.Softplus: _saturated,
    exponential.Exp: _saturated,
    trigonometric.Tanh: _saturated,
    Where: _masked,
}


def _no_derivative(y: Value, x: Value) -> str:
    """Why an op has no gradient for an operand at all."""
    op = y.op
    if isinstance(op, rounding.Detach):
        return "detached: stop_gradient or detach() cuts it here"
    if isinstance(op, rounding.Cast):
        return f"a cast from {x.type} to {y.type}: integers and booleans have no derivative"
    if isinstance(op, Predicate):
        return "a comparison is true or false: it has no derivative"
    if isinstance(op, rounding.Rounding | rounding.Sign):
        return "rounding is flat between its jumps: its derivative is 0"
    if isinstance(op, reductions.ArgExtreme | sorting.ArgSort):
        return "the place of an element has no derivative, only its value has"
    if not x.type.differentiable:
        return f"{name(x)} is {x.type}, which has no derivative"
    return f"{op.name if op else 'it'} passes no gradient to its operand {y.operands.index(x)}"
