"""Each case of each op, compiled, against the op's reference."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest

from clew.compiler.compiled import Compiled
from clew.ir import Graph, Value, parameter, quiet
from tests.ops import cases
from tests.ops.contract import Case

CASES = [
    case
    for module in pkgutil.iter_modules(cases.__path__)
    for case in importlib.import_module(f"tests.ops.cases.{module.name}").CASES
]
TOLERANCE = {"f2": 2e-3, "f4": 1e-5, "f8": 1e-12, "V2": 2e-2}


def graph_of(case: Case) -> Graph:
    inputs = tuple(parameter(f"x{k}", x.type) for k, x in enumerate(case.operands))
    y = Value(case.op, inputs, case.op.infer(*[x.type for x in inputs]))
    return Graph("case", inputs, (y,))


def close(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    if expected.dtype.kind in "fV":
        tolerance = TOLERANCE[f"{expected.dtype.kind}{expected.dtype.itemsize}"]
        wide = (x.astype(np.float64) for x in (actual, expected))
        scale = max(1.0, float(np.max(np.abs(expected.astype(np.float64)), initial=0.0, where=np.isfinite(expected))))
        np.testing.assert_allclose(*wide, rtol=tolerance, atol=tolerance * scale)
    else:
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_compiled_is_the_reference(case: Case) -> None:
    rng = np.random.default_rng(len(case.id))
    operands = [x.draw(rng) for x in case.operands]
    graph = graph_of(case)
    expected = quiet.run(case.op.reference, *operands)
    (actual,) = Compiled(graph)(operands)
    close(np.asarray(actual), np.asarray(expected))
