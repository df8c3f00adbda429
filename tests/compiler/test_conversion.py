"""Casts are those of eager mode and of the interpreter; memory and registers hold the same."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.conversion import cast, memory_type, register_type, round_half
from clew.compiler.native import Host
from clew.ir import DTYPES, FLOATS, quiet
from clew.ops.interpreter import plain, rounded
from clew.ops.rounding import Cast

from .arrays import HOSTS, Functions, same

LANES = [0, 8, 16]
HALVES = ["bf16", "f16"]


def numbers(name: str, seed: int) -> np.ndarray:
    """All sizes, edges of every integer type, numbers beside them, halves between numbers of shorter types."""
    dtype = DTYPES[name]
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2 ** (8 * dtype.itemsize), 480, f"u{dtype.itemsize}", endpoint=False)
    if dtype.kind == "b":
        return np.resize([True, False, False], 480)
    if dtype not in FLOATS:
        return np.concatenate([bits.view(dtype), np.arange(-8, 8).astype(dtype)])
    edges = np.array([2.0**k for k in (7, 8, 15, 16, 24, 31, 32, 53, 63, 64, 100)])
    with np.errstate(over="ignore"):
        edges = np.concatenate([edges, edges - 1, edges + 1, edges + 0.5, [0.0, 0.5, 1.5, np.inf]]).astype(dtype)
    beside = quiet.run(np.nextafter, edges, dtype.type(0))
    ties = (1 + random.integers(0, 2**11, 40) * 2.0**-12).astype(dtype)
    small = (ties * dtype.type(2.0**-20)).astype(dtype)
    some = np.concatenate([edges, -edges, beside, -beside, ties, small, [np.nan]]).astype(dtype)
    return np.concatenate([some, bits.view(dtype)])[: 16 * ((some.size + 480) // 16)].copy()


def casts(source: str, lanes: int, on: Host | None = None) -> Functions:
    def writer(target: np.dtype):
        return lambda b, x: cast(b, x, DTYPES[source], target)

    return Functions({name: (writer(target), DTYPES[source], target) for name, target in DTYPES.items()}, lanes, on)


def expected(x: np.ndarray, target: np.dtype) -> np.ndarray:
    """Eager mode's cast, which is the interpreter's."""
    made = np.asarray(quiet.run(Cast(target).reference, x))
    if x.dtype in FLOATS and target.kind in "iu":
        assert made.tolist() == [rounded(plain(v), target) for v in x]
    return made


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("source", DTYPES)
def test_casts(source, lanes):
    x, run = numbers(source, 1), casts(source, lanes)
    for name, target in DTYPES.items():
        got, true = run(name, x), expected(x, target)
        wrong = ~same(got, true)
        assert not wrong.any(), f"{x[wrong][0]!r} to {name}: {got[wrong][0]!r}, not {true[wrong][0]!r}"


@pytest.mark.parametrize("source", ["bf16", "f16", "f32", "f64"])
def test_what_has_no_place_among_the_integers(source):
    """The same on every processor, where C leaves it open: the nearest integer there is, and 0 of NaN."""
    x = np.array([np.nan, np.inf, -np.inf, 3e4, -3e4, -0.5, 1.5, -1.5]).astype(DTYPES[source])
    run = casts(source, 8)
    for name, least, most in (("i8", -128, 127), ("u8", 0, 255), ("i64", -(2**63), 2**63 - 1), ("u64", 0, 2**64 - 1)):
        inside = [int(v) if least < v < most else most if v > 0 else least for v in x[3:].astype(float)]
        for found in (run(name, x), quiet.run(Cast(DTYPES[name]).reference, x)):
            assert found.dtype == DTYPES[name]
            assert found.tolist() == [0, most, least, *inside]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.cpu)
@pytest.mark.parametrize("source", [*HALVES, "f32", "f64", "u64"])
def test_casts_on_other_processors(source, host):
    x, run, here = numbers(source, 2), casts(source, 4, host), casts(source, 4)
    for name in DTYPES:
        assert same(run(name, x), here(name, x)).all(), name


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", HALVES)
def test_every_half_passes_through_a_register(name, lanes):
    dtype = DTYPES[name]
    x = np.arange(2**16, dtype=np.uint16).view(dtype)
    run = Functions({"same": (lambda b, y: y, dtype, dtype), "wide": (lambda b, y: y, dtype, np.float32)}, lanes)
    assert same(run("same", x), x).all()
    assert same(run("wide", x), quiet.run(x.astype, np.float32)).all()


@pytest.mark.parametrize("host", [None, *HOSTS], ids=str)
@pytest.mark.parametrize("name", HALVES)
def test_rounding_to_half_precision(name, host):
    dtype = DTYPES[name]
    halves = np.arange(2**16, dtype=np.uint16).view(dtype).astype(np.float32)
    between = halves.view(np.uint32)[:, None] + np.array([1, 0xFFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001], np.uint32)
    x = between.ravel().view(np.float32)
    run = Functions({"round": (lambda b, y: round_half(b, y, dtype), np.float32, np.float32)}, 16, host)
    assert same(run("round", x), quiet.run(x.astype, dtype).astype(np.float32)).all()


def test_types():
    assert [memory_type(DTYPES[name]) for name in ("bool", "u16", "i64", "f16", "f32")] == ["i8", "i16", "i64", "half", "float"]
    assert [register_type(DTYPES[name]) for name in ("bool", "u8", "bf16", "f16", "f64")] == [
        "i1",
        "i8",
        "float",
        "float",
        "double",
    ]
