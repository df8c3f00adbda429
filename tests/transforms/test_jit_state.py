"""``jit`` of functions with state: variables, gradients, optimisers, random numbers, and Python's own."""

from __future__ import annotations

import contextlib
import types
from typing import Any

import numpy as np
import pytest

import clew as cl
from clew.errors import ConcretizationError, GradientError, UsageError
from clew.optim import SGD, Adam, AdamW, Optimiser


class Net(cl.nn.Module):
    """4-8-3 with dropout."""

    def __init__(self, p: float = 0.0) -> None:
        self.first, self.last, self.p = cl.nn.Linear(4, 8), cl.nn.Linear(8, 3), p

    def forward(self, x: Any) -> Any:
        x = cl.tanh(self.first(x))
        if self.training and self.p:
            x = cl.dropout(x, self.p)
        return self.last(x)


def data(seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(16, 4)).astype(np.float32), rng.integers(0, 3, 16)


def trained(make: Any, compiled: bool, *, p: float = 0.0, steps: int = 20, schedule: bool = False) -> Any:
    """Losses, parameters, the number drawn next, and the step."""
    cl.random.seed(3)
    model = Net(p)
    optimiser = make(model.parameters())

    def step(x: Any, y: Any) -> Any:
        loss = cl.nn.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        return loss

    run = cl.jit(step) if compiled else step
    losses = []
    for k in range(steps):
        if schedule:
            optimiser.lr = 0.1 / (k + 1)
        losses.append(run(*data(k)).item())
    return losses, [v.numpy().copy() for v in model.parameters()], cl.random.uniform().item(), run


