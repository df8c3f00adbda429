"""``watch``: stop where the first NaN or infinity comes from, at nearly no cost until then."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import NonfiniteError
from ..ir import Op, Value, here, quiet
from ..ops.elementwise import Elementwise
from ..transforms.compilation.switch import attentive
from .describe import finite
from .faults import Fault, backward_fault, fault_of


class Watch:
    """What a ``watch()`` has found: ``fault``, or None as long as every number made of finite ones is finite."""

    def __init__(self, raises: bool) -> None:
        self.raises = raises
        self.fault: Fault | None = None
        self.buffers: dict[Any, list[Any]] = {}  # of each compiled function that was called, for the state before the call
        self.flagged = False  # by the processor: a division by zero, an overflow, or an invalid operation
        self.context = contextvars.copy_context()
        self.context.run(np.seterr, divide="call", over="call", invalid="call", under="ignore")
        self.context.run(np.seterrcall, self.flag)

    def flag(self, kind: str, status: int) -> None:
        self.flagged = True

    def run(self, reference: Callable[..., Any], *arrays: Any) -> Any:
        """``quiet.run`` with an eye on the processor's flags. Where they may not tell, the result is looked at."""
        result = self.context.run(reference, *arrays)
        if self.flagged or _unflagged(reference, result):
            self.flagged = False
            if self.fault is None and not finite(result) and all(map(finite, arrays)):
                frame = sys._getframe(1)  # that of Op.apply, which holds the op and its operands
                op, operands = frame.f_locals.get("self"), frame.f_locals.get("operands", ())
                if isinstance(op, Op):
                    node = Value(op, tuple(operands), op.infer(*[x.type for x in operands]), None, None, here())
                    self.found(fault_of(node, [x.data for x in operands], result))
        return result

    def after(self, seeds: Mapping[Value, Any], gradients: Mapping[Value, Any], read: Callable[[Value], Any]) -> None:
        """After a backward pass on arrays: where a gradient is not finite, go over it again and see where that began."""
        if self.fault is None and not all(map(finite, gradients.values())):
            quiet.after = None
            try:
                fault = backward_fault(seeds, read)
            finally:
                quiet.after = self.after
            if fault is not None:
                self.found(fault)

    def call(self, entry: Any, leaves: list[Any], tracked: dict[int, Value], again: Callable[[], Any]) -> Any:
        """A call of a compiled function. If a number it made is not finite, its parts are run ``again`` on the same state."""
        if self.fault is not None:
            return entry.called(leaves, tracked)[0]
        if entry not in self.buffers:
            self.buffers[entry] = entry.buffers()
        before = entry.snapshot(self.buffers[entry])
        result, made = entry.called(leaves, tracked)
        if all(map(finite, made)):
            return result
        after = entry.snapshot()
        del self.buffers[entry]  # which become those of the variables
        before.restore()
        quiet.call = _by_parts
        try:
            again()
        finally:
            quiet.call = self.call
            before.restore()
        after.restore()
        return result

    def found(self, fault: Fault) -> None:
        self.fault = fault
        if self.raises:
            raise NonfiniteError(str(fault))


def watched(f: Callable[..., Any], *args: Any) -> Fault | None:
    """The first fault in a call of ``f``. The parts of compiled functions in it are run."""
    with watch(raises=False) as watcher:
        quiet.call = _by_parts
        f(*args)
    return watcher.fault


def _by_parts(entry: Any, leaves: list[Any], tracked: dict[int, Value], again: Callable[[], Any]) -> Any:
    return again()


def _unflagged(reference: Callable[..., Any], result: Any) -> bool:
    """Whether an op may make what is not finite without the processor's flags: in libraries, or in half precision."""
    op = getattr(reference, "__self__", None)
    if isinstance(op, Op) and not isinstance(op, Elementwise):
        return True
    return bool(result.dtype.itemsize == 2 and result.dtype.kind != "i")


@contextmanager
def watch(raises: bool = True) -> Iterator[Watch]:
    """Inside, the first operation that makes a NaN or an infinity of finite numbers raises ``NonfiniteError``.

    Its text names the operation, the user's line, the operands at the offending index, and the way that led there; backward,
    the forward node whose derivative it was. With ``raises=False`` the computation goes on, and the fault is kept in
    ``fault``. Numbers that were not finite to begin with (a mask of -inf) are no fault. What this thread computes is watched;
    eagerly that costs a few per cent, since the processor tells.

    Compiled functions run at full speed, but for a copy of the state that they change. After each call the numbers that it
    returns, and the new state, are looked at. If one is not finite, the function itself is run once more, eagerly, with its
    arguments and its state as they were before, random numbers included; that run names the operation. An error leaves the
    state as it was before the call.

    >>> import clew as cl
    >>> with cl.watch(raises=False) as w:
    ...     y = cl.log(cl.asarray([1.0, -1.0]))
    >>> w.fault.op, w.fault.index
    ('log', (1,))
    """
    before = quiet.run, quiet.after, quiet.call
    watcher = Watch(raises)
    quiet.run, quiet.after, quiet.call = watcher.run, watcher.after, watcher.call
    try:
        with attentive():
            yield watcher
    finally:
        quiet.run, quiet.after, quiet.call = before
