"""Values: the nodes of a graph."""

from __future__ import annotations

from collections.abc import Iterable
from types import CodeType
from typing import TYPE_CHECKING, Any

from .site import Site
from .types import Array, Dtype, Shape, Type

if TYPE_CHECKING:
    from .op import Op


class Label:
    """What a person attached to a value: a name, a remark, and where its gradient is put.

    A variable keeps its label while its values change. A gradient is ``fresh`` until an optimiser has used it.
    """

    __slots__ = ("fresh", "grad", "name", "note", "variable")

    def __init__(self, name: str | None = None, note: str | None = None, variable: bool = False) -> None:
        self.name = name
        self.note = note
        self.variable = variable
        self.grad: Any = None
        self.fresh = False


class Value:
    """One result in a graph: the op that makes it and the operands it is made of. Never changed once made.

    A constant has no op. An input (a parameter of a graph, or a variable) has the op ``INPUT``. ``data`` is the
    computed array where it is known: always for constants and in eager mode, never while tracing.
    """

    __slots__ = ("_code", "_first", "_instruction", "_scope", "_second", "data", "label", "op", "type")

    def __init__(
        self,
        op: Op | None,
        operands: tuple[Value, ...],
        type: Type,
        data: Array | None = None,
        label: Label | None = None,
        place: tuple[CodeType, int, str] | None = None,
    ) -> None:
        self.op = op
        # Apart, as the place below: fewer objects for the garbage collector to look at, of each of a million nodes.
        self._first: Any
        self._second: Value | None
        if len(operands) == 2:
            self._first, self._second = operands
        elif len(operands) == 1:
            self._first, self._second = operands[0], None
        else:
            self._first, self._second = operands or None, None
        self.type = type
        self.data: Any = data
        self.label = label
        if place is None:
            self._code = None
        else:
            self._code, self._instruction, self._scope = place

    @property
    def operands(self) -> tuple[Value, ...]:
        """What it is made of."""
        first, second = self._first, self._second
        if second is not None:
            return first, second
        if first is None:
            return ()
        return (first,) if first.__class__ is Value else first

    @property
    def place(self) -> tuple[CodeType, int, str] | None:
        """The fields of ``site``."""
        return None if self._code is None else (self._code, self._instruction, self._scope)

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def dtype(self) -> Dtype:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def name(self) -> str | None:
        return self.label.name if self.label is not None else None

    @property
    def note(self) -> str | None:
        return self.label.note if self.label is not None else None

    @property
    def site(self) -> Site | None:
        """Where in the user's program it was made."""
        return None if self.place is None else Site(*self.place)

    def __repr__(self) -> str:
        op = "constant" if self.op is None else self.op.name
        return f"<{self.name or op}: {self.type}>"


def toposort(outputs: Iterable[Value]) -> list[Value]:
    """Every value that the outputs need, operands before users, each once. Iterative: graphs are deep."""
    order: list[Value] = []
    seen: set[Value] = set()
    stack: list[Value | None] = []
    for output in outputs:
        stack.append(output)
        while stack:
            v = stack.pop()
            if v is None:  # the operands of the value below are all placed
                order.append(stack.pop())  # type: ignore[arg-type]
            elif v not in seen:
                seen.add(v)
                first = v._first
                if first is None:
                    order.append(v)
                    continue
                stack += v, None
                if first.__class__ is not Value:
                    stack += first[::-1]
                    continue
                second = v._second
                if second is not None and second not in seen:
                    stack.append(second)
                if first not in seen:
                    stack.append(first)
    return order