OPTIMISERS = {
    "sgd": lambda ps: SGD(ps, lr=0.1),
    "momentum": lambda ps: SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "adam": lambda ps: Adam(ps, lr=0.01),
    "adamw": lambda ps: AdamW(ps, lr=0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("p", [0.0, 0.3])
def test_training_is_that_of_eager_mode(name: str, p: float) -> None:
    eager = trained(OPTIMISERS[name], False, p=p)
    now = trained(OPTIMISERS[name], True, p=p)
    assert np.allclose(now[0], eager[0], rtol=1e-5)
    for a, b in zip(now[1], eager[1], strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-6)
    assert now[2] == eager[2]  # as many random numbers were drawn
    assert len(now[3].signatures()) == 1  # one call from the first step on
    assert now[0][-1] != now[0][0]


def test_a_learning_rate_that_changes_compiles_nothing_anew() -> None:
    eager, now = (trained(OPTIMISERS["adam"], c, steps=5, schedule=True) for c in (False, True))
    assert np.allclose(now[0], eager[0], rtol=1e-5)
    assert len(now[3].signatures()) == 1


def test_eager_and_compiled_steps_take_turns() -> None:
    def run(compiled: bool) -> Any:
        cl.random.seed(3)
        model = Net(0.2)
        optimiser = Adam(model.parameters(), lr=0.01)

        def step(x: Any, y: Any) -> Any:
            loss = cl.nn.cross_entropy(model(x), y)
            loss.backward()
            optimiser.step()
            return loss

        steps = [step, cl.jit(step)] if compiled else [step, step]
        losses = [steps[k % 2](*data(k)).item() for k in range(8)]
        return losses, optimiser.steps.numpy().tolist(), [t.numpy() for s in optimiser.states for t in s]

    now, then = run(True), run(False)
    assert np.allclose(now[0], then[0], rtol=1e-5) and now[1] == then[1] == [8] * 4
    for a, b in zip(now[2], then[2], strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-7)


def test_compiled_functions_within_one_another() -> None:
    w = cl.variable(1.0, name="w")
    optimiser = SGD([w], lr=0.5)
    cost = cl.jit(lambda x: (w * x - 1) ** 2)
    update = cl.jit(lambda: optimiser.step())

    @cl.jit
    def step(x: Any) -> Any:
        loss = cost(x)
        loss.backward()
        update()
        return loss

    assert step(2.0).item() == 1 and w.item() == -1
    assert len(step.signatures()) == 1 and not cost.signatures() and not update.signatures()


def test_state_in_loops() -> None:
    w = cl.variable(2.0, name="w")

    @cl.jit
    def f(xs: Any) -> Any:
        total = cl.scan(lambda c, x: (c + w * x, None), 0.0, xs)[0]
        total.backward()
        return total, w.grad

    for xs in ([1.0, 2.0], [3.0, 4.0]):
        total, g = f(np.array(xs, np.float32))
        assert (total.item(), g.item()) == (2 * sum(xs), sum(xs))


def test_several_steps_in_one_call() -> None:
    def run(compiled: bool) -> Any:
        w = cl.variable([1.0, 2.0])
        optimiser = SGD([w], lr=0.1, momentum=0.5)

        def steps(x: Any) -> Any:
            for _ in range(3):
                loss = cl.sum((w - x) ** 2)
                loss.backward()
                optimiser.step()
            return loss, w

        f = cl.jit(steps) if compiled else steps
        f(np.float32(3))
        loss, last = f(np.float32(3))
        return loss.item(), last.numpy().tolist(), w.numpy().tolist()

    assert np.allclose(np.hstack(run(True)), np.hstack(run(False)))


# Variables


def test_variables_are_read_anew_and_assigned() -> None:
    count, w = cl.variable(0.0), cl.variable(np.ones(3))

    @cl.jit
    def f(x: Any) -> Any:
        count.assign(count + 1)
        w.assign(w * x)
        return count * 10 + cl.sum(w)

    assert [f(2.0).item() for _ in range(2)] == [16, 32]
    w.assign(np.zeros(3))
    assert f(2.0).item() == 30
    assert (count.item(), w.numpy().tolist()) == (3, [0, 0, 0])
    assert isinstance(count.value.data, np.float32)
    assert count.tracked and not count.value.operands


def test_what_was_kept_keeps_its_numbers() -> None:
    w = cl.variable(np.ones(3), name="w")

    @cl.jit
    def grow() -> Any:
        old = cl.sum(w)
        w.assign(w + 1)
        return old

    before = w.numpy()
    detached = w.detach()
    cost = cl.sum(w * w)
    shared = cl.variable(w)
    assert grow().item() == 3
    assert (before.tolist(), detached.tolist(), w.tolist()) == ([1] * 3, [1] * 3, [2] * 3)
    cost.backward()
    assert w.grad.tolist() == [2] * 3
    second = w.numpy()
    tensor = cl.Tensor(w.value)
    assert grow().item() == 6
    assert (second.tolist(), tensor.tolist(), w.tolist(), shared.tolist()) == ([2] * 3, [2] * 3, [3] * 3, [1] * 3)


def test_arrays_are_written_in_place_where_nobody_looks() -> None:
    w = cl.variable(np.ones(3))
    grow = cl.jit(lambda: w.assign(w + 1))
    grow()
    place = w.value.data.__array_interface__["data"]
    for _ in range(5):
        grow()
    assert w.value.data.__array_interface__["data"] == place
    assert w.tolist() == [7] * 3
    view = w.numpy()
    grow()
    assert w.value.data.__array_interface__["data"] != place
    assert view.tolist() == [7] * 3 and w.tolist() == [8] * 3


def test_one_array_that_two_variables_share() -> None:
    array = cl.asarray(np.ones(3))
    a, b = cl.variable(np.zeros(3)), cl.variable(np.zeros(3))
    a.assign(array)
    b.assign(array)
    cl.jit(lambda: a.assign(a * 2))()
    assert (a.tolist(), b.tolist(), array.tolist()) == ([2] * 3, [1] * 3, [1] * 3)


def test_a_variable_returned_before_it_changes() -> None:
    w = cl.variable(np.ones(3))

    @cl.jit
    def f() -> Any:
        old = w * 1.0, w.detach(), cl.reshape(w, (3, 1))
        w.assign(w + 1)
        return old

    first = f()
    second = f()
    assert [t.numpy().ravel().tolist() for t in first] == [[1] * 3] * 3
    assert [t.numpy().ravel().tolist() for t in second] == [[2] * 3] * 3


def test_a_variable_in_place_of_another() -> None:
    class Line:
        def __init__(self) -> None:
            self.w = cl.variable(2.0)

        @cl.jit
        def at(self, x: Any) -> Any:
            return self.w * x

    line = Line()
    assert line.at(1.0).item() == 2
    line.w = cl.variable(3.0)
    assert line.at(1.0).item() == 3
    assert Line.at.signatures()[1].reason == "self.w is another Variable before"


def test_variables_as_arguments_are_themselves() -> None:
    a, b = cl.variable([1.0, 2.0], name="a"), cl.variable([3.0, 4.0], name="b")
    double = cl.jit(lambda v: v.assign(v * 2))
    for v in (a, b, a):
        double(v)
    assert (a.tolist(), b.tolist()) == ([4, 8], [6, 8])
    assert [s.arguments for s in double.signatures()] == [{"v": "the variable a: f32[2]"}, {"v": "the variable b: f32[2]"}]


def test_variables_made_inside() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        v, u = cl.variable(2.0), cl.variable(x)
        loss = (v * u) ** 2
        loss.backward()
        g = v.grad
        v.assign(v - 0.1 * g)
        return g, v, u.grad

    for x in (3.0, 1.0):
        g, v, h = f(x)
        assert np.allclose([g.item(), v.item(), h.item()], [4 * x * x, 2 - 0.4 * x * x, 8 * x])


def test_batch_statistics() -> None:
    class Norm(cl.nn.Module):
        def __init__(self) -> None:
            self.mean = cl.variable(np.zeros(4, np.float32))
            self.scale = cl.variable(np.ones(4, np.float32))

        def forward(self, x: Any) -> Any:
            if not self.training:
                return (x - self.mean) * self.scale
            now = cl.mean(x, axis=0)
            with cl.no_grad():
                self.mean.assign(0.9 * self.mean + 0.1 * now)
            return (x - now) * self.scale

    def run(compiled: bool) -> Any:
        model = Norm()
        optimiser = SGD(model.parameters(), lr=0.1)

        def step(x: Any) -> Any:
            loss = cl.mean(model(x) ** 2)
            loss.backward()
            optimiser.step()
            return loss

        f = cl.jit(step) if compiled else step
        losses = [f(data(k)[0]).item() for k in range(4)]
        predict = cl.jit(model) if compiled else model
        model.eval()
        return losses, model.mean.numpy(), model.scale.numpy(), predict(data(0)[0]).numpy()

    for now, then in zip(run(True), run(False), strict=True):
        assert np.allclose(now, then, rtol=1e-5, atol=1e-7)


# Gradients


def test_gradients_that_nothing_used_are_there_afterwards() -> None:
    w = cl.variable(2.0, name="w")
    optimiser = SGD([w], lr=0.5)

    @cl.jit
    def cost(x: Any) -> Any:
        loss = w * x * x
        loss.backward()
        return loss

    cost(3.0)
    assert w.grad.item() == 9
    optimiser.step()
    assert w.item() == -2.5
    cost(1.0)
    assert w.grad.item() == 1


def test_gradients_that_were_used_up_say_so() -> None:
    w, other = cl.variable(2.0, name="w"), cl.variable(1.0, name="other")
    optimiser = SGD([w, other], lr=0.5)

    @cl.jit
    def step(x: Any) -> Any:
        (w * x).backward()
        optimiser.step()
        return w.grad

    assert step(3.0).item() == 3
    assert w.item() == 0.5 and other.item() == 1 and other.grad is None
    with pytest.raises(GradientError) as error:
        w.grad  # noqa: B018
    assert str(error.value).splitlines()[0] == (
        "the gradient of w was used up inside the compiled step, which does not keep it; "
        "return it from there: return loss, w.grad, or fetch it: step.fetch(..., gradients='w')"
    )
    with pytest.raises(GradientError, match="was used up inside the compiled step"):
        (w * 2).backward(accumulate=True)
    optimiser.step()  # nothing is fresh
    assert w.item() == 0.5
    (w * 2).backward()
    assert w.grad.item() == 2
    assert step(1.0).item() == 1


def test_a_compiled_step_after_an_eager_backward() -> None:
    w = cl.variable([1.0, 2.0], name="w")
    optimiser = SGD([w], lr=0.5)
    step = cl.jit(lambda: optimiser.step())
    for _ in range(3):
        cl.sum(w * w).backward()
        step()
        assert w.grad is not None
    assert w.tolist() == [0.0, 0.0]
    step()  # nothing is fresh: another signature
    assert [s.reason for s in step.signatures()][1:] == [
        "which gradients are there, or what an optimiser remembers, is not what it was before"
    ]
    assert w.tolist() == [0.0, 0.0]


def test_gradients_add_up_over_calls() -> None:
    w = cl.variable(2.0, name="w")

    @cl.jit
    def collect(x: Any) -> None:
        (w * x).backward(accumulate=True)

    for x in (1.0, 2.0, 3.0):
        collect(x)
    assert w.grad.item() == 6
    w.grad = None
    collect(4.0)
    assert w.grad.item() == 4
    assert len(collect.signatures()) == 2


def test_no_gradient_passes_what_was_made_under_no_grad() -> None:
    w = cl.variable(3.0, name="w")

    @cl.jit
    def f(x: Any) -> Any:
        with cl.no_grad():
            factor = w * w
        (factor * w * x).backward()
        return w.grad

    assert f(2.0).item() == 18
    with pytest.raises(GradientError, match=r"^backward\(\) from a tensor that nothing tracked leads to"):
        cl.jit(lambda x: (x * 2).backward())(np.float32(1))


def test_a_tracked_tensor_from_outside() -> None:
    w = cl.variable(3.0, name="w")
    y = w * w

    @cl.jit
    def f(x: Any) -> Any:
        (y * x).backward()
        return y * x

    assert f(2.0).item() == 18 and w.grad.item() == 12
    w.assign(5.0)
    assert f(2.0).item() == 18  # a tensor does not change


# Optimisers of one's own


def test_an_optimiser_that_starts_with_nothing() -> None:
    class Averaged(Optimiser):
        def update(self, p: Any, g: Any, state: Any) -> Any:
            mean = g if state is None else 0.5 * state["mean"] + 0.5 * g
            return p - 0.1 * mean, {"mean": mean}

    def run(compiled: bool) -> Any:
        w = cl.variable([1.0, -2.0])
        optimiser = Averaged([w])

        def step() -> None:
            cl.sum(w**2).backward()
            optimiser.step()

        f = cl.jit(step) if compiled else step
        for _ in range(5):
            f()
        if compiled:
            assert len(f.signatures()) == 2
        return [*w.tolist(), *optimiser.states[0]["mean"].tolist()]

    assert np.allclose(run(True), run(False))


# Random numbers


def test_random_numbers_are_those_of_eager_mode() -> None:
    own = cl.random.Generator(5)

    def draw(x: Any) -> Any:
        return (
            cl.random.normal(shape=3) * x,
            cl.random.uniform(shape=(2,)),
            own.normal(shape=2),
            cl.random.integers(10, shape=4),
            cl.random.permutation(5),
            cl.random.uniform(shape=2, key=3),
        )

    compiled = cl.jit(draw)
    made = []
    for f in (draw, compiled):
        cl.random.seed(11)
        own.reset(5)
        made.append([[t.tolist() for t in f(cl.asarray(2.0))] for _ in range(3)] + [cl.random.uniform().item(), own.count])
    for now, then in zip(made[1][:3], made[0][:3], strict=True):
        for a, b in zip(now, then, strict=True):
            assert np.allclose(a, b, rtol=1e-6)
    assert made[0][3:] == made[1][3:]  # as many were drawn
    assert made[1][0] != made[1][1]
    assert len(compiled.signatures()) == 1


def test_generators_made_inside_start_anew() -> None:
    f = cl.jit(lambda x: x * cl.random.Generator(7).uniform(shape=2) + cl.random.Generator(7).uniform(shape=2))
    expected = cl.random.Generator(7).uniform(shape=2).numpy() * 3
    for _ in range(2):
        assert np.allclose(f(2.0).numpy(), expected, rtol=1e-6)
    with pytest.raises(UsageError, match="needs a seed inside a compiled function"):
        cl.jit(lambda: cl.random.Generator().uniform(shape=2))()
    with pytest.raises(UsageError, match="a generator from outside cannot be set inside a compiled function"):
        cl.jit(lambda: cl.random.seed(1))()


def test_a_key_that_is_an_argument() -> None:
    f = cl.jit(lambda key: cl.random.normal(shape=3, key=key))
    for seed in (1, 2):
        assert np.allclose(f(cl.random.key(seed)).numpy(), cl.random.normal(shape=3, key=seed).numpy(), rtol=1e-6)


# Exceptions


def test_an_exception_while_it_is_traced_leaves_everything() -> None:
    cl.random.seed(1)
    w, b = cl.variable(np.ones(2), name="w"), cl.variable(1.0, name="b")
    optimiser = SGD([w, b], lr=0.1, momentum=0.9)
    cl.sum(w * b).backward()
    grads = w.grad.tolist(), b.grad.item()

    @cl.jit
    def step(x: Any) -> Any:
        (cl.sum(w * x) * b * cl.random.uniform()).backward()
        optimiser.step()
        b.assign(0.0)
        float(x)

    with pytest.raises(ConcretizationError):
        step(2.0)
    assert (w.tolist(), b.item(), w.grad.tolist(), b.grad.item()) == ([1, 1], 1, *grads)
    number = cl.random.uniform().item()
    cl.random.seed(1)
    assert number == cl.random.uniform().item()
    assert (w * 2).tolist() == [2, 2]


def test_an_exception_while_it_runs_leaves_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    cl.random.seed(1)
    w, b = cl.variable(np.ones(2), name="w"), cl.variable(1.0, name="b")
    optimiser = SGD([w, b], lr=0.1, momentum=0.9)

    @cl.jit
    def step(x: Any) -> Any:
        (cl.sum(w * x) * b * cl.random.uniform()).backward()
        optimiser.step()

    step(2.0)
    before = w.tolist(), b.item(), [s.tolist() for s in optimiser.states]
    count = cl.random.uniform().item()

    def fail(*_: Any) -> Any:
        raise KeyboardInterrupt

    cl.random.seed(1)
    cl.random.uniform()
    with monkeypatch.context() as patch:
        patch.setitem(step.compiled(2.0).call.__globals__, "entry", fail)
        with pytest.raises(KeyboardInterrupt):
            step(2.0)
    assert (w.tolist(), b.item(), [s.tolist() for s in optimiser.states]) == before
    assert cl.random.uniform().item() == count
    step(2.0)
    assert w.tolist() != before[0]


# Python's own state


RATE = 2.0
settings = types.SimpleNamespace(rate=3.0, deep=types.SimpleNamespace(rate=1.0))


class Config:
    power = 2


def helper(x: Any) -> Any:
    return x * settings.deep.rate


def test_numbers_from_outside_are_never_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    local = 1.0

    @cl.jit
    def f(x: Any) -> Any:
        return helper(x) * RATE * local * settings.rate**Config.power

    assert f(1.0).item() == 18
    monkeypatch.setitem(globals(), "RATE", 4.0)
    assert f(1.0).item() == 36
    local = 2.0
    assert f(1.0).item() == 72
    monkeypatch.setattr(settings, "rate", 1.0)
    assert f(1.0).item() == 8
    monkeypatch.setattr(settings.deep, "rate", 5.0)
    assert f(1.0).item() == 40
    monkeypatch.setattr(Config, "power", 3)
    f(1.0)
    assert [s.reason for s in f.signatures()] == [
        "the first call",
        "the global RATE is 4.0, it was 2.0 before",
        "local is 2.0, it was 1.0 before",
        "settings.rate is 1.0, it was 3.0 before",
        "settings.deep.rate is 5.0, it was 1.0 before",
        "Config.power is 3, it was 2 before",
    ]


def test_a_function_from_outside_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    f = cl.jit(lambda x: helper(x))
    assert f(2.0).item() == 2
    monkeypatch.setitem(globals(), "helper", lambda x: x * 7)
    assert f(2.0).item() == 14
    assert f.signatures()[1].reason == "the global helper is another function before"


def test_modes_layers_and_numbers_of_modules() -> None:
    cl.random.seed(0)
    model = Net(p=0.5)
    f = cl.jit(lambda x: model(x))
    x = data(0)[0]
    assert f(x).tolist() != f(x).tolist()
    model.eval()
    assert f(x).tolist() == f(x).tolist()
    assert np.allclose(f(x).numpy(), model(x).numpy(), rtol=1e-5, atol=1e-6)
    model.train()
    model.p = 0.0
    assert np.allclose(f(x).numpy(), model(x).numpy(), rtol=1e-5, atol=1e-6)
    model.last = cl.nn.Linear(8, 2)
    assert f(x).shape == (16, 2)
    chain = cl.nn.Sequential(cl.nn.Linear(4, 4), cl.nn.Linear(4, 4))
    g = cl.jit(chain)
    g(x)
    chain.layers[1].bias = cl.variable(np.ones(4, np.float32))
    assert np.allclose(g(x).numpy(), chain(x).numpy(), rtol=1e-6)


def test_lists_and_dicts_from_outside() -> None:
    sizes, table = [1, 2], {"a": 1.0}

    @cl.jit
    def f(x: Any) -> Any:
        return sum(x * n for n in sizes) * table["a"]

    assert f(1.0).item() == 3
    sizes.append(3)
    assert f(1.0).item() == 6
    sizes[0] = 2
    assert f(1.0).item() == 7
    table["a"] = 2.0
    assert f(1.0).item() == 14


def test_what_it_changes_itself_is_done_each_time() -> None:
    calls = 0

    @cl.jit
    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return x * calls

    assert [f(1.0).item() for _ in range(3)] == [1, 2, 3]
    assert f.signatures()[2].reason == "calls is 2, it was 1 before"


def test_arrays_from_outside_are_read_anew() -> None:
    small, large, constant = np.ones(3), np.ones(1000), cl.arange(1000)
    f = cl.jit(lambda x: x * cl.sum(large) + cl.sum(small) + cl.sum(constant))
    assert f(1.0).item() == 1003 + 499500
    small[0], large[:] = 5, 2
    assert f(1.0).item() == 2007 + 499500
    assert len(f.signatures()) == 1
    assert [v.name for v in f.graph(1.0).graph.inputs] == ["x", "large", "small"]


def test_numbers_computed_inside_are_no_arrays_from_outside() -> None:
    w = cl.variable(np.ones(1000), name="w")

    @cl.jit
    def f() -> Any:
        (w**3).sum().backward()  # whose derivative reads an array of exponents less one
        return w.grad

    assert f().numpy().tolist() == [3.0] * 1000
    assert [v.name for v in f.graph().graph.inputs] == ["w"]


# Tensors that escape


def test_a_tensor_put_into_a_list_outside() -> None:
    kept: list[Any] = []

    @cl.jit
    def f(x: Any) -> Any:
        y = x * 2
        kept.append(y)
        return y

    with pytest.raises(ConcretizationError) as error:
        f(X := np.float32(2))
    lines = str(error.value).splitlines()
    assert lines[0].startswith(
        "f puts a tensor into kept, which is outside, and the compiled calls would not: it is f32[], made at"
    )
    assert "y = x * 2; return it from f, or keep it in a variable" in lines[0]
    for use in (
        repr,
        lambda t: t + 1,
        lambda t: t.item(),
        lambda t: -t,
        lambda t: t[None],
        cl.exp,
        lambda t: t * W,
        np.asarray,
    ):
        with pytest.raises(ConcretizationError) as error:
            use(kept[0])
        assert str(error.value).startswith("a tensor: f32[], made at test_jit_state.py:")
        assert "y = x * 2, stands for a value inside the compiled f, and that call is over; return it from f" in str(
            error.value
        )
    assert X == 2


W = cl.variable(2.0, name="W")


def test_a_tensor_put_into_an_attribute() -> None:
    class Holder:
        last: Any = None

    holder = Holder()
    holder.last = 0.0

    @cl.jit
    def f(x: Any) -> Any:
        holder.last = x + 1
        return x

    with pytest.raises(ConcretizationError, match=r"^f puts a tensor into holder.last, which is outside"):
        f(1.0 * np.float32(1))


def test_a_variable_that_was_made_inside_and_escapes() -> None:
    escaped: dict[str, Any] = {}

    def keep(v: Any) -> None:
        escaped["v"] = v

    @cl.jit
    def f(x: Any) -> Any:
        v = cl.variable(x, name="v")
        keep(v)
        return v * 2

    assert f(np.float32(2)).item() == 4
    with pytest.raises(
        ConcretizationError, match=r"^v: f32\[\], stands for a value inside the compiled f, and that call is over"
    ):
        escaped["v"].item()


def test_a_tensor_of_one_trace_in_another() -> None:
    kept: dict[str, Any] = {}

    def put(x: Any) -> None:
        kept["x"] = x

    def first(x: Any) -> Any:
        put(x)
        return x

    holder = types.SimpleNamespace(call=first)
    with contextlib.suppress(ConcretizationError):
        cl.jit(holder.call)(np.float32(1))
    with pytest.raises(ConcretizationError, match="stands for a value inside"):
        cl.jit(lambda y: y + kept["x"])(np.float32(1))
