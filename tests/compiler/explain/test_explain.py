"""step.explain: the table of kernels, and what else is said of a compiled function."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.compiler.explain import Explanation, Row
from clew.compiler.explain.rows import why
from clew.compiler.outside import Reference


def line_of(f: Any, text: str) -> str:
    """``file.py:12`` of the line of ``f`` that has this text."""
    lines, first = inspect.getsourcelines(f)
    return f"test_explain.py:{first + next(k for k, line in enumerate(lines) if text in line)}"


class Model(cl.nn.Module):
    def __init__(self) -> None:
        self.first = cl.nn.Linear(20, 30)
        self.last = cl.nn.Linear(30, 5)

    def forward(self, x: Any) -> Any:
        return self.last(cl.relu(self.first(x)).named("hidden"))


def training() -> tuple[Any, Model, tuple[Any, ...]]:
    model = Model()
    optimiser = cl.optim.SGD(model.parameters(), lr=0.1)

    @cl.jit
    def step(x: Any, y: Any) -> Any:
        loss = cl.nn.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        return loss

    rng = np.random.default_rng(0)
    return step, model, (rng.normal(size=(16, 20)).astype(np.float32), rng.integers(0, 5, 16))


@pytest.fixture(scope="module")
def trained() -> Explanation:
    step, model, args = training()
    before = [p.numpy().copy() for p in model.parameters()]
    found: Explanation = step.explain(*args)
    assert all(np.array_equal(a, p.numpy()) for a, p in zip(before, model.parameters(), strict=True))  # state stays
    return found


def product(found: Explanation, loops: str) -> Row:
    return next(row for row in found.kernels if row.kind == "product" and row.loops.startswith(loops))


def test_a_kernel_in_the_users_words(trained: Explanation) -> None:
    row = product(trained, "16x30x20 by ")
    assert row.gates == ("matmul", "add", "relu")
    assert row.names == ("hidden",)
    assert row.scopes == ("Model.first", "Model")
    assert row.lines == (line_of(Model.forward, "self.first"),)


def test_operations_and_bytes(trained: Explanation) -> None:
    row = product(trained, "16x30x20 by ")
    assert row.flops == 2 * 16 * 30 * 20 + 3 * 16 * 30  # and to add, compare, and choose
    assert row.nbytes >= 4 * (16 * 20 + 30 * 20 + 30 + 16 * 30)
    assert row.share > 0 and row.bound in ("flops", "bytes")


def test_what_is_updated(trained: Explanation) -> None:
    names = {name for row in trained.kernels for name in row.names}
    assert {"first.weight", "first.bias", "last.weight", "last.bias"} <= names


def test_passes_memory_and_times(trained: Explanation) -> None:
    assert [effect.name for effect in trained.passes][:2] == ["merge", "opened"]
    assert trained.passes[1].after > trained.passes[1].before  # relu and log_softmax become their parts
    assert 0 < trained.planned <= trained.unplanned
    assert set(trained.compiling) == {"passes", "kernels", "LLVM"} and min(trained.compiling.values()) > 0
    assert set(trained.first) == {"tracing", "loading the compiler", "compiling"}
    assert all(row.seconds > 0 for row in trained.kernels) and trained.seconds > 0


def test_the_table(trained: Explanation) -> None:
    lines = str(trained).splitlines()
    assert lines[0].startswith(f"step: {len(trained.kernels)} kernels, ")
    assert lines[2].split() == ["computes", "where", "loops", "flop", "bytes", "time", "limit", "threads"]
    assert max(map(len, lines)) <= 120
    assert "1      matmul+add+relu" in lines[4] and "Model.first" in lines[4]
    titles = [line.split(":")[0] for line in lines if ":" in line and not line.startswith(" ")]
    assert titles[-5:] == ["machine", "passes", "memory", "compiling", "first call"]


def test_levels() -> None:
    f = cl.jit(lambda x: cl.exp(x) * 2)
    x = np.ones(100)
    plain, trees, llvm, assembly = (str(f.explain(x, level=k)) for k in range(4))
    assert "kernel k0" not in plain
    assert "kernel k0(x: f64[100]):" in trees and "define" not in trees
    assert "define i32 @main" in llvm and ".text" not in llvm
    assert ".text" in assembly


def test_a_loop_and_its_kernels() -> None:
    @cl.jit
    def f(xs: Any) -> Any:
        return cl.scan(lambda c, x: (cl.tanh(c + x), c), np.zeros(8), xs)

    (row,) = f.explain(np.ones((12, 8))).kernels
    (inner,) = row.inner
    assert (row.kind, row.turns, inner.number) == ("scan", 12, f"{row.number}.1")
    assert inner.gates == ("add", "tanh") and row.flops == 12 * inner.flops
    assert "12 turns of" in str(f.explain(np.ones((12, 8))))


def test_a_while_loop_and_branches() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        y = cl.while_loop(lambda y: cl.max(y) < 100, lambda y: y * 2, x)
        return cl.cond(cl.sum(y) > 0, lambda y: cl.exp(y), lambda y: -y, y)

    rows = f.explain(np.ones(8)).kernels
    loop, branches = (next(row for row in rows if row.kind == kind) for kind in ("while", "branches"))
    assert loop.turns is None and {x.part: x.gates for x in loop.inner} == {"step": ("mul",), "condition": ("max", "less")}
    assert [(x.gates, x.seconds > 0) for x in branches.inner] == [(("neg",), False), (("exp",), True)]
    assert "not run" in str(f.explain(np.ones(8)))


def test_a_loop_without_turns() -> None:
    f = cl.jit(lambda xs: cl.scan(lambda c, x: (c + x, c), np.zeros(3), xs)[0])
    rows = f.explain(np.ones((0, 3))).kernels
    assert all(row.inner == () and row.flops == 0 for row in rows)


def test_a_branch_that_would_fail_is_not_run() -> None:
    @cl.jit
    def f(k: Any, x: Any) -> Any:
        return cl.cond(k < 3, lambda k: x[k], lambda k: x[0], k)

    assert f.explain(np.array(7), np.ones(3)).kernels


def test_what_runs_its_reference_says_why() -> None:
    f = cl.jit(cl.grad(lambda x: cl.while_loop(lambda y: y < 100.0, lambda y: y * y, x)))
    found = f.explain(3.0)
    assert {row.note for row in found.kernels if row.kind == "NumPy"} == {"sizes known only as it runs"}
    assert "NumPy" in str(found)
    (v,) = cl.trace(cl.sort)(np.ones(3)).graph.outputs
    assert why(Reference([v], [], [])) == "no native code for sort"


def test_random_numbers_stay() -> None:
    f = cl.jit(lambda x: x + cl.random.normal((4,)))
    cl.random.seed(7)
    expected = f(np.zeros(4)).numpy()
    cl.random.seed(7)
    f.explain(np.zeros(4))
    assert np.array_equal(f(np.zeros(4)).numpy(), expected)


def test_nothing_to_compute() -> None:
    found = cl.jit(lambda x: x).explain(np.ones(3))
    assert found.kernels == () and str(found).startswith("<lambda>: 0 kernels, 0 flop, 0 bytes")
