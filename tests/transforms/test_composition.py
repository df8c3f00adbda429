"""Transformations compose: every ordered pair, and random triples, on polynomial maps whose derivatives are exact.

Each transformation is made one that takes a map of the plane to another, so any may follow any.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl

from .polynomials import Map, along, combined, composed, degree, gradient, plus, scaled, value

Function = Callable[[Any], Any]
V, C = np.array([0.7, -0.4]), np.array([0.5, 0.3])
POINT = np.array([0.6, -0.3])
HIGHEST = 24  # degrees: beyond, composed polynomials take long


def f(x: Any) -> Any:
    a, b = x[0], x[1]
    return cl.stack([0.3 * a * a - 0.5 * a * b + 0.2 * b + 0.1, 0.4 * b * b + 0.25 * a - 0.1])


EXACT: Map = ({(2, 0): 0.3, (1, 1): -0.5, (0, 1): 0.2, (0, 0): 0.1}, {(0, 2): 0.4, (1, 0): 0.25, (0, 0): -0.1})


def weighed(g: Function) -> Function:
    return lambda x: cl.sum(C * g(x))


def with_aux(g: Function) -> Function:
    def both(x: Any) -> Any:
        (value, aux), slope = cl.value_and_grad(lambda x: (cl.sum(C * g(x)), x * 2), has_aux=True)(x)
        return slope + value * V + aux

    return both


def scanned(g: Function) -> Function:
    def run(x: Any) -> Any:
        last, all_of_them = cl.scan(lambda c, _: (g(c), c), x, length=2)
        return last + cl.sum(all_of_them, axis=0)

    return run


def repeated(g: Function) -> Function:
    def run(x: Any) -> Any:
        return cl.while_loop(lambda state: state[0] < 2, lambda state: (state[0] + 1, g(state[1])), (0, x))[1]

    return run


def identity(p: Map) -> Map:
    return p


X: Map = ({(1, 0): 1.0}, {(0, 1): 1.0})


def sum_of(*maps: Map) -> Map:
    return plus(*(m[0] for m in maps)), plus(*(m[1] for m in maps))


def stretched(p: Map, factor: float) -> Map:
    return scaled(p[0], factor), scaled(p[1], factor)


def exact_with_aux(p: Map) -> Map:
    total = combined(p, C)
    slope = gradient(total)
    return plus(slope[0], scaled(total, V[0]), {(1, 0): 2.0}), plus(slope[1], scaled(total, V[1]), {(0, 1): 2.0})


TRANSFORMATIONS: dict[str, tuple[Callable[[Function], Function], Callable[[Map], Map]]] = {
    "grad": (lambda g: cl.grad(weighed(g)), lambda p: gradient(combined(p, C))),
    "value_and_grad": (with_aux, exact_with_aux),
    "vjp": (lambda g: lambda x: cl.vjp(g, x)[1](C)[0], lambda p: gradient(combined(p, C))),
    "jvp": (lambda g: lambda x: cl.jvp(g, (x,), (V,))[1], lambda p: along(p, V)),
    "linearize": (lambda g: lambda x: cl.linearize(g, x)[1](V), lambda p: along(p, V)),
    "jacobian forward": (lambda g: lambda x: cl.jacobian(g, mode="forward")(x) @ V, lambda p: along(p, V)),
    "jacobian reverse": (lambda g: lambda x: cl.jacobian(g, mode="reverse")(x) @ V, lambda p: along(p, V)),
    "hessian": (lambda g: lambda x: cl.hessian(weighed(g))(x) @ V, lambda p: along(gradient(combined(p, C)), V)),
    "hvp": (lambda g: lambda x: cl.hvp(weighed(g), (x,), (V,)), lambda p: along(gradient(combined(p, C)), V)),
    "vmap": (
        lambda g: lambda x: cl.sum(cl.vmap(g)(cl.stack([x, 2.0 * x])), axis=0),
        lambda p: sum_of(p, composed(p, stretched(X, 2.0))),
    ),
    "vmap, axes 1": (
        lambda g: lambda x: cl.vmap(lambda s, x: s * g(x), in_axes=(0, None), out_axes=1)(C, x) @ V,
        lambda p: stretched(p, float(C @ V)),
    ),
    "checkpoint": (cl.checkpoint, identity),
    "gate": (cl.gate, identity),
    "gradients": (
        lambda g: lambda x: (lambda y: cl.gradients(cl.sum(C * g(y)), [y])[0])(x * 1.0),
        lambda p: gradient(combined(p, C)),
    ),
    "scan": (scanned, lambda p: sum_of(composed(p, p), X, p)),
    "while_loop": (repeated, lambda p: composed(p, p)),
    "cond": (lambda g: lambda x: cl.cond(x[0] > 0, g, lambda x: 2.0 * g(x), x), identity),
    "switch": (lambda g: lambda x: cl.switch(1, [lambda x: x, lambda x: 3.0 * g(x)], x), lambda p: stretched(p, 3.0)),
    "map": (lambda g: lambda x: cl.sum(cl.map(g, cl.stack([x, x])), axis=0), lambda p: stretched(p, 2.0)),
}
TRACKED = {"gradients"}  # asks for a graph, so its argument is tracked or traced


def check(names: tuple[str, ...]) -> bool:
    """The transformations one after the other, the last outermost; whether the exact answer was low enough in degree."""
    function, exact = f, EXACT
    for name in names:
        transform, on_polynomials = TRANSFORMATIONS[name]
        if name in ("scan", "while_loop", "vmap") and degree(exact) ** 2 > HIGHEST:
            return False
        function, exact = transform(function), on_polynomials(exact)
    point = cl.variable(POINT) if TRACKED & set(names) else POINT
    result = function(point).numpy()
    expected = value(exact, POINT)
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12, err_msg=" of ".join(names[::-1]))
    return True


@pytest.mark.parametrize("first", TRANSFORMATIONS)
def test_each(first: str) -> None:
    assert check((first,))


@pytest.mark.parametrize("last", TRANSFORMATIONS)
def test_every_pair(last: str, measured: Callable[[str, str], None]) -> None:
    done = [check((first, last)) for first in TRANSFORMATIONS]
    assert all(done), "of two, the degree is low enough"
    if last == "grad":
        measured("ordered pairs of transformations", str(len(TRANSFORMATIONS) ** 2))


@pytest.mark.parametrize("part", range(8))
def test_random_triples(part: int, measured: Callable[[str, str], None]) -> None:
    triples = list(itertools.product(TRANSFORMATIONS, repeat=3))
    rng = np.random.default_rng(part)
    chosen = [triples[k] for k in rng.choice(len(triples), 40, replace=False)]
    done = sum(check(names) for names in chosen)
    assert done >= 20
    measured(f"random triples of transformations, part {part}", str(done))
