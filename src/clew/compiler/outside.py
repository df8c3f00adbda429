"""Ops that have no native code: the compiled function calls back, and their NumPy reference runs."""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..ir import UNKNOWN, Value, quiet
from ..ops.items import Item
from .block import I64, number
from .expression import Buffer
from .steps import Frame, Step

Callback = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(ctypes.c_void_p))
DONE, FAILED = 1, 2  # ctypes returns 0 where nothing of ours could


class Outside:
    """The Python side of a compiled function: the ops it calls back for, and what they pass on that has no fixed size.

    Python may run a signal's handler, which may raise, as soon as it enters a function, where nobody could catch that: so
    what is called is a generator that stands in its ``try`` already.
    """

    def __init__(self) -> None:
        self.steps: list[Reference] = []
        self.objects: dict[Value, Any] = {}
        self.failure: BaseException | None = None
        runs = self._runs()
        next(runs)
        self.callback = Callback(runs.send)

    @property
    def address(self) -> int:
        return int(ctypes.cast(self.callback, ctypes.c_void_p).value or 0)

    def _runs(self) -> Generator[int, Any, None]:
        code = DONE
        while True:
            try:
                while True:
                    context = yield code
                    self.steps[context[0] or 0].run(self.objects, context)
                    code = DONE
            except GeneratorExit:
                return
            except BaseException as error:  # it is raised again once the compiled function has returned
                self.failure, code = error, FAILED


@dataclass
class Reference(Step):
    """One op's reference. The context of its callback holds its number, the operands' addresses, then the results'."""

    number: int = 0
    results: list[Buffer] = field(default_factory=list)

    @property
    def cycles(self) -> float:
        return 100_000

    def write(self, frame: Frame) -> None:
        b = frame.b
        places: Sequence[Buffer] = [*self.reads, *self.results]
        context = b.slot("ptr", 1 + len(places))
        b.store(number(self.number, I64), context, 8)
        for k, place in enumerate(places, 1):
            if place in frame.addresses:
                b.store(frame.addresses[place], b.gep(context, number(k, I64), "ptr"), 8)
        callback = b.load(frame.env, "ptr", 8)
        code = b.put(f"call i32 {callback.text}({context})", "i32")
        frame.leave_if(b.select(b.icmp("eq", code, number(DONE, "i32")), number(0, "i32"), number(FAILED, "i32")))

    def run(self, objects: dict[Value, Any], context: Any) -> None:
        (v,) = self.values
        assert v.op is not None
        where = {place: context[k] for k, place in enumerate([*self.reads, *self.results], 1)}
        at = {place.value: where[place] for place in where}

        def read(x: Value) -> Any:
            if x in objects:
                return objects[x]
            if x.op is None:
                return x.data
            data = memory(x, at[x])
            return data if x.shape else data[()]

        made = quiet.run(v.op.reference, *map(read, v.operands))
        if isinstance(made, tuple):
            objects[v] = made
        for place in self.results:
            w = place.value
            result = made[w.op.k] if isinstance(w.op, Item) else made
            if UNKNOWN in w.shape:
                objects[w] = np.array(result)
            elif w.type.size:
                memory(w, where[place])[...] = result


def memory(v: Value, address: int) -> Any:
    """An array over native memory."""
    if not v.type.size:
        return np.empty(v.shape, v.dtype)
    data: Any = (ctypes.c_uint8 * v.type.nbytes).from_address(address)
    return np.ndarray(v.shape, v.dtype, data)


def reference(v: Value, made: Sequence[Value], buffers: dict[Value, Buffer], outside: Outside) -> Reference:
    """The step that runs ``v``'s reference; ``made`` are its results that others take."""
    reads = [buffers[x] for x in dict.fromkeys(v.operands) if x in buffers]
    results = [buffers[w] for w in made]
    step = Reference([v], reads, results, number=len(outside.steps), results=results)
    outside.steps.append(step)
    return step
