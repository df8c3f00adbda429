"""Where in its loops a kernel is while it is written: what variables are, which lanes count, what is known and folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

from .block import I64, Block, Reg, number
from .contraction.lanes import first
from .expression import Expr
from .index import Var
from .stretches import facts, stretch


class Spot(NamedTuple):
    """The value of a variable: so many steps from where a register says."""

    start: Reg
    steps: int


class Turns:
    """Loops bind variables in ``env``; lanes follow ``vector``, if any."""

    def __init__(self, b: Block, lanes: int) -> None:
        self.b = b
        self.lanes = lanes
        self.env: dict[Var, Reg | Spot | int] = {}
        self.scopes: list[dict[Any, Reg]] = [{}]
        self.shelf = self.scopes[0]  # the scope of what several turns that are written out share
        self.vector: Var | None = None  # the variable whose values the lanes are
        self.mask: Reg | None = None  # the lanes that count, in a last turn of few
        self.facts: Mapping[Expr, bool] = {}  # conditions that are known here
        self.rare = False  # whether what is written here runs seldom, and should be short
        self.folds: dict[Any, Reg] = {}  # what is being folded, and what of it there is so far

    @contextmanager
    def scope(self, again: bool = False) -> Iterator[None]:
        """What is computed inside is known there alone. ``again``: it is one of several turns that are written out, and what
        was read for the others too stays known."""
        self.scopes.append({})
        shelf = self.shelf
        if not again:
            self.shelf = self.scopes[-1]
        yield
        self.shelf = shelf
        self.scopes.pop()

    @contextmanager
    def looping(self, start: Reg, stop: Reg, step: int = 1, empty: bool = False) -> Iterator[Reg]:
        """A loop whose turns hand on what is folded, in registers."""
        with self.b.loop(start, stop, step, list(self.folds.values()), empty) as loop:
            self.folds = dict(zip(self.folds, loop.carried, strict=True))
            yield loop.i
            loop.next = list(self.folds.values())
        self.folds = dict(zip(self.folds, loop.results, strict=True))

    def in_lanes(self, v: Var, size: int, exprs: Iterable[Expr], body: Callable[[], None]) -> None:
        """``body``, which computes ``exprs``, for ``v`` below ``size``: a vector at a time, then once for the rest."""
        self.vector = v
        clear = None if self.rare else stretch(exprs, v, self.lanes)
        whole = size // self.lanes * self.lanes
        for k, (start, stop) in enumerate(pairwise([0, *((clear.start, clear.stop) if clear else ()), whole])):
            self.whole(v, start, stop, facts(clear, k == 1), body)
        if rest := size - whole:
            with self.knowing(facts(clear, False)):
                self.last(v, whole, first(rest, self.lanes), body)
        self.vector = None
        del self.env[v]

    @contextmanager
    def knowing(self, facts: Mapping[Expr, bool]) -> Iterator[None]:
        """Inside, these conditions are known too."""
        before, self.facts = self.facts, {**self.facts, **facts}
        yield
        self.facts = before

    def whole(self, v: Var, start: Reg | int, stop: Reg | int, facts: Mapping[Expr, bool], body: Callable[[], None]) -> None:
        """``body`` for whole vectors, where these conditions are known."""
        if isinstance(start, int) and isinstance(stop, int) and stop <= start + self.lanes:
            if start < stop:
                with self.knowing(facts), self.scope():
                    self.env[v] = start
                    body()
        else:
            low, high = (number(x, I64) if isinstance(x, int) else x for x in (start, stop))
            with (
                self.looping(low, high, self.lanes, empty=isinstance(start, Reg)) as i,
                self.knowing(facts),
                self.scope(),
            ):
                self.env[v] = i
                body()

    def last(self, v: Var, start: Reg | int, mask: Reg | None, body: Callable[[], None]) -> None:
        """``body`` for the few values from ``start`` on that the mask says."""
        self.mask = mask
        with self.scope():
            self.env[v] = start
            body()
        self.mask = None
