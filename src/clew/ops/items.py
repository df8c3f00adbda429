"""Several results at once: a value of tuple type, and its items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ir import Array, Tuple, Type
from .kinds import Linear, Whole


@dataclass(frozen=True, eq=False, repr=False)
class Item(Whole, Linear):
    """Item ``k`` of several results.

    Where rules run on arrays, and in batching, several results are a Python tuple; so are their gradients and tangents,
    in which None is zero.
    """

    k: int

    def infer(self, several: Type) -> Type:
        if not isinstance(several, Tuple) or not 0 <= self.k < len(several.items):
            raise self.refuse(f"there is no item {self.k}", several)
        return several.items[self.k]

    def reference(self, several: tuple[Array, ...]) -> Array:
        return several[self.k]

    def transpose(self, k: int, g: Any, several: Any) -> tuple[Any, ...]:
        count = len(several) if isinstance(several, tuple) else len(several.type.items)
        return tuple([g if j == self.k else None for j in range(count)])

    def push(self, k: int, t: Any, y: Any, several: Any) -> Any:
        return t[self.k]

    def batch(self, size: int, batched: tuple[bool, ...], several: Any) -> Any:
        return self(several)


def items(several: Any) -> tuple[Any, ...]:
    """All items of several results, arrays or values; a single result stands alone."""
    if isinstance(several, tuple):
        return several
    if isinstance(getattr(several, "type", None), Tuple):
        return tuple([Item(k)(several) for k in range(len(several.type.items))])
    return (several,)


def several_of(types: tuple[Type, ...]) -> Type:
    """The type of these results: of one, its own."""
    return types[0] if len(types) == 1 else Tuple(types)
