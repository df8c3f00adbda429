"""Einstein's summation of any number of operands, from diagonals, sums and contractions of two."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import combinations
from math import prod
from typing import Any

from ..errors import TypeRuleError
from ..ir import Shape, Type
from .broadcast import sum
from .contraction import contract, unused
from .movement import permute, reshape, slice


def einsum(spec: str, *operands: Any) -> Any:
    """The sum over the letters that the result lacks of the products of all operands.

    ``spec`` names the axes of every operand and of the result: ``"ij,jk->ik"``. A letter that repeats within an operand
    takes its diagonal. ``...`` stands for further axes, which broadcast from the right. Without ``->`` the result
    has the axes of ``...`` and then the letters that occur once, in alphabetical order. Operands have one dtype; axes of one
    letter have one size, or a TypeRuleError says which have not. Pairs are contracted so as to keep what is between small.

    >>> import numpy as np
    >>> einsum("ii", np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.float64(5.0)
    """
    types = tuple(Type(x.dtype, x.shape) for x in operands)
    named, result = _named(spec, types)
    terms = [_single(x, letters) for x, letters in zip(operands, named, strict=True)]
    terms = [_lone_summed(terms, k, result) for k in range(len(terms))]
    sizes = {letter: size for x, letters in terms for letter, size in zip(letters, x.shape, strict=True)}
    while len(terms) > 1:
        k, m = _cheapest([letters for _, letters in terms], result, sizes)
        (b, right), (a, left) = terms.pop(m), terms.pop(k)
        kept = _kept(left, right, result + "".join(letters for _, letters in terms)) if terms else result
        terms.append((contract(f"{left},{right}->{kept}", a, b), kept))
    x, letters = terms[0]
    return permute(x, tuple(map(letters.index, result)))


def _single(x: Any, letters: str) -> tuple[Any, str]:
    """``x`` without the axes that broadcast (named by a space), and with each letter once."""
    x = reshape(x, tuple(n for n, letter in zip(x.shape, letters, strict=True) if letter != " "))
    letters = letters.replace(" ", "")
    while len(set(letters)) < len(letters):
        letter = Counter(letters).most_common(1)[0][0]
        first, second = letters.index(letter), letters.rindex(letter)
        x = _diagonal(x, first, second)
        letters = letters[:first] + letters[first + 1 : second] + letters[second + 1 :] + letter
    return x, letters


def _diagonal(x: Any, first: int, second: int) -> Any:
    """The elements whose indices along two axes agree, along a new last axis: every ``n + 1``-st of the flattened square."""
    rest = tuple(axis for axis in range(len(x.shape)) if axis not in (first, second))
    n, shape = x.shape[first], tuple(x.shape[axis] for axis in rest)
    flat = reshape(permute(x, (*rest, first, second)), (*shape, n * n))
    return slice(flat, (0,) * len(flat.shape), flat.shape, (*[1] * len(shape), n + 1))


def _lone_summed(terms: list[tuple[Any, str]], k: int, result: str) -> tuple[Any, str]:
    """Term ``k`` added up along the letters that are in it alone."""
    x, letters = terms[k]
    others = result + "".join(other for m, (_, other) in enumerate(terms) if m != k)
    axes = tuple(axis for axis, letter in enumerate(letters) if letter not in others)
    return sum(x, axes), "".join(letter for letter in letters if letter in others)


def _kept(left: str, right: str, needed: str) -> str:
    return "".join(letter for letter in dict.fromkeys(left + right) if letter in needed)


def _cheapest(terms: list[str], result: str, sizes: dict[str, int]) -> tuple[int, int]:
    """The pair of terms whose contraction adds least to what is held; of equal ones, that of fewest products."""

    def cost(pair: tuple[int, int]) -> tuple[int, int]:
        left, right = (terms[k] for k in pair)
        needed = result + "".join(other for m, other in enumerate(terms) if m not in pair)
        held = size(_kept(left, right, needed)) - size(left) - size(right)
        return held, size("".join({*left, *right}))

    def size(letters: str) -> int:
        return prod([sizes[letter] for letter in letters])

    return min(combinations(range(len(terms)), 2), key=cost) if len(terms) > 2 else (0, 1)


@lru_cache(maxsize=4096)
def _named(spec: str, types: tuple[Type, ...]) -> tuple[tuple[str, ...], str]:
    """A letter for every axis of each operand (a space for one that broadcasts), and those of the result."""

    def refuse(why: str) -> TypeRuleError:
        return TypeRuleError(f"einsum({', '.join(map(str, types))}): {why}")

    compact = spec.replace(" ", "")
    left, arrow, result = compact.partition("->")
    parts = left.split(",")
    if len(parts) != len(types):
        raise refuse(f"spec {spec!r} names {len(parts)} operands, but {len(types)} were given")
    if not all(c.isalpha() for part in (*parts, result) for c in part.replace("...", "", 1)):
        raise refuse(f"spec {spec!r} may hold letters, one '...' for each operand, ',' and '->' alone")
    if len({x.dtype for x in types}) > 1:
        raise refuse("operands must have equal dtypes; cast them first")
    for part, x in zip(parts, types, strict=True):
        count = len(part.replace("...", ""))
        if count > x.ndim or (count < x.ndim and "..." not in part):
            raise refuse(f"{part!r} in spec {spec!r} names {count} axes of {x}, which has {x.ndim}")
    dots = _letters_of_dots(compact, parts, types)
    if not arrow:
        result = "..." * ("..." in left) + "".join(sorted(c for c, n in Counter(left).items() if n == 1 and c.isalpha()))
    if dots and "..." not in result:
        raise refuse(f"spec {spec!r} has '...' in an operand but not in the result; put it there, or sum those axes first")
    result = result.replace("...", dots)
    named = [part.replace("...", dots[len(dots) + len(part) - 3 - x.ndim :]) for part, x in zip(parts, types, strict=True)]
    sizes: dict[str, int] = {}
    for letter, size in zip("".join(named), [n for x in types for n in x.shape], strict=True):
        known = sizes.setdefault(letter, size)
        if letter in dots and 1 in (known, size):
            sizes[letter] = known if size == 1 else size
        elif size != known:
            what = "an axis of '...'" if letter in dots else repr(letter)
            raise refuse(f"{what} in spec {spec!r} is {known} in one place and {size} in another; they must be equal")
    for letter in result:
        if letter not in sizes or result.count(letter) > 1:
            raise refuse(f"{letter!r} in spec {spec!r} {'repeats in the result' if letter in sizes else 'is in no operand'}")
    return tuple(_stretched(letters, x.shape, dots, sizes) for letters, x in zip(named, types, strict=True)), result


def _letters_of_dots(compact: str, parts: list[str], types: tuple[Type, ...]) -> str:
    """New letters for the axes that ``...`` stands for, as many as the operand needs that has most of them."""
    count = max([x.ndim - len(part) + 3 for part, x in zip(parts, types, strict=True) if "..." in part], default=0)
    dots = ""
    while len(dots) < count:
        dots += unused(compact + dots)
    return dots


def _stretched(letters: str, shape: Shape, dots: str, sizes: dict[str, int]) -> str:
    """``letters`` with a space for each axis of ``...`` that is 1 here and more elsewhere."""
    return "".join(" " if c in dots and n != sizes[c] else c for c, n in zip(letters, shape, strict=True))
