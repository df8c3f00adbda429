"""What memory holds from the way forward to the way back."""

from __future__ import annotations

import numpy as np

import clew as cl
from clew.compiler.explain.across import across
from clew.ir import Graph

from ..models import numbers


def graph_of(rows: int) -> Graph:
    """A loss, and the gradients of its weights: of the way forward, ``tanh`` is read again."""

    def loss(w: cl.Tensor, v: cl.Tensor, x: cl.Tensor) -> cl.Tensor:
        return cl.sum((cl.tanh(x @ w).named("hidden") @ v) ** 2)

    arguments = (numbers(64, 48), numbers(48, 16), numbers(rows, 64))
    return cl.trace(cl.value_and_grad(loss, argnums=(0, 1)))(*arguments).graph


def test_it_is_what_the_way_back_reads() -> None:
    held, total = across(graph_of(100), {}, [0])
    (hidden,) = [x for x in held if "hidden" in x.words.names]
    assert hidden.type.shape == (100, 48) and hidden.type.nbytes <= total
    assert hidden.place is not None and hidden.place[0].co_name == "loss"
    assert any("matmul" in reader.gates for reader in hidden.readers)
    assert all(x.type.shape != (64, 48) for x in held)  # no gradient, no parameter


def test_a_graph_without_a_way_back_holds_nothing() -> None:
    graph = cl.trace(lambda x: cl.sum(cl.exp(x @ x)))(np.ones((8, 8))).graph
    assert across(graph, {}, [0])[0] == []
