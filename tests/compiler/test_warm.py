"""The second process: it loads what the first one compiled, and writes no text, for whatever a call needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clew.compiler import cache, native, sources, steps
from clew.compiler.compiled import Compiled
from clew.compiler.writing import Written
from clew.config import config
from clew.ir import Graph, f64, parameter, run
from clew.ops.arithmetic import add
from clew.ops.exponential import exp
from clew.ops.sorting import Sort

from .models import MODELS

pytestmark = pytest.mark.skipif(not native.OURS, reason="elsewhere LLVM loads code")

WRITING = "llvmlite clew.compiler.writing clew.compiler.routine clew.compiler.emit clew.compiler.block clew.compiler.llvm"

STEP = """
import json, sys
import numpy as np
import clew as cl

cl.random.seed(0)
w, b = cl.variable(np.linspace(-1, 1, 12).reshape(4, 3), name="w"), cl.variable(np.zeros(3), name="b")
optimiser = cl.optim.Adam([w, b], lr=0.1)

@cl.jit
def step(x, y):
    keep = cl.random.uniform(shape=(4, 3)) > 0.1
    loss = cl.nn.cross_entropy(cl.tanh(x @ cl.where(keep, w, 0.0) + b), y)
    loss.backward()
    optimiser.step()
    return loss

x, y = np.linspace(0, 1, 20).reshape(5, 4), np.array([0, 1, 2, 1, 0])
losses = [step(x, y).item() for _ in range(5)]
there = [name for name in sys.argv[1].split() if name in sys.modules]
from clew.compiler import sources
print(json.dumps(str(sources._files())))
print(json.dumps([losses, w.tolist(), there]))
"""


texts: list[Written] = []
write = Written.__init__


def noted(self: Written, *given: Any) -> None:
    texts.append(self)
    write(self, *given)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache; whoever works on the package while tests run does not disturb those within this process."""
    monkeypatch.setattr(sources, "_files", lambda: "as they are")
    monkeypatch.setattr(Written, "__init__", noted)
    with config(cache_dir=tmp_path / "clew"):
        yield tmp_path / "clew"


def two_processes(folder: Path, program: str = STEP) -> list[Any]:
    """What two processes print last, one after the other."""
    environment = {**os.environ, "CLEW_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", program, WRITING]
    done = [subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [x.stderr for x in done] == ["", ""]
    files, answers = zip(*([json.loads(line) for line in x.stdout.splitlines()] for x in done), strict=True)
    if "None" in files or files[0] != files[1]:
        pytest.skip("a source file was changed just now")
    return list(answers)


def test_the_second_process_writes_nothing(folder: Path) -> None:
    first, second = two_processes(folder)
    assert first[2] == WRITING.split() and second[2] == []
    assert first[:2] == second[:2]


def test_everything_can_still_be_asked_for(folder: Path) -> None:
    program = STEP + (
        "found = step.compiled(x, y)\nold = 'clew.compiler.writing' in sys.modules\n"
        "print(json.dumps([old, len(found.text), str(found.graph)[:11], len(list(step.explain(x, y).rows)), "
        "step.graph(x, y).text[:10], step(x, y).item()]))"
    )
    program = program.replace("print(json.dumps([losses", "(json.dumps([losses", 1)
    first, second = two_processes(folder, program)
    assert (first[0], second[0]) == (True, False)
    assert first[1:] == second[1:] and second[2] == "graph step("


# Within one process: what was made before is found again


def remembered(graph: Graph, updates: dict[int, int] | None = None) -> tuple[Compiled, bool]:
    """The compiled graph, and whether no text was written for it."""
    before = len(texts)
    return Compiled(graph, updates), len(texts) == before


@pytest.mark.parametrize("model", MODELS)
def test_results_are_the_same_bits(model: str) -> None:
    graph, inputs = MODELS[model]()
    (first, before), (second, after) = remembered(graph), remembered(MODELS[model]()[0])
    assert (before, after) == (False, True)
    for a, b in zip(first(inputs), second(inputs), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (second.text, second.routine.size) == (first.text, first.routine.size)


def test_updates_are_found_with_their_places() -> None:
    x, y = parameter("x", f64(5)), parameter("y", f64(5))
    graph = Graph("g", (x, y), (exp(x), add(x, y)))
    for updates in ({0: 0}, {0: 1}, {0: 1, 1: 0}, {}):
        assert [remembered(graph, updates)[1] for _ in range(2)] == [False, True]
        given = [np.arange(5.0), np.ones(5)]
        expected = run(graph, *given)
        made = Compiled(graph, updates)(given)
        for a, b in zip(made, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)
        for k, n in updates.items():
            assert made[k] is given[n]


def test_what_calls_back_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ops whose references run are objects of the process."""
    monkeypatch.setattr(steps, "NATIVE", {})
    x = parameter("x", f64(7))
    graph = Graph("g", (x,), (exp(Sort(0, False)(x)),))
    for _ in range(2):
        step, found = remembered(graph)
        assert not found and step.written.shared.outside.steps
        np.testing.assert_allclose(step([np.arange(7.0)[::-1]])[0], np.exp(np.arange(7.0)), rtol=1e-14)


# Harmed entries


@pytest.mark.parametrize("how", ["bits", "cut", "swapped", "code gone"])
def test_what_is_harmed_is_made_again(folder: Path, how: str) -> None:
    graph, inputs = MODELS["softmax"]()
    first, _ = remembered(graph)
    expected = first(inputs)
    code = first.library.key.hex()
    notes = [entry for entry in folder.iterdir() if entry.name != code and code in entry.read_bytes().hex()]
    assert len(notes) == 1
    (note,) = notes
    data = note.read_bytes()
    if how == "bits":
        note.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "cut":
        note.write_bytes(data[:-1])
    elif how == "swapped":
        cache.store(cache.key("another"), data[cache.HEADER :])
        (folder / cache.key("another").hex()).replace(note)
    else:
        (folder / code).unlink()
    second, found = remembered(graph)
    assert not found
    for a, b in zip(second(inputs), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert remembered(graph)[1]


def test_a_cache_that_is_off(folder: Path) -> None:
    with config(cache_dir="off"):
        assert not any(remembered(MODELS["softmax"]()[0])[1] for _ in range(2))
    assert not folder.exists()


def test_newer_sources_are_not_mixed_with_older_code(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = MODELS["softmax"]()[0]
    assert [remembered(graph)[1] for _ in range(2)] == [False, True]
    monkeypatch.setattr(sources, "_files", lambda: "one file is another")
    assert [remembered(graph)[1] for _ in range(2)] == [False, True]
    monkeypatch.setattr(sources, "_files", lambda: None)  # one was written after this process began
    assert not any(remembered(graph)[1] for _ in range(2))
