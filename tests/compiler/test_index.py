"""Symbolic indices against plain integers: every value of random expressions, their ranges, and what simplifies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.compiler.expression import Expr
from clew.compiler.index import Component, Found, Ix, Quotient, Remainder, Var, variable

VARS = tuple(Var(k, n) for k, n in enumerate((4, 3, 1, 5)))
Plain = Callable[[tuple[int, ...]], int]


def value(c: Component, env: dict[Var, int]) -> int:
    """What an index is where the variables have these values."""
    if isinstance(c, int):
        return c
    total = c.constant
    for atom, factor in c.terms:
        if isinstance(atom, Var):
            found = env[atom]
        else:
            assert isinstance(atom, Quotient | Remainder)
            inner = value(atom.of, env)
            found = inner // atom.by if isinstance(atom, Quotient) else inner % atom.by
        total += factor * found
    return total


@st.composite
def expressions(draw: Callable[..., int]) -> tuple[Component, Plain]:
    """An index, and the same as a function of plain integers."""
    pool: list[tuple[Component, Plain]] = [(variable(v), lambda x, k=k: x[k]) for k, v in enumerate(VARS)]  # type: ignore[misc]
    for _ in range(draw(st.integers(1, 8))):
        a, f = pool[draw(st.integers(0, len(pool) - 1))]
        b, g = pool[draw(st.integers(0, len(pool) - 1))]
        n = draw(st.sampled_from((1, 2, 3, 4, 5, 6, 12, 15)))
        m = draw(st.integers(-13, 13))
        made: list[tuple[Component, Plain]] = [
            (a + b, lambda x, f=f, g=g: f(x) + g(x)),  # type: ignore[misc]
            (a - b, lambda x, f=f, g=g: f(x) - g(x)),  # type: ignore[misc]
            (a * m, lambda x, f=f, m=m: f(x) * m),  # type: ignore[misc]
            (a + m, lambda x, f=f, m=m: f(x) + m),  # type: ignore[misc]
            (m - a, lambda x, f=f, m=m: m - f(x)),  # type: ignore[misc]
            (a // n, lambda x, f=f, n=n: f(x) // n),  # type: ignore[misc]
            (a % n, lambda x, f=f, n=n: f(x) % n),  # type: ignore[misc]
        ]
        pool.append(made[draw(st.integers(0, len(made) - 1))])
    return pool[-1]


@given(expressions())
def test_every_value_is_that_of_plain_integers(made: tuple[Component, Plain]) -> None:
    index, plain = made
    found = []
    for x in product(*(range(v.size) for v in VARS)):
        assert value(index, dict(zip(VARS, x, strict=True))) == plain(x), f"{index} at {x}"
        found.append(plain(x))
    if isinstance(index, int):
        assert set(found) == {index}
    else:
        low, high = index.range
        assert low <= min(found) and max(found) <= high, f"{index}: {found} are not within {low}..{high}"
        moving = {v for k, v in enumerate(VARS) if v.size > 1 and depends(plain, k)}
        assert moving <= index.vars


def depends(plain: Plain, k: int) -> bool:
    """Whether the k-th variable moves it."""
    others = product(*(range(v.size) if j != k else (0,) for j, v in enumerate(VARS)))
    return any(len({plain((*x[:k], n, *x[k + 1 :])) for n in range(VARS[k].size)}) > 1 for x in others)


@given(expressions(), st.integers(0, 3))
def test_a_coefficient_is_the_step(made: tuple[Component, Plain], k: int) -> None:
    """Where there is one, the index moves by it whenever the variable does, wherever the others are."""
    index, plain = made
    v = VARS[k]
    step = index.coefficient(v) if isinstance(index, Ix) else 0
    if step is None or v.size == 1:
        return
    for x in product(*(range(u.size) for u in VARS)):
        if x[k] + 1 < v.size:
            assert plain((*x[:k], x[k] + 1, *x[k + 1 :])) - plain(x) == step


@given(expressions(), st.integers(0, 3), st.sampled_from((2, 3, 4)))
def test_runs_that_begin_at_a_multiple(made: tuple[Component, Plain], k: int, lanes: int) -> None:
    """Where there is a step along runs, the index moves by it within each of them, quotients and remainders too."""
    index, plain = made
    step = index.along(VARS[k], lanes) if isinstance(index, Ix) else 0
    if step is None or VARS[k].size == 1:
        return
    for x in product(*(range(u.size) for u in VARS)):
        if (x[k] + 1) % lanes and x[k] + 1 < VARS[k].size:
            assert plain((*x[:k], x[k] + 1, *x[k + 1 :])) - plain(x) == step


def test_digits_of_an_axis_along_runs() -> None:
    v, w = Var(0, 768), Var(1, 7)
    i, j = variable(v), variable(w)
    assert isinstance(i, Ix) and isinstance(j, Ix)
    rows, columns = (i // 16) % 16, i % 16
    assert (rows * 100 + columns).along(v, 16) == (rows * 100 + columns).along(v, 8) == 1
    assert rows.along(v, 32) is None and columns.along(v, 32) is None
    assert ((i + j * 16) // 48).along(v, 16) == 0 and ((i + j * 8) // 48).along(v, 16) is None
    assert ((i * 2) % 32).along(v, 16) == 2 and ((i + 1) % 32).along(v, 16) is None


@given(expressions(), expressions())
def test_equal_indices_hash_alike(first: tuple[Component, Plain], second: tuple[Component, Plain]) -> None:
    a, b = first[0], second[0]
    if a == b:
        assert hash(a) == hash(b)
    assert a + b == b + a and hash(a + b) == hash(b + a)
    assert (a + b) - b == a


def i(k: int) -> Ix:
    found = variable(VARS[k])
    assert isinstance(found, Ix)
    return found


def test_what_simplifies() -> None:
    a, b, d = i(0), i(1), i(3)  # below 4, 3, 5
    position = (a * 3 + b) * 5 + d
    assert position // 5 == a * 3 + b and position % 5 == d
    assert position // 15 == a and position % 15 == b * 5 + d
    assert position // 60 == 0 and position % 60 == position
    assert (a * 3 + b) // 3 * 3 + (a * 3 + b) % 3 == a * 3 + b
    odd = position // 7 * 7 + position % 7  # no variable ends at 7: put together again all the same
    assert odd == position
    assert variable(VARS[2]) == 0
    assert position // 4 // 3 == position // 12


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (i(0) * 3 + 7, "3*i0 + 7"),
        (i(0) - i(1) - 2, "i0 - 1*i1 - 2"),
        (i(3) // 2, "(i3) // 2"),
        (i(3) * 2 + i(3) % 3 * 4, "2*i3 + 4*((i3) % 3)"),
    ],
)
def test_text(index: Component, text: str) -> None:
    assert str(index) == text


def test_integers_that_are_read_lie_within_their_axis() -> None:
    read = Expr("load", (), (None, (variable(VARS[0]),)), np.dtype(np.int64), frozenset({VARS[0]}))
    found = Found(read, 9)
    assert Ix(0, ((found, 2),)).range == (0, 16)
    assert found.vars == {VARS[0]}
    assert Found(read, 0).range == (0, 0)
