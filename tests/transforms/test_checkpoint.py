"""checkpoint changes what is stored and computed again, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.diff.stored import stored
from clew.errors import UsageError


def deep(x: Any, w: Any) -> Any:
    for k in range(3):
        x = cl.tanh(x @ w).named(f"layer{k}")
        x = cl.exp(cl.sin(x)) * x
    return x


X, W = np.linspace(-1, 1, 12).reshape(3, 4), np.linspace(-0.5, 0.5, 16).reshape(4, 4)
POLICIES = [None, "contract", ("tanh", "sin"), "layer1", 0, 200, 10**6]


def total(f: Any) -> Any:
    return lambda x, w: cl.sum(f(x, w) ** 2)


def kept_bytes(f: Any) -> int:
    graph = cl.trace(total(f))(X, W).graph
    return sum(v.type.nbytes for v in stored(graph))


@pytest.mark.parametrize("policy", POLICIES)
def test_values_and_derivatives_stay(policy: Any) -> None:
    plain, coarse = total(deep), total(cl.checkpoint(deep, policy=policy))
    for a, b in zip(*(cl.pytree.leaves_of(cl.value_and_grad(f, (0, 1))(X, W)) for f in (plain, coarse)), strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-13)
    np.testing.assert_allclose(cl.hessian(coarse)(X, W).numpy(), cl.hessian(plain)(X, W).numpy(), rtol=1e-11, atol=1e-13)
    many = np.stack([X, 2 * X])
    for f in (cl.grad, lambda f: f):
        np.testing.assert_allclose(
            cl.vmap(f(coarse), in_axes=(0, None))(many, W).numpy(),
            cl.vmap(f(plain), in_axes=(0, None))(many, W).numpy(),
            rtol=1e-12,
        )


def test_less_is_stored() -> None:
    plain, nothing = kept_bytes(deep), kept_bytes(cl.checkpoint(deep))
    assert nothing == X.nbytes + W.nbytes + X.nbytes, "the arguments, and the result that the square reads"
    some = [kept_bytes(cl.checkpoint(deep, policy=policy)) for policy in ("layer1", ("tanh", "sin"))]
    assert nothing < some[0] == nothing + X.nbytes < some[1] < plain


def test_in_eager_mode_what_is_inside_is_gone() -> None:
    x = cl.variable(X)
    y = cl.checkpoint(deep)(x, W)
    assert sorted(v.op.name for v in y.graph().graph.values if v.op is not None) == ["deep", "input"]
    cl.sum(y * y).backward()
    np.testing.assert_allclose(x.grad.numpy(), cl.grad(total(deep))(X, W).numpy(), rtol=1e-13)


def test_the_report_says_what_comes() -> None:
    report = cl.checkpoint(deep).report(X, W)
    inside = kept_bytes(deep) - X.nbytes  # less the result, which the report does not know to be read
    assert report.stored_without == inside and report.stored == X.nbytes + W.nbytes
    assert report.saved == report.stored_without - report.stored > 0 and report.added > 0
    assert str(report).startswith(f"checkpoint of deep: stores {report.stored} bytes instead of {inside:,}, ")
    budget = cl.checkpoint(deep, policy=2 * X.nbytes).report(X, W)
    assert budget.stored <= report.stored + 2 * X.nbytes and budget.added < report.added
    everything = cl.checkpoint(deep, policy=10**6).report(X, W)
    assert everything.added == 0, "with enough to spend, nothing is computed again"


def test_a_gate_of_several_results_can_be_kept() -> None:
    block = cl.gate(lambda x: (cl.sin(cl.exp(x)), cl.cos(x)), name="block")

    def f(x: Any) -> Any:
        a, b = block(x)
        a, b = block(a * b)
        return a + b

    kept = cl.checkpoint(f, policy="block")
    assert kept.report(X).kept == ("block",) * 4 and kept.report(X).added < cl.checkpoint(f).report(X).added
    found, expected = (cl.grad(lambda x, g=g: cl.sum(g(x)))(X).numpy() for g in (kept, f))
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_the_report_counts_what_loops_save() -> None:
    def f(xs: Any) -> Any:
        return cl.scan(lambda c, x: (cl.exp(cl.sin(c + x)), None), np.float64(0), xs)[0]

    xs = np.linspace(0, 1, 10)
    (saved,) = [v.data.saved for v in f(cl.variable(xs)).graph().graph.values if hasattr(v.data, "saved")]
    report = cl.checkpoint(f).report(xs)
    assert report.stored == xs.nbytes and report.stored_without >= saved.nbytes > 0
    assert report.added > 0, "the scan runs again"


def test_nested_checkpoints_and_outside_values() -> None:
    w = cl.variable(W, name="w")
    inner = cl.checkpoint(lambda x: cl.tanh(x @ w))
    outer = cl.checkpoint(lambda x: cl.sin(inner(inner(x))))
    cl.sum(outer(X)).backward()
    expected = cl.grad(lambda w: cl.sum(cl.sin(cl.tanh(cl.tanh(X @ w) @ w))))(W)
    np.testing.assert_allclose(w.grad.numpy(), expected.numpy(), rtol=1e-13)


def test_as_a_decorator_with_flags_and_several_results() -> None:
    @cl.checkpoint(policy="sin")
    def both(x: Any, *, twice: bool = False) -> Any:
        y = cl.sin(x)
        return {"y": y * 2 if twice else y, "x": x}

    assert cl.grad(lambda x: both(x, twice=True)["y"])(0.0).item() == 2.0
    assert both(1.0)["x"].item() == 1.0


def test_what_is_not_there_cannot_be_kept() -> None:
    with pytest.raises(UsageError, match="deep has nothing called softmax to keep; it has contract, exp, layer0, layer1"):
        cl.checkpoint(deep, policy="softmax")(X, W)
