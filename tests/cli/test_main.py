"""The command itself, and ``clew check``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import clew
from clew.cli import HELP, main


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == HELP + "\n"


@pytest.mark.parametrize("command", ["graph", "check"])
def test_help_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: clew {command} EXPRESSION NAME=VALUE" in out
    assert f"  clew {command} " in out[out.index("examples") :]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"clew {clew.__version__}\n"


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grpah"]) == 2
    assert capsys.readouterr().err == "clew: there is no command 'grpah'; there are graph, check, demo (see clew --help)\n"


def test_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "log(1 + exp(x)) * y", "x=2", "y=[1,2]"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("check_gradients of log(1 + exp(x)) * y: passed\n")
    assert "y: f64[2]" in out


def test_check_fails_where_there_is_no_derivative(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "relu(x)", "x=0"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "relu(x)" in err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["x"], "x has no value; add x=1, or other numbers"),
        (["1 + 2"], "there is nothing to check: the expression has no names"),
        (["x @ y", "x=1", "y=2"], None),
    ],
)
def test_check_used_wrongly(arguments: list[str], why: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("clew check: ")
    assert why is None or err == f"clew check: {why}\n"


def test_as_a_module_and_into_a_pipe_that_closes() -> None:
    command = [sys.executable, "-m", "clew", "graph", "(x + y) * z", "x=1", "y=3", "z=-3"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    whole = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert whole.stdout.splitlines()[0].startswith("name   operation")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")
