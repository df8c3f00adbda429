"""``jit``: compiled functions and what they return; signatures, switches, and the rest of what a user sees."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.config import config
from clew.errors import ConcretizationError, SignatureWarning, TracingWarning, UsageError

X = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]], np.float32)


def close(a: Any, b: Any) -> bool:
    a, b = (x.numpy() if isinstance(x, cl.Tensor) else x for x in (a, b))
    return np.allclose(a, b, rtol=1e-6, atol=1e-7)


@cl.jit
def twice(x: Any, /) -> Any:
    """Two times x."""
    return x * 2


# Arguments and results


def test_arrays_tensors_numbers_and_what_is_static() -> None:
    @cl.jit
    def f(x: Any, y: Any, scale: float, power: int, kind: str, flag: bool, nothing: None) -> Any:
        assert (power, kind, flag, nothing) == (2, "sum", True, None)
        return cl.sum((x + y) ** power) * scale

    assert close(f(X, cl.asarray(X), 0.5, 2, "sum", True, None), np.sum((2 * X) ** 2) * 0.5)
    assert f(X, cl.asarray(X), 0.5, 2, "sum", True, None).dtype == cl.float32


def test_containers_in_and_out() -> None:
    @dataclass
    class Point:
        x: Any
        y: Any

    @cl.jit
    def f(tree: dict[str, Any], *rest: Any, last: Any) -> Any:
        point = tree["point"]
        return {"sum": [point.x + point.y, tree["list"][0] * rest[0]], "last": last, "fixed": ("a", 3, None)}, Point(
            rest[1], 2.5
        )

    def call() -> Any:
        return f({"point": Point(X, 2.0), "list": [X, 1.0]}, 3.0, X, last=cl.asarray(1.0))

    for _ in range(2):
        made, point = call()
        assert close(made["sum"][0], X + 2) and close(made["sum"][1], X * 3) and made["last"].item() == 1
        assert made["fixed"] == ("a", 3, None) and close(point.x, X) and point.y == 2.5
    assert len(f.signatures()) == 1


@pytest.mark.parametrize(
    "shape",
    [
        lambda a, b: (a, (b,)),
        lambda a, b: ((a,), (b,)),
        lambda a, b: (a, b),
        lambda a, b: [a, b],
        lambda a, b: {"x": {"y": a}, "z": [b]},
        lambda a, b: (None, a, b, ()),
        lambda a, b: (a,),
        lambda a, b: (),
        lambda a, b: None,
    ],
)
def test_results_keep_their_containers(shape: Any) -> None:
    now, then = cl.jit(shape)(1.0, 2.0), shape(1.0, 2.0)
    assert cl.pytree.tree_map(lambda t: t.item(), now) == then


def test_keywords_in_any_order() -> None:
    @cl.jit
    def f(a: Any, b: Any) -> Any:
        return a - b

    assert f(b=cl.asarray(1.0), a=cl.asarray(3.0)).item() == 2
    assert f(a=cl.asarray(3.0), b=cl.asarray(1.0)).item() == 2
    assert len(f.signatures()) == 1


def test_results_are_new_tensors_each_time() -> None:
    double = cl.jit(lambda x: 2 * x)
    first = double(X)
    second = double(X + 1)
    assert close(first, 2 * X) and close(second, 2 * X + 2)
    assert isinstance(first, cl.Tensor) and not first.tracked


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int32])
def test_dtypes_are_those_of_eager_mode(dtype: Any) -> None:
    def f(x: Any) -> Any:
        return x * 2, x + x, cl.exp(x), x > 0

    x = np.ones((3,), dtype)
    assert [t.dtype for t in cl.jit(f)(x)] == [t.dtype for t in f(cl.asarray(x))]


def test_floats_are_weak() -> None:
    def f(x: float, a: Any) -> Any:
        return x * a, x / 3 * a, 2 - x, -(x**2) % 0.7, cl.sin(x), abs(x) * 1, cl.where(x > 0, a, x), np.float64(2) * x

    for dtype in (np.float32, np.float64, np.float16):
        a = np.linspace(0, 1, 5).astype(dtype)
        for now, then in zip(cl.jit(f)(0.1, a), f(0.1, cl.asarray(a)), strict=True):
            then = cl.asarray(then) if isinstance(then, float | np.generic) else then
            assert np.array_equal(now.numpy(), then.astype(now.dtype).numpy())
        assert cl.jit(f)(0.1, a)[0].dtype == dtype
    made = cl.jit(lambda x, a: a + x * np.arange(3.0))(0.1, np.ones(3))
    assert np.array_equal(made.numpy(), 1 + 0.1 * np.arange(3.0))


def test_a_float_compiles_once_whatever_it_is() -> None:
    f = cl.jit(lambda x, y: x * y)
    assert [f(x, 2.0).item() for x in (1.0, 2.0, 3.0)] == [2, 4, 6]
    assert len(f.signatures()) == 1


def test_control_flow_on_static_arguments() -> None:
    @cl.jit
    def power(x: Any, n: int) -> Any:
        for _ in range(n - 1):
            x = x * x
        return x

    assert (power(cl.asarray(2.0), 1).item(), power(cl.asarray(2.0), 3).item()) == (2, 16)


def test_floats_in_lists_gates_and_maps() -> None:
    square = cl.gate(lambda x: x * x, name="square")
    assert np.allclose(cl.jit(lambda xs: cl.asarray(xs) * 2)([1.0, 2.0]).numpy(), [2, 4])
    assert cl.jit(lambda x: square(x))(3.0).item() == 9
    assert close(cl.jit(lambda x, a: cl.vmap(lambda row, x: row * x, in_axes=(0, None))(a, x))(2.0, X), 2 * X)
    assert cl.jit(cl.grad(lambda x: x**3))(2.0).item() == 12
    assert close(cl.jit(lambda x: cl.full((2,), x))(3.0), [3, 3])


def test_functions_as_arguments() -> None:
    apply = cl.jit(lambda f, x: f(x))
    assert close(apply(cl.sin, X), np.sin(X)) and close(apply(cl.cos, X), np.cos(X))
    assert len(apply.signatures()) == 2


# What it goes together with


def test_transformations_inside() -> None:
    def f(x: Any) -> Any:
        return cl.sum(cl.sin(x) ** 2)

    assert close(cl.jit(cl.grad(f))(X), cl.grad(f)(X))
    value, gradient = cl.jit(cl.value_and_grad(f))(X)
    assert close(value, f(X)) and close(gradient, cl.grad(f)(X))
    assert close(cl.jit(cl.vmap(f))(X), cl.vmap(f)(X))
    assert close(cl.jit(cl.grad(lambda x: cl.sum(cl.grad(f)(x))))(X), cl.grad(lambda x: cl.sum(cl.grad(f)(x)))(X))
    assert close(cl.jit(lambda x: cl.jvp(f, (x,), (x,))[1])(X), cl.jvp(f, (X,), (X,))[1])

    def sums(x: Any) -> Any:
        return cl.scan(lambda c, row: (c + row, cl.sum(c)), cl.zeros(3), x)

    for now, then in zip(cl.jit(sums)(X), sums(cl.asarray(X)), strict=True):
        assert close(now, then)
    loop = cl.jit(lambda x: cl.while_loop(lambda v: cl.sum(v) < 100, lambda v: v * 2, x))
    assert close(loop(np.ones(3, np.float32)), [64, 64, 64])
    assert close(cl.jit(lambda x: cl.cond(cl.sum(x) > 0, cl.exp, cl.sin, x))(X), np.exp(X))


def test_transformations_of_it() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        return cl.sum(cl.sin(x) ** 2)

    assert close(cl.grad(f)(X), np.sin(2 * X))
    assert close(cl.vmap(f)(X), np.sum(np.sin(X) ** 2, 1))
    assert close(cl.jit(cl.grad(f))(X), np.sin(2 * X))
    assert close(cl.jit(lambda x: f(x) * 2)(X), 2 * np.sum(np.sin(X) ** 2))
    assert [node.op for node in cl.trace(f)(X).nodes.values()][:2] == ["input", "sin"]
    assert not f.signatures()  # inside, the function itself ran


def test_methods_modules_and_bound_methods() -> None:
    class Line:
        def __init__(self, slope: float) -> None:
            self.w = cl.variable(slope)

        @cl.jit
        def at(self, x: Any) -> Any:
            return self.w * x

    one, two = Line(2.0), Line(3.0)
    assert (one.at(1.0).item(), two.at(1.0).item(), one.at(2.0).item()) == (2, 3, 4)
    assert len(Line.at.signatures()) == 2
    layer = cl.nn.Linear(3, 2)
    compiled = cl.jit(layer)
    assert close(compiled(X), layer(X))
    assert str(compiled.signatures()) == "1: x: f32[2,3]\n   the first call"
    assert close(cl.jit(layer.forward)(X), layer(X))
    assert close(cl.jit(lambda model, x: model(x))(layer, X), layer(X))


class Counter:
    """Has a compiled method."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    @cl.jit
    def scaled(self, x: Any, *, shift: Any = 0.0) -> Any:
        """The method."""
        return x * self.factor + shift


