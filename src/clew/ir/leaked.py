"""What is left of a tensor when the trace that made it is over: an error that tells where it was made."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import ConcretizationError
from .site import Site, here
from .value import Value


class Leaked:
    """Stands where a value's data would be, and refuses whatever is asked of it."""

    __slots__ = ("_function", "_name", "_place", "_type")

    def __init__(self, v: Value, function: str) -> None:
        self._name, self._type, self._place, self._function = v.name, v.type, v.place, function

    def refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        made = f", made at {Site(*self._place)}" if self._place else ""
        raise ConcretizationError(
            f"{self._name or 'a tensor'}: {self._type}{made}, stands for a value inside the compiled {self._function}, and "
            f"that call is over; return it from {self._function}, and use what the call returns\n  at {Site(*here())}"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse()

    __array__ = __array_ufunc__ = __array_function__ = refuse
    __getitem__ = __iter__ = __len__ = __bool__ = __float__ = __int__ = __index__ = refuse
    __neg__ = __invert__ = __abs__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = refuse
