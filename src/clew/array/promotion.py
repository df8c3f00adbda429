"""Which dtype operands of different dtypes meet in, after the array API standard.

Within a kind the wider dtype wins. Where the standard leaves mixed kinds open: a boolean meets anything in the other's
dtype, an integer meets a float in the float's dtype (as in PyTorch and JAX). Python scalars are weak: they take the
dtype of the array beside them, or the default float where that cannot hold them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import TypeRuleError
from ..ir import DTYPES, FLOATS, INTEGERS, NAMES, Dtype, Value, constant, here, located, tracing
from ..ops.rounding import cast, converted

DEFAULT_FLOAT = DTYPES["f32"]
DEFAULT_INTEGER = DTYPES["i64"]
BOOL = DTYPES["bool"]


@lru_cache(maxsize=1024)
def result_dtype(a: Dtype, b: Dtype) -> Dtype | None:
    """The dtype that two dtypes promote to, or None where there is none (u64 beside a signed integer)."""
    if a == b or b == BOOL:
        return a
    if a == BOOL:
        return b
    if a in FLOATS and b in FLOATS:
        return DTYPES["f32"] if a.itemsize == b.itemsize else max(a, b, key=lambda d: d.itemsize)
    if a in FLOATS or b in FLOATS:
        return a if a in FLOATS else b
    joined = np.promote_types(a, b)
    return joined if joined in INTEGERS else None


def scalar_dtype(x: Any, beside: Dtype | None) -> Dtype:
    """The dtype of a Python scalar beside an array of another (None: on its own)."""
    if isinstance(x, bool):
        return beside or BOOL
    if isinstance(x, int):
        return beside if beside is not None and beside != BOOL else DEFAULT_INTEGER
    return beside if beside in FLOATS else DEFAULT_FLOAT


class Weak:
    """A Python float that is not known while a function is traced: weak like any, and computed with in f64 until it meets
    an array.
    """

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


def is_scalar(x: Any) -> bool:
    return x.__class__ in (float, int, bool) or isinstance(x, Weak)


def value_of(x: Any, dtype: Dtype | None = None) -> Value:
    """``x`` as a value: a Python scalar or nested list in default precision, an array in its own dtype, without a copy."""
    if x.__class__ is Value:
        return x if dtype is None or x.dtype == dtype else cast(x, dtype)
    if isinstance(x, Weak):
        return cast_to(x.value, dtype or DEFAULT_FLOAT)
    if is_scalar(x):
        return constant(x, dtype or scalar_dtype(x, None))
    if tracing.trace is not None and isinstance(x, np.ndarray) and (v := tracing.trace.array(x)) is not None:
        return v if dtype is None else cast_to(v, dtype)
    if isinstance(x, np.ndarray | np.generic) or hasattr(x, "__array__"):
        array = np.asarray(x, None if getattr(x, "dtype", None) in FLOATS else dtype)
        array = array if dtype is None else converted(array, dtype)
    elif hasattr(x, "__dlpack__"):
        array = np.from_dlpack(x)
    else:
        array = np.asarray(x, dtype)
        if dtype is None and array.dtype == np.float64:
            array = array.astype(DEFAULT_FLOAT)
    if array.dtype not in NAMES:
        swapped = array.dtype.newbyteorder("=") in NAMES
        more = "; its bytes have the order of other machines: x.astype(x.dtype.newbyteorder('='))" if swapped else ""
        raise TypeRuleError(
            f"asarray: cannot hold {type(x).__name__} of dtype {array.dtype}; clew knows {', '.join(map(str, NAMES))}{more}"
        )
    return constant(array)


def promoted(operation: str, *xs: Any) -> list[Value]:
    """The operands as values of one dtype; Python scalars are weak."""
    values = [x if is_scalar(x) else value_of(x) for x in xs]
    dtypes = [v.dtype for v in values if v.__class__ is Value]
    joined: Dtype | None = dtypes[0] if dtypes else None
    for dtype in dtypes[1:]:
        joined = joined and result_dtype(joined, dtype)
    if dtypes and joined is None:
        why = f"{operation}: the dtypes {', '.join(NAMES[d] for d in dtypes)} have no common dtype; cast one: x.astype(...)"
        raise located(TypeRuleError(why), xs, here())
    for x in values:
        if is_scalar(x):
            joined = scalar_dtype(x, joined) if joined is None or not isinstance(x, bool) else joined
    assert joined is not None
    return [as_weak(operation, x, joined) if is_scalar(x) else cast_to(x, joined) for x in values]


def cast_to(x: Value, dtype: Dtype) -> Value:
    return x if x.dtype == dtype else cast(x, dtype)


def as_weak(operation: str, x: Any, dtype: Dtype) -> Value:
    """A Python scalar as a 0-d constant of an array's dtype, if that can hold it."""
    if isinstance(x, Weak):
        return cast_to(x.value, dtype)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        if not info.min <= x <= info.max:
            why = f"{operation}: the number {x} does not fit {NAMES[dtype]}, whose range is [{info.min}, {info.max}]"
            raise located(TypeRuleError(f"{why}; cast the array to a wider dtype"), (), here())
    return constant(x, dtype)
