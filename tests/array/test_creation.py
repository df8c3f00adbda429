from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from clew.array import creation
from clew.array.dtypes import bfloat16, float32, float64, int8, int64
from clew.errors import ConcretizationError, DetachError, TypeRuleError, UsageError
from clew.ir import Type, parameter

from .oracle import check_gradients, gradients, leaf, same


@pytest.mark.parametrize("name", ["zeros", "ones"])
@pytest.mark.parametrize("shape", [(), 3, (2, 3), [0, 2]])
def test_constants(name: str, shape: Any) -> None:
    same(getattr(creation, name)(shape), getattr(np, name)(shape, np.float32))
    same(getattr(creation, name)(shape, dtype=int8), getattr(np, name)(shape, np.int8))
    same(getattr(creation, name)(shape, dtype="bfloat16"), getattr(np, name)(shape, ml_dtypes.bfloat16))


def test_constants_take_the_memory_of_one_number() -> None:
    for v in (creation.zeros((1000, 1000)), creation.full((1000, 1000), 2), creation.ones_like(np.zeros((1000, 1000)))):
        assert v.data.strides == (0, 0)


def test_empty_has_its_shape() -> None:
    assert creation.empty((2, 3), dtype=int8).type is Type(int8, (2, 3))
    assert creation.empty_like(np.zeros((2, 3))).type is Type(float64, (2, 3))


@pytest.mark.parametrize(("value", "dtype"), [(1, np.int64), (1.5, np.float32), (True, np.bool_), (np.float64(2), np.float64)])
def test_full_takes_the_dtype_of_its_number(value: Any, dtype: Any) -> None:
    same(creation.full((2,), value), np.full((2,), value, dtype))
    same(creation.full_like(np.zeros((2, 1), np.int8), 3), np.full((2, 1), 3, np.int8))


def test_full_passes_a_gradient() -> None:
    (g,) = gradients(lambda x: creation.full((2, 3), x), np.float64(1.0))
    assert g == 6


def test_full_refuses_numbers_that_do_not_fit() -> None:
    with pytest.raises(TypeRuleError, match=r"full: the number 300 does not fit i8, whose range is \[-128, 127\]"):
        creation.full(2, 300, dtype=int8)


@pytest.mark.parametrize("name", ["zeros_like", "ones_like"])
def test_like(name: str) -> None:
    x = np.zeros((2, 3), np.int16)
    same(getattr(creation, name)(x), getattr(np, name)(x))
    same(getattr(creation, name)(x, dtype=float64), getattr(np, name)(x, dtype=np.float64))


@pytest.mark.parametrize("bounds", [(5,), (0,), (-3,), (2, 7), (2, 7, 2), (7, 2, -2), (2, 7, -1), (7, 2), (0, 10, 3)])
def test_arange_of_integers(bounds: tuple[int, ...]) -> None:
    same(creation.arange(*bounds), np.arange(*bounds, dtype=np.int64))


@pytest.mark.parametrize("bounds", [(1.5,), (0, 1, 0.1), (1, 0, -0.25), (0.0, 1.0, 0.3), (0, -1.0), (1, 2, 0.5)])
def test_arange_of_floats(bounds: tuple[float, ...]) -> None:
    same(creation.arange(*bounds), np.arange(*bounds).astype(np.float32), 1e-6)


def test_arange_reads_known_values_only() -> None:
    same(creation.arange(leaf(np.int64(3))), np.arange(3))
    with pytest.raises(ConcretizationError, match=r"arange\(i64\[\]\): a bound must be known when the graph is built"):
        creation.arange(parameter("n", Type(int64, ())))
    with pytest.raises(DetachError, match="cannot carry a gradient"):
        creation.arange(leaf(np.float32(3)))
    with pytest.raises(UsageError, match="the step is 0"):
        creation.arange(3, 4, 0)


@pytest.mark.parametrize("num", [0, 1, 2, 7])
@pytest.mark.parametrize("endpoint", [True, False])
def test_linspace(num: int, endpoint: bool, rng: np.random.Generator) -> None:
    same(creation.linspace(-1, 2.5, num, endpoint=endpoint), np.linspace(-1, 2.5, num, endpoint=endpoint, dtype=np.float32))
    a, b = rng.normal(size=(2, 3)), rng.normal(size=3)
    same(creation.linspace(a, b, num, endpoint=endpoint), np.linspace(a, b, num, endpoint=endpoint), 1e-14)
    check_gradients(lambda a, b: creation.linspace(a, b, num, endpoint=endpoint), a, b, rng=rng)


