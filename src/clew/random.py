"""Random numbers, counter-based: the same seed gives the same numbers, eager or compiled, whatever the threads do.

The functions draw from a default generator (``seed`` sets it), or from what is given as ``key``: a key, a seed, or a
``Generator``.
"""

from __future__ import annotations

from .array import random as draws
from .tensor import lift

seed = draws.seed
key = lift(draws.key)
split = lift(draws.split)
fold_in = lift(draws.fold_in)
uniform = lift(draws.uniform)
normal = lift(draws.normal)
integers = lift(draws.integers)
bernoulli = lift(draws.bernoulli)
permutation = lift(draws.permutation)
choice = lift(draws.choice)


class Generator(draws.State):
    """Draws random numbers: the same seed gives the same numbers. Without a seed it starts anywhere.

    >>> import clew as cl
    >>> cl.random.Generator(7).uniform(shape=3).shape
    (3,)
    """

    uniform = draws.method(uniform)
    normal = draws.method(normal)
    integers = draws.method(integers)
    bernoulli = draws.method(bernoulli)
    permutation = draws.method(permutation)
    choice = draws.method(choice)
