"""Reverse mode, forward mode and batching on small graphs whose answers can be written down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clew.diff.batching import batch_forward, stacked_or_repeated
from clew.diff.forward import push_forward
from clew.diff.reverse import backward, itself, known, pull_back, reaching
from clew.ir import Graph, Label, Value, constant, f64, parameter, run, toposort, verify
from clew.ops.arithmetic import add, mul, sub
from clew.ops.broadcast import broadcast, sum
from clew.ops.contraction import contract
from clew.ops.exponential import exp
from clew.ops.rounding import floor


def leaf(name: str, number: float) -> Value:
    return parameter(name, f64(), np.float64(number))


def named(v: Value, name: str) -> Value:
    return Value(v.op, v.operands, v.type, v.data, Label(name), v.place)


def test_the_first_example() -> None:
    """g = (x + y) * z, with every gradient and what flows over every edge."""
    x, y, z = leaf("x", 1), leaf("y", 3), leaf("z", -3)
    p = add(x, y)
    g = mul(p, z)
    edges: dict[tuple[Value, int], Any] = {}
    found = pull_back({g: np.float64(1)}, known, edges=edges)
    assert (p.data, g.data) == (4, -12)
    assert {v.name or v.op.name: float(d) for v, d in found.items() if v.op} == {"mul": 1, "add": -3, "z": 4, "x": -3, "y": -3}
    assert {(v.op.name, k): float(d) for (v, k), d in edges.items() if v.op} == {
        ("mul", 0): -3,
        ("mul", 1): 4,
        ("add", 0): -3,
        ("add", 1): -3,
    }


def test_paths_that_meet_add_up() -> None:
    a = leaf("a", 3)
    assert pull_back({mul(a, a): np.float64(1)}, known)[a] == 6
    assert pull_back({add(mul(a, a), a): np.float64(1)}, known)[a] == 7
    square = mul(a, a)
    assert pull_back({square: np.float64(1), a: np.float64(100)}, known)[a] == 106, "a seed in the middle of the graph"


def test_only_paths_to_what_is_wanted_are_walked() -> None:
    x, y = leaf("x", 1), leaf("y", 2)
    far = exp(exp(y))
    out = mul(x, far)
    edges: dict[tuple[Value, int], Any] = {}
    found = pull_back({out: np.float64(1)}, known, wanted={x}, edges=edges)
    assert set(found) == {x} and list(edges) == [(out, 0)]
    inner = pull_back({out: np.float64(1)}, known, wanted={far})
    assert set(inner) == {far}
    assert reaching(toposort([out]), {y}) == {y, far.operands[0], far, out}


def test_what_does_not_depend_is_absent() -> None:
    x, y = leaf("x", 1.5), leaf("y", 2)
    out = mul(floor(x), y)
    assert x not in pull_back({out: np.float64(1)}, known)
    assert out not in push_forward({x: np.float64(1)}, [out], known)
    assert push_forward({y: np.float64(1)}, [out], known)[out] == 1


def test_backward_keeps_gradients_of_variables_and_names() -> None:
    x = Value(leaf("x", 2).op, (), f64(), np.float64(2), Label("x", variable=True))
    p = named(mul(x, x), "p")
    out = mul(p, p)
    found = backward(out, np.float64(1))
    assert {label.name: float(g) for label, g in found.items()} == {"x": 32, "p": 8}


def test_gradients_are_graph_when_read_as_themselves() -> None:
    x = parameter("x", f64())
    y = mul(mul(x, x), x)
    first = pull_back({y: constant(np.float64(1))}, itself)[x]
    second = pull_back({first: constant(np.float64(1))})[x]
    third = pull_back({second: constant(np.float64(1))})[x]
    graph = verify(Graph("derivatives", (x,), (first, second, third)))
    assert run(graph, np.float64(2)) == (12, 12, 6)


def test_tangents_add_up_over_operands() -> None:
    x, y = leaf("x", 2), leaf("y", 3)
    out = sub(mul(x, y), x)
    moved = push_forward({x: np.float64(1), y: np.float64(10)}, [out], known)
    assert moved[out] == 1 * 3 + 10 * 2 - 1


def test_long_chains_need_no_recursion() -> None:
    x = leaf("x", 1)
    y = x
    for _ in range(50_000):
        y = add(y, x)
    assert pull_back({y: np.float64(1)}, known, {x})[x] == 50_001
    assert push_forward({x: np.float64(1)}, [y], known)[y] == 50_001


def test_derivatives_are_made_where_the_user_stands() -> None:
    x = parameter("x", f64())
    y = exp(mul(x, x))
    slope = pull_back({y: constant(np.float64(1))})[x]
    assert slope.site is not None and slope.site.source.startswith("slope = pull_back(")
    moved = push_forward({x: constant(np.float64(1))}, [y])[y]
    assert moved.site is not None and moved.site.source.startswith("moved = push_forward(")


@pytest.mark.parametrize("size", [0, 1, 3])
def test_batching_stacks_what_is_batched_and_shares_the_rest(size: int, rng: np.random.Generator) -> None:
    x, w = parameter("x", f64(4)), parameter("w", f64(2, 4))
    shared = exp(w)
    out = add(contract("ij,j->i", shared, x), broadcast(sum(x, (0,)), (0,), (2,)))
    many = parameter("xs", f64(size, 4))
    stacked = batch_forward({x: many}, size, [out, shared])
    assert shared not in stacked
    assert stacked_or_repeated(stacked, shared, size).shape == (size, 2, 4)
    xs, weights = rng.normal(size=(size, 4)), rng.normal(size=(2, 4))
    (got,) = run(verify(Graph("many", (many, w), (stacked[out],))), xs, weights)
    alone = Graph("one", (x, w), (out,))
    expected = np.array([run(alone, row, weights)[0] for row in xs]).reshape(size, 2)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
