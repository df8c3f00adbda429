"""Every op is held to the contract: its rules agree with its reference, and with each other."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import clew.ops
from clew.diff.reverse import known, pull_back
from clew.errors import TypeRuleError
from clew.ir import DTYPES, FLOATS, INPUT, NAMES, Op, Type, Value, constant, parameter, toposort
from clew.ops.arithmetic import Add, Mul, add, square
from clew.ops.broadcast import Sum
from clew.ops.elementwise import Elementwise
from clew.ops.interpreter import interpret
from clew.ops.items import Item

from . import cases
from .contract import Case

TOLERANCE = {"f64": 1e-11, "f32": 2e-5, "f16": 2e-2, "bf16": 1e-1}  # relative to the largest element
STEP = 1e-5


def all_cases() -> Iterator[Any]:
    taken: set[str] = set()
    for module in pkgutil.iter_modules(cases.__path__):
        for case in importlib.import_module(f"{cases.__name__}.{module.name}").CASES:
            attributes = ",".join(f"{k}={v}" for k, v in case.op.attributes.items())
            name = f"{module.name}:{case.id}" + (f"[{attributes}]" if attributes else "")
            for n in itertools.count(1):
                unique = name if n == 1 else f"{name}#{n}"
                if unique not in taken:
                    break
            taken.add(unique)
            yield pytest.param(case, id=unique)


every_case = pytest.mark.parametrize("case", list(all_cases()))


# --- drawing and comparing -------------------------------------------------------------------------------------------


def rng_of(case: Case, salt: int = 0) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(case.id.encode()), salt])


def draw(case: Case, rng: np.random.Generator, float_dtype: str | None = None) -> list[Any]:
    """The operands' data, the floats among them in ``float_dtype`` if given; NumPy scalars for 0-d."""
    arrays = [x.draw(rng) for x in case.operands]
    return [in_float(x, float_dtype) if float_dtype and x.dtype in FLOATS else np.asarray(x)[()] for x in arrays]


def in_float(x: Any, name: str) -> Any:
    return np.asarray(x).astype(DTYPES[name])[()]


def type_of(x: Any) -> Type:
    return Type(x.dtype, x.shape)


def moving(case: Case) -> list[int]:
    """The operands that a derivative can be taken with respect to."""
    return [k for k, x in enumerate(case.operands) if x.type.differentiable]


def wide(x: Any) -> Any:
    return np.asarray(x).astype(np.float64)


