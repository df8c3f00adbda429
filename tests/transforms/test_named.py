"""The names in functions' code are those that Python's own ``dis`` tells."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType

import pytest

import clew.compiler.block
import clew.errors
import clew.tensor
from clew.transforms.compilation.named import IN_NAMES, KINDS, named


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from codes(inner)


def as_dis_has_them(code: CodeType) -> list[tuple[int, str, str]]:
    every = [x for x in dis.get_instructions(code) if x.opcode in IN_NAMES or x.opname.startswith(KINDS)]
    return [(x.offset, x.opname, x.argval) for x in every if isinstance(x.argval, str)]


@pytest.mark.parametrize("module", [ast, dis, clew.compiler.block, clew.errors, clew.tensor], ids=lambda m: m.__name__)
def test_the_same_as_dis(module: ModuleType) -> None:
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    for code in codes(compile(text, "text", "exec")):
        assert [(x.place, x.operation, x.name) for x in named(code)] == as_dis_has_them(code)


def test_more_names_than_one_byte_counts() -> None:
    lines = "\n".join(f"    g{k}.a{k}" for k in range(300))
    code = compile(f"def f(x):\n{lines}\n    return x", "many", "exec").co_consts[0]
    found = named(code)
    assert [x.name for x in found] == [name for k in range(300) for name in (f"g{k}", f"a{k}")] + ["x"]
    assert [x.next for x in found] == [False, *[k % 2 == 0 for k in range(599)], False]


def test_kinds() -> None:
    def f(x: int) -> object:
        return lambda: (x, print)

    inner = next(c for c in codes(f.__code__) if c is not f.__code__)
    assert [(x.name, x.is_variable, x.is_global) for x in named(inner)] == [("x", True, False), ("print", False, True)]
