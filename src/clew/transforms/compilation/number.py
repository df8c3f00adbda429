"""A Python float that each call of a compiled function brings anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...array import elementwise as el
from ...array.promotion import Weak, is_scalar, value_of
from ...ir import DTYPES, Value, tracing
from ...tensor import Tensor, unwrap, wrap

F64 = DTYPES["f64"]


def wide(x: Any) -> Value:
    """A Python number, or one that is traced, in f64."""
    return x.value if isinstance(x, Weak) else value_of(float(x), F64)


def operator(function: Callable[[Any, Any], Value], swapped: bool = False, numeric: bool = True) -> Callable[..., Any]:
    """The method for ``number op other``: beside a Python number again a float, beside arrays theirs."""

    def method(self: Traced, other: Any) -> Any:
        if isinstance(other, Tensor):
            return NotImplemented  # a tensor knows what to do with a weak number
        pair = (other, self) if swapped else (self, other)
        if not is_scalar(other):
            return wrap(function(*map(unwrap, pair)))
        made = function(*map(wide, pair))
        return Traced(made) if numeric else Tensor(made)

    return method


def unary(function: Callable[[Any], Value]) -> Callable[..., Any]:
    return lambda self: Traced(function(self.value))


class Traced(Weak):
    """The float itself, with Python's operators. A comparison of it is a tensor."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy's arrays leave their operators to it

    __add__, __radd__ = operator(el.add), operator(el.add, True)
    __sub__, __rsub__ = operator(el.subtract), operator(el.subtract, True)
    __mul__, __rmul__ = operator(el.multiply), operator(el.multiply, True)
    __truediv__, __rtruediv__ = operator(el.divide), operator(el.divide, True)
    __floordiv__, __rfloordiv__ = operator(el.floor_divide), operator(el.floor_divide, True)
    __mod__, __rmod__ = operator(el.remainder), operator(el.remainder, True)
    __pow__, __rpow__ = operator(el.pow), operator(el.pow, True)
    __lt__, __le__ = operator(el.less, numeric=False), operator(el.less_equal, numeric=False)
    __gt__, __ge__ = operator(el.greater, numeric=False), operator(el.greater_equal, numeric=False)
    __eq__ = operator(el.equal, numeric=False)
    __ne__ = operator(el.not_equal, numeric=False)
    __hash__ = object.__hash__
    __neg__, __pos__, __abs__ = unary(el.negative), unary(el.positive), unary(el.abs)

    def __repr__(self) -> str:
        if tracing.trace is not None:
            tracing.trace.shown(self.value)
        return f"float({self.value.name or 'traced'})"

    def __format__(self, form: str) -> str:
        return format(Tensor(self.value).known("formatting") if form else repr(self), form)

    def __float__(self) -> float:
        return float(Tensor(self.value))

    def __int__(self) -> int:
        return int(Tensor(self.value))

    def __bool__(self) -> bool:
        return bool(Tensor(self.value))
