"""Every kernel that the tests compile, as text: what a change to the compiler does to all of them at once.

``python tools/kernels.py store DIR`` compiles the graphs of the ops' cases, of the tests' models, of the benchmarks' rows
(at sizes that tests can afford) and a fixed set of random ones, and stores the loop trees of each in a file of its own.
``python tools/kernels.py diff OLD NEW`` tells which files differ, and how; each side is such a folder, or a commit, which
is stored first, by this tool, in a temporary worktree of its own. The exit status is 1 where anything differs.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RANDOM = {"small": 60, "wide": 30}  # graphs of each kind
Graphs = Iterator[tuple[str, Any]]  # names, and what is compiled: a graph, or a Compiled


def trees(made: Any) -> str:
    """All steps of a graph as they run, those of loops' bodies below them."""
    compiled = importlib.import_module("clew.compiler.compiled").Compiled
    routine = (made if isinstance(made, compiled) else compiled(made)).routine
    return "\n".join(of_routine(routine))


def of_routine(routine: Any, depth: int = 0) -> Iterator[str]:
    pad = "  " * depth
    for step in routine.steps:
        if getattr(step, "made", None) is not None:
            yield from (pad + line for line in of_product(step))
        elif step.kernel is not None:
            yield from (pad + line for line in str(step.kernel).splitlines())
        else:
            values = ", ".join(str(v.type) for v in step.values)
            yield f"{pad}{type(step).__name__.lower()} {step.values[0].op.opcode} -> {values}:"
            for inner in getattr(step, "routines", ()):
                yield f"{pad}  body:"
                yield from of_routine(inner, depth + 2)


def of_product(step: Any) -> Iterator[str]:
    """A contraction's own loops, which do not depend on the processor, and what is computed with its results."""
    problem = step.made.plan.problem
    yield f"contract {step.values[0].type} of {problem.dtype}:"
    for title, axes in (("kept", problem.axes), ("summed", problem.summed)):
        for x in axes:
            yield f"  {title} {x.size}: steps a {x.a}, b {x.b}" + (f", c {x.c}" if title == "kept" else "")
    for computed in step.computed.values():
        yield from (f"  {line}" for line in str(computed).splitlines())
    if any(item.place != "memory" or item.buffer.value is not step.values[0] for item in step.kernel.items):
        yield from (f"  {line}" for line in str(step.kernel).splitlines())


# --- which graphs


def of_models() -> Graphs:
    for name, model in importlib.import_module("tests.compiler.models").MODELS.items():
        yield name, model()[0]


def of_cases() -> Graphs:
    ops = importlib.import_module("tests.compiler.test_ops")
    taken: dict[str, int] = {}
    for case in ops.CASES:
        taken[case.id] = taken.get(case.id, 0) + 1
        yield case.id + (f"-{taken[case.id]}" if taken[case.id] > 1 else ""), ops.graph_of(case)


def of_benchmarks() -> Graphs:
    """What ``jit`` compiles of the rows, in the order that it does."""
    rows, steps = (importlib.import_module(f"benchmarks.{name}") for name in ("rows", "steps"))
    for row in rows.ROWS:
        if steps.knows("clew", row):
            with captured() as found:
                steps.side("clew", row, row.work(small=True)).run()
            for k, compiled in enumerate(found):
                yield f"{row.name}-{k}", compiled


@contextmanager
def captured() -> Iterator[list[Any]]:
    """What is compiled inside."""
    kind = importlib.import_module("clew.compiler.compiled").Compiled
    usual, found = kind.__init__, []

    def made(self: Any, *arguments: Any, **named: Any) -> None:
        usual(self, *arguments, **named)
        found.append(self)

    kind.__init__ = made
    try:
        yield found
    finally:
        kind.__init__ = usual


