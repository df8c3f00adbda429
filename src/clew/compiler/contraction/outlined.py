"""Parts of a function as functions of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from clew.compiler.block import Block, Reg


def outlined(b: Block, given: Sequence[Reg], values: Sequence[Reg], write: Callable[[Block, list[Reg]], object]) -> None:
    """What ``write(block, values)`` writes, as a function that is called here; it serves all of the module. It has the
    parameters ``given``, and of the values those that are no constants, under other names."""
    inner = [Reg(f"%p{k}", x.type) if x.text.startswith("%") else x for k, x in enumerate(values)]
    passed = [(x, y) for x, y in zip(inner, values, strict=True) if x is not y]

    def body(b: Block) -> None:
        write(b, inner)
        b.do("ret void")

    name = b.module.shared(object(), "void", [*given, *(x for x, _ in passed)], body)  # one for the same bodies
    b.do(f"call void @{name}({', '.join(map(str, [*given, *(y for _, y in passed)]))})")
