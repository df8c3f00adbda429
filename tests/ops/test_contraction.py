"""Contractions and einsum against NumPy's einsum, on random specs; and what they refuse."""

from __future__ import annotations

import random

import numpy as np
import pytest

from clew.diff.reverse import pull_back
from clew.errors import TypeRuleError
from clew.ir import DTYPES, Type, constant, parameter, toposort
from clew.ops.contraction import Contract, contract, unused
from clew.ops.einsum import einsum

BF16 = DTYPES["bf16"]


def letters_of(rng: random.Random) -> str:
    """A random contraction: each letter in two or three of left, right and result, in any order."""
    left, right, result = [], [], []
    for letter in "abcdef"[: rng.randint(0, 6)]:
        for part in rng.choice([(left, right, result), (left, right), (left, result), (right, result)]):
            part.insert(rng.randint(0, len(part)), letter)
    return f"{''.join(left)},{''.join(right)}->{''.join(result)}"


def operands(spec: str, rng: random.Random, dtype: str = "f8") -> list[np.ndarray]:
    sizes = {letter: rng.choice([0, 1, 2, 3, 3]) for letter in "abcdef"}
    numbers = np.random.default_rng(rng.randint(0, 2**32))
    shapes = [[sizes[letter] for letter in part] for part in spec.split("->")[0].split(",")]
    return [(9 * numbers.normal(size=shape)).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("seed", range(100))
def test_contract_is_numpy_einsum_of_two(seed: int) -> None:
    rng = random.Random(seed)
    spec = letters_of(rng)
    a, b = operands(spec, rng, rng.choice(["f8", "i4", "i1", "u2"]))
    y, expected = contract(spec, a, b), np.einsum(spec, a, b)
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-10, err_msg=spec)


@pytest.mark.parametrize("seed", range(100))
def test_einsum_is_numpy_einsum_of_any_number(seed: int) -> None:
    rng = random.Random(seed)
    parts = ["".join(rng.choices("abcde", k=rng.randint(0, 4))) for _ in range(rng.randint(1, 4))]
    letters = sorted(set("".join(parts)))
    result = "".join(rng.sample(letters, rng.randint(0, len(letters))))
    spec = ",".join(parts) + rng.choice(["", f"->{result}"])
    xs = operands(spec, rng)
    np.testing.assert_allclose(einsum(spec, *xs), np.einsum(spec, *xs), rtol=1e-9, atol=1e-9, err_msg=spec)


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        ("...i,...i->...", [(4, 1, 3), (5, 3)]),
        ("...ij,...jk", [(2, 1, 3, 4), (7, 4, 5)]),
        ("i..., ... -> ...i", [(3, 4), (1,)]),
        ("...ii->...i", [(2, 3, 3)]),
        ("ij...,jk->ik...", [(2, 3), (3, 4)]),
        ("...,...", [(1, 0), (3, 1)]),
        ("aab,bcc->cab", [(2, 2, 3), (3, 4, 4)]),
        ("ij,jk,kl,lm", [(2, 9), (9, 3), (3, 9), (9, 2)]),
    ],
)
def test_einsum_dots_and_diagonals(spec: str, shapes: list[tuple[int, ...]]) -> None:
    numbers = np.random.default_rng(0)
    xs = [numbers.normal(size=shape) for shape in shapes]
    np.testing.assert_allclose(einsum(spec, *xs), np.einsum(spec, *xs), rtol=1e-12)


def test_einsum_contracts_what_is_cheapest_first() -> None:
    a, b, v = (parameter(name, Type(DTYPES["f32"], shape)) for name, shape in [("a", (50, 50)), ("b", (50, 50)), ("v", (50,))])
    y = einsum("ij,jk,k->i", a, b, v)
    assert max(x.type.size for x in toposort([y]) if x.operands) == 50  # b v first, then a (b v): never a b


def test_einsum_is_differentiable_graph() -> None:
    numbers = np.random.default_rng(0)
    x, m = (parameter("x", Type(a.dtype, a.shape), a) for a in (numbers.normal(size=(3,)), numbers.normal(size=(3, 3))))
    y = einsum("i,ij,j->", x, m, x)
    gradient = pull_back({y: constant(1.0)})
    np.testing.assert_allclose(gradient[x].data, (m.data + m.data.T) @ x.data)
    np.testing.assert_allclose(gradient[m].data, np.outer(x.data, x.data))