@pytest.mark.parametrize("arguments", [(3,), (2, 3), (3, 2), (0,), (0, 2)])
@pytest.mark.parametrize("k", [-4, -1, 0, 1, 9])
def test_eye(arguments: tuple[int, ...], k: int) -> None:
    same(creation.eye(*arguments, k=k), np.eye(*arguments, k=k, dtype=np.float32))


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sizes", [(), (3,), (3, 2), (2, 0, 3)])
def test_meshgrid(indexing: Any, sizes: tuple[int, ...], rng: np.random.Generator) -> None:
    vectors = [rng.normal(size=n) for n in sizes]
    same(creation.meshgrid(*vectors, indexing=indexing), list(np.meshgrid(*vectors, indexing=indexing)))


@pytest.mark.parametrize("name", ["tril", "triu"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (2, 3, 3), (0, 2)])
@pytest.mark.parametrize("k", [-1, 0, 2])
def test_triangles(name: str, shape: tuple[int, ...], k: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=shape)
    same(getattr(creation, name)(x, k=k), getattr(np, name)(x, k))
    check_gradients(lambda x: getattr(creation, name)(x, k=k), x, rng=rng)
    same(getattr(creation, name)(x > 0, k=k), getattr(np, name)(x > 0, k))


def test_a_triangle_does_not_leak_from_what_it_cuts_off() -> None:
    x = np.array([[1.0, np.inf], [2.0, 3.0]])
    same(creation.tril(x), np.array([[1.0, 0.0], [2.0, 3.0]]))
    assert gradients(creation.tril, x)[0].tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (1, np.int64(1)),
        (2.5, np.float32(2.5)),
        (True, np.bool_(True)),
        ([1, 2], np.array([1, 2])),
        ([[1.0, 2]], np.array([[1, 2]], np.float32)),
        ([], np.zeros(0, np.float32)),
        (np.arange(3.0), np.arange(3.0)),
        ([np.float64(1.5), np.float64(2.5)], np.array([1.5, 2.5])),
        ((np.arange(2, dtype=np.int8), np.arange(2, dtype=np.int8)), np.array([[0, 1], [0, 1]], np.int8)),
    ],
)
def test_asarray(obj: Any, expected: Any) -> None:
    same(creation.asarray(obj), expected)
    same(creation.asarray(obj, dtype=float64), np.asarray(expected).astype(np.float64))


def test_asarray_of_values_in_lists_is_differentiable() -> None:
    a, b = gradients(lambda a, b: creation.asarray([[a, 2.0], [b, b]]), np.float32(1), np.float32(3))
    assert (a, b) == (1, 2)
    same(creation.asarray([leaf(np.float64(1)), 2]), np.array([1.0, 2.0]))


def test_asarray_copies_when_told() -> None:
    x = np.arange(3.0)
    assert np.shares_memory(creation.asarray(x).data, x)
    assert np.shares_memory(creation.asarray(x, copy=False).data, x)
    assert not np.shares_memory(creation.asarray(x, copy=True).data, x)
    with pytest.raises(UsageError, match="cannot be had without a copy"):
        creation.asarray(x, dtype=float32, copy=False)
    with pytest.raises(UsageError, match="cannot be had without a copy"):
        creation.asarray([1, 2], copy=False)


def test_from_dlpack() -> None:
    x = np.arange(3.0)
    same(creation.from_dlpack(x), x)
    assert np.shares_memory(creation.from_dlpack(x).data, x)
    assert not np.shares_memory(creation.from_dlpack(x, copy=True).data, x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: creation.asarray([[1], [2, 3]]), "the nested lists are ragged; give lists of one length at each depth"),
        (lambda: creation.zeros((2, -1)), r"zeros\(\): shape \(2, -1\) has a negative size"),
        (lambda: creation.zeros((2.5,)), "a size must be an integer, not 2.5"),
        (lambda: creation.zeros(2, dtype="i8"), r"no dtype 'i8'; clew knows bool, int8, .*bfloat16"),
        (lambda: creation.zeros(2, dtype=np.complex64), "no dtype .*complex64"),
        (lambda: creation.zeros(2, device="gpu"), "no device 'gpu'; the only one is 'cpu'"),
        (lambda: creation.tril([1, 2]), r"tril\(i64\[2\]\): needs \(a stack of\) matrices"),
        (lambda: creation.meshgrid([[1]]), "takes arrays of one axis; flatten them first"),
        (lambda: creation.meshgrid([1], indexing="ab"), "indexing must be 'xy' or 'ij', not 'ab'"),
        (lambda: creation.full(2, [1, 2]), "fill_value must be one number"),
        (lambda: creation.linspace(0, 1, -1), "num is -1; it must not be negative"),
    ],
)
def test_errors(call: Any, text: str) -> None:
    with pytest.raises((TypeRuleError, UsageError), match=text) as error:
        call()
    assert "\n  at test_creation.py:" in str(error.value)


def test_python_types_are_the_default_dtypes() -> None:
    made = [creation.zeros(1, dtype=t).dtype for t in (float, int, bool)]
    assert made == [float32, int64, np.bool_]
    assert creation.zeros(1, dtype=bfloat16).dtype == ml_dtypes.bfloat16