def close(actual: Any, expected: Any, what: str, tolerance: float | None = None) -> None:
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, not {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: dtype {actual.dtype}, not {expected.dtype}"
    if actual.dtype not in FLOATS:
        np.testing.assert_array_equal(actual, expected, err_msg=what)
        return
    tolerance = TOLERANCE[NAMES[actual.dtype]] if tolerance is None else tolerance
    a, e = wide(actual), wide(expected)
    finite = np.isfinite(e)
    scale = max(1.0, float(np.max(np.abs(e[finite]), initial=0.0)))
    np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def dot(a: Any, b: Any) -> float:
    return float(np.sum(wide(a) * wide(b)))


def or_zero(x: Any, like: Any) -> Any:
    return np.zeros_like(like)[()] if x is None else x


def central(f: Callable[[float], Any]) -> Any:
    """The derivative at 0 of a function of one number, to fourth order of the step."""
    d1 = (f(STEP * 8) - f(-STEP * 8)) / (16 * STEP)
    d2 = (f(STEP * 16) - f(-STEP * 16)) / (32 * STEP)
    return (4 * d1 - d2) / 3


def moved(xs: list[Any], k: int, by: Any) -> list[Any]:
    return [*xs[:k], (xs[k] + by)[()], *xs[k + 1 :]]


def evaluate(outputs: list[Value], given: dict[Value, Any]) -> list[Any]:
    """What a symbolic graph computes."""
    data: dict[Value, Any] = dict(given)
    for v in toposort(outputs):
        if v.op is None:
            data[v] = v.data
        elif v.op is not INPUT:
            data[v] = v.op.reference(*[data[x] for x in v.operands])
            assert type_of(data[v]) == v.type, f"{v.op.name} computed {type_of(data[v])}, inferred {v.type}"
    return [data[v] for v in outputs]


# --- the contract ----------------------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("float_dtype", [None, "f32", "f16", "bf16"])
def test_type_and_pull_form_agree_with_the_reference(case: Case, float_dtype: str | None) -> None:
    if float_dtype and not moving(case):
        return
    xs = draw(case, rng_of(case), float_dtype)
    try:
        expected = case.op.infer(*map(type_of, xs))
    except TypeRuleError:
        assert float_dtype, "the op refuses the operands of its own case"
        return
    y = case.op.reference(*xs)
    assert type_of(y) == expected
    assert isinstance(y, np.generic) == (expected.shape == ()), "a NumPy scalar stands for every 0-d array"
    if case.op.pulls:
        close(interpret(case.op, *xs), y, "the pull form against the reference")


@every_case
@pytest.mark.parametrize("seed", [0, 1])
def test_derivatives_agree_with_finite_differences_and_each_other(case: Case, seed: int) -> None:
    rng = rng_of(case, seed)
    xs = draw(case, rng, "f64")
    y = case.op.reference(*xs)
    for k in moving(case):
        t = np.asarray(rng.uniform(-1, 1, np.shape(xs[k])))[()]
        g = in_float(rng.uniform(-1, 1, y.shape), NAMES[y.dtype] if y.dtype in FLOATS else "f64")
        if not case.op.differentiable or y.dtype not in FLOATS:
            assert case.op.pull(k, g, y, *xs) is None
            assert case.op.push(k, t, y, *xs) is None
            continue
        pulled, pushed = case.op.pull(k, g, y, *xs), case.op.push(k, t, y, *xs)
        assert pulled is None or type_of(pulled) == type_of(xs[k]), f"pull of operand {k}"
        assert pushed is None or type_of(pushed) == type_of(y), f"push of operand {k}"
        pulled, pushed = or_zero(pulled, xs[k]), or_zero(pushed, y)
        pairing = f"<pull(g), t> against <g, push(t)> of operand {k}"
        close(np.float64(dot(pulled, t)), np.float64(dot(g, pushed)), pairing, TOLERANCE[NAMES[y.dtype]])
        if case.smooth:
            slope = central(lambda s, k=k, t=t: wide(case.op.reference(*moved(xs, k, s * t))))
            close(wide(pushed), slope, f"push of operand {k} against finite differences", 1e-6)


@every_case
def test_batch_is_the_op_on_each_example(case: Case) -> None:
    size = 3
    examples = [draw(case, rng_of(case, n)) for n in range(size)]
    count = len(case.operands)
    for batched in itertools.product([False, True], repeat=count):
        if not any(batched):
            continue
        xs = [np.stack([e[k] for e in examples]) if batched[k] else examples[0][k] for k in range(count)]
        single = [[e[k] if batched[k] else examples[0][k] for k in range(count)] for e in examples]
        expected = np.stack([case.op.reference(*e) for e in single])
        close(case.op.batch(size, batched, *xs), expected, f"batched {batched}")
        values = case.op.batch(size, batched, *[parameter("x", type_of(x)) for x in xs])
        assert values.type == type_of(expected), f"batched {batched}, on symbolic values"


@every_case
def test_rules_mean_the_same_on_arrays_and_on_values(case: Case) -> None:
    rng = rng_of(case)
    xs = draw(case, rng)
    y = case.op.reference(*xs)
    for k in moving(case) if y.dtype in FLOATS else []:
        t, g = np.asarray(rng.uniform(-1, 1, np.shape(xs[k]))), np.asarray(rng.uniform(-1, 1, y.shape))
        for rule, upstream in ((case.op.pull, g.astype(y.dtype)[()]), (case.op.push, t.astype(xs[k].dtype)[()])):
            arrays = rule(k, upstream, y, *xs)
            everything = [upstream, y, *xs]
            known_values = [parameter(f"x{n}", type_of(x), x) for n, x in enumerate(everything)]
            symbols = [parameter(f"x{n}", type_of(x)) for n, x in enumerate(everything)]
            on_known, on_symbols = rule(k, *known_values), rule(k, *symbols)
            if arrays is None:
                assert on_known is None and on_symbols is None
                continue
            close(on_known.data, arrays, f"{rule.__name__} of operand {k} on known values")
            (computed,) = evaluate([on_symbols], dict(zip(symbols, everything, strict=True)))
            close(computed, arrays, f"{rule.__name__} of operand {k} on symbolic values")


@every_case
def test_second_derivative(case: Case) -> None:
    """The derivative of ``<w, y + y*y>``, differentiated again, against finite differences of the first."""
    rng = rng_of(case)
    xs = draw(case, rng, "f64")
    y = case.op.reference(*xs)
    if not (case.smooth and case.op.differentiable and moving(case) and y.dtype in FLOATS):
        return
    w = np.asarray(rng.uniform(-1, 1, y.shape))[()]
    directions = {k: np.asarray(rng.uniform(-1, 1, np.shape(xs[k])))[()] for k in moving(case)}

    def leaves_and_cost(arrays: list[Any]) -> tuple[list[Value], Value]:
        leaves = [parameter("x", type_of(x), x) if k in directions else constant(x) for k, x in enumerate(arrays)]
        result = case.op(*leaves)
        return leaves, add(result, square(result))

    def gradient(s: float) -> dict[int, Any]:
        shifted = [(x + s * directions[k])[()] if k in directions else x for k, x in enumerate(xs)]
        leaves, cost = leaves_and_cost(shifted)
        gradients = pull_back({cost: w}, known)
        return {k: wide(gradients.get(leaves[k], np.zeros(np.shape(xs[k])))) for k in directions}

    leaves, cost = leaves_and_cost(xs)
    first = pull_back({cost: constant(w)})
    seeds: dict[Value, Value] = {}
    for k, t in directions.items():
        slope = first.get(leaves[k])
        if slope is not None and slope.op is not None:  # a constant has no slope of its own
            seeds[slope] = add(seeds[slope], constant(t)) if slope in seeds else constant(t)
    second = pull_back(seeds)
    for k in directions:
        slope = central(lambda s, k=k: gradient(s)[k])
        of_rule = second[leaves[k]].data if leaves[k] in second else np.zeros(np.shape(xs[k]))
        close(wide(of_rule), slope, f"second derivative by operand {k}", 1e-5)


# --- completeness ----------------------------------------------------------------------------------------------------


def concrete_ops() -> set[type[Op]]:
    """Every op of every module of ``clew.ops``. A class that others derive from is a kind of op; the rest are final."""
    for module in pkgutil.walk_packages(clew.ops.__path__, "clew.ops."):
        importlib.import_module(module.name)
    found: set[type[Op]] = set()
    frontier: list[type[Op]] = [Op]
    while frontier:
        op = frontier.pop()
        frontier += op.__subclasses__()
        if not op.__subclasses__() and op.__module__.startswith("clew.ops."):
            found.add(op)
    return found


def test_every_op_has_a_case() -> None:
    held = {type(parameters.values[0].op) for parameters in all_cases()} | {Item}  # of several results: test_items
    missing = sorted(op.__qualname__ for op in concrete_ops() - held)
    assert not missing, f"no case in tests/ops/cases for {', '.join(missing)}"


def test_attributes_are_the_fields_of_a_frozen_dataclass() -> None:
    for op in concrete_ops():
        assert not inspect.isabstract(op), op
        annotated = [name for name, kind in op.__annotations__.items() if "ClassVar" not in str(kind)]
        fields = vars(op).get("__dataclass_fields__", {})
        assert set(annotated) <= set(fields), f"{op}: decorate it with @dataclass(frozen=True)"
        assert not fields or vars(op)["__dataclass_params__"].frozen, op
        if issubclass(op, Elementwise):
            assert not fields, f"{op}: what it infers is remembered by operand type alone"


def test_ops_of_one_class_and_equal_attributes_are_equal() -> None:
    assert Add() == Add() and hash(Add()) == hash(Add()) and Add() != Mul()
    assert Sum((0,)) == Sum((0,)) and Sum((0,)) != Sum((1,))