COUNTER = Counter(3.0)


def test_bound_methods_are_methods() -> None:
    other = Counter(2.0)
    method = other.scaled
    assert close(method(X, shift=1.0), 2 * X + 1) and close(Counter.scaled(other, X), 2 * X)
    assert method == other.scaled and hash(method) == hash(other.scaled) and method != COUNTER.scaled
    assert method.__self__ is other and method.__func__ is Counter.scaled
    assert (method.__name__, method.__doc__) == ("scaled", "The method.")
    assert list(inspect.signature(method).parameters) == ["x", "shift"]
    assert "<bound <jit of scaled:" in repr(method)
    assert close(method.function(X), 2 * X)  # the plain one
    assert close(pickle.loads(pickle.dumps(COUNTER.scaled))(X), 3 * X)
    assert close(copy.copy(method)(X), 2 * X)


def test_bound_methods_tell_about_themselves() -> None:
    counter = Counter(4.0)
    assert counter.scaled.graph(X).nodes["x"].value.shape == (2, 3)
    assert [row.gates for row in counter.scaled.explain(X, shift=1.0).rows] == [("mul", "add")]
    assert counter.scaled.signatures() is Counter.scaled.signatures()
    assert "Counter" in str(counter.scaled.signatures()[-1]) and "x: f32[2,3]" in str(counter.scaled.signatures()[-1])
    assert counter.scaled.compiled(X) is not None


