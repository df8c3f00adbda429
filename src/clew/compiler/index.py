"""Symbolic indices: integers that are linear in loop variables, kept in one normal form.

An op's ``at`` computes with index components by ``+ - * // %``. Recorded, a component is an ``Ix``: a constant plus
coefficients times atoms. An atom is a loop variable, a quotient or a remainder that does not simplify, or an integer that
is read from an array. Ranges are known, so most quotients and remainders vanish, and what a reshape takes apart an
address puts together again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, Union

Component: TypeAlias = Union[int, "Ix"]


class Var(NamedTuple):
    """A loop variable, ``0 <= v < size``: the result's axis ``place``, or (from the result's rank on) an axis summed over."""

    place: int
    size: int

    @property
    def range(self) -> tuple[int, int]:
        return 0, self.size - 1

    @property
    def vars(self) -> frozenset[Var]:
        return frozenset((self,))

    def __str__(self) -> str:
        return f"i{self.place}"


@dataclass(frozen=True)
class Quotient:
    """``of // by``."""

    of: Ix
    by: int

    @property
    def range(self) -> tuple[int, int]:
        low, high = self.of.range
        return low // self.by, high // self.by

    @property
    def vars(self) -> frozenset[Var]:
        return self.of.vars

    def __str__(self) -> str:
        return f"({self.of}) // {self.by}"


@dataclass(frozen=True)
class Remainder:
    """``of % by``."""

    of: Ix
    by: int

    @property
    def range(self) -> tuple[int, int]:
        return 0, self.by - 1

    @property
    def vars(self) -> frozenset[Var]:
        return self.of.vars

    def __str__(self) -> str:
        return f"({self.of}) % {self.by}"


@dataclass(frozen=True)
class Found:
    """An integer that is read from an array, ``0 <= it < size`` once it was checked."""

    expr: Any  # an expression.Expr
    size: int

    @property
    def range(self) -> tuple[int, int]:
        return 0, max(self.size - 1, 0)

    @property
    def vars(self) -> frozenset[Var]:
        found: frozenset[Var] = self.expr.vars
        return found

    def __str__(self) -> str:
        return f"[{self.expr}]"


Atom: TypeAlias = Var | Quotient | Remainder | Found


