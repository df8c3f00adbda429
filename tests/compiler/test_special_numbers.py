"""Every pair of special numbers through every elementwise op; special numbers among others through the other ops."""

from __future__ import annotations

import numpy as np
import pytest

from clew.compiler.compiled import Compiled
from clew.ir import DTYPES, FLOATS, Array, Dtype, Graph, Type, Value, parameter, quiet
from clew.ops.convolution import Convolve
from clew.ops.elementwise import Elementwise
from tests.ops.contract import Case

from .test_ops import CASES, close, graph_of

SPECIAL = (0.0, -0.0, np.nan, np.inf, -np.inf)
OTHERS = (1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5, 100.0, -100.0, 1e-3)


def numbers(dtype: Dtype) -> Array:
    """Special ones, and some of any size that the dtype has."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        return np.array([0, 1, 2, 3, 5, 127], dtype)
    half = dtype.itemsize == 2 and dtype.kind == "f"
    large, small = (1e4, 6e-8) if half else (1e300, 1e-310) if dtype.itemsize == 8 else (1e30, 1e-40)
    return np.array([*SPECIAL, *OTHERS, large, -large, small, -small]).astype(dtype)


def distinct(cases: list[Case]) -> list[Case]:
    """One case for each op and dtypes."""
    found = {(case.op.name, repr(case.op), tuple(x.dtype for x in case.operands)): case for case in reversed(cases)}
    return list(reversed(found.values()))


ELEMENTWISE = distinct([case for case in CASES if isinstance(case.op, Elementwise)])
PLACING = [case for case in CASES if not isinstance(case.op, Elementwise | Convolve) and case.operands]


@pytest.mark.parametrize("name", ["f64", "f32", "f16", "bf16"])
@pytest.mark.parametrize("case", ELEMENTWISE, ids=lambda case: case.id)
def test_every_combination(case: Case, name: str) -> None:
    dtypes = [DTYPES[name] if x.type.dtype in FLOATS else x.type.dtype for x in case.operands]
    if not FLOATS.intersection(dtypes):
        return
    operands = [np.ascontiguousarray(x.ravel()) for x in np.meshgrid(*map(numbers, dtypes), indexing="ij")]
    inputs = tuple(parameter(f"x{k}", Type(x.dtype, x.shape)) for k, x in enumerate(operands))
    y = Value(case.op, inputs, case.op.infer(*[x.type for x in inputs]))
    (actual,) = Compiled(Graph("g", inputs, (y,)))(operands)
    expected = np.asarray(quiet.run(case.op.reference, *operands))
    places = np.isfinite(expected.astype(np.float64)) if expected.dtype in FLOATS else np.ones(expected.shape, bool)
    np.testing.assert_array_equal(actual[~places].astype(np.float64), expected[~places].astype(np.float64))
    for k in np.flatnonzero(places):  # each relative to its own size
        if expected.dtype in FLOATS:
            tolerance = {2: 2e-2, 4: 1e-5, 8: 1e-12}[expected.dtype.itemsize]
            tiny = {"f8": 0.0, "f4": 1e-38, "f2": 5e-4, "V2": 4e-3}[f"{expected.dtype.kind}{expected.dtype.itemsize}"]
            a, e = float(actual[k]), float(expected[k])
            assert abs(a - e) <= tolerance * abs(e) + tiny, f"{a}, not {e}, of {[x[k] for x in operands]}"
        else:
            assert actual[k] == expected[k], f"of {[x[k] for x in operands]}"


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("case", PLACING, ids=lambda case: case.id)
def test_special_numbers_among_others(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    operands = []
    for x in case.operands:
        data = np.array(x.draw(rng))
        if data.dtype in FLOATS:
            chosen = rng.random(data.shape) < (0.2, 0.7)[seed]
            data[chosen] = rng.choice(SPECIAL, int(chosen.sum()))
        operands.append(data[()])
    (actual,) = Compiled(graph_of(case))(operands)
    close(np.asarray(actual), np.asarray(quiet.run(case.op.reference, *operands)))
