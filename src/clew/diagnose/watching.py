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
from .describe import finite
from .nonfinite import Fault, backward_fault, fault_of


class Watch:
    """What a ``watch()`` has found: ``fault``, or None as long as every number made of finite ones is finite."""

    def __init__(self, raises: bool) -> None:
        self.raises = raises
        self.fault: Fault | None = None
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

    def found(self, fault: Fault) -> None:
        self.fault = fault
        if self.raises:
            raise NonfiniteError(str(fault))


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
    ``fault``. Numbers that were not finite to begin with (a mask of -inf) are no fault. Eager computation is watched, of this
    thread; the cost is a few per cent, since the processor tells.

    >>> import clew as cl
    >>> with cl.watch(raises=False) as w:
    ...     y = cl.log(cl.asarray([1.0, -1.0]))
    >>> w.fault.op, w.fault.index
    ('log', (1,))
    """
    before = quiet.run, quiet.after
    watcher = Watch(raises)
    quiet.run, quiet.after = watcher.run, watcher.after
    try:
        yield watcher
    finally:
        quiet.run, quiet.after = before
