"""``fetch``: values and gradients of chosen nodes of a compiled call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import clew as cl
from clew.config import config
from clew.errors import GradientError, UsageError
from clew.ir import INPUT, Tuple, substitute
from clew.transforms.compilation.fetch import Fetched

from ..graphs.compiled import largest
from ..graphs.generate import Sample, samples
from ..graphs.properties import gradients, roundoff, wide

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
LABELS = np.array([0, 1, 1, 0, 1])


def close(a: Any, b: Any) -> bool:
    a, b = (x.numpy() if isinstance(x, cl.Tensor) else x for x in (a, b))
    return a.shape == np.shape(b) and np.allclose(a, b, rtol=1e-5, atol=1e-6)


class Training:
    """A network, its optimiser, and a step that names what is of interest. ``accuracy`` is not needed for anything."""

    def __init__(self, p: float = 0.0) -> None:
        rng = np.random.default_rng(1)
        self.w = cl.variable(rng.normal(size=(4, 3)).astype(np.float32), name="w")
        self.b = cl.variable(np.zeros(3, np.float32), name="b")
        self.v = cl.variable(rng.normal(size=(3, 2)).astype(np.float32), name="v")
        self.optimiser = cl.optim.Adam([self.w, self.b, self.v], lr=0.1)
        self.p = p

    def step(self, x: Any, labels: Any) -> Any:
        pre = (x @ self.w + self.b).named("pre")
        hidden = cl.relu(pre)
        if self.p:
            hidden = cl.dropout(hidden, self.p)
        scores = (hidden @ self.v).named("scores")
        cl.mean(cl.astype(cl.argmax(scores, axis=1) == cl.asarray(labels), cl.float32)).named("accuracy")
        loss = cl.nn.cross_entropy(scores, labels)
        loss.backward()
        self.optimiser.step()
        return loss

    @property
    def state(self) -> list[Any]:
        return [x.numpy().copy() for x in (self.w, self.b, self.v)]


def test_a_step_that_trains() -> None:
    one, other = Training(), Training()
    step, plain = cl.jit(one.step), cl.jit(other.step)
    for _ in range(3):
        step(X, LABELS), plain(X, LABELS)
    pre = X @ one.w.numpy() + one.b.numpy()
    scores = np.maximum(pre, 0) @ one.v.numpy()
    before, w = one.state, one.w.numpy().copy()
    found = step.fetch(X, LABELS, values=["pre", "scores", "w", "accuracy"], gradients=["scores", "pre", "w", "b"])
    loss = plain(X, LABELS)
    assert isinstance(found, Fetched)
    assert list(found.values) == ["pre", "scores", "w", "accuracy"] and list(found.gradients) == ["scores", "pre", "w", "b"]
    assert close(found.result, loss.numpy())
    assert close(found.values["pre"], pre) and close(found.values["scores"], scores)
    assert close(found.values["w"], w)  # before the call
    assert found.values["accuracy"].item() == pytest.approx(np.mean(scores.argmax(1) == LABELS))
    softmax = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    to_scores = (softmax - np.eye(2)[LABELS]) / 5
    to_pre = (to_scores @ before[2].T) * (pre > 0)
    assert close(found.gradients["scores"], to_scores) and close(found.gradients["pre"], to_pre)
    assert close(found.gradients["w"], X.T @ to_pre) and close(found.gradients["b"], to_pre.sum(0))
    for a, b in zip(one.state, other.state, strict=True):  # one call is one step
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert not np.allclose(before[0], one.state[0])


def test_random_numbers_are_those_of_the_call_itself() -> None:
    results = []
    for fetch in (False, True):
        training = Training(0.5)
        step = cl.jit(training.step)
        cl.random.seed(3)
        losses = [(step.fetch(X, LABELS, values="pre").result if fetch and k % 2 else step(X, LABELS)).item() for k in range(6)]
        results.append((losses, training.state))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_only_chosen_nodes_are_written_to_memory() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        a = cl.exp(x).named("a")
        b = cl.tanh(a * 2).named("b")
        return cl.sum(b * a)

    x = np.linspace(-1, 1, 1000)
    before = f.compiled(x).routine
    found = f.fetch(x, values="b")
    (fetching,) = f._fetching.values()
    after = fetching.compiled(x).routine
    assert len(after.steps) == len(before.steps) == 1
    written = [{y.value.shape for step in r.steps for y in step.writes} for r in (before, after)]
    assert (1000,) not in written[0] and (1000,) in written[1]
    assert sum(y.value.shape == (1000,) for step in after.steps for y in step.writes) == 1
    np.testing.assert_allclose(found.values["b"].numpy(), np.tanh(2 * np.exp(x)), rtol=1e-12)


def test_it_is_compiled_once_for_a_choice() -> None:
    f = cl.jit(lambda x: cl.sum((x * 2).named("h")))
    for _ in range(3):
        f.fetch(X, values=["h"])
        f.fetch(X, values="h", gradients="h")
    assert len(f._fetching) == 2
    assert [len(g.signatures()) for g in f._fetching.values()] == [1, 1]
    assert not f.signatures()  # itself was not called


def test_nodes_of_a_view() -> None:
    f = cl.jit(lambda x, y: cl.sum(cl.sin(x * y) * x))
    shown = f.graph(2.0, X)
    (node,) = [node for node in shown.nodes.values() if node.op == "sin"]
    found = f.fetch(2.0, X, values=[node, "y"], gradients=node)
    np.testing.assert_allclose(found.values[node.name].numpy(), np.sin(2 * X), rtol=1e-6)
    np.testing.assert_allclose(found.gradients[node.name].numpy(), np.full_like(X, 2.0))
    other = cl.jit(lambda x, y: cl.sum(cl.tanh(y + 1) * cl.cos(y) * x)).graph(2.0, X)
    with pytest.raises(UsageError, match=rf'the node "{node.name}" is sin\(%\d\): f32\[5,4\], not '):
        f.fetch(2.0, X, values=other[node.name])


@cl.gate
def swish(x: Any) -> Any:
    s = cl.sigmoid(x).named("s")
    return x * s


@cl.gate
def twice_swish(x: Any) -> Any:
    return (swish(x).named("inner") * 2).named("twice")


def test_inside_of_gates() -> None:
    w = cl.variable(np.array([0.5, -1.0, 2.0]), name="w")
    f = cl.jit(lambda x: cl.sum(swish(w * x).named("y") ** 2))
    x = np.array([1.0, 2.0, -1.5])
    found = f.fetch(x, values=["y/s", "y"], gradients=["y/s", "w"])
    h = w.numpy() * x
    s = 1 / (1 + np.exp(-h))
    np.testing.assert_allclose(found.values["y/s"].numpy(), s, rtol=1e-12)
    np.testing.assert_allclose(found.gradients["y/s"].numpy(), 2 * h * s * h, rtol=1e-12)
    np.testing.assert_allclose(found.gradients["w"].numpy(), 2 * h * s * (s + h * s * (1 - s)) * x, rtol=1e-12)
    g = cl.jit(lambda x: cl.sum(twice_swish(x).named("z")))
    nested = g.fetch(h, values=["z/inner", "z/inner/s"], gradients=["z/inner", "z/inner/s"])
    np.testing.assert_allclose(nested.values["z/inner/s"].numpy(), s, rtol=1e-12)
    np.testing.assert_allclose(nested.gradients["z/inner"].numpy(), [2, 2, 2])
    np.testing.assert_allclose(nested.gradients["z/inner/s"].numpy(), 2 * h, rtol=1e-12)


def test_a_node_that_is_used_twice_and_one_that_the_passes_remove() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        h = (x * 1.0).named("h")  # which is x
        return cl.sum(h * cl.sin(h) + (x * 1.0))

    x = np.array([0.5, 1.5])
    found = f.fetch(x, values="h", gradients=["h", "x"])
    assert np.array_equal(found.values["h"].numpy(), x)
    np.testing.assert_allclose(found.gradients["h"].numpy(), np.sin(x) + x * np.cos(x), rtol=1e-12)
    np.testing.assert_allclose(found.gradients["x"].numpy(), np.sin(x) + x * np.cos(x) + 1, rtol=1e-12)


def test_gradients_of_grad_and_of_a_node() -> None:
    def loss(x: Any) -> Any:
        return cl.sum((x * x).named("squares")).named("loss")

    x = np.array([1.0, 2.0])
    both = cl.jit(cl.value_and_grad(loss)).fetch(x, values="squares", gradients="squares")
    assert close(both.values["squares"], x * x) and close(both.gradients["squares"], np.ones(2))
    alone = cl.jit(cl.grad(loss))
    with pytest.raises(GradientError, match=r"calls no backward\(\), and returns no numbers that could be a loss.*of='loss'"):
        alone.fetch(x, gradients="squares")
    found = alone.fetch(x, gradients=["squares", "x"], of="loss")
    assert close(found.result, 2 * x) and close(found.gradients["x"], 2 * x)


def test_constants_have_no_gradient() -> None:
    table = np.array([1.0, 2.0])
    f = cl.jit(lambda x: cl.sum(x * table * cl.asarray([2.0, 3.0])))
    x = np.array([1.0, -1.0])
    assert close(f.fetch(x, gradients="table").gradients["table"], x * [2, 3])  # an array from outside, which is an input
    (constant,) = [name for name, node in f.graph(x).nodes.items() if node.op == "constant"]
    with pytest.raises(GradientError, match="is a constant of the graph: pass it as an argument, or make it a variable"):
        f.fetch(x, gradients=constant)


def test_what_nothing_leads_to_has_gradient_zero() -> None:
    f = cl.jit(lambda x, y: (cl.sum(x).named("a"), cl.sum(y)))
    found = f.fetch(X, X, gradients=["y", "x"], of="a")
    assert close(found.gradients["y"], np.zeros_like(X)) and close(found.gradients["x"], np.ones_like(X))


def test_loops() -> None:
    @cl.jit
    def f(x: Any) -> Any:
        start = (cl.sum(x) * 0.1).named("start")
        last, _ = cl.scan(lambda c, u: ((c * u).named("inside"), c), start, x)
        return last

    x = np.array([1.0, 2.0, 3.0])
    found = f.fetch(x, values="start", gradients=["start", "x"])
    assert found.values["start"].item() == pytest.approx(0.6)
    assert found.gradients["start"].item() == pytest.approx(6)
    np.testing.assert_allclose(found.gradients["x"].numpy(), 0.6 * 6 / x + 0.1 * 6, rtol=1e-9)
    loop = next(name for name, node in f.graph(x).nodes.items() if node.op == "scan")
    with pytest.raises(UsageError, match="several results at once; choose one of its items"):
        f.fetch(x, values=loop)
    with pytest.raises(UsageError, match="is a scan; what is inside has a value in each turn: return it from there"):
        f.fetch(x, values=f"{loop}/inside")


def test_several_backward_passes() -> None:
    w = cl.variable(2.0, name="w")

    @cl.jit
    def f(x: Any, add: bool) -> Any:
        h = (w * x).named("h")
        (h * 3).backward()
        (h * h).backward(accumulate=add)
        return h

    for add, expected in ((False, 8.0), (True, 11.0)):
        found = f.fetch(2.0, add, values="h", gradients=["h", "w"])
        assert found.gradients["h"].item() == expected and found.gradients["w"].item() == 2 * expected
        assert w.grad is not None and w.grad.item() == 2 * expected


def test_updates_between_two_backward_passes() -> None:
    w = cl.variable(2.0, name="w")
    optimiser = cl.optim.SGD([w], lr=0.5)

    @cl.jit
    def f(x: Any) -> Any:
        (w * x).backward()
        optimiser.step()
        loss = (w * w).named("second")
        loss.backward()
        return loss

    found = f.fetch(1.0, values=["w", "second"], gradients="w")
    assert (found.values["w"].item(), found.values["second"].item()) == (2.0, 1.5**2)
    assert found.gradients["w"].item() == 1.0  # of the variable before the first step; the second pass begins after it


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"values": "score"}, 'there is no node "score"; near it are scores'),
        ({"values": "zzzz"}, 'there is no node "zzzz"; there are x, '),
        ({"gradients": "labels"}, "labels: i64[5] has no gradient; it is not floating-point"),
        ({"gradients": "w", "of": "pre"}, "the gradient of pre: f32[5,3] was asked for, which is no scalar"),
        ({"values": "pre/x"}, '"pre" is add, no gate that has parts'),
        ({"values": [3]}, "a node is chosen by its name, or as graph[name], not by 3"),
    ],
)
def test_what_is_not_there(asked: dict[str, Any], text: str) -> None:
    training = Training()
    before = training.state
    with pytest.raises((UsageError, GradientError)) as caught:
        cl.jit(training.step).fetch(X, LABELS, **asked)
    assert text in str(caught.value) and "test_fetch.py" in str(caught.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, training.state, strict=True))


def test_not_inside_other_functions() -> None:
    f = cl.jit(lambda x: (x * 2).named("h"))
    with pytest.raises(UsageError, match="inside another function that is compiled or differentiated"):
        cl.grad(lambda x: f.fetch(x, values="h").result)(1.0)
    with pytest.raises(UsageError, match="fetch from the outer one"):
        cl.jit(lambda x: f.fetch(x, values="h").result)(1.0)


def test_switched_off_it_runs_in_numpy() -> None:
    one, other = Training(0.5), Training(0.5)
    with config(jit=False):
        cl.random.seed(0)
        off = cl.jit(one.step).fetch(X, LABELS, values=["scores", "w"], gradients="pre")
    cl.random.seed(0)
    on = cl.jit(other.step).fetch(X, LABELS, values=["scores", "w"], gradients="pre")
    assert close(off.result, on.result.numpy()) and close(off.gradients["pre"], on.gradients["pre"].numpy())
    assert all(close(off.values[name], on.values[name].numpy()) for name in on.values)
    for a, b in zip(one.state, other.state, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


class Model(cl.nn.Module):
    def __init__(self) -> None:
        self.w = cl.variable(np.ones(3), name="w")

    @cl.jit
    def loss(self, x: Any, *, scale: Any = 1.0) -> Any:
        """The loss."""
        return cl.sum((self.w * x).named("h")) * scale


def test_methods() -> None:
    one, other = Model(), Model()
    other.w.assign(np.full(3, 2.0))
    x = np.arange(3.0)
    found = other.loss.fetch(x, values="h", gradients="w", scale=2.0)
    assert found.result.item() == 12 and close(found.values["h"], 2 * x) and close(found.gradients["w"], 2 * x)
    assert one.loss.graph(x)["h"].value.tolist() == x.tolist()
    assert other.loss(x).item() == 6 and len(other.loss.signatures()) == 2
    assert [row.gates for row in one.loss.explain(x).rows] == [("mul", "sum")]
    assert one.loss.compiled(x) is not None


def test_results_of_fetch_can_be_differentiated() -> None:
    w = cl.variable(np.ones(3), name="w")
    f = cl.jit(lambda x: cl.sum((w * x).named("h")))
    found = f.fetch(np.arange(3.0), values="h")
    (cl.sum(found.values["h"]) * 2 + found.result).backward()
    assert w.grad is not None and w.grad.numpy().tolist() == [0.0, 3.0, 6.0]


def fetched_is_what_the_view_shows(s: Sample) -> None:
    """Chosen nodes of a random graph, compiled, are those of the references, and so are gradients."""
    inputs = s.graph.inputs

    def f(*arguments: Any) -> Any:
        (output,) = substitute(s.graph.outputs, {x: a.value for x, a in zip(inputs, arguments, strict=True)})
        return cl.Tensor(output)

    step, arguments = cl.jit(f), [cl.asarray(s.point[x]) for x in inputs]
    view, rng = step.graph(*arguments), s.rng()
    nodes = [node for node in view.nodes.values() if not isinstance(node.type, Tuple)]
    some = [nodes[k] for k in rng.permutation(len(nodes))[:4]]
    known = {x.name for x in inputs}
    moving = [node for node in nodes if node.type.differentiable and (not node.given or node.name in known)]
    others = [moving[k] for k in rng.permutation(len(moving))[:3]] if view.graph.outputs[0].op not in (None, INPUT) else []
    found = step.fetch(*arguments, values=[node.name for node in some], gradients=others)
    scale, tolerance = largest(s.graph, s.point), 20 * roundoff(s.graph)
    back = max(scale, gradients(s.graph, s.point)[1]) if others else 1.0
    for node in some:
        a = found.values[node.name].numpy()
        assert a.dtype == node.type.dtype and a.shape == node.type.shape
        np.testing.assert_allclose(wide(a), wide(node.value), rtol=tolerance, atol=tolerance * scale, err_msg=node.name)
    for node in others:
        g = found.gradients[node.name].numpy()
        expected = np.zeros(node.type.shape) if node.gradient is None else node.gradient
        assert g.dtype == node.type.dtype and g.shape == node.type.shape
        np.testing.assert_allclose(wide(g), wide(expected), rtol=tolerance, atol=tolerance * back, err_msg=node.name)


def test_random_graphs() -> None:
    @settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate], deadline=None)
    @given(samples(most=12))
    def on_random_graphs(sample: Sample) -> None:
        fetched_is_what_the_view_shows(sample)

    on_random_graphs()
