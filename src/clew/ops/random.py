"""Random numbers by counting: each is a function of a key, of the number of the draw, and of its place in the result.

Nothing is remembered between calls, so numbers are the same eager or compiled, whole or in parts, in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..errors import UsageError
from ..ir import DTYPES, NAMES, Array, Dtype, Shape, Type
from .arithmetic import add, mul, remainder, sqrt, sub
from .bitwise import bitwise_right_shift
from .broadcast import accumulator, broadcast
from .comparison import less
from .exponential import log
from .kinds import Flat
from .movement import narrow, reshape
from .rounding import cast
from .scalars import Component, Index, Read, Scalar, Scalars
from .sorting import argsort
from .trigonometric import cos

U32, U64 = DTYPES["u32"], DTYPES["u64"]
BLOCKS = 1 << 14  # computed at a time, so that they stay in the cache
SPLIT, FOLD = 2**32 - 1, 2**32 - 2  # draws set aside to make keys of keys

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA

Word = Any
Pair = tuple[Word, Word]


def threefry(
    key: Pair,
    counter: Pair,
    add: Callable[[Word, Word], Word],
    xor: Callable[[Word, Word], Word],
    rotate: Callable[[Word, int], Word],
    word: Callable[[int], Word],
) -> Pair:
    """Threefry-2x32 of 20 rounds: 64 bits that look random, for each key of 64 bits and counter of 64 bits.

    Written in the given arithmetic of words of 32 bits. After Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
    easy as 1, 2, 3", SC 2011, doi:10.1145/2063384.2063405.
    """
    schedule = (*key, xor(xor(word(PARITY), key[0]), key[1]))
    x0, x1 = add(counter[0], key[0]), add(counter[1], key[1])
    for n in range(20):
        x0 = add(x0, x1)
        x1 = xor(rotate(x1, ROTATIONS[n % 8]), x0)
        if n % 4 == 3:  # the key again, in turn
            turn = n // 4 + 1
            x0 = add(x0, schedule[turn % 3])
            x1 = add(x1, add(schedule[(turn + 1) % 3], word(turn)))
    return x0, x1


@dataclass(frozen=True, eq=False, repr=False)
class RandomBits(Flat):
    """Random words of 32 or 64 bits (``dtype`` u32 or u64), of a key ``u32[..., 2]`` and the number of the draw ``u32[...]``.

    The result is ``(..., *shape)``. Block ``b`` of a key is ``threefry(key, (b, draw))``, two words; they follow one another
    in row-major order, two to an element of u64 (the first is the low half). So an element depends on its key, the draw and
    its place alone, and a longer draw begins with the shorter one. Draws of different numbers, and those of different
    keys, are independent. In a batch each example has the numbers of its own key and draw; where the examples share
    both, they share the numbers (split the key first if they should not).
    """

    shape: Shape
    dtype: Dtype = U32

    def infer(self, key: Type, draw: Type) -> Type:
        if self.dtype not in (U32, U64):
            raise self.refuse(f"makes words of u32 or u64, not {NAMES.get(self.dtype, self.dtype)}; cast the result", key, draw)
        if key.dtype != U32 or draw.dtype != U32 or key.shape != (*draw.shape, 2):
            raise self.refuse("needs a key of u32[2] and the number of the draw, u32[] (or arrays of such)", key, draw)
        if prod(self.shape) > 2**32:
            raise self.refuse(f"shape {self.shape} has more than 2**32 elements; draw it in parts", key, draw)
        return Type(self.dtype, (*draw.shape, *self.shape))

    @property
    def per_block(self) -> int:
        return 8 // self.dtype.itemsize

    def reference(self, key: Array, draw: Array) -> Array:
        count = prod(self.shape)
        blocks = -(-count // self.per_block)
        keys, draws = key.reshape(-1, 2), np.reshape(draw, (-1, 1))
        words = np.empty((len(keys), blocks, 2), U32)
        rows = max(1, BLOCKS // max(1, blocks))
        for first in range(0, len(keys), rows):
            some = slice(first, first + rows)
            for start in range(0, blocks, BLOCKS):
                part = words[some, start : start + BLOCKS]
                places = np.arange(start, start + part.shape[1], dtype=U32)
                pair = (keys[some, :1], keys[some, 1:])
                part[..., 0], part[..., 1] = threefry(pair, (places, draws[some]), np.add, np.bitwise_xor, rotated, U32.type)
        shape = (*key.shape[:-1], *self.shape)
        if self.dtype == U32:
            return words.reshape(len(keys), 2 * blocks)[:, :count].reshape(shape)[()]
        return (words[..., 0].astype(U64) | words[..., 1].astype(U64) << 32).reshape(shape)[()]

    def batch(self, size: int, batched: tuple[bool, ...], key: Any, draw: Any) -> Any:
        return self(*(x if b else broadcast(x, (0,), (size,)) for x, b in zip((key, draw), batched, strict=True)))

    def at(self, e: Scalars, i: Index, key: Read, draw: Read) -> Scalar:
        lead = len(draw.shape)
        flat: Component = 0
        for c, n in zip(i[lead:], self.shape, strict=True):
            flat = flat * n + c

        def word(value: int) -> Scalar:
            return e.const(value, U32)

        def call(name: str) -> Callable[[Scalar, Scalar], Scalar]:
            return lambda a, b: e.call(name, a, b)

        def rotate(x: Scalar, n: int) -> Scalar:
            return e.call("bit_or", e.call("shift_left", x, word(n)), e.call("shift_right", x, word(32 - n)))

        pair = (key((*i[:lead], 0)), key((*i[:lead], 1)))
        counter = (e.number(flat // self.per_block, U32), draw(i[:lead]))
        first, second = threefry(pair, counter, call("add"), call("bit_xor"), rotate, word)
        if self.dtype == U32:
            return e.select(e.inside(flat % 2, 0, 1), first, second)
        return e.call("bit_or", e.cast(first, U64), e.call("shift_left", e.cast(second, U64), e.const(32, U64)))


def rotated(x: Array, n: int) -> Array:
    """Words of 32 bits turned to the left by ``n`` bits."""
    y = x >> (32 - n)
    y |= x << n
    return y


def key_of(seed: int) -> Array:
    """The key, ``u32[2]``, of a seed: its low half and its high half."""
    if not 0 <= seed < 2**64:
        raise UsageError(f"a seed is a whole number from 0 up to 2**64 - 1, not {seed}")
    return np.array([seed & 0xFFFFFFFF, seed >> 32], U32)


def split_key(key: Any, n: int) -> Any:
    """``n`` new keys, ``u32[n, 2]``, independent of each other and of all that the key itself draws."""
    return random_bits(key, SPLIT, (n, 2))


def fold_in(key: Any, number: Any) -> Any:
    """The new key that belongs to ``key`` and a number (below ``2**32 - 2``), as of an epoch, a layer, or a worker."""
    return random_bits(random_bits(key, FOLD, (2,)), number, (2,))


def random_bits(key: Any, draw: Any, shape: Shape, dtype: Dtype = U32) -> Any:
    """Random words of u32 or u64. ``draw`` is a whole number, or an operand ``u32[]``; use each number once for a key."""
    return RandomBits(shape, dtype)(key, U32.type(draw) if isinstance(draw, int) else draw)


def uniform(key: Any, draw: Any, shape: Shape, dtype: Dtype) -> Any:
    """Floats from [0, 1), multiples of ``2**-digits`` equally likely, with all the digits that the dtype has: 24 in f32, 53
    in f64, 11 in f16, 8 in bf16. Never 1.
    """
    words = U64 if dtype.itemsize == 8 else U32
    digits = {"f64": 53, "f32": 24, "f16": 11, "bf16": 8}[NAMES[dtype]]
    high = bitwise_right_shift(random_bits(key, draw, shape, words), 8 * words.itemsize - digits)
    return mul(cast(high, dtype), 2.0**-digits)


def normal(key: Any, draw: Any, shape: Shape, dtype: Dtype) -> Any:
    """Floats with mean 0 and variance 1, by the method of Box and Muller (1958): two uniform numbers ``u`` and ``v`` make
    ``sqrt(-2 log(1 - u))`` times the cosine, and the sine, of ``2 pi v``.

    Always finite: at most 5.8 from 0 in f32 (and in half precision, which is rounded from it), 8.6 in f64.
    """
    count, wide = prod(shape), accumulator(dtype)
    pairs = -(-count // 2)
    u = uniform(key, draw, (pairs, 2), wide)
    radius = sqrt(mul(log(sub(1.0, narrow(u, 1, 0, 1))), -2.0))
    angle = mul(narrow(u, 1, 1, 2), 2 * math.pi)
    quarters = np.broadcast_to(np.array([0, math.pi / 2], wide), (pairs, 2))  # the cosine a quarter back is the sine
    z = mul(twice(radius), cos(sub(twice(angle), quarters)))
    return cast(reshape(narrow(reshape(z, (2 * pairs,)), 0, 0, count), shape), dtype)


def twice(x: Any) -> Any:
    """``(n, 1)`` as ``(n, 2)``."""
    return broadcast(reshape(x, (x.shape[0],)), (1,), (2,))


def integers(key: Any, draw: Any, low: int, high: int, shape: Shape, dtype: Dtype) -> Any:
    """Integers from ``low`` up to before ``high``: the remainder of 64 random bits by their number ``n = high - low``.

    No integer is likelier than another by more than a part of ``n / 2**64``.
    """
    limits = np.iinfo(dtype)
    if not limits.min <= low < high <= int(limits.max) + 1:
        raise UsageError(f"integers from {low} up to before {high}: needs low < high, both within {NAMES[dtype]}")
    words = random_bits(key, draw, shape, U64)
    if high - low < 2**64:
        words = remainder(words, high - low)
    return add(cast(words, dtype), low)  # both wrap, and together they do not


def bernoulli(key: Any, draw: Any, p: Any, shape: Shape) -> Any:
    """True with probability ``p``: a number, or an operand of f32 or f64 and of that shape.

    Exact at 0 and at 1, else to within ``2**-24`` (``2**-53`` for an operand of f64).
    """
    if isinstance(p, int | float):
        return less(uniform(key, draw, shape, DTYPES["f32"]), float(p))
    return less(uniform(key, draw, shape, p.dtype), p)


def permutation(key: Any, draw: Any, n: int) -> Any:
    """The numbers below ``n`` (int64) in random order: that in which random words of 64 bits are sorted."""
    return argsort(random_bits(key, draw, (n,), U64), 0)
