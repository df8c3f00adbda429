"""What a kernel computes at one index: expressions, recorded from the ops' own ``at``.

The recorder is a backend of the scalar language (``ops.scalars``) that computes nothing. It writes down what is asked for,
each thing once: equal expressions are one object. A read of a value that has no memory of its own becomes that
value's expression at that index, which is all there is to fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..ir import DTYPES, Dtype, Shape, Value
from ..ops.elementary import PREDICATES
from ..ops.elementwise import Elementwise
from ..ops.interpreter import Interpreter, Number, plain
from ..ops.rounding import Cast
from .index import Component, Found, Ix, Var, variable, variables

BOOL = DTYPES["bool"]
INDEXED = frozenset(("load", "number", "inside"))  # kinds of expressions that hold indices
INTERPRETER = Interpreter()
NESTED = 100  # the loop variables of one reduction, at most; those of one within it are numbered from here on


class Expr:
    """One step. ``kind`` is const, load, call, select, cast, number, inside or reduce; ``attr`` is what it has besides its
    operands: the number, the buffer and its index, the function, the index, the index and its bounds, the loop.
    """

    __slots__ = ("args", "attr", "dtype", "kind", "name", "needs", "vars")

    def __init__(self, kind: str, args: tuple[Expr, ...], attr: Any, dtype: Dtype, vars: frozenset[Var]) -> None:
        self.kind = kind
        self.args = args
        self.attr = attr
        self.dtype = dtype
        self.vars = vars  # the loop variables that it depends on
        self.needs = operands(self)
        self.name = ""

    def __repr__(self) -> str:
        return self.name or show(self)


def show(e: Expr) -> str:
    """An expression as one line; named ones by name."""

    def inner(x: Expr) -> str:
        return x.name or show(x)

    if e.kind == "const":
        return str(e.attr.item()) if hasattr(e.attr, "item") else str(e.attr)
    if e.kind == "load":
        mask = f" if {inner(e.args[0])}" if e.args else ""
        return f"{e.attr[0]}[{', '.join(map(str, e.attr[1]))}]{mask}"
    if e.kind == "cast":
        return f"{e.dtype}({inner(e.args[0])})"
    if e.kind == "number":
        return f"{e.dtype}({e.attr})"
    if e.kind == "inside":
        return f"({e.attr[1]} <= {e.attr[0]} < {e.attr[2]})"
    if e.kind == "reduce":
        function, vars = e.attr
        return f"{function} over {', '.join(f'{v} < {v.size}' for v in vars)} of {inner(e.args[0])} from {inner(e.args[1])}"
    name = e.attr if e.kind == "call" else "select"
    return f"{name}({', '.join(map(inner, e.args))})"


def walk(roots: Iterable[Expr], enter: Callable[[Expr], bool] | None = None) -> list[Expr]:
    """Every expression that the roots need, operands before users, each once; not below those that ``enter`` refuses."""
    found: list[Expr] = []
    seen: set[Expr] = set()
    stack: list[Expr | None] = []
    for root in roots:
        stack.append(root)
        while stack:
            e = stack.pop()
            if e is None:  # the operands of the expression below are all there
                found.append(stack.pop())  # type: ignore[arg-type]
            elif e not in seen:
                seen.add(e)
                needs = e.needs
                if needs and (enter is None or enter(e)):
                    stack += e, None
                    stack += needs[::-1]
                else:
                    found.append(e)
    return found


def operands(e: Expr) -> tuple[Expr, ...]:
    """What an expression is computed from, the integers that its indices find included."""
    if e.kind in INDEXED:
        return (*e.args, *[found.expr for ix in indices(e) for found in founds(ix)])
    return e.args


def indices(e: Expr) -> tuple[Component, ...]:
    """The indices that an expression itself holds."""
    if e.kind == "load":
        index: tuple[Component, ...] = e.attr[1]
        return index
    return (e.attr,) if e.kind == "number" else (e.attr[0],) if e.kind == "inside" else ()


def founds(ix: Component) -> Iterator[Found]:
    if isinstance(ix, Ix):
        for atom, _ in ix.terms:
            if isinstance(atom, Found):
                yield atom
            elif not isinstance(atom, Var):
                yield from founds(atom.of)


class Buffer:
    """A value that has memory, as expressions name it: an input, a constant, or one that is stored. A part of a concatenation
    lives ``within`` that, from ``start`` on along ``axis``."""

    __slots__ = ("axis", "name", "start", "value", "within")

    def __init__(self, value: Value, name: str) -> None:
        self.value = value
        self.name = name
        self.within: Buffer | None = None
        self.axis = self.start = 0

    @property
    def memory(self) -> Buffer:
        """The buffer whose memory it is in."""
        return self if self.within is None else self.within.memory

    def __repr__(self) -> str:
        return self.name


class Space(NamedTuple):
    """Memory that one step uses for itself."""

    step: int
    name: str
    nbytes: int


class Point(NamedTuple):
    """One element of a value that has memory, at a fixed position."""

    buffer: Buffer
    position: int

    @property
    def nbytes(self) -> int:
        return self.buffer.value.dtype.itemsize


Place: TypeAlias = Buffer | Space | Point


def flat(buffer: Buffer, index: tuple[Component, ...]) -> Component:
    """The position of an element in memory: row-major."""
    while buffer.within is not None:
        index = tuple(c + buffer.start if a == buffer.axis else c for a, c in enumerate(index))
        buffer = buffer.within
    position: Component = 0
    for c, n in zip(index, buffer.value.shape, strict=True):
        position = position * n + c
    return position


class Recorder:
    """``Scalars`` that writes down. ``buffers`` are the values that have memory; others are computed where they are read."""

    def __init__(self, buffers: dict[Value, Buffer]) -> None:
        self.buffers = buffers
        self._known: dict[Any, Expr] = {}
        self._elements: dict[Any, Expr] = {}
        self._masks: list[Expr] = []
        self._base = 0
        self._depth = 0

    def element(self, v: Value) -> Expr:
        """The element of ``v`` at its own loop variables. Those of its reductions are numbered on from them: as its operand's,
        where the last axes are reduced, and where all are."""
        self._base = v.ndim
        return self._computed(v, variables(v.shape))

    def own(self, v: Value) -> Expr:
        """The read of a value with memory at its own loop variables."""
        return self._load(self.buffers[v], variables(v.shape))

    def read(self, v: Value) -> Callable[[tuple[Component, ...]], Expr]:
        """``v`` as an operand: its scalar at an index."""

        def at(index: tuple[Component, ...]) -> Expr:
            index = tuple(bounded(c, n) for c, n in zip(index, v.shape, strict=True))
            number = filling(v) if v.type.size else 0
            if number is not None:
                return self.const(number, v.dtype)
            buffer = self.buffers.get(v)
            return self._computed(v, index) if buffer is None else self._load(buffer, index)

        at.shape, at.dtype = v.shape, v.dtype  # type: ignore[attr-defined]
        return at

    def _load(self, buffer: Buffer, index: tuple[Component, ...]) -> Expr:
        vars = frozenset().union(*(c.vars for c in index if isinstance(c, Ix)))
        mask = self._masks[-1:]
        return self._made("load", tuple(mask), (buffer, index), buffer.value.dtype, vars)

    def _computed(self, v: Value, index: tuple[Component, ...]) -> Expr:
        """Elementwise chains may be long, so values on the way at the same index are recorded first, without recursion."""
        mask = self._masks[-1] if self._masks else None
        stack = [v]
        while stack:
            top = stack[-1]
            key = (top, index, self._base, self._depth, mask)
            if key in self._elements:
                stack.pop()
                continue
            waiting = [
                x
                for x in top.operands
                if x.shape == top.shape
                and x not in self.buffers
                and same_index(top)
                and x.op is not None
                and (x, index, self._base, self._depth, mask) not in self._elements
            ]
            if waiting:
                stack += waiting
                continue
            assert top.op is not None
            self._elements[key] = top.op.at(self, index, *map(self.read, top.operands))
            stack.pop()
        return self._elements[v, index, self._base, self._depth, mask]

    def _made(self, kind: str, args: tuple[Expr, ...], attr: Any, dtype: Dtype, vars: frozenset[Var]) -> Expr:
        key = (kind, args, attr, dtype)
        e = self._known.get(key)
        if e is None:
            for x in args:
                vars = vars | x.vars
            e = self._known[key] = Expr(kind, args, attr, dtype, vars)
        return e

    # The scalar language

    def const(self, value: float | int | bool, dtype: Dtype) -> Expr:
        data = np.asarray(value).astype(dtype)
        key = ("const", data.tobytes(), dtype)
        e = self._known.get(key)
        if e is None:
            e = self._known[key] = Expr("const", (), data[()], dtype, frozenset())
        return e

    def call(self, function: str, *arguments: Expr) -> Expr:
        dtype = BOOL if function in PREDICATES else arguments[0].dtype
        if all(x.kind == "const" for x in arguments):
            known = INTERPRETER.call(function, *(Number(plain(x.attr), x.dtype) for x in arguments))
            return self.const(known.value, known.dtype)
        if function in ("logical_and", "logical_or"):
            a, b = arguments
            for x, y in ((a, b), (b, a)):
                if x.kind == "const":
                    return y if bool(x.attr) == (function == "logical_and") else x
        return self._made("call", arguments, function, dtype, frozenset())

    def select(self, condition: Expr, yes: Expr, no: Expr) -> Expr:
        if condition.kind == "const":
            return yes if condition.attr else no
        return yes if yes is no else self._made("select", (condition, yes, no), None, yes.dtype, frozenset())

    def cast(self, x: Expr, dtype: Dtype) -> Expr:
        return x if x.dtype == dtype else self._made("cast", (x,), None, dtype, frozenset())

    def number(self, i: Component, dtype: Dtype) -> Expr:
        return self.const(i, dtype) if isinstance(i, int) else self._made("number", (), i, dtype, i.vars)

    def index(self, x: Expr) -> Component:
        return int(x.attr) if x.kind == "const" else Ix(0, ((Found(x, 1 << 62), 1),))

    def inside(self, i: Component, low: int, high: int) -> Expr:
        first, last = (i, i) if isinstance(i, int) else i.range
        if low <= first and last < high:
            return self.const(True, BOOL)
        if last < low or high <= first:
            return self.const(False, BOOL)
        assert isinstance(i, Ix)
        return self._made("inside", (), (i, low, high), BOOL, i.vars)

    def guard(self, condition: Expr, yes: Callable[[], Expr], no: Expr) -> Expr:
        if condition.kind == "const":
            return yes() if condition.attr else no
        self._masks.append(self.call("logical_and", self._masks[-1], condition) if self._masks else condition)
        try:
            return self.select(condition, yes(), no)
        finally:
            self._masks.pop()

    def reduce(self, function: str, sizes: Shape, term: Callable[[tuple[Component, ...]], Expr], initial: Expr) -> Expr:
        if 0 in sizes:
            return initial
        vars = tuple(Var(self._base + NESTED * self._depth + k, n) for k, n in enumerate(sizes))
        loops = tuple(v for v in vars if v.size > 1)
        self._depth += 1
        try:
            each = term(tuple(map(variable, vars)))
        finally:
            self._depth -= 1
        wide = DTYPES["f32"] if each.dtype in (DTYPES["f16"], DTYPES["bf16"]) else each.dtype
        if not loops:
            if function == "add" and initial.kind == "const" and not initial.attr:
                return each
            return self.call(function, initial, each)
        carried = self.cast(each, wide)
        e = self._made("reduce", (carried, self.cast(initial, wide)), (function, loops), wide, frozenset())
        e.vars = frozenset(e.vars - set(loops))
        return self.cast(e, each.dtype)


def bounded(c: Component, size: int) -> Component:
    """A found index, held within its axis: what lies outside is reported apart, and must not be read. One that was moved on
    from there is held already."""
    if isinstance(c, Ix) and c.constant == 0 and len(c.terms) == 1:
        ((atom, n),) = c.terms
        if isinstance(atom, Found) and n == 1 and atom.size > size:
            return Ix(0, ((Found(atom.expr, size), 1),))
    return c


def identity(index: tuple[Component, ...], shape: Shape) -> int:
    """How many leading components of an index are the loop variables of ``shape`` themselves."""
    own = variables(shape)
    if index is own:
        return len(own)
    k = 0
    while k < min(len(index), len(shape)) and index[k] == own[k]:
        k += 1
    return k


def filling(v: Value) -> Any:
    """The number that a constant is filled with; None for anything else."""
    if v.op is not None or v.data is None or not v.type.size:
        return None
    array = np.asarray(v.data)
    return array.flat[0] if array.size == 1 or not any(array.strides) else None


def same_index(v: Value) -> bool:
    """Whether the element of ``v`` is made of its operands' elements at the same index."""

    return isinstance(v.op, Elementwise | Cast)