class Ix:
    """``constant + sum(coefficient * atom)``. Made by ``variable`` and arithmetic; a constant result is an int."""

    __slots__ = ("_hash", "constant", "range", "terms", "vars")

    def __init__(self, constant: int, terms: tuple[tuple[Atom, int], ...]) -> None:
        self.constant = constant
        self.terms = terms  # in the order that they were met
        low = high = constant
        vars: list[Var] = []
        for atom, c in terms:
            if isinstance(atom, Var):  # most of the time: save the calls
                vars.append(atom)
                a, b = 0, atom.size - 1
            else:
                vars += atom.vars
                a, b = atom.range
            low += c * (a if c > 0 else b)
            high += c * (b if c > 0 else a)
        self.range = low, high
        self.vars = frozenset(vars)
        self._hash = hash((constant, frozenset(terms)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Ix)
            and self._hash == other._hash
            and self.constant == other.constant
            and dict(self.terms) == dict(other.terms)
        )

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Component) -> Component:
        if isinstance(other, int):
            return Ix(self.constant + other, self.terms) if other else self
        merged = dict(self.terms)
        for atom, c in other.terms:
            merged[atom] = merged.get(atom, 0) + c
        return _made(self.constant + other.constant, merged)

    __radd__ = __add__

    def __neg__(self) -> Component:
        return self * -1

    def __sub__(self, other: Component) -> Component:
        return self + (-other)

    def __rsub__(self, other: int) -> Component:
        return self * -1 + other

    def __mul__(self, n: int) -> Component:
        if n == 0:
            return 0
        return self if n == 1 else Ix(self.constant * n, tuple((atom, c * n) for atom, c in self.terms))

    __rmul__ = __mul__

    def __floordiv__(self, n: int) -> Component:
        if n == 1:
            return self
        whole, rest = self._split(n)
        if rest is None:
            return whole
        low, high = (rest, rest) if isinstance(rest, int) else rest.range
        if low // n == high // n:
            return whole + low // n
        assert isinstance(rest, Ix)
        if len(rest.terms) == 1 and rest.constant == 0 and rest.terms[0][1] == 1 and isinstance(rest.terms[0][0], Quotient):
            inner = rest.terms[0][0]  # (x // a) // n
            return whole + inner.of // (inner.by * n)
        return whole + Ix(0, ((Quotient(rest, n), 1),))

    def __mod__(self, n: int) -> Component:
        _, rest = self._split(n)
        if rest is None:
            return 0
        if isinstance(rest, int):
            return rest % n
        low, high = rest.range
        if low // n == high // n:
            return rest - low // n * n
        return Ix(0, ((Remainder(rest, n), 1),))

    def _split(self, n: int) -> tuple[Component, Component | None]:
        """``self == n * whole + rest``, where ``rest`` has the terms that ``n`` does not divide; None for none."""
        whole: Component = self.constant // n
        rest: Component = self.constant % n
        for atom, c in self.terms:
            if c % n == 0:
                whole = Ix(0, ((atom, c // n),)) + whole
            else:
                rest = Ix(0, ((atom, c),)) + rest
        return whole, None if rest == 0 else rest

    def coefficient(self, v: Var) -> int | None:
        """Of a variable that the index is linear in; None where it stands inside of another atom too."""
        found = 0
        for atom, c in self.terms:
            if atom == v:
                found = c
            elif v in atom.vars:
                return None
        return found

    def along(self, v: Var, lanes: int) -> int | None:
        """How far it moves from one value of ``v`` to the next, in runs of ``lanes`` values that begin at a multiple of them;
        None where that is not the same throughout."""
        steps = [c * step if (step := _along(atom, v, lanes)) is not None else None for atom, c in self.terms]
        return None if None in steps else sum(filter(None, steps))

    def __str__(self) -> str:
        parts = [str(atom) if c == 1 else f"{c}*{atom}" if isinstance(atom, Var) else f"{c}*({atom})" for atom, c in self.terms]
        return " + ".join([*parts, *([str(self.constant)] if self.constant or not parts else [])]).replace("+ -", "- ")

    __repr__ = __str__


def _along(atom: Atom, v: Var, lanes: int) -> int | None:
    """``Ix.along`` of an atom: a run that a divisor cuts nowhere stays within one quotient."""
    if v not in atom.vars or isinstance(atom, Var):
        return int(atom == v)
    if isinstance(atom, Found):
        return None
    step = atom.of.along(v, lanes)
    if not step:
        return step
    run = step * lanes
    still = [c for x, c in atom.of.terms if v not in x.vars]
    cut = any(n % run for n in (atom.by, atom.of.constant, *still))
    if step < 0 or cut or len(still) < len(atom.of.terms) - 1:
        return None
    return step if isinstance(atom, Remainder) else 0


def variable(v: Var) -> Component:
    """A variable as an index; one of a single value is 0."""
    return Ix(0, ((v, 1),)) if v.size != 1 else 0


@lru_cache(1024)
def variables(shape: tuple[int, ...]) -> tuple[Component, ...]:
    """The index of an array's own element: a variable for each axis."""
    return tuple(variable(Var(axis, n)) for axis, n in enumerate(shape))


def _made(constant: int, terms: dict[Atom, int]) -> Component:
    for atom, c in list(terms.items()):
        if isinstance(atom, Remainder) and c and terms.get(atom):  # q * n * c + r * c is the whole again
            quotient = next(
                (
                    a
                    for a, d in terms.items()
                    if isinstance(a, Quotient) and a.of == atom.of and a.by == atom.by and d == c * a.by
                ),
                None,
            )
            if quotient is not None:
                rest = {a: d for a, d in terms.items() if a is not atom and a is not quotient}
                return _made(constant, rest) + atom.of * c
    kept = tuple((atom, c) for atom, c in terms.items() if c)
    return Ix(constant, kept) if kept else constant
