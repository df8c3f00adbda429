"""The order of a kernel's nests, and where each result lives."""

from __future__ import annotations

import numpy as np

from clew.compiler.compiled import Compiled
from clew.compiler.kernel import Fold, Kernel, Store
from clew.ir import Graph, Value, f32, parameter
from clew.ops.arithmetic import add, mul, sub
from clew.ops.broadcast import broadcast, sum
from clew.ops.exponential import exp
from clew.ops.movement import Flip
from clew.ops.reductions import max

from .models import MODELS

X = parameter("x", f32(64, 48))


def kernel(*outputs: Value) -> Kernel:
    (step,) = Compiled(Graph("g", (X,), outputs)).routine.steps
    assert step.kernel is not None
    return step.kernel


def along(v: Value) -> Value:
    made: Value = broadcast(v, (1,), (48,))
    return made


def places(k: Kernel) -> list[str]:
    return [x.place if isinstance(x, Store) else "fold" for x in k.items]


def test_one_nest_where_nothing_waits() -> None:
    y = exp(X)
    k = kernel(y, mul(y, X))
    assert [nest.vars for nest in k.nests] == [()] and places(k) == ["memory", "memory"]


def test_what_reads_a_fold_comes_after_it() -> None:
    k = kernel(sub(X, along(sum(X, (1,)))))
    sizes = [[v.size for v in nest.vars] for nest in k.nests]
    assert sizes[0] == [48] and sizes[-1] == [48] and isinstance(k.nests[0].items[0], Fold)
    assert places(k) == ["fold", "register", "memory"]


def test_what_a_later_nest_reads_again_lives_in_scratch() -> None:
    e = exp(sub(X, along(max(X, (1,)))))
    k = kernel(mul(e, along(sum(e, (1,)))))
    stores = {x.buffer.value.op.opcode: x.place for x in k.items if isinstance(x, Store)}  # type: ignore[union-attr]
    assert stores == {"max": "register", "exp": "scratch", "sum": "register", "mul": "memory"}


def test_what_others_read_has_memory() -> None:
    total = sum(X, (1,))
    k = kernel(total, sub(X, along(total)))
    assert places(k) == ["fold", "memory", "memory"]


def test_two_folds_of_the_same_rows_share_a_nest() -> None:
    k = kernel(add(sum(X, (1,)), max(X, (1,))))
    assert [len(nest.items) for nest in k.nests if nest.vars] == [2]


def test_everything_is_there_before_it_is_read() -> None:
    """Of all models: a load of what the kernel itself makes comes after its store, in the same nest or an earlier one."""
    for model in MODELS.values():
        for step in Compiled(model()[0]).routine.steps:
            if step.kernel is None or step.made is not None:
                continue
            made: set[object] = set()
            own = {x.buffer for x in step.kernel.items if isinstance(x, Store)}
            for line in str(step.kernel).splitlines():
                if "] = " in line and "%" in line.split("] = ")[1]:
                    made.add(line.split("[")[0].strip())
                elif " = " in line and "[" in line:
                    name = line.split(" = ")[1].split("[")[0]
                    assert name in made or name not in {str(b) for b in own}, f"{line.strip()} in\n{step.kernel}"


def test_one_sum_for_two_members() -> None:
    """Values that differ, though they are the same sum of the same elements, have a place each."""
    y = exp(X)
    same = Flip(()).apply(y)
    graph = Graph("g", (X,), (y, sum(y, (0, 1)), sum(same, (0, 1))))
    x = np.linspace(-1, 1, 64 * 48, dtype=np.float32).reshape(64, 48)
    for made, expected in zip(Compiled(graph)([x]), graph.program([x]), strict=True):
        np.testing.assert_allclose(made, expected, rtol=1e-4)
