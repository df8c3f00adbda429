"""Reading what callers give: axes, shapes, plain numbers, dtypes. What cannot be read is refused with the mend."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from ..errors import AxisError, ClewError, ConcretizationError, DetachError, TypeRuleError, UsageError
from ..ir import DTYPES, NAMES, Dtype, Shape, Value, here, located
from .promotion import BOOL, DEFAULT_FLOAT, DEFAULT_INTEGER, cast_to, value_of

Axis = int | tuple[int, ...] | None
E = TypeVar("E", bound=ClewError)

PYTHON_TYPES = {bool: BOOL, int: DEFAULT_INTEGER, float: DEFAULT_FLOAT}
BY_NAME = {dtype.name: dtype for dtype in DTYPES.values()}


def refused(function: str, why: str, *operands: Any, kind: type[E] = TypeRuleError) -> E:  # type: ignore[assignment]
    """The error that names the function, its operands and the user's line."""
    shown = ", ".join(str(x.type) if x.__class__ is Value else f"{x!r:.60}" for x in operands)
    return located(kind(f"{function}({shown}): {why}"), operands, here())


def axis_of(function: str, axis: Any, x: Value, more: int = 0) -> int:
    """``axis`` counted from the front; ``more`` is how many axes the result has beyond those of ``x``."""
    ndim = x.ndim + more
    if isinstance(axis, tuple | list):
        raise refused(function, f"axis must be one integer, not {axis}", x, kind=AxisError)
    number = integer_of(function, "axis", axis)
    if not -ndim <= number < ndim:
        allowed = f"use {-ndim} to {ndim - 1}" if ndim else "a 0-d array has no axes"
        raise refused(function, f"axis {number} is out of range for {ndim} axes; {allowed}", x, kind=AxisError)
    return number % ndim


def axes_of(function: str, axis: Any, x: Value, more: int = 0) -> tuple[int, ...]:
    """The different axes that ``axis`` names, counted from the front; all of them for None."""
    if axis is None:
        return tuple(range(x.ndim + more))
    if not isinstance(axis, tuple | list):
        return (axis_of(function, axis, x, more),)
    axes = tuple(axis_of(function, a, x, more) for a in axis)
    if len(set(axes)) != len(axes):
        raise refused(function, f"axes {tuple(axis)} name one axis twice; name each once", x, kind=AxisError)
    return axes


def number_of(function: str, what: str, x: Any) -> Any:
    """A plain Python number: ``x`` itself, or the one that a known value holds."""
    if x.__class__ is Value:
        if x.data is None:
            why = f"{what} must be known when the graph is built, and this one is not known while its function is traced"
            raise refused(function, f"{why}; compute it outside, or make it a fixed argument", x, kind=ConcretizationError)
        if x.op is not None and x.type.differentiable:
            raise refused(function, f"{what} cannot carry a gradient; say so with .detach()", x, kind=DetachError)
        x = x.data
    if np.ndim(x) or not isinstance(x, int | float | np.generic | np.ndarray):
        raise refused(function, f"{what} must be a number, not {x!r:.60}")
    return x.item() if hasattr(x, "item") else x


def integer_of(function: str, what: str, x: Any) -> int:
    """A plain Python integer."""
    number = x if x.__class__ is int else number_of(function, what, x)
    try:
        return operator.index(number)
    except TypeError:
        raise refused(function, f"{what} must be an integer, not {number!r:.60}") from None


def shape_of(function: str, shape: Any) -> Shape:
    """A shape: a sequence of sizes, or one size."""
    sizes = shape if isinstance(shape, tuple | list) else known_array(function, "a shape", shape).reshape(-1).tolist()
    read = tuple(integer_of(function, "a size", n) for n in sizes)
    if min(read, default=0) < 0:
        raise refused(function, f"shape {read} has a negative size")
    return read


def known_array(function: str, what: str, x: Any) -> Any:
    """``x`` as a NumPy array of known integers or booleans."""
    v = value_of(x)
    if v.data is None:
        why = f"{what} must be known when the graph is built, and this one is not known while its function is traced"
        raise refused(function, f"{why}; compute it outside, or make it a fixed argument", v, kind=ConcretizationError)
    if v.type.differentiable and v.type.size:
        raise refused(function, f"{what} must be of integers", v)
    return np.asarray(v.data)


def dtype_of(function: str, dtype: Any) -> Dtype:
    """A dtype given as itself, by its full name, as NumPy's type, or as Python's ``float``, ``int`` or ``bool``."""
    if isinstance(dtype, type) and dtype in PYTHON_TYPES:
        return PYTHON_TYPES[dtype]
    if isinstance(dtype, str):
        found = BY_NAME.get(dtype)
    else:
        try:
            found = np.dtype(dtype) if dtype is not None else None
        except TypeError:
            found = None
    if found not in NAMES:
        raise refused(function, f"no dtype {dtype!r:.60}; clew knows {', '.join(BY_NAME)}")
    return found


def values_of(function: str, arrays: Any) -> Sequence[Any]:
    """The arrays of a list or tuple, of which there must be one at least."""
    if not isinstance(arrays, tuple | list):
        raise refused(function, "takes its arrays in a list or tuple", arrays)
    if not arrays:
        raise refused(function, "needs at least one array")
    return arrays


def floating(x: Any) -> Value:
    """``x`` as a floating-point value; integers and booleans become the default float."""
    v = value_of(x)
    return v if v.type.differentiable else cast_to(v, DEFAULT_FLOAT)


def check_device(function: str, device: Any) -> None:
    """There is one device, ``"cpu"``."""
    if device is not None and device != "cpu":
        raise refused(function, f"no device {device!r}; the only one is 'cpu'", kind=UsageError)
