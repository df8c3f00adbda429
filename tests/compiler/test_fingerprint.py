"""Fingerprints: the same for the same computation, another for any other, none where nobody else could compute the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.fingerprint import CONSTANTS, fingerprint
from clew.gates import Gate
from clew.ir import INPUT, Array, Graph, Type, Value, constant, f32, f64, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import Sum, sum
from clew.ops.exponential import exp
from clew.ops.kinds import General
from clew.ops.rounding import Cast

from .models import MODELS, traced


def made(f: Callable[..., Value], *types: Type, names: str = "xyz") -> Graph:
    inputs = tuple(parameter(name, t) for name, t in zip(names, types, strict=False))
    return Graph("g", inputs, (f(*inputs),))


def of(graph: Graph) -> str:
    found = fingerprint(graph, {})
    assert found is not None
    return found


def test_names_do_not_matter() -> None:
    x, y = parameter("x", f32(3)), parameter("other", f32(3))
    one, two = Graph("g", (x,), (exp(add(x, x)),)), Graph("h", (y,), (exp(add(y, y)),))
    assert of(one) == of(two)


DIFFERENT: dict[str, Graph] = {
    "add": made(add, f32(3), f32(3)),
    "operands turned": made(lambda x, y: add(y, x), f32(3), f32(3)),
    "mul": made(mul, f32(3), f32(3)),
    "another dtype": made(add, f64(3), f64(3)),
    "another shape": made(add, f32(4), f32(4)),
    "one input twice": made(lambda x, y: add(x, x), f32(3), f32(3)),
    "one input less": made(lambda x: add(x, x), f32(3)),
    "an attribute": made(lambda x: sum(x, (0,)), f32(3, 3)),
    "another attribute": made(lambda x: sum(x, (1,)), f32(3, 3)),
    "a cast": made(lambda x: Cast(np.dtype(np.float64))(x), f32(3)),
    "another cast": made(lambda x: Cast(np.dtype(np.int64))(x), f32(3)),
    "a constant": made(lambda x: add(x, constant(np.array([1, 2, 3], np.float32))), f32(3)),
    "another constant": made(lambda x: add(x, constant(np.array([1, 2, 4], np.float32))), f32(3)),
    "a filled constant": made(lambda x: add(x, constant(np.broadcast_to(np.float32(1), 3))), f32(3)),
    "minus zero": made(lambda x: add(x, constant(np.full(3, -0.0, np.float32))), f32(3)),
    "zero": made(lambda x: add(x, constant(np.zeros(3, np.float32))), f32(3)),
}


def test_what_differs_has_another() -> None:
    found = {name: of(graph) for name, graph in DIFFERENT.items()}
    assert len(set(found.values())) == len(DIFFERENT), sorted(found.items(), key=lambda item: item[1])


def test_updates_count() -> None:
    graph = Graph("g", (x := parameter("x", f32(3)),), (exp(x), add(x, x)))
    assert len({fingerprint(graph, updates) for updates in ({}, {0: 0}, {1: 0})}) == 3


def test_the_order_of_outputs_counts() -> None:
    x = parameter("x", f32(3))
    a, b = exp(x), add(x, x)
    assert of(Graph("g", (x,), (a, b))) != of(Graph("g", (x,), (b, a)))


def test_gates_are_what_they_are_made_of() -> None:
    x = parameter("x", f32(3))
    bodies = (("a", exp(x)), ("b", exp(x)), ("a", add(x, x)))
    gates = [Gate(name, Graph(name, (x,), (body,))) for name, body in bodies]
    one, renamed, other = (of(Graph("g", (x,), (gate(x),))) for gate in gates)
    assert one == renamed != other


def test_loops_are_their_steps() -> None:
    def loop(step: Callable[[Any, Any], Any]) -> str:
        return of(traced(lambda h, xs: cl.scan(step, h, xs), np.float32(0), np.ones(4, np.float32))[0])

    first = loop(lambda h, x: (h + x, None))
    assert first == loop(lambda h, x: (h + x, None)) != loop(lambda h, x: (h * x, None))


@pytest.mark.parametrize("model", MODELS)
def test_another_process_finds_the_same(model: str) -> None:
    program = (
        "from tests.compiler.models import MODELS\nfrom clew.compiler.fingerprint import fingerprint\n"
        f"print(fingerprint(MODELS[{model!r}]()[0], {{}}))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint(MODELS[model]()[0], {}) != "None"


@dataclass(frozen=True, eq=False, repr=False)
class Ours(General):
    """An op from outside of the package, whose rules the package's files do not tell."""

    def infer(self, x: Type) -> Type:
        return x

    def reference(self, x: Array) -> Array:
        return x

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        return g

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        return t

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        return self(*operands)

    def at(self, e: Any, i: Any, *operands: Any) -> Any:
        return operands[0](i)


def test_no_fingerprint() -> None:
    large = np.arange(CONSTANTS // 4 + 1, dtype=np.float32)
    x = parameter("x", f32(3))
    known = Value(INPUT, (), f32(3), np.ones(3, np.float32))
    assert fingerprint(made(lambda x: Ours()(x), f32(3)), {}) is None
    assert fingerprint(made(lambda x: add(x, constant(large)), f32(large.size)), {}) is None
    assert fingerprint(Graph("g", (x,), (Value(Sum((0,)), (x,), f32(), np.float32(1)),)), {}) is None
    assert fingerprint(Graph("g", (known,), (exp(known),)), {}) is None


def test_a_large_array_of_one_number_is_one_number() -> None:
    large = np.ones(CONSTANTS, np.float32)
    filled = np.broadcast_to(np.float32(1), CONSTANTS)
    first, second = (made(lambda x, a=a: add(x, constant(a)), f32(CONSTANTS)) for a in (large, filled))
    assert fingerprint(first, {}) is not None
    assert fingerprint(second, {}) is not None