def of_random() -> Graphs:
    """Random graphs and their gradients; the same ones as long as their generator is the same."""
    builders, properties = (importlib.import_module(f"tests.graphs.{name}") for name in ("builder", "properties"))
    for kind, builder in (("small", builders.Builder), ("wide", builders.Wide)):
        for k, sample in enumerate(drawn(builder, RANDOM[kind])):
            yield f"{kind}-{k}", sample.graph
            yield f"{kind}-{k}-gradient", properties.gradient_graph(sample.graph)


def drawn(builder: Any, count: int) -> list[Any]:
    hypothesis, generate = (importlib.import_module(name) for name in ("hypothesis", "tests.graphs.generate"))
    found: list[Any] = []

    limits = hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,  # that would follow from this function's source; the seed does not
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )

    def look(sample: Any) -> None:
        found.append(sample)

    hypothesis.seed(1)(limits(hypothesis.given(generate.samples(most=12, builder=builder))(look)))()
    return found


SOURCES: Mapping[str, Callable[[], Graphs]] = {
    "models": of_models,
    "ops": of_cases,
    "benchmarks": of_benchmarks,
    "random": of_random,
}


# --- storing and comparing


def store(folder: Path, sources: Mapping[str, Callable[[], Graphs]] = SOURCES) -> int:
    """A file for each graph; how many there are. A source that this checkout has not yet is left out, and said."""
    count = 0
    for kind, graphs in sources.items():
        place = folder / kind
        place.mkdir(parents=True, exist_ok=True)
        try:
            for name, made in graphs():
                (place / f"{file_name(name)}.txt").write_text(attempted(made) + "\n", encoding="utf-8")
                count += 1
        except (ModuleNotFoundError, AttributeError) as error:
            print(f"{kind}: left out, {error}", file=sys.stderr)
    return count


def attempted(made: Any) -> str:
    """What does not compile is told in its file."""
    try:
        return trees(made)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def file_name(name: str) -> str:
    return re.sub(r"[^\w.\[\],-]", "_", name)[:200]


def read(folder: Path) -> dict[str, list[str]]:
    files = sorted(folder.rglob("*.txt"))
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8").splitlines() for file in files}


def differences(old: Path, new: Path) -> Iterator[str]:
    """What changed, file by file, then how much did."""
    before, after = read(old), read(new)
    changed = 0
    for name in sorted(before.keys() | after.keys()):
        a, b = before.get(name, []), after.get(name, [])
        if a != b:
            changed += 1
            yield from difflib.unified_diff(a, b, f"old/{name}", f"new/{name}", lineterm="")
    kernels = [sum(is_kernel(line) for lines in side.values() for line in lines) for side in (before, after)]
    yield f"{changed} of {len(before.keys() | after.keys())} graphs changed; {kernels[0]} kernels before, {kernels[1]} after"


def is_kernel(line: str) -> bool:
    return line.lstrip().startswith(("kernel ", "contract "))


@contextmanager
def stored(side: str) -> Iterator[Path]:
    """The folder, or that of a commit, for as long as it is wanted."""
    if Path(side).is_dir():
        yield Path(side)
        return
    with tempfile.TemporaryDirectory() as temporary:
        tree, folder = Path(temporary) / "tree", Path(temporary) / "kernels"
        git = ("git", "-C", str(ROOT), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), side], check=True)
        try:
            paths = os.pathsep.join(map(str, (tree / "src", tree)))
            call = [sys.executable, str(Path(__file__).resolve()), "store", str(folder)]
            subprocess.run(call, check=True, cwd=tree, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.DEVNULL)
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("store", help="write loop trees").add_argument("folder", type=Path)
    compared = commands.add_parser("diff", help="compare two folders, or commits")
    compared.add_argument("old")
    compared.add_argument("new")
    options = parser.parse_args(arguments)
    if options.command == "store":
        print(f"{store(options.folder)} graphs in {options.folder}")
        return 0
    with stored(options.old) as old, stored(options.new) as new:
        lines = list(differences(old, new))
    print("\n".join(lines))
    return int(len(lines) > 1)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.path[1:1] = [str(Path.cwd())] if (Path.cwd() / "src" / "clew").is_dir() else [str(ROOT)]
    sys.exit(main())