@pytest.mark.parametrize("dtype", [np.dtype("f2"), BF16])
def test_half_precision_adds_up_in_float32(dtype: np.dtype) -> None:
    ones = np.ones(4096, dtype)
    assert contract("i,i->", ones, ones) == 4096  # one by one, 2048 + 1 is 2048 in f16, and 256 + 1 is 256 in bf16
    assert contract("i,i->", ones, ones).dtype == dtype


def test_views_without_unit_strides() -> None:
    g = np.broadcast_to(np.float32(2), (3, 4))
    w = np.arange(20, dtype="f4").reshape(4, 5)
    np.testing.assert_array_equal(contract("ij,jk->ik", g, w), np.einsum("ij,jk->ik", g, w))
    np.testing.assert_array_equal(contract("ij,jk->ik", g[:, ::2], w[::2]), np.einsum("ij,jk->ik", g[:, ::2], w[::2]))


def test_unused_letter_beyond_the_alphabet() -> None:
    assert unused("b,a->ab") == "c"
    every = "".join(map(chr, [*range(97, 123), *range(65, 91)]))
    assert unused(every) not in every
    assert unused(every).isalpha()


F32 = DTYPES["f32"]
A, B = Type(F32, (2, 3)), Type(F32, (4, 5))


@pytest.mark.parametrize(
    ("spec", "b", "message"),
    [
        (
            "ij,jk->ik",
            B,
            "'j' in 'ij,jk->ik' is 3 on the left, 4 on the right; they must be equal",
        ),
        ("ij,jk", B, "spec must read like 'ij,jk->ik', not 'ij,jk'"),
        ("ij,k->ik", B, "'j' in 'ij,k->ik' is in one operand alone; sum that axis first"),
        ("ii,ij->ij", B, "a letter repeats in 'ii' of 'ii,ij->ij'; take the diagonal first"),
        ("ij,kl->ijklm", B, "'m' in the result of 'ij,kl->ijklm' is in neither operand"),
        ("ij,j->i", B, "spec 'ij,j->i' names 1 axes of an operand that has 2"),
        ("ij,ij->ij", A.with_dtype(DTYPES["f64"]), "operands must have equal dtypes; cast one first"),
    ],
)
def test_contract_refuses(spec: str, b: Type, message: str) -> None:
    with pytest.raises(TypeRuleError) as caught:
        Contract(spec).infer(A, b)
    assert str(caught.value) == f"contract({A}, {b}): {message}"


def test_contract_refuses_booleans() -> None:
    x = Type(DTYPES["bool"], (2,))
    with pytest.raises(TypeRuleError, match=r"^contract\(bool\[2\], bool\[2\]\): booleans do not multiply and add"):
        Contract("i,i->").infer(x, x)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ij,jk->ik", "'j' in spec 'ij,jk->ik' is 3 in one place and 4 in another; they must be equal"),
        ("...j,j...", "an axis of '...' in spec '...j,j...' is 2 in one place and 5 in another; they must be equal"),
        ("ij->ij", "spec 'ij->ij' names 1 operands, but 2 were given"),
        ("ijk,lm", "'ijk' in spec 'ijk,lm' names 3 axes of f64[2,3], which has 2"),
        ("ij,kl->iz", "'z' in spec 'ij,kl->iz' is in no operand"),
        ("ij,kl->ii", "'i' in spec 'ij,kl->ii' repeats in the result"),
        ("i1,kl", "spec 'i1,kl' may hold letters, one '...' for each operand, ',' and '->' alone"),
        (
            "...j,kl->jk",
            "spec '...j,kl->jk' has '...' in an operand but not in the result; put it there, or sum those axes first",
        ),
    ],
)
def test_einsum_refuses(spec: str, message: str) -> None:
    second = np.zeros((3, 5)) if spec == "...j,j..." else np.zeros((4, 5))
    with pytest.raises(TypeRuleError) as caught:
        einsum(spec, np.zeros((2, 3)), second)
    assert str(caught.value) == f"einsum(f64[2,3], f64[{','.join(map(str, second.shape))}]): {message}"


def test_einsum_refuses_unequal_dtypes() -> None:
    with pytest.raises(TypeRuleError, match=r"^einsum\(f64\[2\], f32\[2\]\): operands must have equal dtypes; cast"):
        einsum("i,i", np.zeros(2), np.zeros(2, "f4"))
