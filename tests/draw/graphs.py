"""Graphs to draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clew.diff.reverse import known, pull_back
from clew.gates import composite
from clew.ir import INPUT, Graph, Label, Value, f32, parameter, scope, toposort
from clew.loops import Scan, Switch, While
from clew.loops.switch import INDEX
from clew.ops.arithmetic import add, mul, neg, reciprocal, square, sub
from clew.ops.broadcast import broadcast, sum
from clew.ops.comparison import less
from clew.ops.contraction import contract
from clew.ops.elementwise import filled
from clew.ops.exponential import exp
from clew.ops.items import items
from clew.ops.trigonometric import tanh


def leaf(name: str, data: Any) -> Value:
    array = np.asarray(data, np.float32)
    return parameter(name, f32(*array.shape), array if array.shape else array[()])


def named(v: Value, name: str) -> Value:
    v.label = Label(name)
    return v


def backward(graph: Graph) -> dict[Value, Any]:
    return pull_back({v: np.ones(v.shape, np.float32)[()] for v in graph.outputs}, known)


def expression() -> Graph:
    x, y, z = leaf("x", 1), leaf("y", 3), leaf("z", -3)
    return Graph("expression", (x, y, z), (named(mul(named(add(x, y), "p"), z), "g"),))


def neuron() -> Graph:
    w0, x0, w1, x1, w2 = (leaf(*x) for x in (("w0", 2), ("x0", -1), ("w1", -3), ("x1", -2), ("w2", -3)))
    s = add(add(mul(w0, x0), mul(w1, x1)), w2)
    return Graph("neuron", (w0, x0, w1, x1, w2), (reciprocal(add(exp(neg(s)), 1.0)),))


def linear(count: int = 3) -> Graph:
    """The squared errors of k*x + b: both parameters are used once for each example."""
    k, b = leaf("k", 0.5), leaf("b", 0.1)
    cost = None
    for n in range(count):
        error = square(sub(add(mul(k, leaf(f"x{n}", n)), b), leaf(f"y{n}", 2 * n + 1)))
        cost = error if cost is None else add(cost, error)
    assert cost is not None
    return whole("linear", cost)


def whole(name: str, output: Value) -> Graph:
    return Graph(name, tuple([v for v in toposort([output]) if v.op is INPUT]), (output,))


def dense(name: str, x: Value, width: int, rng: np.random.Generator) -> Value:
    with scope(name):
        weight = leaf(f"{name}.weight", rng.normal(size=(width, x.shape[1])))
        bias = leaf(f"{name}.bias", np.zeros(width))
        return add(contract("bi,oi->bo", x, weight), broadcast(bias, (0,), (x.shape[0],)))


def network(depth: int = 2) -> Graph:
    rng = np.random.default_rng(0)
    h = leaf("x", rng.normal(size=(8, 3)))
    for n in range(depth):
        h = square(dense(f"layer{n}", h, 4, rng))
    with scope("cost"):
        cost = sum(mul(h, 0.5), (0, 1))
    return whole("network", cost)


def deep(blocks: int = 40) -> Graph:
    """Blocks of 15 operations, each in a scope of its own within one scope, with sums past them."""
    rng = np.random.default_rng(0)
    h = leaf("x", rng.normal(size=(8, 4)))
    with scope("net"):
        for n in range(blocks):
            with scope(f"block{n}"):
                y = h
                for _ in range(5):
                    y = exp(neg(square(y)))
            h = add(h, y)
    return whole("deep", sum(h, (0, 1)))


def random_graph(count: int, seed: int) -> Graph:
    """Sums, products and exponentials of values that were made not long before."""
    rng = np.random.default_rng(seed)
    values = [leaf(f"v{n}", rng.normal()) for n in range(max(3, count // 12))]
    while len(values) < count:
        a, b = (values[-1 - min(len(values) - 1, int(rng.exponential(8)))] for _ in range(2))
        made = (add, sub, mul, lambda a, b: exp(neg(square(a))), lambda a, b: mul(a, 0.5))[rng.integers(5)](a, b)
        values.append(made)
    used = {x for v in values for x in v.operands}
    total, *tops = [v for v in values if v not in used]
    for v in tops:
        total = add(total, v)
    return whole("random", total)


def chain(length: int) -> Graph:
    y = leaf("x", 1.0)
    for _ in range(length):
        y = add(mul(y, 0.99), 0.01)
    return whole("chain", y)


def logistic(x: Value) -> tuple[Value, Callable[[Value], Value]]:
    """Four fine gates, with the derivative made by hand."""
    y = reciprocal(add(exp(neg(x)), 1.0))
    return y, lambda g: mul(g, mul(y, sub(filled(1.0, y.type), y)))


def gated() -> Graph:
    """A gate whose result is used twice, on a value that is used twice."""
    a, b = leaf("a", 2), leaf("b", 3)
    s = composite("sigmoid", (f32(),), logistic)(mul(a, b))
    return Graph("gated", (a, b), (add(mul(s, s), a),))


def looped() -> Graph:
    """A scan whose last carry and stacked rows are both used."""
    w, h0, xs = leaf("w", 0.5), leaf("h0", 0.1), leaf("xs", [1, 2, 3])
    h, row, weight = parameter("h", f32()), parameter("x", f32()), parameter("w", f32())
    loop = Scan(Graph("cell", (h, row, weight), (tanh(add(mul(h, weight), row)), mul(h, h))), 1, 1, 3)
    last, ys = items(loop(h0, xs, w))
    return Graph("looped", (w, h0, xs), (add(last, sum(ys, (0,))),))


def branched() -> Graph:
    """One of three branches, inside a while loop."""
    x, index = leaf("x", 2), parameter("index", INDEX, np.int64(1))
    branches = []
    for name, op in (("sine", tanh), ("square", square), ("other", exp)):
        operand = parameter("x", f32())
        branches.append(Graph(name, (operand,), (op(operand),)))
    state, asked = parameter("s", f32()), parameter("s", f32())
    step = Graph("step", (state,), (add(state, 1.0),))
    (last,) = items(While(step, Graph("condition", (asked,), (less(asked, filled(4.0, f32())),)), 1)(x))
    (chosen,) = items(Switch(tuple(branches))(index, last))
    return Graph("branched", (x, index), (chosen,))
