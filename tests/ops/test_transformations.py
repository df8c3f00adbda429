"""Every op under every transformation: as it stands, and inside gates, checkpoints, loops, branches and batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.array.promotion import value_of
from clew.ir import FLOATS
from clew.pytree import leaves_of
from clew.tensor import Tensor, unwrap

from .contract import Case
from .test_contract import all_cases, draw, rng_of

Function = Callable[..., Any]


def moving(case: Case) -> bool:
    types = [x.type for x in case.operands]
    return case.smooth and any(t.differentiable for t in types) and case.op.infer(*types).differentiable


CASES = [p for p in all_cases() if moving(p.values[0])]


class Held:
    """A case as a scalar function of its float operands, at a point."""

    def __init__(self, case: Case) -> None:
        rng = rng_of(case, 7)
        arrays = draw(case, rng, "f64")
        self.places = [k for k, a in enumerate(arrays) if a.dtype in FLOATS]
        self.point = [arrays[k] for k in self.places]
        self.tangents = [np.asarray(rng.uniform(-1, 1, x.shape))[()] for x in self.point]
        weights = np.asarray(rng.uniform(0.5, 1.5, np.shape(case.op(*arrays))))

        def f(*xs: Any) -> Any:
            given = list(arrays)
            for k, x in zip(self.places, xs, strict=True):
                given[k] = unwrap(x)
            return cl.sum(Tensor(case.op(*[value_of(x) for x in given])) * weights)

        self.f = f
        self.every = tuple(range(len(self.point)))

    def gradient(self, f: Function | None = None) -> Function:
        return cl.grad(f or self.f, self.every)


def close(actual: Any, expected: Any, case: Case) -> None:
    for a, e in zip(leaves_of(actual), leaves_of(expected), strict=True):
        scale = max(1.0, float(np.max(np.abs(e.numpy()), initial=0)))
        np.testing.assert_allclose(a.numpy(), e.numpy(), rtol=1e-9, atol=1e-10 * scale, err_msg=case.id)


def in_scan(f: Function) -> Function:
    def run(*xs: Any) -> Any:
        return cl.scan(lambda total, _: (total + f(*xs) / 2, None), np.float64(0), length=2)[0]

    return run


def as_carry(f: Function) -> Function:
    def run(*xs: Any) -> Any:
        return cl.scan(lambda c, _: ((c[0] + f(*c[1]) / 2, c[1]), None), (np.float64(0), tuple(xs)), length=2)[0][0]

    return run


def in_while(f: Function) -> Function:
    def run(*xs: Any) -> Any:
        return cl.while_loop(
            lambda s: s[0] < 2, lambda s: (s[0] + 1, s[1] + f(*s[2]) / 2, s[2]), (0, np.float64(0), tuple(xs))
        )[1]

    return run


INSIDE: dict[str, Callable[[Function], Function]] = {
    "gate": cl.gate,
    "checkpoint": cl.checkpoint,
    "scan": in_scan,
    "carry": as_carry,
    "while": in_while,
    "branch": lambda f: lambda *xs: cl.cond(cl.asarray(True), f, lambda *xs: 0.0 * f(*xs), *xs),
    "jacobian": lambda f: lambda *xs: cl.jacobian(lambda s: s * f(*xs))(np.float64(1.0)),
}


@pytest.mark.parametrize("case", CASES)
def test_second_derivatives_by_every_order_of_modes(case: Case) -> None:
    held = Held(case)
    forward_over_reverse = cl.jvp(held.gradient(), held.point, held.tangents)[1]
    reverse_over_forward = held.gradient(lambda *xs: cl.jvp(held.f, xs, held.tangents)[1])(*held.point)

    def along(*xs: Any) -> Any:
        return sum(cl.sum(g * t) for g, t in zip(held.gradient()(*xs), held.tangents, strict=True))

    close(reverse_over_forward, forward_over_reverse, case)
    close(held.gradient(along)(*held.point), forward_over_reverse, case)


@pytest.mark.parametrize("case", CASES)
def test_inside_gates_loops_and_branches(case: Case) -> None:
    held = Held(case)
    expected = cl.value_and_grad(held.f, held.every)(*held.point)
    second = cl.jvp(held.gradient(), held.point, held.tangents)[1]
    for name, wrap in INSIDE.items():
        inside = wrap(held.f)
        close(cl.value_and_grad(inside, held.every)(*held.point), expected, case)
        close(cl.jvp(inside, held.point, held.tangents)[0], expected[0], case)
        if name in ("checkpoint", "scan", "branch"):
            close(cl.jvp(held.gradient(inside), held.point, held.tangents)[1], second, case)


@pytest.mark.parametrize("case", CASES)
def test_batches_of_gradients(case: Case) -> None:
    held = Held(case)
    both = cl.value_and_grad(held.f, held.every)
    many = [np.stack([x, x * 0.9 + 0.01]) for x in held.point]
    if not all(np.isfinite(g.numpy()).all() for g in leaves_of(both(*[x[1] for x in many]))):
        pytest.skip("the second point lies outside of the op's domain")
    for flags in ({0}, set(held.every)):
        axes = tuple(0 if k in flags else None for k in held.every)
        given = [many[k] if k in flags else x for k, x in enumerate(held.point)]
        alone = [both(*[many[k][e] if k in flags else x for k, x in enumerate(held.point)]) for e in range(2)]
        close(cl.vmap(both, in_axes=axes)(*given), cl.pytree.tree_map(lambda *x: cl.stack(list(x)), *alone), case)
