"""Gates made of functions on values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ..diff.reverse import reaching
from ..errors import GradientError, TypeRuleError
from ..ir import Graph, Type, Value, describe, parameter, substitute, toposort
from ..ops.elementwise import filled
from ..ops.items import items
from .gate import Gate


def composite(title: str, types: tuple[Type, ...], build: Callable[..., Any], *options: Any) -> Gate:
    """The gate ``title`` of a pure function on values, made once for each signature (types and hashable options)."""
    return _composite(title, types, build, options)


@lru_cache(maxsize=1024)
def _composite(title: str, types: tuple[Type, ...], build: Callable[..., Any], options: tuple[Any, ...]) -> Gate:
    inputs = tuple(parameter(f"x{k}", t) for k, t in enumerate(types))
    built = build(*inputs, *options)
    output, rule = built if isinstance(built, tuple) else (built, None)
    body = Graph(title, inputs, (output,))
    return Gate(title, body, None if rule is None else rule_graph(title, body, rule))


def rule_graph(title: str, body: Graph, rule: Callable[..., Any]) -> Graph:
    """A hand-made reverse rule as a graph of the results' gradients, the results, and the operands."""
    given = tuple(parameter("g", y.type) for y in body.outputs)
    known = {y: parameter("y", y.type) for y in body.outputs}
    gradients = checked(title, "gradient", rule(*given), [x.type for x in body.inputs])
    return Graph(f"{title}_backward", (*given, *known.values(), *body.inputs), substitute(gradients, known))


def checked(title: str, what: str, returned: Any, types: Sequence[Type]) -> tuple[Value, ...]:
    """What a hand-made rule returned, if it is one value of the right type for each operand."""
    values = returned if isinstance(returned, tuple | list) else (returned,)
    if len(values) != len(types):
        raise GradientError(
            f"gate {title}: its rule returned {len(values)} {what}s for {len(types)} operands; return one for each"
        )
    for k, (v, t) in enumerate(zip(values, types, strict=True)):
        if v is not None and v.type is not t:
            raise GradientError(f"gate {title}: the {what} {k} that its rule returned is {v.type}, it must be {t}")
    return tuple(filled(0, t) if v is None else v for v, t in zip(values, types, strict=True))


def free_values(inputs: Sequence[Value], outputs: Sequence[Value]) -> list[Value]:
    """The tracked values from outside that a region from ``inputs`` to ``outputs`` uses."""
    order = toposort(outputs)
    inside = reaching(order, set(inputs))
    used = [x for v in order if v in inside for x in v.operands] + list(outputs)
    return list(dict.fromkeys(x for x in used if x not in inside and x.op is not None))


def make_gate(
    title: str,
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    rule: Callable[..., Any] | None = None,
    forward: Callable[..., Any] | None = None,
    batching: Callable[..., Any] | None = None,
) -> tuple[list[Value], Callable[..., list[Value]]]:
    """A gate of a traced region: from ``inputs`` (symbolic parameters) to ``outputs``.

    Tracked values from outside that the region uses become operands too; they are returned, with the function that
    applies the gate to its operands (the given ones, then those).
    """
    free = free_values(inputs, outputs)
    stand_ins = {x: parameter(x.name or f"free{k}", x.type) for k, x in enumerate(free)}
    everything = (*inputs, *stand_ins.values())
    body = Graph(title, everything, substitute(tuple(outputs), stand_ins) if free else tuple(outputs))
    if free and (rule is not None or forward is not None or batching is not None):
        names = ", ".join(describe(x) for x in free)
        raise GradientError(f"gate {title}: its hand-made rule cannot reach what it uses from outside ({names}); pass that in")
    backward = None if rule is None else rule_graph(title, body, rule)
    gate = Gate(title, body, backward, None if forward is None else _forward_graph(title, body, forward))
    if batching is not None:
        object.__setattr__(gate, "batching", _checked_batching(title, body, batching))  # no field: it has no text form

    def apply(*operands: Value) -> list[Value]:
        return list(items(gate(*operands)))

    return free, apply


def _checked_batching(title: str, body: Graph, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A hand-made batching rule, with what it returns held to what it must be."""

    def batching(size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        returned = rule(size, batched, *operands)
        made = returned if isinstance(returned, tuple | list) else (returned,)
        expected = [v.type.with_shape((size, *v.shape)) for v in body.outputs]
        if [v.type for v in made] != expected:
            got, wanted = (", ".join(map(str, types)) for types in ([v.type for v in made], expected))
            raise TypeRuleError(f"gate {title}: its batching rule returned ({got}), for {size} examples it must be ({wanted})")
        return made[0] if len(made) == 1 else tuple(made)

    return batching


def _forward_graph(title: str, body: Graph, forward: Callable[..., Any]) -> Graph:
    known = {y: parameter("y", y.type) for y in body.outputs}
    tangents = [parameter(f"d{x.name}", x.type) for x in body.inputs]
    moved = checked(title, "tangent", forward(*tangents), [y.type for y in body.outputs])
    return Graph(f"{title}_forward", (*known.values(), *body.inputs, *tangents), substitute(moved, known))
