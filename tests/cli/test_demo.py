"""``clew demo``, in a log and on a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clew.cli import main

NAMES = ["expression.svg", "expression.png", "network.svg", "network.png", "training.svg", "training.png"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}

EXPRESSION = """\
name   operation   inputs   value   local gradient   gradient
----   ---------   ------   -----   --------------   --------
x      input                    1                          -3
y      input                    3                          -3
z      input                   -3                           4
p      add         x, y         4   x: 1  y: 1             -3
g      mul         p, z       -12   p: -3  z: 4             1
"""


def test_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a" / "b"
    assert main(["demo", "--out", str(out), "--epochs", "6"]) == 0
    text, errors = capsys.readouterr()
    assert errors == ""
    assert EXPRESSION in text
    assert re.findall(r"^  epoch +(\d+)   cost \d\.\d{4}   of held-out digits \d\.\d{4}$", text, re.MULTILINE) == ["1", "5"]
    assert re.search(r"^6 epochs in [\d.]+ s, cost [\d.]+ to [\d.]+; stopped because 6 epochs are done$", text, re.MULTILINE)
    accuracy = re.search(r"^Test accuracy: ([\d.]+) % \((\d+) of 599 digits that it had never seen\)$", text, re.MULTILINE)
    assert accuracy is not None
    assert float(accuracy[1]) > 90
    rows = [line.replace("·", "0").split() for line in text.splitlines() if re.match(r" {3}\d  ", line)]
    counts = [[int(count) for count in row[1:]] for row in rows]
    assert [len(row) for row in counts] == [10] * 10
    assert sum(map(sum, counts)) == 599
    assert sum(row[k] for k, row in enumerate(counts)) == int(accuracy[2])
    assert text.endswith("\nPictures:\n" + "".join(f"  {out / name}\n" for name in NAMES))
    assert all((out / name).stat().st_size > 1000 for name in NAMES)
    network = (out / "network.svg").read_text(encoding="utf-8")
    assert all(name in network for name in ("hidden.weight", "images", "scores", "log_softmax"))


def test_quiet_and_repeatable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def accuracy(seed: str) -> str:
        assert main(["demo", "--out", str(tmp_path), "--epochs", "1", "--seed", seed, "--quiet"]) == 0
        text = capsys.readouterr().out
        assert "  epoch" not in text
        return text[text.index("Held-out") :]

    assert accuracy("1") == accuracy("1") != accuracy("2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs 0: at least one pass over the digits is needed"),
        (["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
        (["--out", "file/there"], "--out file/there: Not a directory"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_wrong_use(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    assert main(["demo", *arguments]) == 2
    assert capsys.readouterr() == ("", f"clew demo: {message} (see clew demo --help)\n")


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert main(["demo"]) == 2
    assert capsys.readouterr() == (
        "",
        'clew demo: the digits come with scikit-learn, which is not installed; pip install "clew[data]"\n',
    )


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo terminal and a signal")
def test_on_a_terminal_a_bar_and_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "clew", "demo", "--out", str(tmp_path), "--epochs", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True, env=ENVIRONMENT) as process:
        os.close(theirs)
        seen = b""
        try:
            while seen.count(b"epoch ") < 3:  # the line is written ten times a second, so no certain epoch is
                seen += os.read(ours, 4096)
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            text, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    os.close(ours)
    assert process.returncode == 0
    assert "; stopped because it was interrupted in epoch " in text
    assert "Test accuracy: " in text
    assert "\n  epoch " not in text
    assert all((tmp_path / name).exists() for name in NAMES)
