"""What a case of the ops' contract is. Each module of ops has its cases in ``tests/ops/cases``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clew.ir import DTYPES, Op, Type


@dataclass(frozen=True)
class Operand:
    """Random data of a type, drawn from [low, high) (integers too), or from ``choices`` where given."""

    shape: tuple[int, ...]
    dtype: str = "f64"
    low: float = -2.0
    high: float = 2.0
    choices: Sequence[float] | None = None

    @property
    def type(self) -> Type:
        return Type(DTYPES[self.dtype], self.shape)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        dtype = DTYPES[self.dtype]
        if self.choices is not None:
            return rng.choice(np.array(self.choices, dtype), self.shape)
        if dtype.kind == "b":
            return rng.random(self.shape) < 0.5
        if dtype.kind in "iu":
            return rng.integers(int(self.low), int(self.high), self.shape).astype(dtype)
        return rng.uniform(self.low, self.high, self.shape).astype(dtype)


@dataclass(frozen=True)
class Case:
    """An op with its operands. Data is random and lies away from the op's kinks when ``smooth``."""

    op: Op
    operands: tuple[Operand, ...]
    smooth: bool = True  # False: the derivative is not compared with finite differences

    @property
    def id(self) -> str:
        return f"{self.op.name}-{'-'.join(str(x.type) for x in self.operands)}"
