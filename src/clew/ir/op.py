"""Ops: the gates that values are made by. An op owns every rule the system needs of it."""

from __future__ import annotations

import abc
import contextvars
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import TypeRuleError
from .located import located
from .site import here
from .tracing import tracing
from .types import Array, Type
from .value import Label, Value

if TYPE_CHECKING:
    from .graph import Graph


class _Recording(threading.local):
    on = True


recording = _Recording()  # switched off by no_grad, per thread


class _Quiet(threading.local):
    """A context, per thread, in which NumPy does not warn: infinities and NaN are values here.

    Running in a context that was prepared once costs a tenth of ``np.errstate``.
    """

    def __init__(self) -> None:
        contexts = contextvars.copy_context(), contextvars.copy_context()
        for context in contexts:
            context.run(np.seterr, all="ignore")
        # A context cannot be entered twice at once: ops run in one, and a backward pass, which runs ops, in another.
        self.run: Callable[..., Any] = contexts[0].run
        self.walk: Callable[..., Any] = contexts[1].run
        self.after: Callable[..., None] | None = None  # given the seeds and gradients of each backward pass on arrays
        self.call: Callable[..., Any] | None = None  # makes the calls of compiled functions, with an eye on them


quiet = _Quiet()


class _Kind(abc.ABCMeta):
    """Of classes whose rules are all there. ``isinstance`` goes by inheritance alone, which is several times faster."""

    __instancecheck__ = type.__instancecheck__


