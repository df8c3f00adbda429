"""Random numbers: the published vectors, what does and does not change them, and their distributions.

The seeds are fixed, so the bounds (five standard deviations and more) hold or fail for good.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from clew.errors import TypeRuleError, UsageError
from clew.ir import DTYPES, Type, parameter
from clew.ops.interpreter import Elements, Interpreter
from clew.ops.random import (
    RandomBits,
    bernoulli,
    fold_in,
    integers,
    key_of,
    normal,
    permutation,
    random_bits,
    split_key,
    uniform,
)

F16, BF16, F32, F64 = (DTYPES[name] for name in ("f16", "bf16", "f32", "f64"))
I8, I64, U32, U64 = (DTYPES[name] for name in ("i8", "i64", "u32", "u64"))
N = 100_000


def unlikely(counts: Any, expected: Any) -> float:
    """How many standard deviations chi-square of these counts is above its mean."""
    counts, expected = np.asarray(counts, float), np.broadcast_to(expected, np.shape(counts))
    freedom = counts.size - 1
    return float((np.sum((counts - expected) ** 2 / expected) - freedom) / math.sqrt(2 * freedom))


# --- the bits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [  # threefry2x32, 20 rounds, of the known-answer file that comes with Random123
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_published_vectors(key: tuple[int, int], counter: tuple[int, int], words: tuple[int, int]) -> None:
    block, draw = counter
    assert words_of_block(np.array(key, U32), block, draw) == words


def words_of_block(key: Any, block: int, draw: int) -> tuple[int, int]:
    """Block ``block`` by the scalar form, which reaches it without those before it."""
    op = RandomBits((2**32, 2))
    reads = Elements(key), Elements(U32.type(draw))
    first, second = (op.at(Interpreter(), (block, place), *reads).value for place in (0, 1))
    return first, second


def test_first_numbers_stay_as_they_are() -> None:
    key = key_of(42)
    assert [hex(x) for x in random_bits(key, 0, (3,))] == ["0xde79f4b9", "0x4f6cc618", "0x268fd86c"]
    assert uniform(key, 1, (3,), F32).tolist() == [0.9013317227363586, 0.9628047943115234, 0.7015239000320435]
    assert permutation(key, 2, 6).tolist() == [3, 2, 0, 5, 1, 4]


def test_a_longer_draw_begins_with_the_shorter() -> None:
    key = key_of(1)
    long = random_bits(key, 0, (40_001,))
    assert np.array_equal(random_bits(key, 0, (7,)), long[:7])
    assert np.array_equal(random_bits(key, 0, (10, 20)), long[:200].reshape(10, 20))
    assert np.array_equal(normal(key, 0, (9,), F64), normal(key, 0, (100,), F64)[:9])


def test_words_of_64_bits_are_pairs_of_those_of_32() -> None:
    key = key_of(1)
    low, high = random_bits(key, 0, (5, 2)).astype(U64).T
    assert np.array_equal(random_bits(key, 0, (5,), U64), low | high << 32)


def test_keys_and_draws_have_numbers_of_their_own() -> None:
    keys = [key_of(0), key_of(1), key_of(2**32), *split_key(key_of(0), 50), *(fold_in(key_of(0), n) for n in range(50))]
    drawn = [random_bits(key, draw, (4,)) for key in keys for draw in (0, 1)]
    assert np.unique(np.concatenate(drawn)).size == 4 * len(drawn)


def test_many_keys_at_once() -> None:
    keys, draws = split_key(key_of(3), 6).reshape(2, 3, 2), np.arange(6, dtype=U32).reshape(2, 3)
    together = RandomBits((5,))(keys, draws)
    for i in np.ndindex(2, 3):
        assert np.array_equal(together[i], random_bits(keys[i], draws[i], (5,)))


def test_examples_that_share_a_key_share_the_numbers() -> None:
    key, draws = key_of(3), np.arange(2, dtype=U32)
    first, second = RandomBits((5,)).batch(2, (False, True), key, draws)
    assert np.array_equal(first, random_bits(key, 0, (5,)))
    assert np.array_equal(second, random_bits(key, 1, (5,)))


def test_draws_on_symbolic_keys() -> None:
    key, draw = parameter("key", Type(U32, (2,))), parameter("draw", Type(U32, ()))
    assert normal(key, draw, (3, 2), F32).type == Type(F32, (3, 2))
    assert uniform(fold_in(key, draw), 0, (), BF16).type == Type(BF16, ())
    assert permutation(key, draw, 4).type == Type(I64, (4,))
    assert integers(key, draw, 0, 10, (2,), I8).type == Type(I8, (2,))
    assert bernoulli(key, draw, 0.5, (2,)).type == Type(DTYPES["bool"], (2,))


def test_bits_are_even_and_independent() -> None:
    words = random_bits(key_of(5), 0, (N,))
    bits = (words[:, None] >> np.arange(32, dtype=U32)) & 1
    deviation = (bits.mean(0) - 0.5) * 2 * math.sqrt(N)
    assert np.abs(deviation).max() < 5
    together = np.corrcoef(bits.T) - np.eye(32)
    assert np.abs(together).max() * math.sqrt(N) < 5
    following = np.corrcoef(words[1:], words[:-1])[0, 1]
    assert abs(following) * math.sqrt(N) < 5


# --- distributions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [F16, BF16, F32, F64], ids=str)
def test_uniform(dtype: Any) -> None:
    x = uniform(key_of(7), 0, (N,), dtype)
    assert x.dtype == dtype
    x = x.astype(F64)
    assert x.min() >= 0
    assert x.max() < 1
    assert unlikely(np.histogram(x, 64, (0, 1))[0], N / 64) < 5


@pytest.mark.parametrize("dtype", [F16, BF16, F32, F64], ids=str)
def test_normal_moments(dtype: Any) -> None:
    z = normal(key_of(8), 0, (N,), dtype)
    assert z.dtype == dtype
    z = z.astype(F64)
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs(np.mean(z**power) - moment) < 5 * math.sqrt(variance / N) + (2e-3 if dtype.itemsize == 2 else 0)
    assert abs(np.corrcoef(z[::2], z[1::2])[0, 1]) * math.sqrt(N / 2) < 5


def test_normal_distribution() -> None:
    z = normal(key_of(9), 0, (N,), F32)
    edges = np.linspace(-3, 3, 31)
    cumulative = np.array([0, *(0.5 * (1 + math.erf(e / math.sqrt(2))) for e in edges), 1])
    counts = np.histogram(z, np.concatenate([[-np.inf], edges, [np.inf]]))[0]
    assert unlikely(counts, N * np.diff(cumulative)) < 5


def test_normal_is_finite_at_the_ends_of_uniform(monkeypatch: pytest.MonkeyPatch) -> None:
    for dtype, bound in [(F32, 5.8), (F64, 8.6)]:
        for bits in (0, 2 ** (8 * dtype.itemsize) - 1):
            words = U64 if dtype == F64 else U32
            monkeypatch.setattr("clew.ops.random.random_bits", lambda k, d, s, t, bits=bits, w=words: np.full(s, bits, w))
            z = normal(key_of(0), 0, (4,), dtype)
            assert np.isfinite(z).all()
            assert np.abs(z).max() < bound


@pytest.mark.parametrize(("low", "high", "dtype"), [(0, 10, I64), (-100, 127, I8), (-3, -2, I8), (5, 69, U32)])
def test_integers(low: int, high: int, dtype: Any) -> None:
    x = integers(key_of(10), 0, low, high, (N,), dtype)
    assert x.dtype == dtype
    values, counts = np.unique(x, return_counts=True)
    assert values.tolist() == list(range(low, high))
    if high - low > 1:
        assert unlikely(counts, N / (high - low)) < 5


def test_integers_over_the_whole_range() -> None:
    for dtype in (I8, I64, U64):
        limits = np.iinfo(dtype)
        x = integers(key_of(11), 0, int(limits.min), int(limits.max) + 1, (N,), dtype)
        assert unlikely(np.histogram(x.astype(F64), 16, (limits.min, float(limits.max) + 1))[0], N / 16) < 5


def test_bernoulli() -> None:
    key = key_of(12)
    assert not bernoulli(key, 0, 0.0, (N,)).any()
    assert bernoulli(key, 0, 1.0, (N,)).all()
    assert abs(bernoulli(key, 0, 0.3, (N,)).mean() - 0.3) < 5 * math.sqrt(0.21 / N)
    each = np.repeat(np.array([0.0, 0.9, 1.0]), N)
    assert np.allclose(bernoulli(key, 0, each, (3 * N,)).reshape(3, N).mean(1), [0, 0.9, 1], atol=0.005)


def test_permutation() -> None:
    key = key_of(13)
    assert sorted(permutation(key, 0, 1000).tolist()) == list(range(1000))
    assert permutation(key, 0, 0).tolist() == []
    firsts = [int(permutation(key, draw, 4) @ [64, 16, 4, 1]) for draw in range(2400)]
    assert unlikely(np.unique(firsts, return_counts=True)[1], 100) < 5
    assert len(set(firsts)) == 24


# --- what is refused -------------------------------------------------------------------------------------------------


def test_refuses() -> None:
    key, draw = Type(U32, (2,)), Type(U32, ())
    with pytest.raises(TypeRuleError, match=r"^random_bits\(u32\[2\], u32\[\]\): makes words of u32 or u64, not f32; cast"):
        RandomBits((2,), F32).infer(key, draw)
    with pytest.raises(TypeRuleError, match=r"^random_bits\(u32\[3\], u32\[\]\): needs a key of u32\[2\] and the number of"):
        RandomBits((2,)).infer(Type(U32, (3,)), draw)
    with pytest.raises(TypeRuleError, match=r"has more than 2\*\*32 elements; draw it in parts$"):
        RandomBits((2**20, 2**20)).infer(key, draw)
    with pytest.raises(UsageError, match=r"^a seed is a whole number from 0 up to 2\*\*64 - 1, not -1$"):
        key_of(-1)
    with pytest.raises(UsageError, match=r"^integers from 3 up to before 3: needs low < high, both within i8$"):
        integers(key_of(0), 0, 3, 3, (2,), I8)
