"""What the elementwise ops refuse, and how plain numbers and arrays stand beside values."""

from __future__ import annotations

import re
from math import inf, nan
from typing import Any

import mpmath
import numpy as np
import pytest

from clew.errors import TypeRuleError
from clew.ir import DTYPES, Type, constant, f32, f64, parameter, quiet
from clew.ops.arithmetic import add, div, mul, neg, reciprocal, sqrt
from clew.ops.bitwise import bitwise_and, bitwise_left_shift
from clew.ops.comparison import equal, is_filled_with, less, logical_and, signbit, where
from clew.ops.elementwise import filled
from clew.ops.erf import erf, error_function
from clew.ops.power import pow
from clew.ops.rounding import cast, identity

BOOL, INT = Type(DTYPES["bool"], (3,)), Type(DTYPES["i32"], (3,))

REFUSED: list[tuple[Any, tuple[Type, ...], str]] = [
    (add, (f32(3), f64(3)), "add(f32[3], f64[3]): operands must have equal types; cast or broadcast them first"),
    (mul, (f32(3), f32(2)), "mul(f32[3], f32[2]): operands must have equal types; cast or broadcast them first"),
    (neg, (BOOL,), "neg(bool[3]): booleans have no arithmetic; cast to a number first"),
    (div, (INT, INT), "div(i32[3], i32[3]): needs floating-point operands; cast first"),
    (sqrt, (INT,), "sqrt(i32[3]): needs floating-point operands; cast first"),
    (logical_and, (INT, INT), "logical_and(i32[3], i32[3]): needs booleans; compare the numbers with 0 first"),
    (less, (INT, f32(3)), "less(i32[3], f32[3]): operands must have equal types; cast or broadcast them first"),
    (signbit, (INT,), "signbit(i32[3]): needs a floating-point operand; for an integer ask whether it is less than 0"),
    (bitwise_and, (f32(3), f32(3)), "bitwise_and(f32[3], f32[3]): needs integers or booleans"),
    (
        bitwise_left_shift,
        (BOOL, BOOL),
        "bitwise_left_shift(bool[3], bool[3]): booleans have no bits to shift; cast to an integer first",
    ),
    (where, (f32(3), f32(3), f32(3)), "where(f32[3], f32[3], f32[3]): the condition must be boolean; compare it with 0 first"),
    (
        where,
        (BOOL, f32(3), f32(2)),
        "where(bool[3], f32[3], f32[2]): all shapes and both branches' dtypes must be equal; cast or broadcast them first",
    ),
]


@pytest.mark.parametrize(("op", "types", "text"), REFUSED, ids=[text.split(":")[0] for *_, text in REFUSED])
def test_what_is_refused(op: Any, types: tuple[Type, ...], text: str) -> None:
    with pytest.raises(TypeRuleError, match=f"^{re.escape(text)}$"):
        op.infer(*types)
    with pytest.raises(TypeRuleError, match=f"^{re.escape(text)}\n  at test_elementwise.py"):
        op(*[parameter("x", type) for type in types])


def test_negative_powers_of_integers_are_refused() -> None:
    two = np.array([2, 2], np.int32)
    with pytest.raises(TypeRuleError, match=r"^pow\(\): integers have no negative powers; cast to a float first$"):
        pow(two, -two)
    assert pow(two, two).tolist() == [4, 4]


def test_plain_numbers_stand_for_either_branch_of_where() -> None:
    condition, x = np.array([True, False]), np.array([1, 2], np.float32)
    assert where(condition, x, 0.0).tolist() == [1, 0]
    assert where(condition, 0.0, x).tolist() == [0, 2]
    assert where(condition, 0.0, x).dtype == np.float32
    v = where(constant(condition), parameter("x", f32(2), x), 0.0)
    assert v.type == f32(2)
    assert v.data.tolist() == [1, 0]


def test_where_takes_arrays_beside_values() -> None:
    condition, x = np.array([True, False]), np.array([1, 2], np.float32)
    assert where(condition, parameter("x", f32(2), x), np.float32(5)).data.tolist() == [1, 5]
    assert where(constant(condition), x, np.float32(5)).data.tolist() == [1, 5]
    assert where(np.bool_(True), np.float32(1), 2.0) == 1


