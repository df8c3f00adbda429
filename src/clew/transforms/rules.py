"""Hand-made derivatives of gates against the derivatives of their parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..array.promotion import value_of
from ..errors import GradientMismatch, UsageError
from ..gates import Gate, expand
from ..ir import FLOATS, INPUT, Array, Label, Type, Value, constant, evaluate, toposort
from ..ops.items import items
from ..pytree import flatten
from ..tensor import Tensor, unwrap
from .differences import WIDE
from .report import Report, Row
from .run import Function, name_of

COLUMNS = ("rule", "operand", "compared", "difference", "where", "hand-made", "of the parts")
TOLERANCE = {8: (1e-7, 1e-9), 4: (1e-3, 1e-5), 2: (5e-2, 1e-2)}  # by bytes of a float: relative to the number, to the largest
TRIALS = 3  # random gradients, or tangents


def check_gate(
    gate_function: Function, *args: Any, rtol: float | None = None, atol: float | None = None, seed: int = 0
) -> Report:
    """Check the hand-made derivatives of a gate at the arguments against those of its own parts.

    Both rules are given the same random gradients (a forward rule: tangents). Raises ``GradientMismatch`` where they
    differ by more than ``rtol`` times the number plus ``atol`` times the largest one; the report tells the largest
    difference and where it was. Every gate with such a rule that the call makes is checked, those within gates too.

    >>> import clew as cl
    >>> @cl.gate
    ... def cube(x):
    ...     return x**3, lambda g: 3 * g * x**2
    >>> print(cl.check_gate(cube, 2.0))
    check_gate of cube: passed
    rule           operand      compared  difference  where  hand-made  of the parts
    -------------  --------  -----------  ----------  -----  ---------  ------------
    cube, reverse  x: f64[]  3 gradients ...
    """
    name, rng = name_of(gate_function), np.random.default_rng(seed)
    leaves, tree = flatten(args)
    returned = gate_function(*tree.unflatten(_leaf(x) for x in leaves))
    values = toposort(value_of(unwrap(x)) for x in flatten(returned)[0])
    arrays = {v: v.data for v in values}
    if not any(isinstance(v.op, Gate) for v in values):
        raise UsageError(f"check_gate: {name} made no gate of these arguments; write @cl.gate above it")
    rows: list[Row] = []
    for gate, y, operands in _hand_made(values, arrays):
        fine = replace(gate, body=expand(gate.body), backward=None, forward=None)
        rows += _compare(gate, fine, y, operands, rng, (rtol, atol))
    if not rows:
        raise UsageError(
            f"check_gate: {name} has no hand-made rule, so its derivative is that of its parts: check_gradients checks "
            f"those. To give it one, return (result, backward)"
        )
    return Report(f"check_gate of {name}: passed", COLUMNS, tuple(rows))


def _leaf(x: Any) -> Any:
    """Floats and float arrays as leaves whose data is known; anything else as it is."""
    if isinstance(x, float):
        x = WIDE.type(x)
    if not isinstance(x, Tensor | np.ndarray | np.generic):
        return x
    v = value_of(unwrap(x))
    return Tensor(Value(INPUT, (), v.type, v.data, Label())) if v.type.differentiable else Tensor(constant(v.data))


def _hand_made(values: Iterable[Value], arrays: Mapping[Value, Array]) -> Iterator[tuple[Gate, Array, list[Array]]]:
    """The gates that bring a rule of their own, each with its result and operands, those within gates too."""
    for v in values:
        if isinstance(v.op, Gate):
            operands = [arrays[x] for x in v.operands]
            if v.op.backward is not None or v.op.forward is not None:
                yield v.op, arrays[v], operands
            inner = evaluate(v.op.body.outputs, dict(zip(v.op.body.inputs, operands, strict=True)))
            yield from _hand_made(toposort(v.op.body.outputs), inner)


def _compare(
    gate: Gate, fine: Gate, y: Array, operands: list[Array], rng: np.random.Generator, given: tuple[float | None, float | None]
) -> Iterator[Row]:
    """One row for each rule and each operand that has a gradient."""
    for k, x in enumerate(operands):
        if x.dtype not in FLOATS:
            continue
        name = gate.body.inputs[k].name or f"operand {k}"
        for rule, form in (("reverse", gate.backward), ("forward", gate.forward)):
            if form is None:
                continue
            pairs = []
            for _ in range(TRIALS):
                if rule == "reverse":
                    g = tuple([_like(result, rng) for result in items(y)])
                    g = g if isinstance(y, tuple) else g[0]
                    pairs.append((gate.pull(k, g, y, *operands), fine.pull(k, g, y, *operands)))
                else:
                    t = _like(x, rng)
                    moved = gate.push(k, t, y, *operands), fine.push(k, t, y, *operands)
                    pairs += zip(*map(items, moved), strict=True)
            what = f"{gate.title}, {rule}"
            row = max((_row(what, f"{name}: {Type(x.dtype, x.shape)}", *pair) for pair in pairs), key=_size)
            default = TOLERANCE[x.dtype.itemsize]
            rtol, atol = (d if g is None else g for g, d in zip(given, default, strict=True))
            largest = max(float(np.max(np.abs(_wide(expected)), initial=0)) for _, expected in pairs)
            tolerance = rtol * abs(row.expected) + atol * max(1.0, largest)
            if not row.difference <= tolerance:
                element = f", element {row.where}" if row.where else ""
                raise GradientMismatch(
                    f"check_gate: the {rule} rule of {gate.title} is not the derivative of its parts\n"
                    f"  operand {row.argument}{element}: the rule gives {row.analytic:.6g}, the parts give "
                    f"{row.expected:.6g} (difference {row.difference:.2g}, tolerance {tolerance:.2g})"
                )
            yield row


def _like(x: Array, rng: np.random.Generator) -> Array:
    """A random gradient or tangent of ``x``."""
    return np.asarray(rng.uniform(-1, 1, x.shape)).astype(x.dtype)[()]


def _row(what: str, operand: str, actual: Any, expected: Any) -> Row:
    a, e = _wide(actual), _wide(expected)
    compared = f"{TRIALS} {'gradients' if what.endswith('reverse') else 'tangents'}"
    if not a.size:
        return Row(what, operand, compared, 0.0, "", 0.0, 0.0)
    with np.errstate(all="ignore"):
        distance = np.where((a == e) | (np.isnan(a) & np.isnan(e)), 0.0, np.abs(a - e))
    place = int(np.argmax(distance))  # a NaN counts as largest
    index = np.unravel_index(place, a.shape)
    where = f"[{', '.join(str(int(i)) for i in index)}]" if index else ""
    return Row(what, operand, compared, float(distance.flat[place]), where, float(a.flat[place]), float(e.flat[place]))


def _size(row: Row) -> float:
    return np.inf if np.isnan(row.difference) else row.difference


def _wide(x: Any) -> Any:
    return np.asarray(x).astype(WIDE)
