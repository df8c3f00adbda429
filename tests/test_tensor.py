"""Tensors and variables: values, gradients, conversions, and what is refused."""

from __future__ import annotations

import gc
import pickle
import threading
from collections.abc import Callable

import numpy as np
import pytest

import clew as cl
from clew.errors import ClewError, ConcretizationError, DetachError, GradientError, TypeRuleError, UsageError


def test_backward_sets_the_gradients_of_variables_and_named_nodes() -> None:
    x, y, z = cl.variable(1.0, name="x"), cl.variable(3.0, name="y"), cl.variable(-3.0, name="z")
    p = (x + y).named("p")
    (p * z).backward()
    assert [t.grad.item() for t in (x, y, z, p)] == [-3, -3, 4, -3]


def test_data_is_no_tensor() -> None:
    with pytest.raises(
        UsageError, match=r"this is a ndarray of float64, shape \(3,\); cl\.asarray\(data\) makes.*\n  at .*test_tensor"
    ):
        cl.Tensor(np.ones(3))
    with pytest.raises(UsageError, match=r"this is a float; cl\.asarray\(data\) makes a tensor of data, cl\.variable"):
        cl.Tensor(1.0)


def test_backward_sets_and_adds_only_when_asked() -> None:
    x = cl.variable(3.0)
    loss = x * x
    loss.backward()
    loss.backward()
    assert x.grad.item() == 6
    loss.backward(accumulate=True)
    assert x.grad.item() == 12
    x.grad = None
    assert x.grad is None


def test_backward_from_an_array_takes_its_gradient() -> None:
    x = cl.variable([1.0, 2.0])
    (x * x).backward([1.0, 10.0])
    assert x.grad.tolist() == [2, 40]
    with pytest.raises(GradientError, match=r"starts from a scalar, this tensor is f32\[2\]; reduce it first"):
        (x * x).backward()
    with pytest.raises(GradientError, match=r"the gradient has shape \(3,\), the tensor is f32\[2\]"):
        (x * x).backward([1.0, 2.0, 3.0])


def test_a_variable_used_twice_adds_up() -> None:
    a = cl.variable(5.0)
    (a * a).backward()
    assert a.grad.item() == 10


def test_assigning_between_forward_and_backward_uses_the_forward_values() -> None:
    w = cl.variable(2.0, name="w")
    loss = w * w * w
    w.assign(100.0)
    loss.backward()
    assert w.grad.item() == 12 and w.item() == 100


def test_changing_an_array_after_the_fact_does_not_reach_a_variable() -> None:
    array = np.ones(3, np.float32)
    w = cl.variable(array)
    v = cl.variable(np.zeros(3, np.float32))
    v.assign(array)
    loss = (w * w).sum()
    array[:] = 7
    loss.backward()
    assert w.tolist() == v.tolist() == [1, 1, 1] and w.grad.tolist() == [2, 2, 2]