def test_bound_methods_as_arguments_are_the_same_each_time() -> None:
    counter = Counter(5.0)
    apply = cl.jit(lambda f, x: f(x) + 1)
    for _ in range(3):
        assert close(apply(counter.scaled, X), 5 * X + 1)
    assert len(apply.signatures()) == 1
    counter.factor = 6.0
    assert close(apply(counter.scaled, X), 6 * X + 1)
    assert len(apply.signatures()) == 2
    assert close(cl.jit(counter.scaled)(X), 6 * X)
    assert close(cl.grad(lambda x: cl.sum(counter.scaled(x)))(X), np.full_like(X, 6))


def test_a_model_of_plain_tensors_is_a_container() -> None:
    cl.random.seed(0)  # the sums of some weights cancel, and then roundings show
    model = cl.nn.Linear(3, 2)

    @cl.jit
    def step(model: Any, x: Any) -> Any:
        gradient = cl.grad(lambda m: cl.sum(m(x) ** 2))(model)
        return cl.pytree.tree_map(lambda p, g: p - 0.1 * g, model, gradient)

    def eager(model: Any, x: Any) -> Any:
        gradient = cl.grad(lambda m: cl.sum(m(x) ** 2))(model)
        return cl.pytree.tree_map(lambda p, g: p - 0.1 * g, model, gradient)

    now, then = step(model, X), eager(model, cl.asarray(X))
    for _ in range(3):
        now, then = step(now, X), eager(then, cl.asarray(X))
    assert close(now.weight, then.weight) and close(now.bias, then.bias)
    assert len(step.signatures()) == 2  # a module of variables first, and then modules of tensors


