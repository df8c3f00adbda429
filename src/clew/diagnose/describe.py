"""How nodes, elements and the way to a node are told to people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..ir import INPUT, Array, Graph, Tuple, Value, parameter, show, substitute

CHUNK = 1 << 15  # elements
LEADING = 8  # nodes of the way to a node that are shown


def name(v: Value) -> str:
    """What a node is called: its name, or what made it."""
    if v.name:
        return v.name
    return "a constant" if v.op is None else v.op.name


def place(v: Value) -> str:
    """Where it was made, in a sentence's tail."""
    return f" at {v.site}" if v.site is not None else ""


def finite(data: Any) -> bool:
    """Whether every number is; integers, booleans and absent ones are."""
    if isinstance(data, tuple):
        return all(map(finite, data))
    if data is None or np.asarray(data).dtype.kind in "biu":
        return True
    if np.size(data) > CHUNK and data.flags.c_contiguous:  # in parts that stay in the nearest cache with what is found of them
        flat = data.reshape(-1)
        return all([np.isfinite(flat[k : k + CHUNK]).all() for k in range(0, flat.size, CHUNK)])
    return bool(np.isfinite(data).all())


def first_nonfinite(data: Array) -> tuple[int, ...]:
    array = np.asarray(data)
    return tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])


def at(data: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """The element of an operand at an index of the result; of another shape, its range."""
    array = np.asarray(data)
    if array.shape == shape:
        return f"{array[index].item():.6g}"
    if array.size == 1:
        return f"{array.reshape(()).item():.6g}"
    return spread(array)


def spread(data: Any) -> str:
    """The shape and range of an array, in few words."""
    array = np.asarray(data)
    size = ",".join(map(str, array.shape))
    if not array.size:
        return f"[{size}] (empty)"
    wide = array.astype(np.float64)
    bad = int(np.count_nonzero(~np.isfinite(wide)))
    known = wide[np.isfinite(wide)]
    span = f"{known.min():.4g} to {known.max():.4g}" if known.size else "no finite number"
    return f"[{size}] {span}" + (f", {bad} not finite" if bad else "")


def way_to(v: Value, count: int = LEADING) -> str:
    """The last ``count`` nodes on the way to ``v``, in text form; what lies before them stands as inputs."""
    near: list[Value] = []
    waiting = [v]
    while waiting and len(near) < count:
        x = waiting.pop(0)
        if x not in near:
            near.append(x)
            waiting += [y for y in x.operands if y.op is not None and y.op is not INPUT]
    edge = dict.fromkeys(y for x in near for y in x.operands if y not in near and y.op is not None)
    stand_ins = {y: y if y.op is INPUT else parameter(y.name or y.op.name if y.op else "x", y.type) for y in edge}
    outputs = substitute((v,), {y: new for y, new in stand_ins.items() if y is not new})
    return show(Graph("way", tuple(stand_ins.values()), outputs), limit=8)


def size(count: int) -> str:
    """Bytes for people."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} bytes"


def total(values: Iterable[Value]) -> int:
    return sum(v.type.nbytes for v in values if not isinstance(v.type, Tuple))
