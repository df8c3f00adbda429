"""The arguments of a call: which are inputs, and which, with the types of those, make the signature.

Tensors, arrays and Python floats are inputs. Everything else is part of the signature: integers, strings, booleans, None,
dtypes, functions and other objects that can be hashed. Containers are opened, but a module whose parts are variables is
one object: its variables are read where they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...array.promotion import value_of
from ...errors import UsageError
from ...ir import Site, Type, Value, here
from ...pytree import children_of, with_children
from ...tensor import Tensor
from ...variable import Variable

PLAIN = frozenset({int, bool, str, type(None), bytes, type})
NO_ARRAYS, ARRAYS = (Variable, type), (Tensor, np.ndarray, np.generic, float)  # made once: making a union takes its time


def describe(x: Any, key: list[Any], leaves: list[Any], tracked: dict[int, Value]) -> None:
    """Add what ``x`` is to the signature's key, its arrays and floats to the leaves, recorded values to ``tracked``."""
    cls = x.__class__
    if cls is Tensor:
        v = x.value
        if v.op is not None:
            tracked[len(leaves)] = v
        key.append(v.type.key)  # as an array of that type
        leaves.append(v.data)
    elif cls is np.ndarray:
        key.append((x.dtype, x.shape))
        leaves.append(x)
    elif cls is float:
        key.append(float)
        leaves.append(x)
    elif cls in PLAIN:
        key += (cls, x)
    elif cls is tuple or cls is list:
        key += (cls, len(x))
        for item in x:
            describe(item, key, leaves, tracked)
    elif cls is dict:
        key += (cls, tuple(x))
        for item in x.values():
            describe(item, key, leaves, tracked)
    else:
        _describe_other(x, key, leaves, tracked)


def _describe_other(x: Any, key: list[Any], leaves: list[Any], tracked: dict[int, Value]) -> None:
    if is_array(x):
        v = value_of(x)
        key.append(v.type.key)
        leaves.append(v.data)
        return
    children = opened(x)
    if children is None:
        key += (x.__class__, id(x) if isinstance(x, Tensor) else x)
        return
    key += (x.__class__, tuple([name for name, _ in children]))
    for _, child in children:
        describe(child, key, leaves, tracked)


def is_array(x: Any) -> bool:
    """Whether it is an input that can be made an array."""
    if isinstance(x, NO_ARRAYS):
        return False
    return isinstance(x, ARRAYS) or hasattr(x, "__array__") or hasattr(x, "__dlpack__")


def opened(x: Any) -> list[tuple[str, Any]] | None:
    """The children of a container; None of anything else, and of a module that holds variables."""
    children = children_of(x)
    if children and all([isinstance(child, Variable) for _, child in children]) and type(x) not in (list, tuple, dict):
        return None
    return children


def replaced(x: Any, path: str, of: Callable[[Any, str], Any]) -> Any:
    """``x`` with ``of(leaf, path)`` in place of every leaf."""
    children = opened(x)
    if children is None or x is None:
        return of(x, path)
    made = [replaced(child, path + name, of) for name, child in children]
    same = all([a is b for a, (_, b) in zip(made, children, strict=True)])
    return x if same else with_children(x, made)


def type_of(x: Any) -> Type | None:
    """The type that the input has: that of a Python float is the number's own, f64; None if ``x`` is no input."""
    if x.__class__ is float:
        return Type(np.dtype(np.float64), ())
    return value_of(x.value if isinstance(x, Tensor) else x).type if is_array(x) else None


def shown(x: Any) -> str:
    """A leaf as the signature shows it."""
    if x.__class__ is float:
        return "float"
    if is_array(x):
        return str(type_of(x))
    if isinstance(x, Variable):
        return f"the variable {x.name or ''}: {x.value.type}"
    if hasattr(x, "__qualname__"):
        return str(x.__qualname__)
    return f"{x!r:.60}" if not hasattr(x, "__dict__") or isinstance(x, type) else type(x).__name__


def refuse_unhashable(function: str, leaves: dict[str, Any]) -> None:
    """Name the argument that cannot be part of a signature."""
    for name, x in leaves.items():
        if not is_array(x):
            try:
                hash(x)
            except TypeError:
                raise UsageError(
                    f"{function}: the argument {name} is {x!r:.40}, a {type(x).__name__}, which is no array and cannot be "
                    f"compared with that of the last call; give a tuple, an array, or a frozen dataclass\n  at {Site(*here())}"
                ) from None