class Op(metaclass=_Kind):
    """One primitive operation and all its rules.

    A subclass with attributes is a frozen dataclass (``eq=False, repr=False``), and they are its fields. ``op(*operands)``
    on arrays computes; on values it makes a value, computed at once when every operand is known. Rules are written with such
    calls alone, so one text of a derivative serves numbers, graphs, and graphs of graphs.

    Derivative rules belong to an edge of the graph, from operand ``k`` to the result ``y``:
    ``pull`` takes a gradient backward over it, ``push`` takes a tangent forward.
    """

    body: Graph | None = None  # the subgraph that this op is a name for, if it is one
    extends: Op | None = None  # of a loop that also saves what a way back reads: the loop whose results come first in its
    joint: ClassVar[bool] = False  # True: derivative rules are asked for all edges at once, by pulling and pushing
    differentiable: ClassVar[bool] = True  # False: piecewise constant; no gradient passes
    pulls: ClassVar[bool] = True  # False: no natural ``at``; the compiler has a kernel of its own, or runs the reference

    opcode: ClassVar[str]  # its class in text form: ``ScatterAdd`` is ``scatter_add``

    def __init_subclass__(cls) -> None:
        cls.opcode = snake(cls.__name__)

    @property
    def name(self) -> str:
        """What people see it called; the opcode, except for gates."""
        return self.opcode

    @property
    def attributes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in getattr(self, "__match_args__", ())}

    # Equality, hash and repr for all ops at once: dataclasses would make them anew for each, at every import.

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={a!r}' for name, a in self.attributes.items())})"

    def __eq__(self, other: object) -> bool:
        return self is other or (type(self) is type(other) and self._said() == other._said())

    def __hash__(self) -> int:
        return hash((type(self), self._said()))

    def _said(self) -> tuple[Any, ...]:
        """The attributes' values."""
        return tuple([getattr(self, name) for name in getattr(self, "__match_args__", ())])

    @property
    def graphs(self) -> dict[str, Graph]:
        """The graphs that it holds, by what it calls them."""
        held: dict[str, Graph] = {}
        for name, a in self.attributes.items():
            if isinstance(a, tuple):
                held |= {f"{name}[{k}]": item for k, item in enumerate(a) if hasattr(item, "outputs")}
            elif hasattr(a, "outputs"):
                held[name] = a
        return held

    @abc.abstractmethod
    def infer(self, *operands: Any) -> Type:
        """The result's type from the operands' types, or a TypeRuleError (see ``refuse``)."""

    @abc.abstractmethod
    def reference(self, *operands: Any) -> Array:
        """The op's meaning, in NumPy, exactly of the inferred type. Slow is fine; wrong is not."""

    @abc.abstractmethod
    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> Any:
        """Reverse mode over edge ``k``: the gradient of operand ``k`` when ``g`` is that of the result ``y``; None is zero."""

    def pulling(self, wanted: tuple[bool, ...], g: Any, y: Any, *operands: Any) -> Callable[..., Any]:
        """``pull`` over the wanted edges of a joint op, which share their work. Called with ``k``.

        Of several results, ``g`` is the tuple of their gradients, in which None is zero.
        """
        return self.pull

    def pushing(self, tangents: tuple[Any, ...], y: Any, *operands: Any) -> Any:
        """The tangent of a joint op's result when its operands move along tangents, None of which stands still.

        Of several results, a tuple.
        """
        raise NotImplementedError

    @abc.abstractmethod
    def push(self, k: int, t: Any, y: Any, *operands: Any) -> Any:
        """Forward mode over edge ``k``: the tangent of the result when operand ``k`` moves by ``t``; None is zero."""

    @abc.abstractmethod
    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        """The op over a batch: operand ``k`` has ``size`` examples along axis 0 if ``batched[k]``, and so has the result."""

    @abc.abstractmethod
    def at(self, e: Any, i: Any, *operands: Any) -> Any:
        """The result's scalar at index ``i``, said in the scalar language ``e`` (see ``ops.scalars``)."""

    def repair(self, *operands: Value) -> Value | None:
        """A numerically stable value that stands for this op of these operands, where a named rule knows one."""
        return None

    def local(self, k: int, y: Any, *operands: Any) -> Any:
        """The local gradient over edge ``k`` where it is one number per element, for tables and pictures; else None."""
        return None

    def __call__(self, *operands: Any) -> Any:
        for x in operands:
            if x.__class__ is Value:
                return self.apply(*[x if x.__class__ is Value else constant(x) for x in operands])
        return self.reference(*operands)

    def apply(self, *operands: Value) -> Value:
        """The value that this op makes of these: computed when they are known, recorded when one of them is tracked."""
        known = tracked = True
        for x in operands:
            if x.data is None:
                known = False
        trace = None if known else tracing.trace
        if known:
            tracked = recording.on and any([x.op is not None for x in operands])
        elif trace is not None:
            operands = trace.operands(operands)
        if tracked:
            repaired = self.repair(*operands)
            if repaired is not None:
                return repaired
        try:
            result = self.infer(*[x.type for x in operands])
            data = quiet.run(self.reference, *[x.data for x in operands]) if known else None
        except TypeRuleError as error:
            raise located(error, operands, here()) from None
        if not tracked:
            return Value(None, (), result, data)
        made = Value(self, operands, result, data, None, here())
        if trace is not None:
            trace.made(made)
        return made

    def refuse(self, why: str, *operands: Type) -> TypeRuleError:
        return TypeRuleError(f"{self.name}({', '.join(map(str, operands))}): {why}")

    def __str__(self) -> str:
        return self.name


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Input(Op):
    """A leaf: a parameter of a graph or a variable. Not computed, but given."""

    pulls: ClassVar[bool] = False

    def infer(self, *operands: Type) -> Type:
        raise self.refuse("an input is given, not inferred", *operands)

    def reference(self, *operands: Array) -> Array:
        raise self.refuse("an input is given, not computed")

    def pull(self, k: int, g: Any, y: Any, *operands: Any) -> None:
        return None

    def push(self, k: int, t: Any, y: Any, *operands: Any) -> None:
        return None

    def batch(self, size: int, batched: tuple[bool, ...], *operands: Any) -> Any:
        raise self.refuse("an input is batched by whoever gives it")

    def at(self, e: Any, i: Any, *operands: Any) -> Any:
        raise self.refuse("an input is read, not lowered")


INPUT = Input()


def constant(data: Any, dtype: Any = None) -> Value:
    """A known array as a value. A NumPy scalar stands for every 0-d array."""
    array = np.asarray(data, dtype)
    return Value(None, (), Type(array.dtype, array.shape), array if array.shape else array[()])


def parameter(name: str, type: Type, data: Array | None = None) -> Value:
    """An input of a graph; with ``data``, one whose value is known."""
    return Value(INPUT, (), type, data, Label(name))
