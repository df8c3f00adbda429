"""``find_nonfinite``: one call of a function, looked at for NaN and infinities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..array.promotion import value_of
from ..diff.reverse import known
from ..ir import INPUT, toposort
from ..ops.elementwise import filled
from ..pytree import flatten
from ..tensor import Tensor, unwrap
from ..transforms.run import Run, argument_names, name_of
from .compiled import Side, is_compiled
from .faults import Fault, backward_fault, forward_fault
from .watching import watched


def find_nonfinite(f: Callable[..., Any], *args: Any) -> Fault | None:
    """Run ``f`` and its gradient at the arguments; tell what first made a NaN or an infinity of finite numbers, or None.

    Arguments are nested containers. Those of floats are differentiated, and so are the variables that ``f`` reads; others
    are passed on. Gates and loops are looked into. A fault on the way back names the forward node whose derivative it is.

    Of a compiled function the parts are run. If it changes state, such as a training step, that includes its own
    ``backward()`` and its updates, and the state is as it was afterwards.

    >>> import clew as cl
    >>> fault = cl.find_nonfinite(lambda x: cl.sum(cl.log(x)), cl.asarray([1.0, 0.0, 2.0]))
    >>> fault.direction, fault.op, fault.index
    ('forward', 'log', (1,))
    """
    if is_compiled(f) and not (side := Side(f, args)).entry.pure:
        before = side.entry.snapshot()
        try:
            return watched(side.function, *args)
        finally:
            before.restore()
    leaves, tree = flatten(args)
    names = argument_names(f, args, {})
    chosen = [k for k, x in enumerate(leaves) if _moves(x, is_compiled(f))]

    def part(*numbers: Any) -> Any:
        given = dict(zip(chosen, numbers, strict=True))
        return f(*tree.unflatten([given.get(k, x) for k, x in enumerate(leaves)]))

    run = Run("find_nonfinite", part, tuple([leaves[k] for k in chosen]), name_of(f), names=[names[k] for k in chosen])
    nodes = toposort(run.outputs)
    fault = forward_fault(run.outputs, {v: v.data for v in nodes})
    if fault is not None:
        return fault
    outputs = [v for v in dict.fromkeys(run.outputs) if v.type.differentiable and v.op is not None]
    wanted = {*run.leaves, *(v for v in nodes if v.op is INPUT)}
    return backward_fault({v: filled(1, v.type).data for v in outputs}, known, wanted)


def _moves(x: Any, compiled: bool) -> bool:
    """Whether an argument is differentiated: a float, or a whole number where one is meant, which those of ``jit`` are not."""
    if isinstance(x, int) and not isinstance(x, bool):
        return not compiled
    return (isinstance(x, Tensor | float) or hasattr(x, "__array__")) and value_of(unwrap(x)).type.differentiable
