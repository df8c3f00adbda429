from __future__ import annotations

from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from clew.array import dtypes
from clew.errors import TypeRuleError, UsageError
from clew.ir import DTYPES, FLOATS, INTEGERS

from .oracle import gradients, leaf, same

ALL = list(DTYPES.values())


def test_names_are_the_standard_s() -> None:
    for dtype in ALL:
        assert getattr(dtypes, dtype.name) is dtype


@pytest.mark.parametrize(("a", "b"), list(product([d for d in ALL if d.name != "bfloat16"], repeat=2)))
def test_promotion_is_the_standard_s(a: Any, b: Any) -> None:
    if a.kind == b.kind or a.kind + b.kind in ("iu", "ui"):
        joined = np.promote_types(a, b)
        if joined.kind == "f" and a.kind != "f":  # u64 beside a signed integer
            with pytest.raises(TypeRuleError, match="has no common dtype with"):
                dtypes.result_type(a, b)
            return
        assert dtypes.result_type(a, b) == joined
        assert dtypes.can_cast(a, b) == np.can_cast(a, b)
    elif a.kind == "b" or b.kind == "b":
        assert dtypes.result_type(a, b) == (a if b.kind == "b" else b)
    else:
        assert dtypes.result_type(a, b) == (a if a.kind == "f" else b)


def test_half_precisions_meet_in_float32() -> None:
    assert dtypes.result_type(dtypes.bfloat16, dtypes.float16) == dtypes.float32


@pytest.mark.parametrize(
    ("operands", "expected"),
    [
        ((np.zeros(2, np.int8), 1), "int8"),
        ((1, np.zeros(2, np.int8)), "int8"),
        ((np.zeros(2, np.float16), 1.5), "float16"),
        ((np.zeros(2, np.int8), 1.5), "float32"),
        ((np.zeros(2, bool), 1), "int64"),
        ((True, 1), "int64"),
        ((1.5,), "float32"),
        (("float64", np.float32), "float64"),
        ((leaf(np.zeros(1, np.uint8)), np.int16), "int16"),
    ],
)
def test_scalars_are_weak(operands: Any, expected: str) -> None:
    assert dtypes.result_type(*operands) == expected


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("bool", {"bool"}),
        ("signed integer", {"int8", "int16", "int32", "int64"}),
        ("unsigned integer", {"uint8", "uint16", "uint32", "uint64"}),
        ("integral", {d.name for d in INTEGERS}),
        ("real floating", {d.name for d in FLOATS}),
        ("complex floating", set()),
        ("numeric", {d.name for d in INTEGERS | FLOATS}),
        (dtypes.int8, {"int8"}),
        (("bool", dtypes.int8), {"bool", "int8"}),
    ],
)
def test_isdtype(kind: Any, members: set[str]) -> None:
    assert {d.name for d in ALL if dtypes.isdtype(d, kind)} == members


@pytest.mark.parametrize("dtype", sorted(FLOATS, key=str))
def test_finfo(dtype: Any) -> None:
    info, expected = dtypes.finfo(dtype), ml_dtypes.finfo(dtype)
    assert info == dtypes.finfo(np.zeros(1, dtype))
    assert (info.bits, info.dtype) == (expected.bits, dtype)
    for name in ("eps", "max", "min", "smallest_normal"):
        assert isinstance(getattr(info, name), float)
        assert getattr(info, name) == float(getattr(expected, name))


@pytest.mark.parametrize("dtype", sorted(INTEGERS, key=str))
def test_iinfo(dtype: Any) -> None:
    info, expected = dtypes.iinfo(dtype), np.iinfo(dtype)
    assert info == (expected.bits, expected.max, expected.min, dtype)
    assert info == dtypes.iinfo(leaf(np.zeros(1, dtype)))


def test_astype() -> None:
    x = np.array([1.7, -1.7, 0])
    for dtype in (np.int8, np.float32, np.float16, np.bool_, ml_dtypes.bfloat16):
        same(dtypes.astype(x, dtype), x.astype(dtype))
    (g,) = gradients(lambda x: dtypes.astype(x, "float16"), x)
    assert g.tolist() == [1, 1, 1]
    assert g.dtype == np.float64
    v = leaf(x)
    assert dtypes.astype(v, "float64") is v


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: dtypes.astype([1], "f4"), r"astype\(\): no dtype 'f4'; clew knows bool, int8"),
        (lambda: dtypes.astype([1], np.complex128), "no dtype .*complex128"),
        (lambda: dtypes.astype([1], None), "no dtype None"),
        (lambda: dtypes.finfo(np.int8), "int8 is not a floating-point dtype; iinfo tells of integers"),
        (lambda: dtypes.iinfo(np.float32), "float32 is not an integer dtype; finfo tells"),
        (lambda: dtypes.isdtype(np.int8, "real"), "no kind 'real'; kinds are 'bool', 'signed integer'"),
        (lambda: dtypes.result_type(), "needs at least one array or dtype"),
        (lambda: dtypes.result_type(np.uint64, np.int8), "i8 has no common dtype with u64; cast one of them"),
        (lambda: dtypes.astype([1], "int8", device="gpu"), "no device 'gpu'"),
    ],
)
def test_errors(call: Any, text: str) -> None:
    with pytest.raises((TypeRuleError, UsageError), match=text) as error:
        call()
    assert "\n  at test_dtypes.py:" in str(error.value)
