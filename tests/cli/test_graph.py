"""``clew graph``: what it prints, and that every wrong use is answered with one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clew.cli import main

Snapshot = Callable[..., None]

CLASSIC = ["(x + y) * z", "x=1", "y=3", "z=-3"]
NEURON = ["1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))", "w0=2", "x0=-1", "w1=-3", "x1=-2", "w2=-3"]
TABLES = {
    "classic": CLASSIC,
    "classic_named": ["p = x + y; g = p * z", "x=1", "y=3", "z=-3", "--steps"],
    "classic_elsewhere": ["(x + y) * z", "x=-2", "y=5", "z=-4"],
    "square_of_sum": ["z = x + y; f = z**2", "x=1", "y=2"],
    "neuron_gate_by_gate": NEURON,
    "neuron_as_one_sigmoid": ["sigmoid(w0*x0 + w1*x1 + w2)", *NEURON[1:]],
    "other_neuron": ["sigmoid(a*x + b*y + c)", "a=1", "b=2", "c=-3", "x=-1", "y=3"],
    "paths_meet": ["p = a*b; q = a + p; a * q", "a=2", "b=3", "--steps"],
    "arrays": ["mean((w @ x - 1) ** 2)", "w=[[1,2],[3,4]]", "x=[0.5,-1]", "--steps"],
    "repaired": ["log(1 + exp(x))", "x=2"],
    "not_finite": ["sum(log(x))", "x=[-1,0,1,2,3]"],
    "wrt": ["x * y * z", "x=1", "y=2", "z=3", "--wrt", "y"],
    "gate": ["sum(softmax(x) ** 2)", "x=[0,1,2]"],
    "largest": ["max(a, b) + max(a, 0)", "a=1", "b=2"],
}


@pytest.mark.parametrize("name", TABLES)
def test_prints(name: str, snapshot: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", *TABLES[name]]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 160
    snapshot(out)


def test_gates_are_opened_and_folded(capsys: pytest.CaptureFixture[str]) -> None:
    def operations(*options: str) -> set[str]:
        assert main(["graph", "sum(softmax(x) ** 2) + sum(log_softmax(x))", "x=[0,1,2]", "--json", *options]) == 0
        return {node["op"] for node in json.loads(capsys.readouterr().out)["nodes"]}

    gates = {"softmax", "log_softmax"}
    assert gates <= operations()
    assert gates <= operations("--fold", "all")
    assert gates.isdisjoint(operations("--open", "all"))
    assert gates & operations("--open", "softmax") == {"log_softmax"}
    assert gates & operations("--fold", "softmax") == {"softmax"}


def gradients(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, float]:
    assert main(["graph", *arguments, "--json"]) == 0
    return {node["name"]: node["gradient"] for node in json.loads(capsys.readouterr().out)["nodes"]}


def test_gate_by_gate_and_as_one_gate_are_equal(capsys: pytest.CaptureFixture[str]) -> None:
    fine = gradients(capsys, *NEURON)
    coarse = gradients(capsys, "sigmoid(w0*x0 + w1*x1 + w2)", *NEURON[1:])
    expected = {"w0": -0.1966, "x0": 0.3932, "w1": -0.3932, "x1": -0.5898, "w2": 0.1966}
    for name, gradient in expected.items():
        assert fine[name] == pytest.approx(gradient, abs=5e-5)
        assert fine[name] == pytest.approx(coarse[name], rel=1e-14)


def test_a_step_along_the_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    point = {"x": -2.0, "y": 5.0, "z": -4.0}
    slope = gradients(capsys, "(x + y) * z", *(f"{name}={value}" for name, value in point.items()))
    assert (slope["x"], slope["y"], slope["z"]) == (-4, -4, 3)
    moved = [f"{name}={value + 0.01 * slope[name]}" for name, value in point.items()]
    assert main(["graph", "(x + y) * z", *moved, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nodes"][-1]["value"] == pytest.approx(-11.5924, abs=1e-12)


@pytest.mark.parametrize("text", ["-3", "1e-3", "-.5", "inf", "-inf", "nan", "pi/2", "[1,2]", "[[1,2],[-3,4]]", "1_000"])
def test_values(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    value = eval(text, {"inf": float("inf"), "nan": float("nan"), "pi": 3.141592653589793})
    assert main(["graph", "x", f"x={text}", "--json"]) == 0
    node = json.loads(capsys.readouterr().out)["nodes"][0]
    assert node["dtype"] == "f64"
    assert node["value"] == (value if isinstance(value, list) or abs(value) < float("inf") else str(value))


def test_an_expression_may_start_with_a_minus_and_options_may_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradients(capsys, "-x*y", "x=2", "y=3")["x"] == -3
    assert main(["graph", "--wrt", "x", "-x*y", "--steps", "x=2", "y=3"]) == 0
    assert "df/dx: " in capsys.readouterr().out


def test_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    svg, png = tmp_path / "g.svg", tmp_path / "g.png"
    assert main(["graph", *CLASSIC, "--svg", str(svg), "--png", str(png)]) == 0
    assert svg.read_text(encoding="utf-8").startswith("<svg")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().err == f"wrote {svg}\nwrote {png}\n"


def test_without_a_scalar_result_there_is_a_forward_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "x * 2", "x=[1,2,3]"]) == 0
    out, err = capsys.readouterr()
    assert "[2, 4, 6]" in out
    assert "gradient" not in out
    assert err == "no gradients: the result is f64[3], not a scalar; take its sum(...) or mean(...)\n"


WRONG = {
    ("graph",): 'which expression? For example: clew graph "(x + y) * z" x=1 y=3 z=-3 (see clew graph --help)',
    ("graph", "x + y"): "x and y have no value; add x=1 y=1, or other numbers",
    ("graph", "alpha * x", "alhpa=1", "x=2"): "alpha has no value; did you mean alhpa?",
    ("graph", "x", "x=1", "w=2"): "w is given, but not in the expression; its names are x",
    ("graph", "x", "x=1", "x=2"): "x is given twice: x=1 and x=2",
    ("graph", "x", "x="): "x= has no value; write it without spaces, such as x=1",
    ("graph", "x", "+", "y"): "'+' is not NAME=VALUE; an expression with spaces stands in quotes, and first",
    ("graph", "x", "x=two"): "x=two: two has no value; add two=1, or other numbers; a value is a number or a list, such as "
    "1e-3 or [[1,2],[3,4]]",
    ("graph", "x", "x=[1,[2,3]]"): "x=[1,[2,3]]: the rows of [1, [2, 3]] differ in length; a value is a number or a list, such "
    "as 1e-3 or [[1,2],[3,4]]",
    ("graph", "x", "x=1>0"): "x=1>0 is not a number or a list of numbers",
    ("graph", ""): "the expression is empty",
    ("graph", "(x + * y)"): "syntax error at the ^ in (x + ^* y) (this cannot be read)",
    ("graph", "(x + y"): "syntax error at the ^ in ^(x + y ('(' was never closed)",
    ("graph", "(x + y)^2"): "in 'x + y ^ 2': a power is written **, not ^",
    ("graph", "x & y"): "in 'x & y': that both hold is written: and",
    ("graph", "sigmod(x)"): "there is no function sigmod; did you mean sigmoid?",
    ("graph", "ln(x)"): "there is no function ln; did you mean log?",
    ("graph", "x(y)", "x=1", "y=2"): "there is no function x; clew graph --help lists them; a product is written with *",
    ("graph", "(x + 1)(y)"): "'x + 1' is not a function; a product is written with *",
    ("graph", "math.exp(x)", "x=1"): "in 'math.exp': names have no dots here; write exp(x), not math.exp(x)",
    ("graph", "sin + 1"): "sin is a function; call it, as sin(x)",
    ("graph", "log(x, 2)", "x=1"): "log(...): too many positional arguments",
    ("graph", "__import__('os')"): "there is no function __import__; clew graph --help lists them; a product is written with *",
    ("graph", "x + 'a'", "x=1"): "\"'a'\" is not a number",
    ("graph", "1" + 400 * "0"): "a number of 401 digits is too large for float64; write it as 1e300",
    ("graph", "[y for y in x]", "x=1"): "'[y for y in x]' has no place in an expression",
    ("graph", "lambda: x", "x=1"): "'lambda: x' has no place in an expression",
    ("graph", "(y := x)", "x=1"): "'(y := x)' has no place in an expression",
    ("graph", "import os"): "'import os' is neither the last expression nor NAME = EXPRESSION",
    ("graph", "x[1.5]", "x=[1,2]"): "an index is a whole number, not '1.5'",
    ("graph", "p = x; y", "x=1", "y=1"): "p is computed, but not used; leave it out",
    ("graph", "q = p; p = x; p + q", "x=1"): "p is used before it is computed",
    ("graph", "x = x + 1", "x=1"): "x is given a value twice; use another name for one of them",
    (
        "graph",
        "x + y",
        "x=[1,2,3]",
        "y=[1,2]",
    ): "add(f64[3], f64[2]): shapes do not broadcast: axis -1 has sizes 3 and 2; reshape "
    "one of them, or insert an axis with x[None, :] or x[:, None]",
    ("graph", "x * 2", "x=[1,2]", "--wrt", "x"): "--wrt x: the result is f64[2], not a scalar; take its sum(...) or mean(...)",
    ("graph", "x > 1", "x=2", "--wrt", "x"): "--wrt x: the result is bool[], and only floating-point numbers have gradients",
    ("graph", "1 + 2", "--wrt", "x"): "--wrt x: the result does not depend on any name",
    ("graph", "x", "x=1", "--wrt", "y"): "--wrt: there is no 'y'; there are x",
    ("graph", "x", "x=1", "--svg", "g.png"): "--svg g.png: the name of the file must end with .svg",
    ("graph", "x", "x=1", "--steps", "--json"): "--json and --steps exclude each other",
    ("graph", "x", "x=1", "--open", "softmax"): "there is no gate 'softmax' to open; there are: none",
    (
        "graph",
        "x",
        "x=1",
        "--open",
        "all",
        "--fold",
        "all",
    ): "--open and --fold exclude each other; gates that are not named in --fold are open",
    ("graph", "x", "x=1", "--stpes"): "unrecognized arguments: --stpes (see clew graph --help)",
    ("graph", "x", "--wrt"): "argument --wrt: expected one argument (see clew graph --help)",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_use(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert err == f"clew graph: {WRONG[arguments]}\n"
    assert out == ""


@pytest.mark.parametrize("text", ["(" * 300 + "x" + ")" * 300, "-" * 5000 + "x", "+".join("x" * 5000), "x" + "**x" * 3000])
def test_expressions_that_are_too_deep(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["graph", text, "x=1"])
    err = capsys.readouterr().err
    assert code == 0 or (code == 2 and err.count("\n") == 1)


def test_a_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "taken.svg"
    folder.mkdir()
    assert main(["graph", *CLASSIC, "--svg", str(folder)]) == 2
    assert capsys.readouterr().err == f"clew graph: {folder}: Is a directory\n"
