"""A graph as the text of a module, with all that a call of it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..ir import Graph
from . import native
from .block import I64, Block, Reg, number
from .routine import PARAMETERS, Routine, Shared

LONG = 3_000_000  # cycles from which on Ctrl-C stops a call


class Written:
    """The module's function ``main`` takes Python's objects, and runs the graph's routine.

    ``data`` is where NumPy's array objects hold the address of their data, and others that are given seem to. ``sink`` is
    given the module in parts, as they are written.
    """

    def __init__(
        self, graph: Graph, updates: Mapping[int, int], data: int, sink: Callable[[native.Part], object] | None = None
    ) -> None:
        self.source = graph
        self.updates = updates
        self.data = data
        self.shared = Shared(native.host().bits, sink)
        self.routine = Routine(graph, self.shared, updates)
        self.shared.module.function("main", "i32", PARAMETERS[:2], self.main, calls=True)

    def main(self, b: Block) -> None:
        """The function's body."""
        if self.routine.cycles > LONG:
            b.module.declare("declare void @clew_listen(ptr)")
            b.do("call void @clew_listen(ptr %view)")
        table = self.given(b)
        view, _, *rest = PARAMETERS
        names = ", ".join(map(str, (view, table, *rest)))
        stopped = b.put(f"call i32 @{self.routine.name}({names})", "i32")
        if self.updates:
            b.store(b.convert("zext", b.icmp("eq", stopped, number(0, "i32")), I64), self.at(b, 2), 8)
        b.do(f"ret {stopped}")

    @property
    def text(self) -> str:
        """The module in LLVM's language."""
        return self.shared.module.text

    @property
    def count(self) -> int:
        return len(self.source.inputs) + len(self.source.outputs)

    def at(self, b: Block, k: int) -> Reg:
        """What the table ends with: where the arena and the constants are, and whether inputs have been updated. (Each operand
        that Python passes takes its time.)"""
        return b.gep(PARAMETERS[1], number(self.count + k, I64), "ptr")

    def given(self, b: Block) -> Reg:
        """The routine's table, of addresses, and its other parameters by their names. Python gives objects, which hold the
        address of their data."""
        for k, x in enumerate(PARAMETERS[2:]):
            b.do(f"{x.text} = load ptr, {self.at(b, k)}, align 8")
        table = b.slot("ptr", max(1, self.count))
        with b.loop(number(0, I64), number(self.count, I64), empty=True) as loop:
            object = b.load(b.gep(PARAMETERS[1], loop.i, "ptr"), "ptr", 8)
            address = b.load(b.gep(object, number(self.data, I64), "i8"), "ptr", 8)
            b.store(address, b.gep(table, loop.i, "ptr"), 8)
        return table
