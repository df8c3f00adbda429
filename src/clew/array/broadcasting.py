"""NumPy's broadcasting, made explicit in the graph."""

from __future__ import annotations

from typing import Any

from ..errors import TypeRuleError
from ..ir import Shape, Value, here, located
from ..ops.broadcast import broadcast
from ..ops.elementwise import filled
from ..ops.movement import reshape
from .promotion import promoted


def common_shape(operation: str, *xs: Value) -> Shape:
    """The shape that these broadcast to, or an error that names the axis where they disagree and the usual mend."""
    ndim = max((x.ndim for x in xs), default=0)
    result = []
    for axis in range(-ndim, 0):
        sizes = {x.shape[axis] for x in xs if x.ndim >= -axis} - {1}
        if len(sizes) > 1:
            raise located(TypeRuleError(_mismatch(operation, axis, xs)), xs, here())
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def _mismatch(operation: str, axis: int, xs: tuple[Value, ...]) -> str:
    sizes = [x.shape[axis] for x in xs if x.ndim >= -axis]
    text = f"{operation}({', '.join(str(x.type) for x in xs)}): shapes do not broadcast: axis {axis} has sizes "
    text += " and ".join(map(str, sizes))
    if len(xs) == 2:
        a, b = xs
        if a.ndim > b.ndim and b.ndim == 1 and a.shape[:1] == b.shape:
            return f"{text}; to line up along the first axis, write b[:, None] for the second operand"
        if a.ndim == b.ndim == 2 and a.shape == b.shape[::-1]:
            return f"{text}; one looks transposed: use its .T"
    return f"{text}; reshape one of them, or insert an axis with x[None, :] or x[:, None]"


def broadcast_to(x: Value, shape: Shape) -> Value:
    """``x`` repeated to ``shape`` (which it must broadcast to). A constant of one repeated number stays one number."""
    if x.shape == shape:
        return x
    if x.op is None and x.ndim == 0 and x.data is not None and x.label is None:
        return filled(x.data.item(), x.type.with_shape(shape))
    lead = len(shape) - x.ndim
    stretched = [k for k in range(x.ndim) if x.shape[k] == 1 and shape[lead + k] != 1]
    if stretched:
        x = reshape(x, tuple(n for k, n in enumerate(x.shape) if k not in stretched))
    axes = (*range(lead), *(lead + k for k in stretched))
    return broadcast(x, axes, tuple(shape[a] for a in axes))


def aligned(operation: str, *xs: Any) -> list[Value]:
    """The operands as values of one dtype and one shape."""
    values = promoted(operation, *xs)
    shape = common_shape(operation, *values)
    return [broadcast_to(v, shape) for v in values]
