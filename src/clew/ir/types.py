"""What is known of a value before it is computed: its dtype and its shape."""

from __future__ import annotations

from math import prod
from threading import Lock
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import ml_dtypes
import numpy as np

Dtype: TypeAlias = np.dtype[Any]
Array: TypeAlias = Any  # an np.ndarray, or the NumPy scalar that stands for a 0-d one
Shape: TypeAlias = tuple[int, ...]

DTYPES: dict[str, Dtype] = {
    "bool": np.dtype(np.bool_),
    **{f"i{8 * n}": np.dtype(f"i{n}") for n in (1, 2, 4, 8)},
    **{f"u{8 * n}": np.dtype(f"u{n}") for n in (1, 2, 4, 8)},
    "bf16": np.dtype(ml_dtypes.bfloat16),
    **{f"f{8 * n}": np.dtype(f"f{n}") for n in (2, 4, 8)},
}
NAMES: dict[Dtype, str] = {dtype: name for name, dtype in DTYPES.items()}
FLOATS = frozenset(DTYPES[name] for name in ("bf16", "f16", "f32", "f64"))
UNKNOWN = -1  # the size of an axis that only the run tells, printed ``?``: how many steps a while loop takes
INTEGERS = frozenset(dtype for name, dtype in DTYPES.items() if name[0] in "iu")


class Type:
    """A dense array type, printed as ``f32[8,3]``. Equal types are one object, so ``is`` compares them."""

    __slots__ = ("__weakref__", "differentiable", "dtype", "key", "shape", "size")

    dtype: Dtype
    shape: Shape
    key: tuple[Dtype, Shape]  # what it is, for who has no type at hand to compare with
    differentiable: bool  # floating-point
    size: int  # how many elements; an unknown axis counts as one long

    def __new__(cls, dtype: Dtype, shape: Shape) -> Type:
        key = (dtype, shape)
        with _lock:
            type = _types.get(key)
            if type is None:
                type = super().__new__(cls)
                type.dtype, type.shape, type.key, type.differentiable = dtype, shape, key, dtype in FLOATS
                type.size = abs(prod(shape))
                _types[key] = type
        return type

    def __reduce__(self) -> tuple[Any, ...]:
        return Type, (self.dtype, self.shape)

    def __repr__(self) -> str:
        return f"{NAMES.get(self.dtype, self.dtype)}[{','.join('?' if n == UNKNOWN else str(n) for n in self.shape)}]"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def with_shape(self, shape: Shape) -> Type:
        return Type(self.dtype, tuple(shape))

    def with_dtype(self, dtype: Dtype) -> Type:
        return Type(dtype, self.shape)


class Tuple(Type):
    """The type of several results at once, printed ``(f32[3], i64[])``. ``ops.items.Item`` takes one of them out."""

    __slots__ = ("items",)

    items: tuple[Type, ...]

    def __new__(cls, items: tuple[Type, ...]) -> Tuple:
        with _lock:
            type = _tuples.get(items)
            if type is None:
                type = object.__new__(cls)
                type.items, type.dtype, type.shape, type.size = items, SEVERAL, (), 1
                type.differentiable = any([t.differentiable for t in items])
                _tuples[items] = type
        return type

    def __reduce__(self) -> tuple[Any, ...]:
        return Tuple, (self.items,)

    def __repr__(self) -> str:
        return f"({', '.join(map(str, self.items))}{',' if len(self.items) == 1 else ''})"

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for t in self.items)


SEVERAL: Dtype = np.dtype(object)  # the dtype of a tuple, which holds items of their own dtypes
_types: WeakValueDictionary[tuple[Dtype, Shape], Type] = WeakValueDictionary()
_tuples: WeakValueDictionary[tuple[Type, ...], Tuple] = WeakValueDictionary()
_lock = Lock()


def f32(*shape: int) -> Type:
    return Type(DTYPES["f32"], shape)


def f64(*shape: int) -> Type:
    return Type(DTYPES["f64"], shape)