def test_what_numpy_gives_out_cannot_be_written_to() -> None:
    w = cl.variable([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        w.numpy()[0] = 5


def test_assigning_floats_that_no_integer_holds() -> None:
    """As a cast does it, on every machine."""
    counts = cl.variable(np.zeros(4, np.int8))
    for data in (np.array([np.nan, 1e30, -1e30, 3.7]), cl.asarray([float("nan"), 1e30, -1e30, 3.7])):
        counts.assign(data)
        assert counts.tolist() == [0, 127, -128, 3]
    one = cl.variable(1, dtype=cl.int8)
    one.assign(np.inf)
    assert one.item() == 127 and one.value.dtype == np.int8


def test_assign_keeps_shape_and_dtype() -> None:
    w = cl.variable([1.0, 2.0], name="w")
    with pytest.raises(UsageError, match=r"cannot assign f32\[3\] to the variable w: f32\[2\]; the shapes differ"):
        w.assign([1.0, 2.0, 3.0])
    w.assign(np.array([3.0, 4.0]))
    assert w.dtype == cl.float32 and w.tolist() == [3, 4]


def test_a_tensor_cannot_be_changed_in_place() -> None:
    x = cl.asarray([1.0, 2.0])
    with pytest.raises(UsageError, match=r"a tensor does not change.*cl\.where.*\n  at test_tensor\.py"):
        x[0] = 3.0


def test_untracked_arithmetic_records_nothing() -> None:
    x = cl.asarray([1.0, 2.0])
    assert not (x * 2 + 1).tracked
    w = cl.variable(1.0)
    with cl.no_grad():
        assert not (w * 2).tracked
    assert (w * 2).tracked and not (w * 2).detach().tracked
    with pytest.raises(GradientError, match="nothing tracked leads to"):
        x.sum().backward()


def test_no_grad_is_of_one_thread() -> None:
    w, seen = cl.variable(1.0), []
    with cl.no_grad():
        thread = threading.Thread(target=lambda: seen.append((w * 2).tracked))
        thread.start()
        thread.join()
    assert seen == [True]


def test_only_named_nodes_keep_their_gradient() -> None:
    x = cl.variable(1.0)
    with pytest.raises(GradientError, match=r"name this one, t = t\.named\('t'\)"):
        (x * 2).grad  # noqa: B018


def test_naming_a_variable_gives_a_node_of_its_own() -> None:
    x = cl.variable(2.0, name="x")
    y = x.named("y")
    (y * y).backward()
    assert (x.name, y.name, x.grad.item(), y.grad.item()) == ("x", "y", 4, 4)


def test_gradients_of_any_node_are_graph() -> None:
    x = cl.variable(2.0)
    y = x * x
    z = y * y
    (dy,) = cl.gradients(z, [y])
    assert dy.item() == 8
    (d2,) = cl.gradients(dy, [x])  # dz/dy = 2 y = 2 x**2
    assert d2.item() == 8


CONVERSIONS = [float, int, np.asarray, lambda t: np.asarray(t, np.float64)]


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_a_silent_detachment_in_a_differentiated_function_is_refused(convert: Callable[[cl.Tensor], object]) -> None:
    with pytest.raises(DetachError, match=r"silently cut .*\.detach\(\).*\n?.*at test_tensor\.py"):
        cl.grad(lambda x: x * float(convert(x * 2)))(3.0)


def test_detach_says_so() -> None:
    assert cl.grad(lambda x: x * x.detach())(3.0).item() == 3
    traced = cl.trace(lambda x: x * x.detach())(3.0)
    assert traced["x"].gradient == 3 and "detach(x)" in traced.text


def test_asarray_of_a_tracked_tensor_is_refused_and_of_a_variable_is_not() -> None:
    w = cl.variable([1.0, 2.0], name="w")
    assert np.asarray(w).tolist() == [1, 2]
    with pytest.raises(DetachError, match=r"np\.asarray of f32\[2\] would silently cut its gradient path"):
        np.asarray(w * 2)


@pytest.mark.parametrize("convert", [float, bool, np.asarray, len, lambda t: t.item(), lambda t: [1, 2][t]])
def test_a_traced_tensor_has_no_value(convert: Callable[[cl.Tensor], object]) -> None:
    with pytest.raises(ClewError):
        cl.trace(lambda x: x * convert(x))(2.0)
    with pytest.raises(ConcretizationError, match=r"bool\(\) of .* asks for its value, which is not known while its function"):
        cl.trace(lambda x: x if x > 0 else -x)(2.0)


def test_numpy_functions_stay_in_the_graph() -> None:
    x = cl.variable([0.5, 1.0], name="x")
    results = [
        np.sin(x),
        np.add(np.ones(2, np.float32), x),
        np.ones(2, np.float32) * x,
        np.concatenate([x, x]),
        np.sum(x, 0),
        np.mean(x, axis=0),
        np.where(x > 0.7, x, 0.0),
        np.maximum(x, 0.7),
        np.exp(x) @ np.ones(2, np.float32),
        np.reshape(x, (2, 1)),
    ]
    assert all(isinstance(y, cl.Tensor) and y.tracked for y in results)
    cl.sum(results[0]).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.cos([0.5, 1.0]), rtol=1e-6)


def test_numpy_functions_without_a_counterpart_say_so() -> None:
    x = cl.variable([0.5, 1.0])
    with pytest.raises(UsageError, match=r"np\.add\.reduce\(\) has no counterpart"):
        np.add.reduce(x)
    with pytest.raises(UsageError, match=r"np\.fft has no counterpart|np\.median has no counterpart"):
        np.median(x)


def test_exchange_with_numpy_shares_memory() -> None:
    array = np.arange(4, dtype=np.float32)
    t = cl.asarray(array)
    assert np.shares_memory(t.numpy(), array)
    assert np.shares_memory(np.from_dlpack(t), array)
    assert cl.from_dlpack(array).tolist() == [0, 1, 2, 3]
    assert np.shares_memory(np.asarray(t), array) and not np.shares_memory(np.array(t, copy=True), array)


def test_the_namespace_is_the_array_namespace() -> None:
    assert cl.ones(1).__array_namespace__() is cl


def test_tensors_pickle_as_their_values() -> None:
    w = cl.variable([1.0, 2.0], name="w")
    back = pickle.loads(pickle.dumps(w))
    assert isinstance(back, cl.Variable) and back.name == "w" and back.tolist() == [1, 2]
    assert pickle.loads(pickle.dumps(w * 2)).tolist() == [2, 4]


def test_scalars_are_weak_and_dtypes_promote() -> None:
    assert (cl.ones(2, dtype=cl.float16) * 2.5).dtype == cl.float16
    assert (cl.ones(2, dtype=cl.int8) + 1).dtype == cl.int8
    assert (cl.ones(2, dtype=cl.int32) * 1.5).dtype == cl.float32
    assert (cl.ones(2, dtype=cl.bfloat16) + cl.ones(2, dtype=cl.float16)).dtype == cl.float32
    with pytest.raises(TypeRuleError, match=r"the number 300 does not fit i8"):
        cl.ones(2, dtype=cl.int8) + 300


def test_shape_errors_name_operands_lines_and_the_mend() -> None:
    w, b = cl.variable(cl.ones((3, 2)), name="w"), cl.variable(cl.ones(3), name="b")
    with pytest.raises(TypeRuleError) as caught:
        w + b
    text = str(caught.value)
    assert text.startswith(
        "add(f32[3,2], f32[3]): shapes do not broadcast: axis -1 has sizes 2 and 3; to line up along the first"
    )
    assert "\n  at test_tensor.py:" in text and "w + b" in text
    assert "\n  operand 0: w: f32[3,2], a variable" in text and "\n  operand 1: b: f32[3], a variable" in text


def test_a_million_chained_operations_are_built_followed_back_and_freed() -> None:
    x = cl.variable(1.0)
    y = x
    for _ in range(500_000):
        y = y * 0.9999 + 0.0001
    y.backward()
    assert abs(x.grad.item()) < 1e-6
    del y
    gc.collect()  # a recursion would overflow here


def test_operators_agree_with_numpy(rng: np.random.Generator) -> None:
    a, b = rng.uniform(1, 2, (2, 3)), rng.uniform(1, 2, (3,))
    t = cl.asarray(a)
    pairs = [
        (t + b, a + b), (b - t, b - a), (t * b, a * b), (b / t, b / a), (t**b, a**b), (2**t, 2**a), (t // b, a // b),
        (t % b, a % b), (-t, -a), (abs(t), abs(a)), (t @ b, a @ b), (t < b, a < b), (t >= 1.5, a >= 1.5), (t.T, a.T),
        (t[0], a[0]), (t[:, ::-1], a[:, ::-1]), (t.sum(0), a.sum(0)), (t.mean(axis=1), a.mean(1)), (t.std(), a.std()),
        (t.max(1), a.max(1)), (t.argmax(), a.argmax()),
        (t.reshape((3, 2)), a.reshape(3, 2)),
        (t.astype(cl.int64), a.astype(int)),
    ]  # fmt: skip
    for got, expected in pairs:
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
