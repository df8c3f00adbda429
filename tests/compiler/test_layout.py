"""Which loop is vectors, what a task is, and which axes run on as one."""

from __future__ import annotations

import pytest

from clew.compiler.compiled import Compiled
from clew.compiler.expression import Buffer
from clew.compiler.index import Var, variable
from clew.compiler.kernel import Kernel
from clew.compiler.layout import TASKS, Layout, flat
from clew.ir import Graph, Value, f32, f64, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.broadcast import broadcast, sum
from clew.ops.elementwise import filled
from clew.ops.exponential import exp
from clew.ops.movement import Concat, permute

X = parameter("x", f32(64, 48))


def kernel(*outputs: Value, inputs: tuple[Value, ...] = (X,)) -> Kernel:
    (step,) = Compiled(Graph("g", inputs, outputs)).routine.steps
    assert step.kernel is not None
    return step.kernel


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_lanes_follow_the_widest_number(bits: int) -> None:
    assert Layout(kernel(exp(X)), bits).lanes == bits // 32
    wide = parameter("x", f64(64, 48))
    assert Layout(kernel(exp(wide), inputs=(wide,)), bits).lanes == bits // 64


def test_elementwise_axes_are_one() -> None:
    layout = Layout(kernel(exp(X)), 512)
    assert layout.vectors == "outer" and layout.split and layout.length == 64 * 48 and not layout.rows


def test_an_axis_that_is_read_otherwise_stays_apart() -> None:
    b = parameter("b", f32(48))
    layout = Layout(kernel(add(X, broadcast(b, (0,), (64,))), inputs=(X, b)), 512)
    assert [v.size for v in layout.rows] == [64] and layout.length == 48
    y = parameter("y", f32(48, 64))
    layout = Layout(kernel(mul(X, permute(y, (1, 0))), inputs=(X, y)), 512)
    assert layout.squares is not None and [v.size for v in layout.rows] == [64 // 16] and layout.length == 48


def test_an_axis_that_is_written_otherwise_stays_apart() -> None:
    """Parts of a concatenation are rows within longer ones."""
    op = Concat(1)
    parts = exp(X), mul(X, X)
    both = Value(op, parts, op.infer(*[x.type for x in parts]))
    made = kernel(both)
    assert [x.buffer.memory.value for x in made.items] == [both, both]  # type: ignore[union-attr]
    layout = Layout(made, 512)
    assert [v.size for v in layout.rows] == [64] and layout.length == 48
    along = Concat(0)
    stacked = Value(along, parts, along.infer(*[x.type for x in parts]))
    assert Layout(kernel(stacked), 512).length == 64 * 48


def test_lanes_follow_the_axis_before_a_short_one() -> None:
    def layout(n: int, bits: int) -> Layout:
        x, m = parameter("x", f32(64, 48, n)), parameter("m", f32(n))
        return Layout(kernel(exp(add(x, broadcast(m, (0, 1), (64, 48)))), inputs=(x, m)), bits)

    made = layout(3, 512)
    assert made.across == Var(1, 48) and made.length == 64 * 48 and made.split
    assert [v.size for v in made.kernel.nests[0].vars] == [3]
    assert layout(9, 512).across == Var(2, 9)  # too many to take apart
    assert layout(4, 128).across == Var(2, 4)  # a vector of its own
    assert layout(4, 256).across == Var(1, 48)


def test_folds_along_rows_are_vectors_within() -> None:
    layout = Layout(kernel(sum(exp(X), (1,))), 512)
    assert layout.vectors == "inner" and layout.turns == 64
    layout = Layout(kernel(sum(exp(X), (0,))), 512)
    assert layout.vectors == "outer" and layout.length == 48


def test_long_folds_across_rows_go_several_vectors_abreast() -> None:
    long, short, narrow = (parameter("x", f32(*shape)) for shape in ((64, 100), (8, 100), (64, 60)))
    assert Layout(kernel(sum(long, (0,)), inputs=(long,)), 512).lanes == 64
    assert Layout(kernel(sum(short, (0,)), inputs=(short,)), 512).lanes == 16
    assert Layout(kernel(sum(narrow, (0,)), inputs=(narrow,)), 512).lanes == 16
    even, wide = parameter("x", f32(64, 256)), parameter("x", f32(64, 1000))
    assert Layout(kernel(sum(even, (0,)), inputs=(even,)), 512).lanes == 128
    assert Layout(kernel(sum(wide, (0,)), inputs=(wide,)), 512).lanes == 128
    assert Layout(kernel(sum(exp(even), (0,)), inputs=(even,)), 512).lanes == 64  # much to compute takes registers
    x = even
    for steps in range(12):
        assert Layout(kernel(sum(x, (0,)), inputs=(even,)), 512).lanes == (128 if steps <= 8 else 64)
        x = mul(x, even)
    for n, lanes in ((1, 128), (4, 128), (5, 64), (8, 64), (9, 32), (20, 32)):  # as many as registers hold
        folds = [sum(mul(even, filled(k + 2, even.type)), (0,)) for k in range(n)]
        assert Layout(kernel(*folds, inputs=(even,)), 512).lanes == lanes
    turned = permute(parameter("y", f32(100, 64)), (1, 0))
    step = kernel(sum(add(long, turned), (0,)), inputs=(long, turned.operands[0]))
    assert Layout(step, 512).lanes == 16  # read in steps, which no more lanes make better


def test_folds_across_rows_go_along_all_axes_that_are_one() -> None:
    """Rows of 16 times 3 are rows of 48: lanes along the three alone would be few, and those of the fold 48 apart."""
    x = parameter("x", f32(64, 16, 3))
    layout = Layout(kernel(sum(exp(x), (0,)), inputs=(x,)), 512)
    assert layout.vectors == "outer" and layout.length == 48 and not layout.rows


@pytest.mark.parametrize("n", [1, 15, 16, 17, 1000, 100_003, 10_000_000])
def test_tasks_cover_all_elements_once(n: int) -> None:
    """However many threads there are, the same stretches, so that sums of them are the same."""
    x = parameter("x", f32(n))
    layout = Layout(kernel(exp(x), inputs=(x,)), 512)
    if n == 1:
        assert layout.tasks == 1
        return
    assert 1 <= layout.tasks <= TASKS
    assert (layout.tasks - 1) * layout.chunk < n <= layout.tasks * layout.chunk
    assert layout.chunk % layout.lanes == 0


def test_places_within_a_concatenation() -> None:
    whole, part = Buffer(parameter("y", f32(4, 10)), "y"), Buffer(parameter("x", f32(4, 3)), "x")
    part.within, part.axis, part.start = whole, 1, 5
    i, j = variable(Var(0, 4)), variable(Var(1, 3))
    assert flat(part, (i, j)) == i * 10 + j + 5
    assert part.memory is whole
