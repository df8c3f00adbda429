"""Parts of a function as functions of their own."""

from __future__ import annotations

import ctypes

from clew.compiler.block import Block, Module, Reg, number
from clew.compiler.contraction.outlined import outlined
from clew.compiler.native import Library


def test_outlined_functions() -> None:
    """What is constant stays so inside; what is not is given; the same bodies are one function."""
    module, x, y = Module(), Reg("%x", "i64"), Reg("%y", "i64")

    def write(b: Block, values: list[Reg]) -> None:
        first, second, third = values
        b.store(b.add(b.mul(first, second), third), Reg("%to", "ptr"), 8)

    def body(b: Block) -> None:
        to = Reg("%to", "ptr")
        outlined(b, [to], [x, number(3, "i64"), y], write)
        once = b.load(to, "i64", 8)
        outlined(b, [to], [b.add(once, x), number(3, "i64"), x], write)
        outlined(b, [to], [b.load(to, "i64", 8), number(5, "i64"), x], write)
        b.do("ret void")

    module.function("f", "void", [x, y, Reg("%to", "ptr")], body)
    assert [module.text.count(f"call void @k{k}(") for k in (0, 1)] == [2, 1]
    assert "mul i64 %p0, 3" in module.text and "mul i64 %p0, 5" in module.text
    found, library = ctypes.c_int64(), Library(module.text)
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(library.address("f"))
    function(7, 11, ctypes.addressof(found))
    assert found.value == 5 * (3 * (3 * 7 + 11 + 7) + 7) + 7
