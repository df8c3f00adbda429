"""Every function of the scalar language, in every dtype, is what the interpreter says."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from clew.compiler.block import Block, Module, Reg
from clew.compiler.native import Host
from clew.compiler.scalar_functions import call
from clew.ir import DTYPES, FLOATS, quiet
from clew.ops.elementary import FLOAT, INTEGER, PREDICATES
from clew.ops.interpreter import Interpreter, Number, plain
from clew.ops.scalars import FUNCTIONS

from .arrays import HOSTS, Functions, same

TWO = frozenset(
    "add sub mul div floor_div remainder pow atan2 maximum minimum nextafter copysign equal less less_equal "
    "logical_and logical_or bit_and bit_or bit_xor shift_left shift_right".split()
)
TRANSCENDENTAL = frozenset(
    "pow exp expm1 log log1p log2 log10 sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf".split()
)
LANES = [0, 4, 8, 16]


def functions_of(dtype: np.dtype) -> list[str]:
    """What the interpreter knows of the dtype."""
    if dtype in FLOATS:
        known = {*FLOAT, *PREDICATES, "nextafter"} - {"logical_and", "logical_or", "logical_not"}
    else:
        known = {*INTEGER, *PREDICATES}
        known -= set() if dtype.kind == "b" else {"logical_and", "logical_or", "logical_not"}
    return sorted(known & FUNCTIONS)


@cache
def compiled(name: str, lanes: int, on: Host | None = None) -> Functions:
    dtype = DTYPES[name]

    def writer(function: str) -> Any:
        return lambda b, *xs: call(b, function, dtype, *xs)

    return Functions(
        {f: (writer(f), [dtype] * (1 + (f in TWO)), DTYPES["bool"] if f in PREDICATES else dtype) for f in functions_of(dtype)},
        lanes,
        on,
    )


def operands(dtype: np.dtype, count: int, seed: int) -> np.ndarray:
    """Special numbers and random ones, small and of all sizes."""
    random = np.random.default_rng(seed)
    if dtype.kind == "b":
        return np.arange(count) % 3 == 1
    if dtype not in FLOATS:
        info = np.iinfo(dtype)
        special = [0, 1, 2, 3, 5, 7, 8, 15, 31, 63, info.max, info.max - 1, info.min, info.min + 1]
        special += [-1, -2, -3, -7, -8] if dtype.kind == "i" else []
        return np.array([*special, *random.integers(info.min, info.max, count - len(special), dtype, True)], dtype)
    special_floats = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 1e-3, 100.0, np.inf]
    one = dtype.type(1)
    tiny = quiet.run(np.nextafter, dtype.type(0), one)
    some = np.array([*special_floats, tiny, 3 * tiny, quiet.run(np.nextafter, one, dtype.type(0))], dtype)
    bits = random.integers(0, 1 << 8 * dtype.itemsize, count, f"u{dtype.itemsize}", False).view(dtype)
    near = random.normal(0, 3, count).astype(dtype)
    values = np.concatenate([some, -some, np.array([np.nan], dtype), near[: count // 3], bits])
    return values[:count]


@cache
def chosen(name: str, function: str) -> tuple[np.ndarray, ...]:
    """What a function is tried on: all pairs of operands, or many single ones."""
    dtype = DTYPES[name]
    if function not in TWO:
        return (operands(dtype, 512, 1),)
    a, b = np.meshgrid(operands(dtype, 44, 1), operands(dtype, 44, 2))
    if function == "pow" and dtype.kind == "i":
        b = abs(np.where(b == np.iinfo(dtype).min, 0, b))
    return a.ravel().copy(), b.ravel().copy()


@cache
def interpreted(name: str, function: str) -> np.ndarray:
    dtype = DTYPES[name]
    scalars = Interpreter()
    values = [
        scalars.call(function, *[Number(plain(x), dtype) for x in xs]).value for xs in zip(*chosen(name, function), strict=True)
    ]
    return np.array(values, DTYPES["bool"] if function in PREDICATES else dtype)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", DTYPES)
def test_exact_functions_are_the_interpreters(name, lanes):
    run = compiled(name, lanes)
    for function in functions_of(DTYPES[name]):
        if function in TRANSCENDENTAL and DTYPES[name] in FLOATS:
            continue
        xs = chosen(name, function)
        got, expected = run(function, *xs), interpreted(name, function)
        wrong = ~same(got, expected)
        if wrong.any():
            k = int(wrong.argmax())
            pytest.fail(f"{function} of {[x[k] for x in xs]}: {got[k]!r}, not {expected[k]!r} ({wrong.sum()} of {wrong.size})")


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", ["bf16", "f16", "f32", "f64"])
def test_transcendental_functions_are_near_the_interpreters(name, lanes):
    run = compiled(name, lanes)
    near = {"bf16": 1, "f16": 1, "f32": 2, "f64": 3}[name]  # the interpreter's double is itself not quite exact
    for function in sorted(TRANSCENDENTAL):
        xs = chosen(name, function)
        got, expected = run(function, *xs), interpreted(name, function)
        wrong = (steps(got, expected) > near) & ~same(got, expected)
        if wrong.any():
            k = int(wrong.argmax())
            pytest.fail(f"{function} of {[x[k] for x in xs]}: {got[k]!r}, not {expected[k]!r} ({wrong.sum()} of {wrong.size})")


def steps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many numbers lie between; many if a NaN or a zero's sign differs."""
    bits = [x.view(f"i{x.dtype.itemsize}").astype(object) for x in (a, b)]
    apart = abs(bits[0] - bits[1])
    return np.where((a != a) != (b != b), 2**70, apart)


@pytest.mark.parametrize("name", ["bf16", "f32", "f64"])
def test_lanes_do_not_matter(name):
    for function in functions_of(DTYPES[name]):
        xs = chosen(name, function)
        results = [compiled(name, lanes)(function, *xs) for lanes in LANES]
        assert all(same(results[0], x).all() for x in results[1:]), function


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.cpu)
@pytest.mark.parametrize("name", DTYPES)
def test_processors_do_not_matter(name, host):
    run = compiled(name, 4, host)
    for function in functions_of(DTYPES[name]):
        xs = chosen(name, function)
        assert same(run(function, *xs), compiled(name, 4)(function, *xs)).all(), function


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_function_is_written_for_some_dtype(function):
    assert any(function in functions_of(dtype) for dtype in DTYPES.values())


def test_a_function_that_a_dtype_has_not():
    with pytest.raises(TypeError, match=r"^exp is not a function of int32$"):
        call(Block(Module()), "exp", DTYPES["i32"], Reg("%x", "i32"))


@pytest.mark.parametrize("name", ["f32", "f64"])
def test_quotients_beyond_the_digits_of_the_dtype(name):
    random = np.random.default_rng(3)
    dtype = DTYPES[name]
    a = (random.normal(size=4096) * 10.0 ** random.uniform(0, 30, 4096)).astype(dtype)
    b = (random.normal(size=4096) * 10.0 ** random.uniform(-10, 5, 4096)).astype(dtype)
    run = compiled(name, 8)
    assert same(run("remainder", a, b), quiet.run(np.remainder, a, b)).all()
    assert same(run("floor_div", a, b), quiet.run(np.floor_divide, a, b)).all()
