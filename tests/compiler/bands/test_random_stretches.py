"""Random stretches between a product that is wide and what is small again: in slices they make what they make whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler import compiled
from clew.compiler.bands import choosing
from clew.compiler.compiled import Compiled
from clew.compiler.prepare import prepare
from clew.ir import Array, run

ROUNDING = {"float32": 3e-4, "float64": 1e-10}


class Stretch:
    """A function of two or three arrays, drawn at random."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.batch = tuple(self.draw.choice([1, 2, 3, 5], self.draw.integers(0, 3)))
        self.rows, self.columns = (int(n) for n in self.draw.choice([7, 13, 16, 24, 33], 2))
        self.depth = int(self.draw.choice([1, 2, 5]))
        self.dtype = str(self.draw.choice(["float32", "float64"]))
        self.plan = [int(n) for n in self.draw.integers(0, 1 << 30, 12)]

    def inputs(self) -> list[Array]:
        shapes = [(self.rows, self.depth), (self.columns, self.depth), (self.columns, 3)]
        return [self.draw.normal(size=(*self.batch, *shape)).astype(self.dtype) for shape in shapes]

    def __call__(self, q: Any, k: Any, v: Any) -> Any:
        draw = np.random.default_rng(self.plan)
        x = q @ k.mT if draw.random() < 0.7 else cl.permute_dims(k @ q.mT, (*range(len(self.batch)), -1, -2))
        made: list[Any] = []
        for _ in range(draw.integers(1, 5)):
            x = self.changed(draw, x, q, k)
            if draw.random() < 0.3:
                made.append(self.ended(draw, x, v, q))
        return (*made, self.ended(draw, x, v, q))

    def changed(self, draw: np.random.Generator, x: Any, q: Any, k: Any) -> Any:
        """Another array of the same shape."""
        kind = draw.integers(0, 9)
        if kind == 0:
            return cl.tanh(x)
        if kind == 1:
            return cl.where(draw.random((self.rows, self.columns)) < 0.5, x, -1.0)
        if kind == 2:
            return x - cl.max(x, axis=-1, keepdims=True)
        if kind == 3:
            return cl.softmax(x, axis=-1)
        if kind == 4:
            return x + cl.sum(q, axis=-1, keepdims=True)
        if kind == 5:
            return x * cl.expand_dims(cl.mean(k, axis=-1), axis=-2)
        if kind == 6:
            return x - cl.mean(x, axis=-2, keepdims=True)
        if kind == 7:
            return x * cl.tanh(q @ k.mT + 0.5)
        return cl.where(x > 0, x * 0.5, x)

    def ended(self, draw: np.random.Generator, x: Any, v: Any, q: Any) -> Any:
        """Something small again."""
        kind = draw.integers(0, 7)
        if kind == 6:
            return cl.sum(x, axis=-2)
        if kind == 0:
            return x @ v
        if kind == 1:
            return cl.sum(x, axis=-1)
        if kind == 2:
            return cl.max(x, axis=-2)
        if kind == 3:
            return x.mT @ q
        if kind == 4:
            return cl.mean(x)
        return cl.exp(cl.mean(x, axis=-1, keepdims=True)) * (x @ v)


@pytest.mark.parametrize("seed", range(40))
def test_slices_of_random_stretches(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "fingerprint", lambda *_: None)
    monkeypatch.setattr(choosing, "WIDE", 0)
    for name, number in {"SLICE": (size := [100, 1_000, 10_000][seed % 3]), "TURN": size, "SLICES": 1, "TURNS": 1}.items():
        monkeypatch.setattr(choosing, name, number)
    monkeypatch.setattr(choosing, "ROWS", 1)
    monkeypatch.setattr(choosing, "again", lambda *_: 0.0)
    monkeypatch.setattr(choosing, "worth", lambda draft: choosing.blocks(draft) != list(draft.shape))
    stretch = Stretch(seed)
    inputs = stretch.inputs()

    def loss(*a: Any) -> Any:
        return sum(cl.sum(cl.square(x)) for x in stretch(*a))

    for f in (stretch, cl.value_and_grad(loss, argnums=(0, 1, 2))):
        graph = cl.trace(lambda *a, f=f: f(*a))(*inputs).graph
        want = run(graph, *inputs)
        bound = ROUNDING[stretch.dtype]
        for made in (run(prepare(graph), *inputs), Compiled(graph)(inputs)):
            for x, y in zip(made, want, strict=True):
                np.testing.assert_allclose(x, y, rtol=bound, atol=bound * max(1.0, float(np.max(np.abs(y), initial=0))))
