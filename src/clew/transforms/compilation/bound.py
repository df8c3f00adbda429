"""A compiled function as the method of an object: ``holder.step``, and ``holder.step.explain(x)``."""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import Any


class Bound(partial[Any]):
    # A bound method of a ``Jit``. Partials are called without a detour through Python. (No docstring: it has its function's.)

    __doc__ = property(lambda self: self.func.__doc__)

    @property
    def __func__(self) -> Any:
        return self.func

    @property
    def __self__(self) -> Any:
        return self.args[0]

    @property
    def function(self) -> Any:
        return MethodType(self.__func__.function, self.__self__)

    def compiled(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__.compiled(*self.args, *args, **kwargs)

    def graph(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__.graph(*self.args, *args, **kwargs)

    def explain(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__.explain(*self.args, *args, **kwargs)

    def fetch(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__.fetch(*self.args, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # which takes one argument more
            raise AttributeError(name)
        return getattr(self.func, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self.func is other.func and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self.func), id(self.__self__)))

    def __repr__(self) -> str:
        return f"<bound {self.func!r} of {self.__self__!r}>"
