"""Written functions, run on arrays: what the tests of the compiler's functions share."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from clew.compiler.block import Block, Module, Reg, number, vector
from clew.compiler.conversion import from_memory, memory_type, to_memory
from clew.compiler.native import Host, Library, host

Write = Callable[..., Reg]
# processors whose code this one runs too: the least of its kind, and one of 256 bits
HOSTS = (
    [Host("x86-64", "", 128), *([Host("haswell", "", 256)] if host().bits >= 256 else [])]
    if platform.machine() in ("x86_64", "AMD64")
    else []
)


class Functions:
    """Functions of registers, compiled for arrays: ``functions(name, *arrays)``; sizes are multiples of the lanes."""

    def __init__(self, written: Mapping[str, tuple[Write, Any, Any]], lanes: int, on: Host | None = None) -> None:
        """``written`` gives for each name what writes it, and the dtypes of its operands (one or several) and result."""
        self.lanes = lanes
        self.dtypes: dict[str, tuple[list[np.dtype], np.dtype]] = {}
        module = Module()
        for name, (write, operands, result) in written.items():
            sources = [np.dtype(x) for x in (operands if isinstance(operands, list) else [operands])]
            self.dtypes[name] = sources, np.dtype(result)
            self._define(module, name, write, sources, np.dtype(result))
        self.text = module.text
        self._library = Library(self.text, on)

    def _define(self, module: Module, name: str, write: Write, sources: list[np.dtype], result: np.dtype) -> None:
        count, out = Reg("%count", "i64"), Reg("%out", "ptr")
        places = [Reg(f"%in{k}", "ptr") for k in range(len(sources))]

        def body(b: Block) -> None:
            with b.loop(number(0, "i64"), count, step=self.lanes or 1) as loop:
                operands = []
                for place, dtype in zip(places, sources, strict=True):
                    kind = memory_type(dtype)
                    loaded = b.load(b.gep(place, loop.i, kind), vector(kind, self.lanes), 1)
                    operands.append(from_memory(b, loaded, dtype))
                stored = to_memory(b, write(b, *operands), result)
                b.store(stored, b.gep(out, loop.i, memory_type(result)), 1)
            b.do("ret void")

        module.function(f"test_{name}", "void", [count, out, *places], body)

    def __call__(self, name: str, *arrays: np.ndarray) -> np.ndarray:
        sources, result = self.dtypes[name]
        assert [x.dtype for x in arrays] == sources
        arrays = tuple(np.ascontiguousarray(x) for x in arrays)
        out = np.empty(arrays[0].shape, result)
        run = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * (1 + len(arrays)))
        run(self._library.address(f"test_{name}"))(out.size, out.ctypes.data, *[x.ctypes.data for x in arrays])
        return out


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two arrays hold the same bits; any NaN is the same as another."""
    unsigned = f"u{a.dtype.itemsize}"
    with np.errstate(invalid="ignore"):
        return (a.view(unsigned) == b.view(unsigned)) | ((a != a) & (b != b))
