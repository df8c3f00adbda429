"""No looking for garbage while much is made that stays."""

from __future__ import annotations

import gc

import pytest

import clew as cl
from clew._uncollected import uncollected


def test_it_is_as_it_was_afterwards() -> None:
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()  # who switched it off is not overruled
    finally:
        gc.enable()


def test_tracing_is_not_interrupted() -> None:
    """One look through the whole of a trace and the libraries beside it took a quarter of a warm start of a small GPT."""
    seen = []

    @cl.jit
    def f(x: cl.Tensor) -> cl.Tensor:
        seen.append(gc.isenabled())
        if x.ndim:
            raise KeyError("no vectors")
        return x * 2

    assert f(cl.asarray(2.0)).item() == 4
    with pytest.raises(KeyError):
        f(cl.zeros(3))
    assert seen == [False, False]
    assert gc.isenabled()