def test_zero_dimensional_results_are_scalars() -> None:
    assert isinstance(where(np.bool_(True), np.float64(1), np.float64(2)), np.float64)
    assert isinstance(equal(np.float64(1), np.float64(2)), np.bool_)
    assert isinstance(erf(np.float32(1)), np.float32)


def test_is_filled_with() -> None:
    assert is_filled_with(filled(1.0, f32(3, 2)), 1.0)
    assert is_filled_with(filled(1.0, f32()), 1.0)
    assert is_filled_with(constant(np.ones(1)), 1.0)
    assert not is_filled_with(filled(1.0, f32(3)), 2.0)
    assert not is_filled_with(filled(1.0, f32(0)), 1.0)
    assert not is_filled_with(constant(np.array([1.0, 2.0])), 1.0)
    assert not is_filled_with(parameter("x", f32(), np.float32(1)), 1.0)


def test_cast_to_its_own_dtype_is_nothing_and_identity_is_a_node() -> None:
    x = parameter("x", f32(2))
    assert cast(x, DTYPES["f32"]) is x
    assert cast(x, DTYPES["f64"]).type == f64(2)
    assert identity(x) is not x
    assert identity(x).operands == (x,)


@pytest.mark.parametrize("seed", [0, 1])
def test_error_function_is_accurate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.uniform(-7, 7, 800), rng.uniform(-0.6, 0.6, 400), 10.0 ** rng.uniform(-300, 300, 100)])
    exact = np.array([float(mpmath.erf(float(v))) for v in x])
    wrong = np.abs(error_function(x) - exact) / np.spacing(np.abs(exact))
    assert wrong.max() <= 4, f"{wrong.max()} units in the last place at {x[wrong.argmax()]}"


def test_error_function_at_the_edges() -> None:
    np.testing.assert_array_equal(error_function(np.array([nan, inf, -inf, 0.0])), [nan, 1, -1, 0])
    assert np.signbit(error_function(np.array([-0.0])))[0]
    assert erf(np.array([0.5], np.float32)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_half_powers_are_no_square_roots(dtype: type) -> None:
    """However the exponents lie in memory."""
    a = np.array([-inf, -0.0, 0.0, 4.0, -1.0, nan] * 6, dtype)
    for b in (np.full(36, 0.5, dtype), np.broadcast_to(dtype(0.5), 36)):
        y = quiet.run(pow.reference, a, b)
        np.testing.assert_array_equal(y, [inf, 0.0, 0.0, 2.0, nan, nan] * 6)
        assert y.dtype == dtype and not np.signbit(y[y == 0]).any()
    assert quiet.run(pow.reference, a[0], dtype(0.5)) == inf


@pytest.mark.parametrize("name", ["f64", "f32", "f16", "bf16"])
def test_floats_that_no_integer_holds(name: str) -> None:
    x = np.array([nan, inf, -inf, 200.0, -200.0, -0.875, 3.5]).astype(DTYPES[name])
    for target, expected in (("i8", [0, 127, -128, 127, -128, 0, 3]), ("u8", [0, 255, 0, 200, 0, 0, 3])):
        y = quiet.run(cast, x, DTYPES[target])
        assert y.dtype == DTYPES[target] and y.tolist() == expected
        assert [quiet.run(cast, v, DTYPES[target]) for v in x] == expected
    wide = quiet.run(cast, np.array([1e30, -1e30, 2.0**63, -(2.0**63)]), DTYPES["i64"])
    assert wide.tolist() == [2**63 - 1, -(2**63), 2**63 - 1, -(2**63)]
    assert quiet.run(cast, np.array([1e30, 2.0**63, -1.0]), DTYPES["u64"]).tolist() == [2**64 - 1, 2**63, 0]


@pytest.mark.parametrize("shape", [(0, 3), (1,), (1000, 3)])
@pytest.mark.parametrize("number", [4.0, 0.0, -0.0, inf, nan])
def test_the_reciprocal_of_one_number_everywhere_is_one(shape: tuple[int, ...], number: float) -> None:
    repeated = filled(number, f32(*shape))
    made, written = reciprocal(repeated).data, quiet.run(reciprocal.reference, np.array(repeated.data))
    np.testing.assert_array_equal(made, written)
    assert made.dtype == written.dtype and made.shape == shape
    assert made.size < 2 or not any(made.strides)
