"""Random numbers. Each call draws anew; the same seed gives the same numbers, in the same order of calls.

Every function takes ``key=``: a ``Generator``, a key made by ``key`` or ``split``, or a seed. With a key or a seed, the same
call gives the same numbers every time. Without it the default generator draws, which ``seed`` sets.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..errors import UsageError
from ..ir import Array, Shape, Value, constant, tracing
from ..ops import arithmetic, comparison, exponential, indexing, movement, sorting
from ..ops import random as draws
from ..ops.elementwise import filled
from . import elementwise, searching, statistics
from .arguments import axis_of, dtype_of, floating, integer_of, refused, shape_of
from .broadcasting import broadcast_to, common_shape
from .dtypes import float32, float64, int64, uint32
from .lifting import ArrayLike
from .promotion import cast_to, value_of

Source = tuple[Any, Any]  # a key, and the number of the draw


class State:
    """A seed, and how many draws have been made from it. Threads may share one."""

    def __init__(self, seed: int | None = None) -> None:
        if seed is None and tracing.trace is not None:
            raise refused(
                "Generator", "needs a seed inside a compiled function, whose calls would else repeat one", kind=UsageError
            )
        self.reset(int.from_bytes(os.urandom(8)) if seed is None else integer_of("Generator", "the seed", seed))

    def reset(self, seed: int, count: int = 0) -> None:
        """Start again from a seed, after ``count`` draws."""
        trace = tracing.trace
        if trace is not None and hasattr(self, "root") and self.trace is not trace:
            raise refused(
                "seed", "a generator from outside cannot be set inside a compiled function; do it before", kind=UsageError
            )
        self.trace: Any = trace  # that it was made in: there it starts anew in each call, so its draws are constants
        self.root: Array = draws.key_of(seed)
        self.seed, self.count, self.lock = seed, count, threading.Lock()

    def draw(self) -> Source:
        """The key and the number of the next draw."""
        trace = tracing.trace
        return self.reserve(1) if trace is None or trace is self.trace else trace.draw(self)

    def reserve(self, n: int) -> tuple[Array, int]:
        """The key and the number of the first of the next ``n`` draws, which are made from here on."""
        with self.lock:
            first = self.count
            if n > 1 and first // draws.FOLD != (first + n - 1) // draws.FOLD:  # the key changes: they begin with the next
                first = (first // draws.FOLD + 1) * draws.FOLD
            self.count = first + n
        epoch, number = divmod(first, draws.FOLD)
        return (draws.fold_in(self.root, epoch), number) if epoch else (self.root, number)

    def back(self, n: int) -> None:
        """The last ``n`` draws were not used after all."""
        with self.lock:
            self.count -= n

    def __getstate__(self) -> tuple[int, int]:
        return self.seed, self.count

    def __setstate__(self, state: tuple[int, int]) -> None:
        self.reset(*state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(seed={self.seed}, draws={self.count})"


default = State()


def seed(number: int, /) -> None:
    """Set the default generator: from here on it draws the numbers that belong to this seed.

    >>> import clew as cl
    >>> cl.random.seed(0)
    >>> x = cl.random.normal(shape=3)
    >>> cl.random.seed(0)
    >>> bool(cl.all(x == cl.random.normal(shape=3)))
    True
    """
    default.reset(integer_of("seed", "the seed", number))


def key(seed: int, /) -> Value:
    """The key, ``u32[2]``, that belongs to a seed.

    >>> import clew as cl
    >>> cl.random.key(7).tolist()
    [7, 0]
    """
    return constant(draws.key_of(integer_of("key", "the seed", seed)))


def split(key: Any, num: int = 2, /) -> Value:
    """``num`` new keys, ``u32[num, 2]``, independent of each other and of all that ``key`` itself draws.

    >>> import clew as cl
    >>> cl.random.split(cl.random.key(7), 3).shape
    (3, 2)
    """
    return value_of(draws.split_key(_key("split", key), integer_of("split", "num", num)))


def fold_in(key: Any, number: Any, /) -> Value:
    """The new key that belongs to ``key`` and a number from 0 up to before ``2**32 - 2``, as of an epoch, a layer, or a worker.

    The number may also be an integer of a traced function: the counter of a loop, or that of an example in ``vmap``.

    >>> import clew as cl
    >>> cl.random.fold_in(cl.random.key(7), 1).shape
    (2,)
    """
    if number.__class__ is Value and number.data is None and not number.ndim and number.dtype.kind in "iu":
        return value_of(draws.fold_in(_key("fold_in", key), cast_to(number, uint32)))
    n = integer_of("fold_in", "the number", number)
    if not 0 <= n < draws.FOLD:
        raise refused("fold_in", f"the number must be from 0 up to before {draws.FOLD}, not {n}", kind=UsageError)
    return value_of(draws.fold_in(_key("fold_in", key), n))


def _source(function: str, key: Any) -> Source:
    """What draws: the next of a generator, or the first of a key."""
    if key is None:
        return default.draw()
    return key.draw() if isinstance(key, State) else (_key(function, key), 0)


def _key(function: str, key: Any) -> Any:
    if isinstance(key, int):
        return draws.key_of(key)
    v = value_of(key)
    if v.shape != (2,) or v.dtype != np.uint32:
        raise refused(function, "a key is u32[2]: make one with cl.random.key(seed), or give a seed or a Generator", v)
    return v if v.op is not None else v.data


def _shape(function: str, shape: Any, *parameters: Value) -> Shape:
    """The shape asked for, or that of the parameters."""
    return common_shape(function, *parameters) if shape is None else shape_of(function, shape)


def uniform(low: ArrayLike = 0.0, high: ArrayLike = 1.0, shape: Any = None, *, dtype: Any = None, key: Any = None) -> Value:
    """Floats evenly distributed over ``[low, high)``. Gradients pass to both ends.

    >>> import clew as cl
    >>> cl.random.uniform(2, 3, (2, 2), key=0).shape
    (2, 2)
    """
    return _scaled("uniform", draws.uniform, low, elementwise.subtract(high, low), shape, dtype, key)


def normal(mean: ArrayLike = 0.0, std: ArrayLike = 1.0, shape: Any = None, *, dtype: Any = None, key: Any = None) -> Value:
    """Floats of a normal distribution with this mean and standard deviation. Gradients pass to both.

    >>> import clew as cl
    >>> cl.random.normal(shape=(2, 2), key=0).dtype
    dtype('float32')
    """
    return _scaled("normal", draws.normal, mean, std, shape, dtype, key)


def _scaled(function: str, draw: Any, start: ArrayLike, scale: ArrayLike, shape: Any, dtype: Any, key: Any) -> Value:
    """``start + scale * draw``."""
    first, factor = value_of(start), value_of(scale)
    sizes = _shape(function, shape, first, factor)
    given = [v.dtype for v in (first, factor) if v.type.differentiable and v.ndim]
    wanted = dtype_of(function, dtype) if dtype is not None else (given[0] if given else float32)
    if not np.issubdtype(wanted, np.floating) and wanted.kind != "V":
        raise refused(function, f"draws floats, not {wanted}; integers draws those")
    drawn = value_of(draw(*_source(function, key), sizes, wanted))
    if not _is(factor, 1):
        drawn = arithmetic.mul(drawn, broadcast_to(cast_to(factor, wanted), sizes))
    return drawn if _is(first, 0) else arithmetic.add(drawn, broadcast_to(cast_to(first, wanted), sizes))


def _is(v: Value, number: int) -> bool:
    return v.op is None and not v.ndim and v.data == number


def integers(
    low: int, high: int | None = None, shape: Any = (), *, dtype: Any = None, endpoint: bool = False, key: Any = None
) -> Value:
    """Integers from ``low`` up to before ``high`` (up to it, with ``endpoint``), or from 0 up to before ``low``; int64.

    >>> import clew as cl
    >>> cl.random.integers(6, shape=1000, key=0).max().item()
    5
    """
    first, last = (0, low) if high is None else (low, high)
    bounds = [integer_of("integers", "a bound", n) for n in (first, last)]
    wanted = int64 if dtype is None else dtype_of("integers", dtype)
    if wanted.kind not in "iu":
        raise refused("integers", f"draws integers, not {wanted}")
    sizes = shape_of("integers", shape)
    return value_of(draws.integers(*_source("integers", key), bounds[0], bounds[1] + bool(endpoint), sizes, wanted))


def bernoulli(p: ArrayLike = 0.5, shape: Any = None, *, key: Any = None) -> Value:
    """True with probability ``p``, else False.

    >>> import clew as cl
    >>> cl.random.bernoulli(1.0, 3, key=0).tolist()
    [True, True, True]
    """
    v = floating(p)
    if v.data is not None and v.type.size and not (np.min(v.data) >= 0 and np.max(v.data) <= 1):
        raise refused("bernoulli", "a probability must be from [0, 1]", v, kind=UsageError)
    sizes = _shape("bernoulli", shape, v)
    wide = v if v.dtype == float64 else cast_to(v, float32)
    same = wide.op is None and wide.data is not None and not wide.ndim and wide.dtype == float32  # of f64: as in a batch
    share: Any = float(wide.data) if same else broadcast_to(wide, sizes)
    return value_of(draws.bernoulli(*_source("bernoulli", key), share, sizes))


def permutation(x: ArrayLike, /, *, axis: int = 0, key: Any = None) -> Value:
    """The numbers below ``x`` in random order; of an array, its parts along ``axis`` in random order.

    >>> import clew as cl
    >>> sorted(cl.random.permutation(4, key=0).tolist())
    [0, 1, 2, 3]
    """
    v = value_of(x)
    if not v.ndim:
        n = integer_of("permutation", "how many", x)
        if n < 0:
            raise refused("permutation", f"there are no {n} numbers", kind=UsageError)
        return value_of(draws.permutation(*_source("permutation", key), n))
    a = axis_of("permutation", axis, v)
    return indexing.take(v, value_of(draws.permutation(*_source("permutation", key), v.shape[a])), a)


def choice(
    x: ArrayLike, shape: Any = (), *, replace: bool = True, p: ArrayLike = None, axis: int = 0, key: Any = None
) -> Value:
    """Parts of ``x`` along ``axis`` (the numbers below ``x``, if that is one) at random: evenly, or with probabilities ``p``.

    Without ``replace`` none comes twice.

    >>> import clew as cl
    >>> cl.random.choice([5, 6, 7], 2, p=[0, 0, 1], key=0).tolist()
    [7, 7]
    """
    v, sizes = value_of(x), shape_of("choice", shape)
    a = axis_of("choice", axis, v) if v.ndim else 0
    n = v.shape[a] if v.ndim else integer_of("choice", "how many", x)
    count = int(np.prod(sizes))
    if n < 1 and count:
        raise refused("choice", "there is nothing to choose from", kind=UsageError)
    if not replace and count > n:
        raise refused("choice", f"{count} of {n} cannot be chosen without coming twice; use replace=True", kind=UsageError)
    source = _source("choice", key)
    if p is not None:
        chosen = _weighted(source, _probabilities(p, n), count, replace)
    elif replace:
        chosen = value_of(draws.integers(*source, 0, max(n, 1), (count,), int64))
    else:
        chosen = movement.narrow(value_of(draws.permutation(*source, n)), 0, 0, count)
    chosen = movement.reshape(chosen, sizes)
    return indexing.take(v, chosen, a) if v.ndim else chosen


def _probabilities(p: ArrayLike, n: int) -> Value:
    v = floating(p)
    if v.shape != (n,):
        raise refused("choice", f"p must have one probability for each of {n}", v)
    if v.data is not None and not (np.min(v.data) >= 0 and abs(np.sum(v.data, dtype=np.float64) - 1) < 1e-3):
        raise refused("choice", "the probabilities must not be negative, and must sum to 1; divide them by their sum", v)
    return v


def _weighted(source: Source, p: Value, count: int, replace: bool) -> Value:
    """Positions drawn with probabilities ``p``. Without replacement they are those of the shortest waiting times, which are
    exponentially distributed with rates ``p``.
    """
    if replace:
        ends = statistics.cumulative_sum(p, axis=0)
        total = movement.narrow(ends, 0, ends.shape[0] - 1, ends.shape[0])
        drawn = value_of(draws.uniform(*source, (count,), p.dtype))
        scaled = arithmetic.mul(drawn, broadcast_to(total, (count,)))
        found = searching.searchsorted(ends, scaled, side="right")
        return arithmetic.minimum(found, filled(p.shape[0] - 1, found.type))
    waits = arithmetic.neg(exponential.log(arithmetic.sub(1.0, value_of(draws.uniform(*source, p.shape, p.dtype)))))
    never = filled(np.inf, p.type)
    times = comparison.where(comparison.equal(p, 0), never, arithmetic.div(waits, p))
    return sorting.argsort(times, 0, count=count)


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes ``key=`` as a method of a generator."""

    @wraps(function)
    def drawn(self: State, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs, key=self)

    return drawn


class Generator(State):
    """Draws random numbers: the same seed gives the same numbers. Without a seed it starts anywhere.

    >>> import clew as cl
    >>> cl.random.Generator(7)
    Generator(seed=7, draws=0)
    """

    uniform = method(uniform)
    normal = method(normal)
    integers = method(integers)
    bernoulli = method(bernoulli)
    permutation = method(permutation)
    choice = method(choice)
