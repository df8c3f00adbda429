"""The progress line: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clew.train.progress import Progress

SOURCE = Path(__file__).parents[2] / "src"
PROGRAM = """
import clew as cl
v, data = cl.variable(0.0), cl.asarray([1.0, 2.0])
run = cl.train.fit(lambda x: cl.mean((v * x - 1.0) ** 2), data, cl.optim.SGD([v], lr=0.1), epochs=20, batch_size=1)
print(run.epochs)
"""


def test_silent_in_a_log() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True)
    assert (done.stdout, done.stderr) == ("20\n", "")


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo terminals")
def test_a_line_on_a_terminal() -> None:
    ours, theirs = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side is closed
                break
            if not part:
                break
            seen += part
        out = process.stdout.read() if process.stdout else ""
    os.close(ours)
    assert (out, process.returncode) == ("20\n", 0)
    text = seen.decode()
    assert text.startswith("\r[    ")
    last = text.removesuffix("\r\n").split("\r")[-1]
    assert last.startswith("[========================] epoch 20/20  cost ")
    assert last.endswith(" s\x1b[K")
    assert text.endswith("\r\n")  # what comes next begins on a line of its own


class Terminal:
    """What was written to it."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_written_at_most_ten_times_a_second() -> None:
    terminal = Terminal()
    with Progress(None, 1000, terminal) as bar:  # type: ignore[arg-type]
        for k in range(1, 1001):
            bar.show(k, 0.5)
    assert terminal.text.count("\r") < 10
    assert "epoch 1000/1000" in terminal.text


@pytest.mark.parametrize(
    ("epochs", "done", "line"),
    [
        (4, 0.5, "[===                     ] epoch 1/4"),
        (4, 1.0, "[======                  ] epoch 1/4"),
        (4, 4.0, "[========================] epoch 4/4"),
        (None, 2.5, "epoch 3"),
    ],
)
def test_how_much_is_done(epochs: int | None, done: float, line: str) -> None:
    assert Progress(False, epochs).bar(done) == line


@pytest.mark.parametrize(("wanted", "written"), [(True, True), (False, False)])
def test_wishes_come_first(wanted: bool, written: bool) -> None:
    terminal = Terminal()
    with Progress(wanted, None, terminal) as bar:  # type: ignore[arg-type]
        bar.show(1, 0.5)
    assert bool(terminal.text) == written
