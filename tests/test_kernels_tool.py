"""``tools/kernels.py``: it stores loop trees, tells what differs, and stores commits by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clew.ir import Graph, f32, parameter
from clew.ops.arithmetic import add, mul
from clew.ops.exponential import exp
from tests.compiler.tool import tool

ROOT = Path(__file__).parents[1]
X, Y = parameter("x", f32(4, 5)), parameter("y", f32(4, 5))
ONE = Graph("one", (X, Y), (add(X, exp(Y)),))
TWO = Graph("two", (X, Y), (mul(X, exp(Y)),))
TREE = """\
kernel k0(x: f32[4,5], y: f32[4,5]):
  for i0 in 4:
    for i1 in 5:
      %0: float32 = x[i0, i1]
      %1: float32 = y[i0, i1]
      %2: float32 = exp(%1)
      %3: float32 = add(%0, %2)
      b0[i0, i1] = %3
"""


def test_stores_one_file_for_each_graph(tmp_path: Path) -> None:
    assert tool.store(tmp_path, {"mine": lambda: iter([("a/b c", ONE), ("two", TWO)])}) == 2
    assert sorted(x.name for x in (tmp_path / "mine").iterdir()) == ["a_b_c.txt", "two.txt"]
    assert (tmp_path / "mine" / "a_b_c.txt").read_text() == TREE


def test_tells_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    tool.store(old, {"mine": lambda: iter([("same", ONE), ("other", ONE), ("gone", TWO)])})
    tool.store(new, {"mine": lambda: iter([("same", ONE), ("other", TWO), ("come", TWO)])})
    assert tool.main(["diff", str(old), str(new)]) == 1
    out = capsys.readouterr().out
    assert "-      %3: float32 = add(%0, %2)\n+      %3: float32 = mul(%0, %2)" in out
    assert "--- old/mine/gone.txt" in out and "+++ new/mine/come.txt" in out and "same" not in out
    assert out.endswith("3 of 4 graphs changed; 3 kernels before, 3 after\n")
    assert tool.main(["diff", str(old), str(old)]) == 0
    assert capsys.readouterr().out == "0 of 3 graphs changed; 3 kernels before, 3 after\n"


def test_what_does_not_compile_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(made: object) -> str:
        raise KeyError("b0")

    monkeypatch.setattr(tool, "trees", broken)
    tool.store(tmp_path, {"mine": lambda: iter([("a", ONE)])})
    assert (tmp_path / "mine" / "a.txt").read_text() == "KeyError: 'b0'\n"


def test_every_source_has_graphs() -> None:
    for name, graphs in tool.SOURCES.items():
        _, made = next(graphs())
        assert tool.trees(made), name


def test_a_commit_is_stored_from_a_worktree_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a small repository that has this package's sources, and no tests."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "src").symlink_to(ROOT / "src")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for command in (["init", "--quiet"], ["add", "src"], [*identity, "commit", "--quiet", "-m", "first"]):
        done = subprocess.run(["git", "-C", str(repository), *command], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"git {command[0]} does not work here")
    monkeypatch.setattr(tool, "ROOT", repository)
    with tool.stored("HEAD") as folder:
        assert sorted(x.name for x in folder.iterdir()) == sorted(tool.SOURCES)
        assert not list(folder.rglob("*.txt"))
    assert "left out, No module named 'tests" in capsys.readouterr().err or not list(folder.rglob("*"))
    listed = subprocess.run(["git", "-C", str(repository), "worktree", "list"], capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1
