"""Compiled calls with arguments that lie in memory as they please: results as of plain copies, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import TypeRuleError
from tests.graphs.hostile import FORMS, PAIRS, arguments

FUNCTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "elementwise": lambda x, y, z: (x * y + z, x - y, x * x),
    "moved": lambda x, y, z: (
        cl.flip(x, axis=0) + y,
        cl.matrix_transpose(x),
        cl.roll(y, 1, axis=-1),
        cl.concat([x, y], axis=0),
    ),
    "sums": lambda x, y, z: (cl.sum(x, axis=0), cl.sum(x * y, axis=1), cl.sum(x * z), cl.cumulative_sum(y, axis=1)),
    "products": lambda x, y, z: (x @ cl.matrix_transpose(y), x @ z, cl.matrix_transpose(x) @ y),
    "ordered": lambda x, y, z: (cl.sort(x, axis=0), cl.argsort(z), cl.where(x < y, x, y), cl.maximum(x, z)),
    "itself": lambda x, y, z: (x, y, z, x, cl.matrix_transpose(x)),
}
SHAPES = [(1, 1), (0, 3), (3, 0), (0, 0), (1, 7), (7, 1), (4, 4), (5, 33), (32, 32)]
CALLS = 5


def plain(x: Any) -> Any:
    return np.array(x.numpy() if isinstance(x, cl.Tensor) else x, subok=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_as_of_plain_copies(function: str, shape: tuple[int, int], dtype: Any) -> None:
    f = FUNCTIONS[function]
    compiled = cl.jit(f)
    for seed in range(CALLS):
        given, what = arguments(shape, dtype, seed * 100 + shape[0] * 10 + shape[1])
        copies = [plain(x) for x in given]
        expected = f(*map(cl.asarray, copies))
        results = compiled(*given)
        for k, (actual, wanted) in enumerate(zip(results, expected, strict=True)):
            assert (actual.dtype, actual.shape) == (wanted.dtype, wanted.shape)
            np.testing.assert_allclose(actual.numpy(), wanted.numpy(), rtol=1e-4, atol=1e-4, err_msg=f"result {k} of {what}")
            assert not any(np.shares_memory(actual.numpy(), x.numpy() if isinstance(x, cl.Tensor) else x) for x in given)
        for x, copy in zip(given, copies, strict=True):
            np.testing.assert_array_equal(plain(x), copy, err_msg=what)
    assert len(compiled.signatures()) == 1  # how an array lies is no part of its type


def test_forms_keep_numbers_and_pairs_share_memory() -> None:
    """What the generator promises."""
    rng = np.random.default_rng(0)
    for shape in [*SHAPES, (), (3,), (2, 3, 4)]:
        x = rng.normal(size=shape)
        for name, form in FORMS.items():
            np.testing.assert_array_equal(plain(form(x, rng)), x, err_msg=name)
    x = rng.normal(size=(4, 4))
    for name, pair in PAIRS.items():
        a, b = (y.numpy() if isinstance(y, cl.Tensor) else y for y in pair(x.copy(), rng))
        assert np.may_share_memory(a, b), name
    assert not FORMS["unaligned"](x, rng).flags.aligned
    assert min(FORMS["backwards"](np.ones((9, 9, 9)), np.random.default_rng(1)).strides) < 0


@pytest.mark.parametrize("x", [np.array(2.5), np.float64(2.5), np.full(3, 2.5)[1:2].reshape(()), np.broadcast_to(2.5, ())])
def test_numbers_of_any_form(x: Any) -> None:
    assert cl.jit(lambda a, b: a * b)(x, x).item() == 6.25


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">u2"])
def test_bytes_in_the_order_of_other_machines_are_refused(dtype: str) -> None:
    """By eager functions and compiled ones, with the way out."""
    x = np.arange(3).astype(dtype)
    text = rf"cannot hold ndarray of dtype {dtype}; .* order of other machines: x.astype\(x.dtype.newbyteorder\('='\)\)"
    for f in (cl.exp, cl.asarray, cl.jit(lambda x: cl.exp(x))):
        with pytest.raises(TypeRuleError, match=text):
            f(x)
    assert cl.exp(x.astype(x.dtype.newbyteorder("="))).shape == (3,)


# --- arguments that are the parameters

Step = Callable[[Any], Any]


def scenario(name: str, wrap: Callable[[Step], Step]) -> list[Any]:
    """A step that changes two parameters is called with what has to do with them; all that anybody sees afterwards."""
    start = np.arange(16.0).reshape(4, 4)
    w, b = cl.variable(start, name="w"), cl.variable(np.ones((4, 4)), name="b")
    if name.startswith("two of one array"):
        b = cl.variable(start, name="b")

    @wrap
    def step(x: Any) -> Any:
        y = cl.matrix_transpose(x) * 2 + w
        w.assign(w * 0.5 + cl.flip(x, axis=0))
        b.assign(b + cl.sum(x) + y)
        return y

    seen: list[Any] = [start]
    for _ in range(3):
        x = GIVEN[name](w, b)
        seen += [x, step(x)]
    return [plain(x) for x in (*seen, w.numpy(), b.numpy())]


GIVEN: dict[str, Callable[[Any, Any], Any]] = {
    "its array": lambda w, b: w.numpy(),
    "its array, transposed": lambda w, b: w.numpy().T,
    "its array, backwards": lambda w, b: w.numpy()[::-1, ::-1],
    "a row of it for all": lambda w, b: np.broadcast_to(w.numpy()[1], (4, 4)),
    "a tensor of its array": lambda w, b: cl.asarray(w.numpy()),
    "a detached tensor": lambda w, b: w.detach(),
    "a tensor made of it": lambda w, b: cl.matrix_transpose(w).detach(),
    "the other's array": lambda w, b: b.numpy(),
    "two of one array": lambda w, b: w.numpy(),
    "two of one array, the other's": lambda w, b: b.numpy(),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_parameter_as_argument_while_it_is_updated(name: str) -> None:
    for actual, expected in zip(scenario(name, cl.jit), scenario(name, lambda f: f), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_parameters_made_of_any_array(form: str) -> None:
    """What they were made of does not change, and what was read of them before stays."""

    def seen(wrap: Callable[[Step], Step]) -> list[Any]:
        rng = np.random.default_rng(3)
        given = FORMS[form](np.arange(12.0).reshape(3, 4), rng)
        w, b = cl.variable(given, name="w"), cl.variable(np.ones((3, 4)), name="b")
        old, view = w.detach(), w.numpy()

        @wrap
        def step(x: Any) -> Any:
            before = cl.flip(w, axis=1)
            w.assign(b + x)
            b.assign(w * 2 - before)
            return cl.sum(w)

        results = [step(given), step(w.numpy()), step(b.detach())]
        return [plain(x) for x in (given, old, view, *results, w.numpy(), b.numpy())]

    for actual, expected in zip(seen(cl.jit), seen(lambda f: f), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 3])
def test_parameters_that_hold_one_value_and_change_places(steps: int) -> None:
    def seen(wrap: Callable[[Step], Step]) -> list[Any]:
        w, b, c = (cl.variable(np.arange(6.0).reshape(2, 3) * k, name=n) for k, n in enumerate("wbc", 1))
        b.assign(w.detach())  # one array

        @wrap
        def step(x: Any) -> Any:
            one, two, three = w * 1.0, b * 1.0, c * 1.0
            w.assign(two)
            b.assign(three)
            c.assign(one + x)
            return one, w + 0, c + 0

        results = [y for _ in range(steps) for y in step(w.numpy()[::-1])]
        return [plain(x) for x in (*results, w.numpy(), b.numpy(), c.numpy())]

    for actual, expected in zip(seen(cl.jit), seen(lambda f: f), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-12)
