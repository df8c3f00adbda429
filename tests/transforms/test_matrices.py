"""Jacobians and Hessians against the products that make them up one column or row at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import GradientError, UsageError

A = np.arange(12.0).reshape(3, 4) / 10
X, Z = np.array([0.1, -0.3, 0.5, 0.2]), np.array([[0.3, -0.2], [0.1, 0.4]])


def f(x: Any, z: Any) -> Any:
    return {"u": cl.tanh(A @ x) * cl.sum(z), "v": cl.sum(x) * z @ z}


@pytest.mark.parametrize("mode", ["forward", "reverse", None])
def test_blocks_of_containers(mode: Any) -> None:
    found = cl.jacobian(f, (0, 1), mode)(X, Z)
    shapes = {name: [block.shape for block in row] for name, row in found.items()}
    assert shapes == {"u": [(3, 4), (3, 2, 2)], "v": [(2, 2, 4), (2, 2, 2, 2)]}
    rng = np.random.default_rng(0)
    dx, dz = rng.normal(size=4), rng.normal(size=(2, 2))
    moved = cl.jvp(f, (X, Z), (dx, dz))[1]
    for name, row in found.items():
        along = np.tensordot(row[0].numpy(), dx, 1) + np.tensordot(row[1].numpy(), dz, 2)
        np.testing.assert_allclose(along, moved[name].numpy(), rtol=1e-12)


def test_one_argument_and_numbers() -> None:
    assert cl.jacobian(lambda x: x * x)(3.0).item() == 6.0
    assert cl.jacobian(lambda x: cl.stack([x, 2 * x]))(3.0).tolist() == [1.0, 2.0]
    assert cl.jacobian(lambda x: x[0] * 3)(np.ones(2)).tolist() == [3.0, 0.0]
    assert cl.jacobian(lambda x, y: x * y, 1)(3.0, 4.0).item() == 3.0
    assert cl.jacobian(lambda x: cl.ones(2))(np.ones(3)).tolist() == [[0.0] * 3] * 2, "what does not move"
    matrix, aux = cl.jacobian(lambda x: (x * 2, {"sum": cl.sum(x)}), has_aux=True)(np.ones(2))
    assert matrix.tolist() == [[2.0, 0.0], [0.0, 2.0]] and aux["sum"].item() == 2.0


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_arrays_without_elements(mode: Any) -> None:
    assert cl.jacobian(lambda x: cl.stack([cl.sum(x), 2 * cl.sum(x)]), mode=mode)(np.ones(0)).shape == (2, 0)
    assert cl.jacobian(lambda x: x[:0], mode=mode)(np.ones(3)).shape == (0, 3)
    assert cl.jacobian(lambda x: {"y": cl.ones(2)}, mode=mode)(()) == {"y": ()}


def test_the_cheaper_mode_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    from clew.transforms import matrices

    taken: list[str] = []
    for name in ("_forward", "_reverse"):
        plain = getattr(matrices, name)
        monkeypatch.setattr(matrices, name, lambda run, name=name, plain=plain: taken.append(name) or plain(run))
    cl.jacobian(lambda x: cl.sum(x))(np.ones(5))
    cl.jacobian(lambda x: cl.broadcast_to(x, (5,)))(1.0)
    assert taken == ["_reverse", "_forward"]


def test_hessians() -> None:
    def g(x: Any) -> Any:
        return cl.sum(cl.exp(A @ x)) + cl.prod(x)

    h = cl.hessian(g)(X).numpy()
    np.testing.assert_allclose(h, h.T, rtol=1e-14)
    columns = [cl.hvp(g, (X,), (e,)).numpy() for e in np.eye(4)]
    np.testing.assert_allclose(h, np.stack(columns, 1), rtol=1e-12)
    both = cl.hessian(lambda p: cl.sum(p["a"] * p["b"]) ** 2)({"a": X, "b": X})
    assert both["a"]["b"].shape == (4, 4)
    np.testing.assert_allclose(both["a"]["b"].numpy(), both["b"]["a"].numpy().T)
    np.testing.assert_allclose(cl.jacobian(cl.jacobian(lambda x: cl.sum(x**3)))(X).numpy(), np.diag(6 * X), rtol=1e-13)
    value, aux = cl.hessian(lambda x: (cl.sum(x**2), "told"), has_aux=True)(X)
    assert aux == "told" and value.tolist() == np.diag([2.0] * 4).tolist()


def test_what_cannot_be() -> None:
    with pytest.raises(UsageError, match="mode is 'forward', 'reverse' or None, not 'up'"):
        cl.jacobian(cl.sin, mode="up")  # type: ignore[arg-type]
    with pytest.raises(GradientError, match=r"jacobian: argmax returned i64\[\], which has no derivative"):
        cl.jacobian(cl.argmax)(X)
    with pytest.raises(GradientError, match=r"jacobian: argument x of <lambda> is bool\[2\]"):
        cl.jacobian(lambda x: x)(np.array([True, False]))
