from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clew.array import linear_algebra
from clew.errors import AxisError, TypeRuleError
from clew.ir import toposort

from .oracle import check_gradients, check_traced, leaf, same


@st.composite
def fronts(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    return shapes[0], shapes[1]


def filled(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    return [rng.integers(-9, 9, shape).astype(float) for shape in shapes]


@given(fronts(), st.tuples(*[st.integers(0, 3)] * 3), st.booleans(), st.booleans(), st.integers(0, 99))
def test_matmul(front: Any, sizes: tuple[int, int, int], row: bool, column: bool, seed: int) -> None:
    n, m, k = sizes
    left = (m,) if row else (*front[0], n, m)
    right = (m,) if column else (*front[1], m, k)
    rng = np.random.default_rng(seed)
    a, b = filled(rng, left, right)
    same(linear_algebra.matmul(a, b), a @ b)
    same(linear_algebra.matmul(a.astype(np.int8), b.astype(np.int8)), a.astype(np.int8) @ b.astype(np.int8))
    check_gradients(linear_algebra.matmul, a, b, rng=rng)


@given(fronts(), st.integers(0, 3), st.integers(0, 99))
def test_vecdot(front: Any, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = filled(rng, (*front[0], n), (*front[1], n))
    same(linear_algebra.vecdot(a, b), np.vecdot(a, b))
    check_gradients(linear_algebra.vecdot, a, b, rng=rng)


def test_vecdot_along_another_axis(rng: np.random.Generator) -> None:
    a, b = filled(rng, (3, 2, 4), (3, 2, 1))
    same(linear_algebra.vecdot(a, b, axis=-2), np.vecdot(a, b, axis=-2))
    same(linear_algebra.vecdot(a, b, axis=0), np.vecdot(a, b, axis=0))


def test_matmul_promotes() -> None:
    a, b = np.ones((2, 2), np.float32), np.ones((2, 2), np.float64)
    same(linear_algebra.matmul(a, b), a @ b)
    same(linear_algebra.matmul(np.ones((2, 2), np.int8), a), np.full((2, 2), 2, np.float32))


def test_nothing_is_repeated_for_axes_that_broadcast(rng: np.random.Generator) -> None:
    a, b = filled(rng, (5, 1, 2, 3), (1, 7, 3, 4))
    y = linear_algebra.matmul(leaf(a), leaf(b))
    assert {v.op.name for v in toposort([y]) if v.op is not None} == {"input", "reshape", "contract"}
    check_traced(linear_algebra.matmul, a, b)


@pytest.mark.parametrize(
    ("left", "right", "axes"),
    [
        ((2, 3), (2, 3), 2),
        ((2, 3), (3, 4), 1),
        ((2,), (3, 4), 0),
        ((), (), 0),
        ((2, 3, 4), (4, 3, 5), ((1, 2), (1, 0))),
        ((2, 3, 4), (4, 3, 5), ((-1,), (0,))),
        ((2, 3), (4,), ((), ())),
    ],
)
def test_tensordot(left: Any, right: Any, axes: Any, rng: np.random.Generator) -> None:
    a, b = filled(rng, left, right)
    same(linear_algebra.tensordot(a, b, axes=axes), np.tensordot(a, b, axes=axes))
    check_gradients(lambda a, b: linear_algebra.tensordot(a, b, axes=axes), a, b, rng=rng)


@pytest.mark.parametrize(
    ("left", "right"), [((), (2, 3)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (4, 3, 5))]
)
def test_dot(left: Any, right: Any, rng: np.random.Generator) -> None:
    a, b = filled(rng, left, right)
    same(linear_algebra.dot(a, b), np.dot(a, b))


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ii->i", [(3, 3)]),
        ("ij->ji", [(2, 3)]),
        ("...ij,...jk", [(2, 1, 2, 3), (5, 3, 4)]),
        ("i,i,i->", [(3,), (3,), (3,)]),
        ("bi,ij,bj->b", [(2, 3), (3, 4), (2, 4)]),
    ],
)
def test_einsum(spec: str, shapes: Any, rng: np.random.Generator) -> None:
    operands = filled(rng, *shapes)
    same(linear_algebra.einsum(spec, *operands), np.einsum(spec, *operands))
    check_gradients(lambda *xs: linear_algebra.einsum(spec, *xs), *operands, rng=rng)


def test_outer(rng: np.random.Generator) -> None:
    a, b = filled(rng, (3,), (4,))
    same(linear_algebra.outer(a, b), np.outer(a, b))


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (2, 3, 3), (0, 3), (3, 0), (2, 1, 5)])
@pytest.mark.parametrize("offset", [-5, -2, -1, 0, 1, 3, 9])
def test_diagonal_and_trace(shape: tuple[int, ...], offset: int, rng: np.random.Generator) -> None:
    (x,) = filled(rng, shape)
    same(linear_algebra.diagonal(x, offset=offset), np.linalg.diagonal(x, offset=offset))
    same(linear_algebra.trace(x, offset=offset), np.linalg.trace(x, offset=offset))
    check_gradients(lambda x: linear_algebra.diagonal(x, offset=offset), x, rng=rng)


def test_trace_adds_up_as_sum_does() -> None:
    same(linear_algebra.trace(np.full((3, 3), 100, np.int8)), np.int64(300))
    same(linear_algebra.trace(np.ones((2, 2), np.int8), dtype=np.float32), np.float32(2))


A, B = np.zeros((2, 3)), np.zeros((4, 2))


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: linear_algebra.matmul(A, A),
            TypeRuleError,
            r"matmul\(f64\[2,3\], f64\[2,3\]\): .* transpose the second, b\.mT",
        ),
        (
            lambda: linear_algebra.matmul(A, [1.0, 2]),
            TypeRuleError,
            r"is 3, .* is 2; they must be equal: transpose the first, a\.mT",
        ),
        (
            lambda: linear_algebra.matmul(A, B),
            TypeRuleError,
            "is 3, of the second its last but one axis is 4; they must be equal\n",
        ),
        (lambda: linear_algebra.matmul(A, 2.0), TypeRuleError, r"a 0-d array is no vector; multiply with \*"),
        (
            lambda: linear_algebra.matmul(A[None][[0, 0]], A.T[None][[0] * 3]),
            TypeRuleError,
            r"\(2,\) and \(3,\), do not broadcast",
        ),
        (lambda: linear_algebra.tensordot(A, A, axes=3), TypeRuleError, "axes=3, but the operands have 2 and 2 axes"),
        (lambda: linear_algebra.tensordot(A, B), TypeRuleError, r"have sizes \(2, 3\) and \(4, 2\); they must be equal"),
        (lambda: linear_algebra.tensordot(A, A, axes=((5,), (0,))), AxisError, "axis 5 is out of range"),
        (lambda: linear_algebra.vecdot(A, B), TypeRuleError, "axis -1 has sizes 3 and 2; they must be equal"),
        (lambda: linear_algebra.einsum("ij,jk", A, B), TypeRuleError, "'j' in spec .* is 3 in one place and 4 in another"),
        (lambda: linear_algebra.einsum("i"), TypeRuleError, "needs at least one operand"),
        (lambda: linear_algebra.outer(A, A), TypeRuleError, "takes two vectors; flatten them first"),
        (lambda: linear_algebra.diagonal([1]), TypeRuleError, "needs .a stack of. matrices"),
    ],
)
def test_errors(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()
