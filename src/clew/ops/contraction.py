"""The contraction of two operands: every product of matrices, batches of them, and tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import prod
from string import ascii_letters
from typing import Any, ClassVar

import numpy as np

from ..ir import Array, Shape, Type
from .broadcast import accumulator, broadcast
from .kinds import Linear
from .scalars import Index, Read, Scalar, Scalars


@dataclass(frozen=True, eq=False, repr=False)
class Contract(Linear):
    """Multiply, and add up over the letters that the result lacks: ``contract(a, b, spec='ij,jk->ik')`` is ``a @ b``.

    ``spec`` names the axes of both operands and of the result by letters. No letter repeats within one of them, and
    a letter of one operand alone is in the result too (sum such an axis first), so that every transpose is a
    contraction again. Axes of one letter have one size. A sum of no terms is 0. Half precision is multiplied and
    added up in float32; integers wrap.
    """

    spec: str
    linear: ClassVar[tuple[int, ...]] = (0, 1)

    def infer(self, a: Type, b: Type) -> Type:
        left, right, result = self._letters(a, b)
        if a.dtype != b.dtype:
            raise self.refuse("operands must have equal dtypes; cast one first", a, b)
        if a.dtype.kind == "b":
            raise self.refuse("booleans do not multiply and add; cast to a number first", a, b)
        for operand, letters in ((a, left), (b, right)):
            if len(letters) != operand.ndim:
                raise self.refuse(f"spec {self.spec!r} names {len(letters)} axes of an operand that has {operand.ndim}", a, b)
        sizes = dict(zip(left, a.shape, strict=True))
        for letter, size in zip(right, b.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise self.refuse(
                    f"{letter!r} in {self.spec!r} is {sizes[letter]} on the left, {size} on the right; they must be equal",
                    a,
                    b,
                )
        return a.with_shape(tuple(sizes[letter] for letter in result))

    def reference(self, a: Array, b: Array) -> Array:
        run, wide = _plan(self.spec, a.shape, b.shape), accumulator(a.dtype)
        return run(a, b) if wide is a.dtype else run(a.astype(wide), b.astype(wide)).astype(a.dtype)

    def transpose(self, k: int, g: Any, a: Any, b: Any) -> Any:
        left, right, result = parse(self.spec)
        if k == 0:
            return Contract(f"{result},{right}->{left}")(g, b)
        return Contract(f"{left},{result}->{right}")(a, g)

    def batch(self, size: int, batched: tuple[bool, ...], a: Any, b: Any) -> Any:
        left, right, result = parse(self.spec)
        if not any(batched):
            return broadcast(self(a, b), (0,), (size,))
        new = unused(self.spec)
        return Contract(f"{new * batched[0]}{left},{new * batched[1]}{right}->{new}{result}")(a, b)

    def at(self, e: Scalars, i: Index, a: Read, b: Read) -> Scalar:
        left, right, result = parse(self.spec)
        sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
        summed = [letter for letter in left if letter not in result]
        wide = accumulator(a.dtype)

        def term(k: Index) -> Scalar:
            index = dict(zip([*result, *summed], i + k, strict=True))
            x = e.cast(a(tuple(index[letter] for letter in left)), wide)
            y = e.cast(b(tuple(index[letter] for letter in right)), wide)
            return e.call("mul", x, y)

        if not summed:
            return e.cast(term(()), a.dtype)
        return e.cast(e.reduce("add", tuple(sizes[letter] for letter in summed), term, e.const(0, wide)), a.dtype)

    def _letters(self, *types: Type) -> tuple[str, str, str]:
        try:
            left, right, result = parse(self.spec)
        except ValueError:
            raise self.refuse(f"spec must read like 'ij,jk->ik', not {self.spec!r}", *types) from None
        for letters in (left, right, result):
            if len(set(letters)) != len(letters):
                raise self.refuse(f"a letter repeats in {letters!r} of {self.spec!r}; take the diagonal first", *types)
        for letter in result:
            if letter not in left + right:
                raise self.refuse(f"{letter!r} in the result of {self.spec!r} is in neither operand", *types)
        for letter in left + right:
            if (letter in left) + (letter in right) + (letter in result) < 2:
                raise self.refuse(f"{letter!r} in {self.spec!r} is in one operand alone; sum that axis first", *types)
        return left, right, result


def contract(spec: str, a: Any, b: Any) -> Any:
    """``a`` and ``b`` contracted, as in ``contract("ij,jk->ik", a, b)``."""
    return Contract(spec)(a, b)


def parse(spec: str) -> tuple[str, str, str]:
    """The letters of the left operand, of the right one, and of the result."""
    operands, result = spec.split("->")
    left, right = operands.split(",")
    return left, right, result


def unused(spec: str) -> str:
    """A letter that is not in ``spec``: one of the alphabet while there is one."""
    candidates = chain(ascii_letters, map(chr, range(0x3B1, 0xD800)))  # on from the Greek alpha
    return next(letter for letter in candidates if letter.isalpha() and letter not in spec)


@lru_cache(maxsize=4096)
def _plan(spec: str, left_shape: Shape, right_shape: Shape) -> Callable[[Array, Array], Array]:
    """How NumPy does this contraction. Without a sum it is a product of broadcast views; else it is a product of
    matrices (stacked along the letters that all three share), which is what BLAS is fast at. Axes are moved only as views;
    those that make up a matrix's side together are merged, which copies where they do not lie side by side.
    """
    left, right, result = parse(spec)
    sizes = dict(zip(left + right, left_shape + right_shape, strict=True))
    summed = [letter for letter in left if letter not in result]
    if not summed:
        return _product(left, right, result)
    if prod(left_shape) < prod(right_shape):  # keep the larger one's order of axes, to merge them without a copy
        summed = [letter for letter in right if letter not in result]
    shared = [letter for letter in result if letter in left and letter in right]
    rows = [letter for letter in left if letter not in right]
    columns = [letter for letter in right if letter not in left]
    swap = bool(rows and columns) and result.index(columns[0]) < result.index(rows[0])
    if swap:  # (a b)^T = b^T a^T comes out in the result's order
        left, right, rows, columns = right, left, columns, rows
    first = _matrices(left, [shared, rows, summed], sizes)
    second = _matrices(right, [shared, summed, columns], sizes)
    made = [*shared, *rows, *columns]
    shape = tuple(sizes[letter] for letter in made)
    order = None if made == list(result) else tuple(made.index(letter) for letter in result)

    def run(a: Array, b: Array) -> Array:
        if swap:
            a, b = b, a
        y = _arranged(a, *first) @ _arranged(b, *second)
        if y.shape != shape:
            y = y.reshape(shape)[()]
        return y if order is None else y.transpose(order)

    return run


Arrangement = tuple[tuple[int, ...] | None, Shape | None]


def _matrices(letters: str, groups: list[list[str]], sizes: dict[str, int]) -> Arrangement:
    """The order and the shape that make an operand a stack of matrices: the first group one axis for each letter (the
    stack), the others one axis each. A vector stays a vector where there is no stack. None where nothing is to be done.
    """
    stack, *sides = groups
    made = [letter for group in groups for letter in group]
    merged = [prod([sizes[letter] for letter in side]) for side in sides if side or stack]
    shape = (*[sizes[letter] for letter in stack], *merged)
    order = None if made == list(letters) else tuple(map(letters.index, made))
    return order, None if shape == tuple(sizes[letter] for letter in made) else shape


def _arranged(x: Array, order: tuple[int, ...] | None, shape: Shape | None) -> Array:
    if order is not None:
        x = x.transpose(order)
    return x if shape is None else x.reshape(shape)


def _product(left: str, right: str, result: str) -> Callable[[Array, Array], Array]:
    def aligned(x: Array, letters: str) -> Array:
        x = np.transpose(x, [letters.index(letter) for letter in result if letter in letters])
        return np.expand_dims(x, [axis for axis, letter in enumerate(result) if letter not in letters])

    if left == right == result:
        return np.multiply
    return lambda a, b: np.multiply(aligned(a, left), aligned(b, right))
