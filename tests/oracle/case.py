"""A line of the table: one expression, as clew, PyTorch and JAX write it, and the operands that are drawn for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

RANGES = {
    "": (-2.0, 2.0),
    "positive": (0.2, 3.0),
    "above": (1.2, 3.0),  # 1
    "within": (-0.9, 0.9),  # -1 and 1
    "steep": (-1.2, 1.2),  # -pi/2 and pi/2
    "wide": (-30.0, 30.0),
}
SAME = "same"
EVERY = ("gradient", "jvp", "second")
OPERAND = re.compile(r"(\w):(\w*)(?:@(\w+))?(?:<(\w))?(#|\?)?")


@dataclass(frozen=True)
class Operand:
    """How to draw one: ``x:aBc`` is a float array, with ``@positive`` of that range; ``i:ab<C`` holds indices below C,
    ``n:ab#`` integers, ``b:ab?`` booleans.

    Sizes: small letters are 0 to 5, capitals 1 to 5, p to s (spatial axes) 5 to 8, digits themselves. The same letter is the
    same size in every operand.
    """

    name: str
    shape: str
    range: str
    below: str
    kind: str

    @property
    def floating(self) -> bool:
        return not self.below and not self.kind

    def draw(self, rng: np.random.Generator, sizes: dict[str, int], kind: str = "") -> Any:
        shape = tuple(size(k, sizes) for k in self.shape)
        kind = kind if self.floating and kind else self.kind
        if self.below:
            return rng.integers(0, size(self.below, sizes), shape) if prod(shape) else np.zeros(shape, np.int64)
        low, high = RANGES[self.range]
        if kind == "#":
            return np.asarray(rng.integers(-9 if low < 0 else 1, 10, shape))
        if kind == "?":
            return np.asarray(rng.integers(0, 2, shape).astype(bool))
        return np.asarray(rng.uniform(low, high, shape))


def size(letter: str, sizes: dict[str, int]) -> int:
    return int(letter) if letter.isdigit() else sizes[letter]


@dataclass(frozen=True)
class Case:
    """``clew`` is an expression in the names of ``clew`` and of the operands; ``torch`` in those of ``torch`` (``F`` is
    ``torch.nn.functional``), ``jax`` in those of ``jax.numpy`` (beside it ``jax``, ``lax``, ``nn``). None: it has none.

    ``also``: values are compared of integers (#) and booleans (?) too. ``checks``: the derivatives that the others have.
    """

    clew: str
    operands: str
    torch: str | None = SAME
    jax: str | None = SAME
    also: str = ""
    checks: tuple[str, ...] = EVERY

    @property
    def name(self) -> str:
        """The function that is compared: what the expression begins with."""
        return re.match(r"[\w.]+", self.clew)[0]  # type: ignore[index]

    @property
    def parts(self) -> list[Operand]:
        return [Operand(*(x or "" for x in OPERAND.fullmatch(text).groups())) for text in self.operands.split()]  # type: ignore[union-attr]

    def expression(self, library: str) -> str | None:
        text: str | None = getattr(self, library)
        return self.clew if text == SAME else text

    def function(self, library: str, names: dict[str, Any]) -> Any:
        """The expression as a function of its operands; None where the library has none."""
        text = self.expression(library)
        return text and eval(f"lambda {', '.join(part.name for part in self.parts)}: {text}", names)

    def sizes(self, rng: np.random.Generator) -> Iterator[dict[str, int]]:
        """Four choices of sizes: middling ones; any; with a 1 among them; with a 0, where one may be."""
        letters = sorted({k for part in self.parts for k in part.shape + part.below if not k.isdigit()})
        usual = [k for k in letters if k not in "pqrs"]
        yield from (self._drawn(rng, letters, low) for low in (2, 1))
        if usual:
            yield self._drawn(rng, letters, 1) | {str(rng.choice(usual)): 1}
        if small := [k for k in usual if k.islower()]:
            yield self._drawn(rng, letters, 1) | {str(rng.choice(small)): 0}

    def _drawn(self, rng: np.random.Generator, letters: list[str], low: int) -> dict[str, int]:
        return {k: int(rng.integers(5, 9) if k in "pqrs" else rng.integers(low, 6)) for k in letters}
