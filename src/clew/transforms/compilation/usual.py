"""Arguments of the usual kinds, recognised at once: of the same classes and types as in a call before."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ..._source import function
from ...ir import Array
from ...tensor import Tensor

MOST = 32  # arguments, of which each has a line of code
TENSOR = "{x}.__class__ is Tensor and ({v} := {x}.value).type is {t} and {v}.op is None"
ARRAY = "{x}.__class__ is ndarray and {x}.dtype is {t}[0] and {x}.shape == {t}[1]"
NUMBER = "{x}.__class__ is float"


def recogniser(args: tuple[Any, ...]) -> Callable[..., list[Array] | None] | None:
    """A function of as many arguments: their arrays and numbers if they are tensors, arrays and floats like these, and no
    tensor is recorded; else None. None if these are of other kinds themselves.

    >>> import clew as cl
    >>> like = recogniser((cl.asarray(2.0), 3.0))
    >>> [float(x) for x in like(cl.asarray(5.0), 7.0)], like(cl.asarray([5.0]), 7.0)
    ([5.0, 7.0], None)
    """
    kinds = ""
    types: list[Any] = []
    for x in args:
        if x.__class__ is Tensor:
            kinds += "t"
            types.append(x.value.type)
        elif x.__class__ is np.ndarray:
            kinds += "a"
            types.append((x.dtype, x.shape))
        elif x.__class__ is float:
            kinds += "f"
            types.append(None)
        else:
            return None
    return _written(kinds)(*types) if 0 < len(kinds) <= MOST else None


@lru_cache(maxsize=256)
def _written(kinds: str) -> Callable[..., Callable[..., list[Array] | None]]:
    """``types -> (arguments -> leaves or None)``, written out."""
    names = [{"x": f"x{k}", "v": f"v{k}", "t": f"t{k}"} for k in range(len(kinds))]
    asked = {"t": TENSOR, "a": ARRAY, "f": NUMBER}
    leaf = {"t": "{v}.data", "a": "{x}", "f": "{x}"}
    test = " and ".join(asked[kind].format(**name) for kind, name in zip(kinds, names, strict=True))
    leaves = ", ".join(leaf[kind].format(**name) for kind, name in zip(kinds, names, strict=True))
    types, arguments = (", ".join(name[x] for name in names) for x in "tx")
    source = f"def of({types}): return lambda {arguments}: [{leaves}] if {test} else None"
    return function("of", source, {"Tensor": Tensor, "ndarray": np.ndarray})