# A function that changes nothing is a node of the eager graph


def test_gradients_pass_through_it() -> None:
    w, b = cl.variable(X, name="w"), cl.variable(2.0, name="b")

    @cl.jit
    def cost(x: Any) -> Any:
        return cl.sum(cl.tanh(w * x) * b), cl.sum(w)

    loss, total = cost(cl.asarray(X) * b)
    assert loss.tracked
    (loss + total * w[0, 0]).backward()
    now = w.grad.numpy(), b.grad.numpy()
    with config(jit=False):
        loss, total = cost(cl.asarray(X) * b)
    (loss + total * w[0, 0]).backward()
    assert close(now[0], w.grad) and close(now[1], b.grad)


def test_without_recording_results_are_plain() -> None:
    w = cl.variable(2.0)
    f = cl.jit(lambda x: w * x)
    assert f(3.0).tracked
    with cl.no_grad():
        assert not f(3.0).tracked
    assert not cl.jit(lambda x: x * x)(X).tracked


# Signatures


def test_signatures_say_which_and_why() -> None:
    @cl.jit
    def step(images: Any, labels: Any, n: int = 1, **options: Any) -> Any:
        return cl.sum(images) + cl.sum(labels) * n

    step(np.ones((16, 784), np.float32), np.ones(16, np.int64))
    step(np.ones((32, 784), np.float32), np.ones(32, np.int64))
    step(np.ones((32, 784)), np.ones(32, np.int64))
    step(np.ones((32, 784)), np.ones(32, np.int64), 2)
    step(np.ones((32, 784)), np.ones(32, np.int64), 3, kind="a")
    assert str(step.signatures()).splitlines() == [
        "1: images: f32[16,784], labels: i64[16]",
        "   the first call",
        "2: images: f32[32,784], labels: i64[32]",
        "   argument images: f32[32,784] was f32[16,784] before; argument labels: i64[32] was i64[16] before",
        "3: images: f64[32,784], labels: i64[32]",
        "   argument images: f64[32,784] was f32[32,784] before",
        "4: images: f64[32,784], labels: i64[32], n: 2",
        "   argument n: 2 was not there before",
        "5: images: f64[32,784], labels: i64[32], n: 3, kind: 'a'",
        "   argument n: 3 was 2 before; argument kind: 'a' was not there before",
    ]
    assert [s.number for s in step.signatures()] == [1, 2, 3, 4, 5]


def test_a_warning_after_the_eighth() -> None:
    f = cl.jit(lambda x, n: x * n)
    for n in range(8):
        f(1.0, n)
    with pytest.warns(SignatureWarning) as caught:
        f(1.0, 8)
    assert str(caught[0].message).splitlines()[0] == (
        "<lambda> has been compiled for 9 signatures, now because argument n: 8 was 7 before. Numbers that differ from call to "
        "call are better passed as arrays or floats, and sizes better kept the same; <lambda>.signatures() lists them"
    )
    assert caught[0].filename == __file__
    f(1.0, 3)  # is there already


def test_one_and_true_and_one_point_zero_differ() -> None:
    f = cl.jit(lambda x, n: x * n)
    assert f(2.0, 1).dtype == f(2.0, True).dtype
    assert f(2.0, 1.0).item() == 2
    assert len(f.signatures()) == 3


def test_what_cannot_be_static() -> None:
    with pytest.raises(UsageError) as error:
        cl.jit(lambda x, names: x)(1.0, {"a", "b"})
    assert "<lambda>: the argument names is {" in str(error.value)
    assert "a set, which is no array and cannot be compared with that of the last call; give a tuple" in str(error.value)


# Switched off


def test_switched_off_it_runs_eagerly() -> None:
    seen: list[Any] = []

    @cl.jit
    def f(x: Any) -> Any:
        seen.append(x)
        return x * 2

    with config(jit=False):
        assert f(2.0) == 4
    assert seen == [2.0]
    assert not f.signatures()


