"""Values, gradients, tangents and second derivatives in float64 agree with PyTorch's and JAX's to 1e-10; float32 to its own."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import clew as cl

from .cases import CASES, NOT_COMPARED, Case

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make oracle installs it")
jax = pytest.importorskip("jax", reason="JAX is not installed; make oracle installs it")
jax.config.update("jax_enable_x64", True)

LIMIT = 1e-10  # of the largest element
largest: dict[tuple[str, str], tuple[float, str]] = {}
compared: dict[str, set[str]] = {"torch": set(), "jax": set()}


class Jax:
    """``jax.numpy``, and ``jax`` itself beside it."""

    jax = jax

    def __getattr__(self, name: str) -> Any:
        return getattr(jax.numpy, name)


def numpy_of(x: Any) -> np.ndarray:
    if isinstance(x, torch.Tensor):
        return x.numpy(force=True)
    return np.asarray(x.numpy() if isinstance(x, cl.Tensor) else x)


def note(oracle: str, what: str, case: Case, actual: Any, expected: Any, limit: float = LIMIT) -> None:
    a, e = numpy_of(actual), numpy_of(expected)
    assert a.shape == e.shape, f"{case.name}, {what}: {a.shape} is not {oracle}'s {e.shape}"
    if a.dtype.kind in "biu" or e.dtype.kind in "biu":
        np.testing.assert_array_equal(a.astype(np.int64), e.astype(np.int64), err_msg=f"{case.name}, {what}, {oracle}")
        return
    a, e = a.astype(np.float64), e.astype(np.float64)
    np.testing.assert_array_equal(np.isfinite(a), np.isfinite(e))
    known = np.isfinite(e)
    difference = float(np.max(np.abs(a[known] - e[known]), initial=0) / max(1e-300, np.max(np.abs(e[known]), initial=1e-3)))
    assert difference <= limit, f"{case.name}, {what}: differs from {oracle}'s by {difference:.2g} of the largest element"
    if limit == LIMIT and difference >= largest.get((oracle, what), (0.0, ""))[0]:
        largest[oracle, what] = difference, case.name


def derivatives(m: str, f: Any, xs: list[Any], cotangent: np.ndarray, tangents: list[np.ndarray]) -> Iterator[tuple[str, Any]]:
    """The gradient of ``<cotangent, f>``, the tangent of f, and the tangent of that gradient."""
    every = tuple(range(len(xs)))
    if m == "clew":

        def gradient(*p: Any) -> Any:
            return cl.grad(lambda *q: cl.sum(f(*q) * cotangent), every)(*p)

        yield "gradient", list(gradient(*xs))
        yield "tangent", [cl.jvp(f, xs, tangents)[1]]
        yield "second", list(cl.jvp(gradient, xs, tangents)[1])
    elif m == "jax":

        def slope(*p: Any) -> Any:
            return jax.grad(lambda *q: jax.numpy.sum(f(*q) * cotangent), every)(*p)

        yield "gradient", list(slope(*xs))
        yield "tangent", [jax.jvp(f, tuple(xs), tuple(tangents))[1]]
        yield "second", list(jax.jvp(slope, tuple(xs), tuple(tangents))[1])
    else:
        leaves = [x.clone().requires_grad_() for x in xs]
        zeros = [torch.zeros_like(x) for x in leaves]
        y = f(*leaves)
        weights = torch.from_numpy(np.asarray(cotangent)).requires_grad_()
        if not y.requires_grad:
            yield from (("gradient", zeros), ("tangent", [torch.zeros_like(y)]), ("second", zeros))
            return
        found = torch.autograd.grad(torch.sum(y * weights), leaves, create_graph=True, allow_unused=True)
        slopes = [z if g is None else g for g, z in zip(found, zeros, strict=True)]
        yield "gradient", slopes
        moved = sum(torch.sum(g * torch.from_numpy(np.asarray(t))) for g, t in zip(slopes, tangents, strict=True))
        if not moved.requires_grad:
            yield from (("tangent", [torch.zeros_like(y)]), ("second", zeros))
            return
        tangent, *second = torch.autograd.grad(moved, [weights, *leaves], allow_unused=True)
        yield "tangent", [torch.zeros_like(y) if tangent is None else tangent]
        yield "second", [z if g is None else g for g, z in zip(second, zeros, strict=True)]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.name}-{'-'.join(str(a[0]) for a in case.arguments)}".replace(" ", "")
)
@pytest.mark.parametrize("seed", range(3))
def test_function(case: Case, seed: int) -> None:
    rng = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
    print(f"seed={seed}")
    xs = [np.asarray(rng.uniform(low, high, shape)) for shape, low, high in case.arguments]
    tangents = [np.asarray(rng.uniform(-1, 1, x.shape)) for x in xs]
    value = case.clew(cl, *map(cl.asarray, xs))
    floats = value.dtype.kind == "f" and case.differentiable
    cotangent = rng.uniform(-1, 1, value.shape)
    ours = dict(derivatives("clew", lambda *p: case.clew(cl, *p), xs, cotangent, tangents)) if floats else {}
    for oracle, call, namespace in (
        ("torch", case.torch, torch),
        ("jax", case.clew if case.jax == "same" else case.jax, Jax()),
    ):
        if call is None:
            continue
        given = [torch.from_numpy(x.copy()) if oracle == "torch" else jax.numpy.asarray(x) for x in xs]
        note(oracle, "value", case, value, call(namespace, *given))
        compared[oracle].add(case.name)
        if floats:
            theirs = derivatives(oracle, lambda *p, call=call, m=namespace: call(m, *p), given, cotangent, tangents)
            for what, parts in theirs:
                for a, e in zip(ours[what], parts, strict=True):
                    note(oracle, what, case, a, e)
        if floats:
            low = [x.astype(np.float32) for x in xs]
            given = [torch.from_numpy(x.copy()) if oracle == "torch" else jax.numpy.asarray(x) for x in low]
            try:
                expected = call(namespace, *given)
            except RuntimeError:  # the case itself names float64
                continue
            note(oracle, "value in float32", case, case.clew(cl, *map(cl.asarray, low)), expected, 2e-5)


def test_every_function_is_compared_or_says_why() -> None:
    listed = {name for names in NOT_COMPARED.values() for name in names.split()}
    covered = {case.name for case in CASES}
    public = {n for n in cl.__all__ if callable(getattr(cl, n)) and not isinstance(getattr(cl, n), type) and n[0] != "_"}
    assert public - covered - listed == set()
    assert listed - public == set() and listed & covered == set()


def test_our_conventions_where_they_differ() -> None:
    """At ties and kinks the oracles choose otherwise, and among themselves."""
    two = np.array([1.0, 1.0])
    assert cl.grad(lambda x: cl.maximum(x, 1.0))(1.0).item() == 0.5, "equals share; so do PyTorch's and JAX's"
    assert cl.grad(cl.max)(two).tolist() == [0.5, 0.5] == jax.grad(jax.numpy.max)(two).tolist()
    assert cl.grad(lambda x: cl.sqrt(cl.sum(x * x)))(np.zeros(2)).tolist() == [0.0, 0.0]
    assert np.isnan(jax.grad(lambda x: jax.numpy.sqrt(jax.numpy.sum(x * x)))(np.zeros(2))).all(), "a NaN there"
    assert cl.grad(lambda x: cl.where(x > 0, cl.sqrt(x), 0.0))(0.0).item() == 0.0
    assert np.isnan(jax.grad(lambda x: jax.numpy.where(x > 0, jax.numpy.sqrt(x), 0.0))(0.0)), "a NaN there"


def test_what_was_compared(record_property: Any) -> None:
    """Told after the run; the functions stand in the order of the file."""
    for oracle, names in compared.items():
        record_property("measured", f"functions compared with {oracle}: {len(names)}")
    for (oracle, what), (difference, name) in sorted(largest.items()):
        record_property("measured", f"largest difference from {oracle}, {what}: {difference:.1e} ({name})")
    assert all(len(names) > 100 or not names for names in compared.values())
