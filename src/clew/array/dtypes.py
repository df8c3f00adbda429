"""Data types: their names, questions about them, and conversion between them."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from ..ir import DTYPES, FLOATS, INTEGERS, NAMES, Dtype, Value
from .arguments import PYTHON_TYPES, check_device, dtype_of, refused
from .lifting import ArrayLike
from .promotion import cast_to, is_scalar, result_dtype, scalar_dtype, value_of

bool = DTYPES["bool"]
int8, int16, int32, int64 = (DTYPES[name] for name in ("i8", "i16", "i32", "i64"))
uint8, uint16, uint32, uint64 = (DTYPES[name] for name in ("u8", "u16", "u32", "u64"))
bfloat16, float16, float32, float64 = (DTYPES[name] for name in ("bf16", "f16", "f32", "f64"))

KINDS: dict[str, frozenset[Dtype]] = {
    "bool": frozenset({bool}),
    "signed integer": frozenset({int8, int16, int32, int64}),
    "unsigned integer": frozenset({uint8, uint16, uint32, uint64}),
    "integral": INTEGERS,
    "real floating": FLOATS,
    "complex floating": frozenset(),
    "numeric": INTEGERS | FLOATS,
}


class FloatInfo(NamedTuple):
    """The limits of a floating-point dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Dtype


class IntegerInfo(NamedTuple):
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: Dtype


def astype(x: ArrayLike, dtype: Any, /, *, copy: builtins.bool = True, device: Any = None) -> Value:
    """``x`` in another dtype.

    A float is truncated on its way to an integer; anything but 0 is True. From float to float the gradient is cast
    back; on the way to an integer or a bool none passes. Values never change, so ``copy`` makes no difference.

    >>> import clew as cl
    >>> cl.astype([1.7, -1.7], cl.int32).tolist()
    [1, -1]
    """
    check_device("astype", device)
    return cast_to(value_of(x), dtype_of("astype", dtype))


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    """Whether an array of one dtype takes another by promotion alone: whether the two promote to ``to``.

    >>> import clew as cl
    >>> cl.can_cast(cl.float32, cl.float64), cl.can_cast(cl.float64, cl.float32)
    (True, False)
    """
    wanted = dtype_of("can_cast", to)
    return result_dtype(_dtype("can_cast", from_), wanted) == wanted


def result_type(*arrays_and_dtypes: Any) -> Dtype:
    """The dtype that operands of these dtypes meet in; Python scalars are weak.

    >>> import clew as cl
    >>> cl.result_type(cl.int32, cl.float32), cl.result_type(cl.int8, 1)
    (dtype('float32'), dtype('int8'))
    """
    joined: Dtype | None = None
    for x in arrays_and_dtypes:
        if not is_scalar(x):
            dtype = _dtype("result_type", x)
            met = dtype if joined is None else result_dtype(joined, dtype)
            if met is None:
                why = f"{NAMES[dtype]} has no common dtype with {joined and NAMES[joined]}; cast one of them"
                raise refused("result_type", why)
            joined = met
    for x in arrays_and_dtypes:
        if is_scalar(x):
            joined = scalar_dtype(x, joined) if joined is None or not isinstance(x, builtins.bool) else joined
    if joined is None:
        raise refused("result_type", "needs at least one array or dtype")
    return joined


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether a dtype is another, of a kind (``"bool"``, ``"signed integer"``, ``"unsigned integer"``, ``"integral"``,
    ``"real floating"``, ``"complex floating"``, ``"numeric"``), or one of a tuple of those.

    >>> import clew as cl
    >>> cl.isdtype(cl.uint8, "integral"), cl.isdtype(cl.uint8, (cl.int8, "real floating"))
    (True, False)
    """
    found = dtype_of("isdtype", dtype)
    if isinstance(kind, tuple):
        return any(isdtype(found, k) for k in kind)
    if isinstance(kind, str):
        if kind not in KINDS:
            raise refused("isdtype", f"no kind {kind!r}; kinds are {', '.join(map(repr, KINDS))}")
        return found in KINDS[kind]
    return found == dtype_of("isdtype", kind)


def finfo(type: Any, /) -> FloatInfo:
    """The limits of a floating-point dtype, or of that of an array.

    >>> import clew as cl
    >>> cl.finfo(cl.float16).max
    65504.0
    """
    dtype = _dtype("finfo", type)
    if dtype not in FLOATS:
        raise refused("finfo", f"{dtype} is not a floating-point dtype; iinfo tells of integers")
    info: Any = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    return FloatInfo(info.bits, float(info.eps), float(info.max), float(info.min), float(info.smallest_normal), dtype)


def iinfo(type: Any, /) -> IntegerInfo:
    """The limits of an integer dtype, or of that of an array.

    >>> import clew as cl
    >>> cl.iinfo(cl.int8).min
    -128
    """
    dtype = _dtype("iinfo", type)
    if dtype not in INTEGERS:
        raise refused("iinfo", f"{dtype} is not an integer dtype; finfo tells of floating-point ones")
    info = np.iinfo(dtype)
    return IntegerInfo(info.bits, int(info.max), int(info.min), dtype)


def _dtype(function: str, x: Any) -> Dtype:
    """The dtype of an array, or the dtype that is meant."""
    if isinstance(x, np.dtype | str) or (isinstance(x, type) and (x in PYTHON_TYPES or issubclass(x, np.generic))):
        return dtype_of(function, x)
    return value_of(x).dtype