def test_switched_off_by_the_environment() -> None:
    program = "import clew as cl; f = cl.jit(lambda x: float(x) * 2); print(f(2.0), len(f.signatures()))"
    made = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "CLEW_JIT": "off"}
    )
    assert made.stdout == "4.0 0\n"


def test_copies_and_pickles_are_the_function() -> None:
    assert copy.deepcopy(twice) is twice
    assert pickle.loads(pickle.dumps(twice)) is twice
    assert str(inspect.signature(twice)) == "(x: 'Any', /) -> 'Any'"
    assert twice.__doc__ == "Two times x."


# What it is compiled to


def test_its_graph() -> None:
    w = cl.variable(3.0, name="w")

    @cl.jit
    def f(x: Any) -> Any:
        w.assign(w + 1)
        return x * w

    view = f.graph(2.0)
    assert [v.name for v in view.graph.inputs] == ["x", "w"]
    assert float(view.values[view.graph.outputs[0]]) == 8
    assert w.item() == 3  # nothing ran
    assert f.compiled(2.0) is f.compiled(4.0)
    assert f(2.0).item() == 8 and w.item() == 4
    assert repr(f) == "<jit of f: 1 signatures>"
    assert f.__name__ == "f"


def test_one_trace_at_a_time_and_many_threads() -> None:
    w = cl.variable(X)

    @cl.jit
    def f(x: Any) -> Any:
        return cl.sum(w * x)

    made: list[float] = []
    eager: list[bool] = []

    def work() -> None:
        for k in range(20):
            made.append(f(np.float32(k)).item())
            eager.append(bool((w * k).value.data is not None))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(made) == sorted(float(np.float32(X.sum() * k)) for k in range(20) for _ in range(4))
    assert all(eager) and len(f.signatures()) == 1


# Errors while it is traced


def test_asking_for_a_value() -> None:
    def f(x: Any) -> Any:
        if cl.sum(x) > 0:
            return x
        return -x

    with pytest.raises(ConcretizationError) as error:
        cl.jit(f)(X)
    lines = str(error.value).splitlines()
    assert lines[0].startswith("bool() of a tensor: bool[] asks for its value, which is not known while its function is traced")
    assert lines[1].endswith("if cl.sum(x) > 0:")
    assert lines[2:] == [
        "  write",
        "    cl.cond(cl.sum(x) > 0, lambda x: x, lambda x: -x, x)",
        "  (with CLEW_JIT=off it runs eagerly)",
    ] or (lines[-1] == "  (with CLEW_JIT=off it runs eagerly)")


W = cl.variable(2.0, name="W")


@pytest.mark.parametrize(
    "ask",
    [
        lambda x, n: float(x),
        lambda x, n: x.item(),
        lambda x, n: x.numpy(),
        lambda x, n: np.asarray(x),
        lambda x, n: float(n),
        lambda x, n: int(n),
        lambda x, n: n if n > 0 else x,
        lambda x, n: f"{n:.3f}",
        lambda x, n: W.item(),
        lambda x, n: float(W * 2),
    ],
)
def test_values_are_not_known(ask: Any) -> None:
    with pytest.raises(ConcretizationError, match="asks for its value, which is not known while its function is traced"):
        cl.jit(ask)(np.float32(1), 2.0)


def test_printing_shows_symbols(capsys: pytest.CaptureFixture[str]) -> None:
    @cl.jit
    def f(x: Any, n: float) -> Any:
        print(x, x * n, n, W)
        return x

    with pytest.warns(TracingWarning) as caught:
        f(X, 1.0)
    f(X, 1.0)
    told = ["x: f32[2,3]", "a tensor: f32[2,3]", "n: f64[]", "W: f32[]"]
    assert [str(w.message).partition(", ")[0] for w in caught] == [f"f makes a text of {what}" for what in told]
    assert capsys.readouterr().out == ("Tensor(f32[2,3], name='x') Tensor(f32[2,3]) float(n) Variable(f32[], name='W')\n")


def test_an_error_inside_leaves_no_signature() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        f(1.0)
    assert not f.signatures()
    assert (W * 2).item() == 4  # not traced any more
