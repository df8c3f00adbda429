"""The scalar language on Python numbers: IEEE 754 at the edges, widths of integers, and errors where an op goes wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from clew.ir import DTYPES, FLOATS, NAMES
from clew.ops.broadcast import Broadcast, Sum
from clew.ops.elementary import EITHER, FLOAT, INTEGER, PREDICATES
from clew.ops.interpreter import Interpreter, Number, interpret
from clew.ops.scalars import FUNCTIONS, Index, Read, Scalar, Scalars

EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 3.0, 1000.0, -1000.0, 1e308, -1e308, inf, -inf, nan]
SAME = "sqrt exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh floor ceil trunc abs sign isnan isinf signbit".split()
UNARY = {name: name for name in SAME} | {name: "arc" + name[1:] for name in "asin acos atan asinh acosh atanh".split()}
UNARY |= {"neg": "negative", "round": "rint"}
BINARY = {name: name for name in "add maximum minimum remainder copysign nextafter equal less less_equal".split()}
BINARY |= {
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "floor_div": "floor_divide",
    "pow": "power",
    "atan2": "arctan2",
}
BITS = {name: BINARY[name] for name in "add sub mul maximum minimum less equal floor_div remainder".split()}
BITS |= {"bit_and": "bitwise_and", "bit_or": "bitwise_or", "bit_xor": "bitwise_xor"}
BITS |= {"shift_left": "left_shift", "shift_right": "right_shift"}
OPEN = ("maximum", "minimum", "nextafter", "sign", "pow")  # of these, NumPy's zeros have either sign
F64 = DTYPES["f64"]


def same(got: Any, want: Any, tolerance: float, what: str) -> None:
    want = want.item() if want.dtype == bool else float(want)
    agree = (math.isnan(got) and math.isnan(want)) or got == want or math.isclose(got, want, rel_tol=tolerance)
    if got == want == 0 and not what.startswith(OPEN):
        agree = math.copysign(1, got) == math.copysign(1, want)
    assert agree, f"{what} is {got}, in NumPy {want}"


def test_every_function_has_a_meaning() -> None:
    assert set(PREDICATES) | set(EITHER) | set(FLOAT) | set(INTEGER) | {"nextafter"} == FUNCTIONS
    assert set(UNARY) | set(BINARY) | set(BITS) | {"erf", "bit_not", "logical_and", "logical_or", "logical_not"} == FUNCTIONS


@pytest.mark.parametrize("dtype", sorted(FLOATS, key=str), ids=str)
@pytest.mark.parametrize("function", sorted(UNARY))
def test_unary_functions_at_the_edges(function: str, dtype: Any) -> None:
    for x in EDGES:
        given = dtype.type(x)
        got = Interpreter().call(function, Number(float(given), dtype)).value
        want = getattr(np, UNARY[function])(given)
        if dtype != F64 and function in ("sin", "cos", "tan") and abs(x) > 1e4:
            continue  # of such numbers, NumPy's own are good to few digits
        same(got, want, 4 * epsilon(dtype), f"{function}({x}) of {dtype}")


@pytest.mark.parametrize("dtype", sorted(FLOATS, key=str), ids=str)
@pytest.mark.parametrize("function", sorted(BINARY))
def test_binary_functions_at_the_edges(function: str, dtype: Any) -> None:
    for a in EDGES:
        for b in EDGES:
            x, y = dtype.type(a), dtype.type(b)
            got = Interpreter().call(function, Number(float(x), dtype), Number(float(y), dtype)).value
            if function == "pow" and a <= 0 and b == 0.5:
                continue  # NumPy takes the square root: not so of -0.0 and -inf, by IEEE 754
            want = getattr(np, BINARY[function])(x, y)
            same(got, want, 4 * epsilon(dtype), f"{function}({a}, {b}) of {dtype}")


@pytest.mark.parametrize(("b", "want"), [(-(1 - 2**-53), inf), (-1.0, -inf), (-(2.0**53 - 1), -inf), (-(2.0**53), inf)])
def test_odd_powers_of_a_negative_zero(b: float, want: float) -> None:
    """Beside -1 lies a number whose remainder by 2 is rounded to 1."""
    assert Interpreter().call("pow", Number(-0.0, F64), Number(b, F64)).value == want
    assert np.power(np.array([-0.0]), np.array([b])).tolist() == [want]


def epsilon(dtype: Any) -> float:
    return {"f64": 2.0**-52, "f32": 2.0**-23, "f16": 2.0**-10, "bf16": 2.0**-7}[NAMES[dtype]]


@pytest.mark.parametrize("dtype", [DTYPES[name] for name in ("i8", "u8", "i32", "i64", "u64")], ids=str)
@pytest.mark.parametrize("function", sorted(BITS))
def test_integers_wrap_to_their_width(function: str, dtype: Any) -> None:
    info = np.iinfo(dtype)
    for a in (info.min, info.max, info.max // 3, 0, 1, 7):
        for b in (info.min, info.max, 0, 1, 2, 5, 9, 63):
            want = getattr(np, BITS[function])(np.array([a], dtype), np.array([b], dtype))[0].item()
            got = Interpreter().call(function, Number(a, dtype), Number(b, dtype)).value
            assert got == want, f"{function}({a}, {b}) of {dtype}"


def test_floats_are_rounded_after_each_call() -> None:
    e = Interpreter()
    third = e.call("div", e.const(1, DTYPES["f16"]), e.const(3, DTYPES["f16"]))
    assert third == Number(float(np.float16(1) / np.float16(3)), DTYPES["f16"])
    assert e.const(1e30, DTYPES["f16"]).value == inf
    assert e.call("erf", e.const(0.5, F64)).value == math.erf(0.5)


def test_casts() -> None:
    e = Interpreter()
    assert e.cast(e.const(-2.7, F64), DTYPES["i32"]).value == -2
    assert e.cast(e.const(300, DTYPES["i32"]), DTYPES["u8"]).value == 44
    assert e.cast(e.const(-1.5, F64), DTYPES["bool"]).value is True
    assert [e.cast(e.const(x, F64), DTYPES["i32"]).value for x in (nan, inf, -1e30)] == [0, 2**31 - 1, -(2**31)]
    assert e.cast(e.const(2**60 + 1, DTYPES["i64"]), F64).value == float(2**60)


def test_a_fold_of_half_precision_is_carried_in_float32() -> None:
    x = np.full(3000, 1, np.float16)
    assert interpret(Sum((0,)), x) == np.float16(3000)  # carried in float16 it would stop at 2048


def test_misuse_is_an_error() -> None:
    e = Interpreter()
    with pytest.raises(TypeError, match=r"^add needs arguments of one dtype, not float64, int32$"):
        e.call("add", e.const(1, F64), e.const(1, DTYPES["i32"]))
    with pytest.raises(TypeError, match=r"^sqrt is not a function of int32$"):
        e.call("sqrt", e.const(1, DTYPES["i32"]))
    with pytest.raises(TypeError, match=r"^a condition must be a bool, not a number of float64$"):
        e.select(e.const(1, F64), e.const(1, F64), e.const(0, F64))
    with pytest.raises(TypeError, match=r"^an index must be an integer, not a number of float64$"):
        e.index(e.const(1, F64))
    with pytest.raises(ValueError, match=r"^integers have no negative powers: 2 \*\* -1$"):
        e.call("pow", e.const(2, DTYPES["i32"]), e.const(-1, DTYPES["i32"]))
    with pytest.raises(ValueError, match=r"^sub is not a function to reduce with: add, logical_and"):
        e.reduce("sub", (2,), lambda k: e.const(1, F64), e.const(0, F64))


@dataclass(frozen=True)
class Next(Broadcast):
    """``x[k + 1]``, wrongly guarded by ``bound``."""

    bound: int = 0

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        (k,) = i
        return e.guard(e.inside(k + 1, 0, self.bound), lambda: x((k + 1,)), e.const(0, x.dtype))


def test_a_read_outside_is_an_error() -> None:
    x = np.arange(3.0)
    assert interpret(Next((), (), 3), x).tolist() == [1, 2, 0]
    with pytest.raises(IndexError, match=r"^read of f64\[3\] at \(3,\), which lies outside$"):
        interpret(Next((), (), 4), x)


@dataclass(frozen=True)
class Narrow(Broadcast):
    """Says its element in another dtype than it infers."""

    def at(self, e: Scalars, i: Index, x: Read) -> Scalar:
        return e.cast(x(i), DTYPES["f32"])


def test_an_element_of_another_dtype_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"^narrow: its element at \(0,\) is of float32, but its type is f64\[2\]$"):
        interpret(Narrow((), ()), np.ones(2))
