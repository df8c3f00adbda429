"""Moving elements: what the contract does not ask. Refusals as text, identities, indices, memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clew.errors import AxisError, TypeRuleError
from clew.ir import DTYPES, Op, Type, f32, parameter
from clew.ops.movement import (
    Concat,
    Flip,
    Iota,
    Pad,
    Permute,
    Reshape,
    Slice,
    concat,
    flip,
    iota,
    narrow,
    pad,
    permute,
    regroup,
    reshape,
    shift,
    slice,
    widen,
)

I8 = DTYPES["i8"]

REFUSED: list[tuple[Op, tuple[Type, ...], type[Exception], str]] = [
    (Reshape((4,)), (f32(2, 3),), TypeRuleError, "reshape(f32[2,3]): 6 elements do not fill shape (4,), which holds 4"),
    (Reshape((-1, 6)), (f32(2, 3),), TypeRuleError, "reshape(f32[2,3]): shape (-1, 6) has a negative size"),
    (Permute((0, 0)), (f32(2, 3),), AxisError, "permute(f32[2,3]): order (0, 0) must name each of the operand's 2 axes once"),
    (Flip((1,)), (f32(2),), AxisError, "flip(f32[2]): axes (1,) must be different axes of the operand, which has 1"),
    (
        Slice((0,), (1,), (1,)),
        (f32(2, 3),),
        TypeRuleError,
        "slice(f32[2,3]): needs a start, a stop and a step for each of the 2 axes",
    ),
    (
        Slice((0, 1), (1, 4), (1, 1)),
        (f32(2, 3),),
        AxisError,
        "slice(f32[2,3]): 1:4:1 does not fit axis 1 of size 3; needs 0 <= start <= stop <= 3 and step >= 1",
    ),
    (
        Slice((2,), (0,), (-1,)),
        (f32(3),),
        AxisError,
        "slice(f32[3]): 2:0:-1 does not fit axis 0 of size 3; needs 0 <= start <= stop <= 3 and step >= 1",
    ),
    (Pad((), (), ()), (f32(2),), TypeRuleError, "pad(f32[2]): needs a low, a high and a step for each of the 1 axes"),
    (
        Pad((-1,), (0,), (1,)),
        (f32(2),),
        TypeRuleError,
        "pad(f32[2]): low (-1,) and high (0,) must be >= 0, step (1,) >= 1; slice to cut off",
    ),
    (
        Pad((1,), (0,), (1,), 128),
        (Type(I8, (2,)),),
        TypeRuleError,
        "pad(i8[2]): the operand's dtype does not hold the value 128; cast the operand, or pick another",
    ),
    (
        Pad((1,), (0,), (1,), float("inf")),
        (Type(I8, (2,)),),
        TypeRuleError,
        "pad(i8[2]): the operand's dtype does not hold the value inf; cast the operand, or pick another",
    ),
    (Concat(0), (), TypeRuleError, "concat(): needs at least one operand"),
    (Concat(0), (f32(),), AxisError, "concat(f32[]): axes (0,) must be different axes of the operand, which has 0"),
    (
        Concat(0),
        (f32(2), Type(I8, (2,))),
        TypeRuleError,
        "concat(f32[2], i8[2]): operands must have equal dtypes; cast them first",
    ),
    (
        Concat(1),
        (f32(2, 3), f32(3, 3)),
        TypeRuleError,
        "concat(f32[2,3], f32[3,3]): operands must have equal sizes on every axis but 1",
    ),
    (Iota((2,), 1, I8), (), AxisError, "iota(i8[2]): axes (1,) must be different axes of the operand, which has 1"),
    (Iota((2,), 0, DTYPES["bool"]), (), TypeRuleError, "iota(): booleans do not count; make integers and cast"),
]


@pytest.mark.parametrize(("op", "types", "error", "text"), REFUSED, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(op: Op, types: tuple[Type, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        op.infer(*types)
    assert str(caught.value) == text


def test_what_moves_nothing_is_no_node() -> None:
    x = parameter("x", f32(2, 3))
    assert reshape(x, (2, 3)) is x
    assert permute(x, (0, 1)) is x
    assert flip(x, ()) is x


@pytest.mark.parametrize("seed", range(50))
def test_regroup_is_row_major(seed: int) -> None:
    rng = np.random.default_rng(seed)
    primes = [int(p) for p in rng.choice([2, 3, 5], rng.integers(0, 4))]

    def grouped() -> tuple[int, ...]:
        sizes = [1] * int(rng.integers(0 if not primes else 1, 4))
        for p in rng.permutation(primes):
            sizes[int(rng.integers(len(sizes)))] *= int(p)
        return tuple(sizes)

    shape, target = grouped(), grouped()
    numbers = np.arange(np.prod(shape, dtype=int))
    for i in np.ndindex(shape):
        assert numbers.reshape(target)[regroup(i, shape, target)] == numbers.reshape(shape)[i], (shape, target, i)


class Component:
    """An index component that is only added and multiplied: dividing it fails."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: Any) -> Component:
        return Component(f"{self}+{other}")

    def __mul__(self, other: Any) -> Component:
        return Component(f"{self}*{other}")

    def __str__(self) -> str:
        return self.text


def test_regroup_divides_only_what_it_must() -> None:
    i, j, k = map(Component, "ijk")
    kept_and_split = regroup((i, j, k), (7, 2, 5), (7, 10))
    assert [*map(str, kept_and_split)] == ["i", "j*5+k"]
    assert [*map(str, regroup((i, j), (4, 6), (4, 1, 6)))] == ["i", "0", "j"]


def test_slice_and_pad_place_elements() -> None:
    x = np.arange(1.0, 8.0)
    np.testing.assert_array_equal(slice(x, (1,), (6,), (2,)), [2, 4, 6])
    np.testing.assert_array_equal(pad(np.array([2.0, 4.0]), (1,), (2,), (3,), 9.0), [9, 2, 9, 9, 4, 9, 9])


def test_concat_moves_each_part_alone() -> None:
    a, b = np.ones(2), np.ones(3)
    y = concat(a, b, axis=0)
    np.testing.assert_array_equal(Concat(0).push(1, np.full(3, 7.0), y, a, b), [0, 0, 7, 7, 7])
    np.testing.assert_array_equal(Concat(0).pull(0, np.arange(5.0), y, a, b), [0, 1])


def test_along_one_axis() -> None:
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(narrow(x, 1, 1, 3), x[:, 1:])
    np.testing.assert_array_equal(widen(x, 0, 1, 0, 5.0), [[5, 5, 5], [0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(shift(x, 1, 1.0), [[1, 0, 1], [1, 3, 4]])
    np.testing.assert_array_equal(shift(x, 1, back=True), [[1, 2, 0], [4, 5, 0]])
    assert shift(np.zeros((2, 0)), 1).shape == (2, 0)


def test_iota_takes_the_memory_of_one_axis() -> None:
    y = iota((1000, 3), 0)
    assert y.dtype == np.int64
    assert y.strides[1] == 0
    np.testing.assert_array_equal(y[:, 2], np.arange(1000))
