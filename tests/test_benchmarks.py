"""The benchmark's rows compute what they say: held to loops of NumPy written by hand, and to the peers that are installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import compiled, fresh, limits, machine, measure, table
from benchmarks.measure import Numbers, apart, interleaved, numbers
from benchmarks.rows import BOUNDED, ROWS
from benchmarks.steps import knows, side
from benchmarks.work import Row

Array = np.ndarray
NAMED = {row.name: row for row in ROWS}
DIFFERENT = {(row.function, row.work(small=True).optimiser, row.work(small=True).double): row for row in ROWS}
each_row = pytest.mark.parametrize("row", DIFFERENT.values(), ids=lambda row: row.name.replace(" ", "-"))


def sigmoid(x: Array) -> Any:
    return 1 / (1 + np.exp(-x))


def logsumexp(x: Array, axis: Any = None) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis))


def softmax(x: Array) -> Array:
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def cross_entropy(logits: Array, labels: Array) -> float:
    places = list(np.ndindex(labels.shape))
    return sum(logsumexp(logits[i]) - logits[i][labels[i]] for i in places) / len(places)


def gelu(x: Array) -> Array:
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def normalised(x: Array, scale: Array, shift: Array) -> Array:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * scale + shift


def convolved(x: Array, kernel: Array, stride: int, pad: int) -> Array:
    """One output after the other."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    width = kernel.shape[2]
    height, length = ((n - width) // stride + 1 for n in x.shape[2:])
    y = np.zeros((len(x), len(kernel), height, length))
    for i, j in np.ndindex(height, length):
        window = x[:, :, i * stride : i * stride + width, j * stride : j * stride + width]
        y[:, :, i, j] = np.tensordot(window, kernel, ([1, 2, 3], [1, 2, 3]))
    return y


def pooled(x: Array) -> Array:
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


class Reference:
    """Each row's value, of a dict of its parameters and its data."""

    def neuron(self, p: Any) -> Any:
        return sigmoid(p["w0"] * p["x0"] + p["w1"] * p["x1"] + p["w2"])

    def elementwise(self, p: Any) -> Any:
        x = p["x"]
        return np.sum(sigmoid(1.5 * x + 0.5) * np.tanh(x) + np.exp(-(x**2)))

    def moons(self, p: Any, x: Array, y: Array) -> Any:
        h = np.maximum(np.maximum(x @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"], 0) @ p["w3"] + p["b3"]
        return np.maximum(1 - y * h, 0).mean() + 1e-4 * sum((a**2).sum() for a in p.values())

    def mlp(self, p: Any, x: Array, y: Array) -> Any:
        return cross_entropy(np.maximum(x @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"], y)

    def cnn(self, p: Any, x: Array, y: Array) -> Any:
        h = pooled(np.maximum(convolved(x, p["k1"], 1, 1) + p["b1"].reshape(-1, 1, 1), 0))
        h = pooled(np.maximum(convolved(h, p["k2"], 1, 1) + p["b2"].reshape(-1, 1, 1), 0))
        return cross_entropy(h.reshape(len(h), -1) @ p["w"] + p["b"], y)

    def lstm(self, p: Any, x: Array, y: Array) -> Any:
        h = c = np.zeros((x.shape[1], len(p["u"])))
        for xt in x:
            i, f, g, o = np.split(xt @ p["w"] + h @ p["u"] + p["b"], 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        return cross_entropy(h @ p["head"] + p["bias"], y)

    def gru(self, p: Any, x: Array, y: Array) -> Any:
        h = np.zeros((x.shape[1], len(p["u"])))
        for xt in x:
            of_x, of_h = np.split(xt @ p["w"] + p["b"], 3, 1), np.split(h @ p["u"] + p["c"], 3, 1)
            reset, update = (sigmoid(of_x[k] + of_h[k]) for k in (0, 1))
            h = update * h + (1 - update) * np.tanh(of_x[2] + reset * of_h[2])
        return cross_entropy(h @ p["head"] + p["bias"], y)

    def gpt(self, p: Any, ids: Array, targets: Array) -> Any:
        return np.mean([self.text(p, row, y) for row, y in zip(ids, targets, strict=True)])

    def text(self, p: Any, ids: Array, targets: Array, heads: int = 4) -> float:
        """One text, one head after the other, and for each token those before it."""
        h = np.stack([p["wte"][token] + p["wpe"][t] for t, token in enumerate(ids)])
        length, width = h.shape
        for i in range(sum(name.startswith("proj") for name in p) // 2):
            a = normalised(h, p[f"ln1_g{i}"], p[f"ln1_b{i}"]) @ p[f"qkv{i}"] + p[f"qkvb{i}"]
            mixed = np.zeros((length, width))
            for head in range(heads):
                own = np.arange(head * width // heads, (head + 1) * width // heads)
                q, k, v = (a[:, own + part * width] for part in range(3))
                for t in range(length):
                    mixed[t, own] = softmax(k[: t + 1] @ q[t] / np.sqrt(width / heads)) @ v[: t + 1]
            h = h + mixed @ p[f"proj{i}"] + p[f"projb{i}"]
            a = normalised(h, p[f"ln2_g{i}"], p[f"ln2_b{i}"])
            h = h + gelu(a @ p[f"fc{i}"] + p[f"fcb{i}"]) @ p[f"out{i}"] + p[f"outb{i}"]
        return cross_entropy(normalised(h, p["lnf_g"], p["lnf_b"]) @ p["head"], targets)

    def gmm(self, p: Any, x: Array) -> Any:
        k, d = p["means"].shape
        total = 0.5 * (np.exp(2 * p["logs"]).sum() + (p["lower"] ** 2).sum()) - len(x) * logsumexp(p["alphas"])
        factors = []
        for c in range(k):
            q, packed = np.diag(np.exp(p["logs"][c])), iter(p["lower"][c])
            for column in range(d):
                for row in range(column + 1, d):
                    q[row, column] = next(packed)
            factors.append(q)
        for point in x:
            parts = [p["logs"][c].sum() - ((factors[c] @ (point - p["means"][c])) ** 2).sum() / 2 for c in range(k)]
            total += logsumexp(p["alphas"] + np.array(parts))
        return total

    def transposed(self, p: Any) -> Any:
        return sum(np.tanh(column @ row) for column in p["a"].T for row in p["b"][::2])

    def strided_convolution(self, p: Any, x: Array) -> Any:
        return np.mean(convolved(np.maximum(convolved(x, p["k1"], 2, 2), 0), p["k2"], 2, 2) ** 2)

    def batch_norm(self, p: Any, target: Array) -> Any:
        x = np.moveaxis(p["x"], 1, -1)
        columns = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5) * p["scale"] + p["shift"]
        return np.mean(np.maximum(columns, 0) * np.moveaxis(target, 1, -1))

    def layer_norm(self, p: Any, x: Array) -> Any:
        h = gelu(normalised(x, p["scale"], p["shift"]) @ p["w1"] + p["b1"])
        return np.mean((x + h @ p["w2"] + p["b2"]) ** 2)

    def batched(self, p: Any) -> Any:
        return np.mean([(softmax(a @ b) @ b.T) ** 2 for a, b in zip(p["a"], p["b"], strict=True)])

    def pairs(self, p: Any) -> Any:
        def near(x: Array, y: Array) -> Any:
            return np.exp(-((x - y) ** 2).sum() / (2 * p["width"][0] ** 2))

        return np.mean([np.tanh(sum(near(x, y) * w for y, w in zip(p["y"], p["weights"], strict=True))) for x in p["x"]])

    def reductions(self, p: Any) -> Any:
        x = p["x"]
        middle = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        tops = (x - middle.mean(1)[:, None]).max(1)
        ends = logsumexp(x.reshape(-1, x.shape[2]), 0).sum() + np.tanh(x.sum(1)).sum()
        return middle.std(1).sum() + (tops**2).mean() + ends

    def predators(self, p: Any) -> Any:
        u, v, (a, b, c, d) = p["prey"], p["hunters"], p["rates"]
        for _ in range(50):
            met = u * v
            u, v = u + 0.02 * (a * u - b * met), v + 0.02 * (c * met - d * v)
        return np.mean((u - 1) ** 2 + v**2)

    def vocabulary(self, p: Any, labels: Array) -> Any:
        return cross_entropy(p["h"] @ p["w"], labels)


@each_row
def test_value_and_gradients_are_those_of_numpy(row: Row, rng: np.random.Generator) -> None:
    work = row.work(small=True).in_double()
    value: Callable[..., Any] = getattr(Reference(), row.function)
    ours = numbers(side("clew", row, work), steps=1)
    assert ours.losses[0] == pytest.approx(value(work.parameters, *work.data), rel=1e-9)

    way = {name: rng.standard_normal(a.shape) for name, a in work.parameters.items()}
    ahead, behind = (value({name: a + h * way[name] for name, a in work.parameters.items()}, *work.data) for h in (1e-5, -1e-5))
    along = sum(np.sum(g * way[name]) for name, g in ours.gradients.items())
    assert along == pytest.approx((ahead - behind) / 2e-5, rel=1e-5, abs=1e-8)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("peer", ["torch", "jax", "pytensor"])
@each_row
def test_peers_compute_the_same(row: Row, peer: str) -> None:
    pytest.importorskip(peer)
    if not knows(peer, row):
        pytest.skip(f"{peer} has no function for this row")
    work = row.work(small=True)
    assert apart(numbers(side("clew", row, work)), numbers(side(peer, row, work))) < (1e-10 if work.double else 2e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_gates_written_out_are_pytorch_s_fused_layer(name: str) -> None:
    pytest.importorskip("torch")
    from benchmarks.functions import torch_functions
    from benchmarks.steps import torch_steps

    work = NAMED[name].work(small=True)
    fused, gates = (numbers(torch_steps.make(getattr(torch_functions, f), work)) for f in (name, f"{name}_gates"))
    assert apart(fused, gates) < 1e-5


@each_row
def test_steps_go_down(row: Row) -> None:
    if row.work(small=True).optimiser:
        losses = numbers(side("clew", row, row.work(small=True))).losses
        assert losses[0] > losses[1] > losses[2]


def test_rows_have_names_of_their_own_and_a_limit() -> None:
    assert len(NAMED) == len(ROWS)
    needs = {row.name: limits.operations(row, row.work(small=True)) for row in ROWS}
    assert all(count > 0 for count in needs.values())
    assert limits.operations(NAMED["mlp sgd 32"], NAMED["mlp sgd 32"].work()) == 2 * 32 * (2 * 784 * 128 + 3 * 128 * 10)
    assert limits.moved(NAMED["mlp adam 32"].work()) == 6 * 4 * (784 * 128 + 128 + 128 * 10 + 10) + 4 * 32 * 784 + 8 * 32


def test_the_page_of_limits_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ceiling", lambda: machine.Ceiling(single=4e11, double=2e11, memory=4e10, caches=4e11))
    monkeypatch.setattr(limits, "ROWS", [NAMED["mlp sgd 32"], NAMED["moons"]])
    page, results = tmp_path / "page.md", tmp_path / "bench.json"
    page.write_text(f"before\n{limits.MARKS[0]}old{limits.MARKS[1]}\nafter\n")
    row = {"row": "mlp sgd 32", "us": {"clew": {"median": 65.6}, "jax": {"median": 300.0}}, "best": "jax"}
    results.write_text(json.dumps({"rows": [row]}))
    limits.main([str(results), "--into", str(page)])
    lines = page.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert "| mlp sgd 32 | 13.1 | 0.915 | 32.7 | 2.29 | 32.7 | 300 | 65.6 | 50% |" in lines
    assert "| moons | 0.176 | 0.00779 | 0.88 | 0.0195 | 0.88 | - | - | - |" in lines


def test_the_bound_is_microseconds_or_a_share() -> None:
    assert NAMED["neuron"].bound(13.0) == NAMED["neuron"].bound(None) == 5
    assert NAMED["gmm"].bound(24_900.0) == 6_225
    assert NAMED["gmm"].bound(None) is None
    assert [NAMED["neuron"].met(us, 0.9) for us in (4.9, 5.1, None)] == [True, False, None]
    assert [NAMED["gmm"].met(1e9, ratio) for ratio in (0.25, 0.26, None)] == [True, False, None]


def test_ratios_are_those_of_rounds() -> None:
    """A machine that is slower in some rounds, for both, changes nothing."""
    assert measure.of_rounds([1.0, 2.0, 2.0, 9.0], [4.0, 8.0, 8.0, 12.0]) == 0.25


def test_what_differs_is_seen() -> None:
    one = Numbers((1.0, 0.5), {"w": np.array([1.0, 2.0])})
    assert apart(one, one) == 0
    assert apart(one, Numbers((1.0, 0.5), {"w": np.array([1.0, 2.5])})) == 0.2
    assert apart(one, Numbers((1.0, 1.0), {"w": np.array([1.0, 2.0])})) == 0.5
    assert apart(one, Numbers((1.0, 0.5), {"w": np.array([[1.0, 2.0]])})) == inf
    assert not apart(one, Numbers((1.0, 0.5), {"w": np.array([1.0, nan])})) < 1


def test_sides_run_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name

        context = nullcontext

        def run(self) -> None:
            calls.append(self.name)

    monkeypatch.setattr(measure, "BATCH", 0.0)
    calls: list[str] = []
    times = interleaved({name: Fake(name) for name in "ab"}, seconds=0.0)
    assert {name: len(t) for name, t in times.items()} == {"a": 5, "b": 5}
    assert "".join(calls) == "aaabbb" + "ab" + "ba" + "ab" + "ba" + "ab"


def test_the_table_tells_and_the_file_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (result,) = compiled.main(["neuron", "--peers", "", "--seconds", "0.01", "--json", str(tmp_path / "bench.json")])
    stored = json.loads((tmp_path / "bench.json").read_text())
    assert stored["rows"] == [result] and stored["machine"]["cores"] == machine.cores()
    assert result["failed"] == {} and result["bound_us"] == 5
    assert result["us"]["clew"]["low"] <= result["us"]["clew"]["median"] <= result["us"]["clew"]["high"]
    assert capsys.readouterr().out.splitlines()[2].startswith("neuron")


def test_a_line_of_the_table() -> None:
    result = {
        "row": "gmm",
        "us": {"clew": {"median": 5_000.4}, "jax": {"median": 52_000.0}},
        "best": "jax",
        "ratio": 0.09616,
        "bound_us": 13_000.0,
        "met": True,
        "agree": True,
        "others": 0.021,
    }
    words = table.line(result, ["clew", "torch", "jax"]).split()
    assert words == ["gmm", "5,000", "-", "52,000", "jax", "0.0962", "13,000", "yes", "yes", "0.021"]
    assert table.mean_lead([result, {**result, "row": "lstm", "ratio": 0.5}]) == pytest.approx((0.09616 * 0.5) ** -0.5)
    assert table.mean_lead([{**result, "row": "pairs"}]) is None
    runs = [[result], [{**result, "ratio": 0.5, "met": False}], [{**result, "ratio": 0.2}]]
    assert table.spread(runs).splitlines()[1].split() == ["gmm", "0.0962", "0.2", "0.5", "2", "of", "3"]


def test_rows_are_chosen_by_a_part_of_their_name() -> None:
    assert [row.name for row in compiled.chosen(["adam", "neuron", "neuron"])] == ["mlp adam 32", "mlp adam 256", "neuron"]
    assert compiled.chosen(["bounded"]) == BOUNDED and compiled.chosen([]) == ROWS
    with pytest.raises(SystemExit, match="no row is named nosuch; there are neuron, moons"):
        compiled.main(["nosuch"])
    with pytest.raises(SystemExit, match="no peer nosuch; there are torch, compile, jax, pytensor"):
        compiled.main(["--peers", "nosuch"])


def test_a_peer_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def side(peer: str, row: Row, work: Any) -> Any:
        raise ValueError("cannot do this\nat all")

    monkeypatch.setattr(compiled, "side", side)
    result = compiled.measured(NAMED["neuron"], ["clew"], 0.0)
    assert result["failed"] == {"clew": "ValueError: cannot do this"} and result["met"] is None


def test_first_call_and_memory_come_from_new_processes() -> None:
    seconds = fresh.first_call(NAMED["neuron"], "clew")
    assert 0 < seconds["cold"] < 60 and 0 < seconds["warm"] < 60
    seconds = fresh.start(NAMED["neuron"], "clew")
    assert 0 < seconds["cold"] < 60 and 0 < seconds["warm"] < 60
    taken = fresh.memory(NAMED["elementwise 1e6"], "clew")
    assert taken is None or 4 < taken < 200  # the array and its gradient are 8 MB


def test_a_start_beside_its_bound() -> None:
    for warm, said in ((0.014, "warm/cold 0.14"), (0.016, "warm/cold 0.16, NOT at most 0.15")):
        found = {"row": "neuron", "start": {"clew": {"cold": 0.1, "warm": warm}}}
        assert table.start_line(found).split("  ", 1)[1].strip() == f"0.1 / {warm}  {said}"
    assert table.start_line({"row": "neuron", "start": {"clew": None}}).endswith("- / -  warm/cold -")


def test_others_take_a_share_of_the_machine() -> None:
    share = machine.Others().share()
    assert share is None or 0 <= share <= 1
    machine.wait_for_quiet(0.0)
