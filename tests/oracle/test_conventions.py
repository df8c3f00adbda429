"""Where clew's docstrings state a convention that PyTorch or JAX does not have: what each of the three gives there."""

from __future__ import annotations

from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest

import clew as cl

from .case import SAME, Case
from .libraries import CLEW, JAX, TORCH, jnp, torch

# An expression in x, its point, and its gradient there in clew, PyTorch and JAX (None: it has none).
GRADIENTS: list[tuple[Case, Any, Any, Any, Any]] = [
    (Case("abs(x)", "x:"), 0.0, 0.0, 0.0, 1.0),
    (Case("leaky_relu(x)", "x:", "F.leaky_relu(x)", "nn.leaky_relu(x)"), 0.0, 0.01, 0.01, 1.0),
    (Case("clip(x, 0, 1)", "x:"), 0.0, 0.5, 1.0, 0.5),
    (Case("clip(x, 0, 1)", "x:"), 1.0, 0.5, 1.0, 0.5),
    (Case("sqrt(sum(x * x))", "x:2"), (0.0, 0.0), (0.0, 0.0), (nan, nan), (nan, nan)),
    (Case("norm(x)", "x:2", "linalg.vector_norm(x)", "linalg.vector_norm(x)"), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (nan, nan)),
    (Case("hypot(x[0], x[1])", "x:2"), (0.0, 0.0), (0.0, 0.0), (nan, nan), (0.5, 0.5)),
    (Case("atan2(x[0], x[1])", "x:2"), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (nan, nan)),
    (Case("where(x > 0, sqrt(x), 0.0)", "x:"), 0.0, 0.0, nan, nan),
    (Case("copysign(x, 1.0)", "x:", "copysign(x, ones_like(x))"), 0.0, 0.0, 0.0, 1.0),
    (Case("pow(x[0], x[1])", "x:2"), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (nan, 0.0)),
    (Case("std(x)", "x:2", "std(x, correction=0)"), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0), (nan, nan)),
    (Case("sort(x)[0]", "x:2", "sort(x).values[0]"), (1.0, 1.0), (0.5, 0.5), (1.0, 0.0), (1.0, 0.0)),
    (Case("topk(x, 1)[0][0]", "x:2", SAME, "lax.top_k(x, 1)[0][0]"), (1.0, 1.0), (0.5, 0.5), (1.0, 0.0), (1.0, 0.0)),
    (
        Case("max_pool(x[None, None], 2)[0, 0, 0]", "x:2", "F.max_pool1d(x[None, None], 2)[0, 0, 0]", "max_pool(x[None, None], 2, 2, 0, 1)[0, 0, 0]"),
        (1.0, 1.0), (0.5, 0.5), (1.0, 0.0), (1.0, 0.0),
    ),
    (Case("unique_values(x)[0]", "x:2", None), (1.0, 2.0), (1.0, 0.0), None, (0.0, 0.0)),
    (Case("logsumexp(x)", "x:2", "logsumexp(x, 0)", "nn.logsumexp(x)"), (-inf, -inf), (0.0, 0.0), (nan, nan), (nan, nan)),
    (Case("softmax(x)[0]", "x:2", "softmax(x, 0)[0]", "nn.softmax(x)[0]"), (-inf, -inf), (0.0, 0.0), (nan, nan), (nan, nan)),
    (Case("logaddexp(x[0], x[1])", "x:2"), (-inf, -inf), (0.0, 0.0), (nan, nan), (nan, nan)),
]  # fmt: skip


@pytest.mark.parametrize("row", GRADIENTS, ids=lambda row: f"{row[0].clew} at {row[1]}".replace(" ", ""))
def test_gradients_at_ties_kinks_and_infinities(row: tuple[Case, Any, Any, Any, Any]) -> None:
    case, point, *expected = row
    found = []
    for library in (CLEW, TORCH, JAX):
        f = case.function(library.name, library.names)
        if f is None:
            found.append(None)
            continue
        _, pull = library.transforms.vjp(f, library.array(np.asarray(point)))
        gradient = pull(library.array(np.asarray(1.0)))
        found.append(library.numpy(gradient[0] if isinstance(gradient, tuple) else gradient).tolist())
    np.testing.assert_equal(found, [list(e) if isinstance(e, tuple) else e for e in expected])
    assert any(f != found[0] for f in found[1:]), "all agree: let cases.py compare it"


# Values where every score is -inf; and above 20 PyTorch's softplus is the identity.
@pytest.mark.parametrize(
    ("case", "point", "expected"),
    [
        (Case("softmax(x)", "x:2", "softmax(x, 0)", "nn.softmax(x)"), (-inf, -inf), ([0.0, 0.0], [nan, nan], [nan, nan])),
        (Case("log_softmax(x)", "x:1", "log_softmax(x, 0)", "nn.log_softmax(x)"), (-inf,), ([-inf], [nan], [nan])),
        (Case("softplus(x) > x", "x:", "F.softplus(x) > x", "nn.softplus(x) > x"), 25.0, (True, False, True)),
    ],
    ids=("softmax", "log_softmax", "softplus"),
)
def test_values(case: Case, point: Any, expected: Any) -> None:
    libraries = (CLEW, TORCH, JAX)
    found = [
        library.numpy(case.function(library.name, library.names)(library.array(np.asarray(point)))) for library in libraries
    ]
    np.testing.assert_equal([x.tolist() for x in found], list(expected))


NAMES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 bfloat16 float16 float32 float64".split()


@pytest.mark.parametrize(("first", "second"), product(NAMES, NAMES))
def test_dtypes_promote_alike(first: str, second: str) -> None:
    """But an unsigned 64-bit integer has no common dtype with a signed one; JAX takes float64, PyTorch refuses more of them."""
    theirs = str(jnp.promote_types(getattr(jnp, first), getattr(jnp, second)))
    if {first, second} & {"uint64"} and {first, second} & {"int8", "int16", "int32", "int64"}:
        with pytest.raises(cl.errors.TypeRuleError, match="no common dtype"):
            cl.result_type(getattr(cl, first), getattr(cl, second))
        assert theirs.startswith("float")
        return
    ours = cl.result_type(getattr(cl, first), getattr(cl, second))
    assert str(ours) == theirs
    assert cl.can_cast(getattr(cl, first), getattr(cl, second)) == (theirs == second)
    if not {first, second} & {"uint16", "uint32", "uint64"}:
        assert str(torch.promote_types(getattr(torch, first), getattr(torch, second))) == f"torch.{ours}"


@pytest.mark.parametrize("name", NAMES)
def test_dtypes_have_the_same_limits(name: str) -> None:
    ours, theirs = getattr(cl, name), getattr(jnp, name)
    for kind in ("bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric"):
        assert cl.isdtype(ours, kind) == jnp.isdtype(jnp.dtype(theirs), kind)
    if name != "bool":
        limits = (cl.finfo, jnp.finfo, torch.finfo) if "float" in name else (cl.iinfo, jnp.iinfo, torch.iinfo)
        keys = ("bits", "max", "min", *(("eps", "smallest_normal") if "float" in name else ()))
        found = [
            [float(getattr(f(x), key)) for key in keys]
            for f, x in zip(limits, (ours, theirs, getattr(torch, name)), strict=True)
        ]
        assert found[0] == found[1] == found[2]


def test_shapes_broadcast_alike() -> None:
    for shapes in ([(3, 1), (4,)], [()], [(2, 1, 0), (1, 5, 1)], [(1,), (), (0,)]):
        assert cl.broadcast_shapes(*shapes) == jnp.broadcast_shapes(*shapes) == tuple(torch.broadcast_shapes(*shapes))
