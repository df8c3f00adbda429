"""Numbers and arrays in few characters, and how wide those are when drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir import NAMES, Array

SMALL = 3  # arrays of at most so many elements are written out

# Widths in em of DejaVu Sans, the widest font a reader is likely to see a picture in.
_GROUPS = {
    0.29: "'ijlIJ",
    0.34: " ,./:;\\|-fr!",
    0.39: "()[]t",
    0.5: '*_`"szc?²³',
    0.58: "FkLvxyPTYaoe",
    0.64: "bdghnpquESbd$0123456789{}KAV√…",
    0.72: "BRXZCUHNDG&OQ",
    0.86: "#+<=>^~−×÷→Mw%mW@",
}
_WIDTHS = {letter: width for width, letters in _GROUPS.items() for letter in letters}


def width(text: str, size: float) -> float:
    """How wide the text is, in pixels, at a font size: an estimate from above. Unknown letters count as wide."""
    return size * sum([_WIDTHS.get(letter, 0.64 if letter < "\u1100" else 1.0) for letter in text])


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def number(x: Any) -> str:
    """Four significant digits; integers and booleans in full."""
    if isinstance(x, (bool, np.bool_)):
        return "true" if x else "false"
    if isinstance(x, (int, np.integer)):
        return str(int(x))
    return special(x) or f"{float(x):z.4g}"


def special(x: Any) -> str:
    """The name of what is not finite; nothing for other numbers."""
    return "NaN" if np.isnan(x) else "inf" if x == np.inf else "-inf" if x == -np.inf else ""


def lines(x: Array, typed: bool) -> tuple[str, ...]:
    """An array in one short line, or two: its type first if ``typed``. A number is always one."""
    if isinstance(x, tuple):
        return (f"{len(x)} results",)
    array = np.asarray(x)
    if array.ndim == 0:
        return (number(array[()]),)
    content = elements(array) if 0 < array.size <= SMALL and array.ndim == 1 else spread(array)
    return (type_text(array), content) if typed else (content,)


def type_text(array: Array) -> str:
    return f"{NAMES.get(array.dtype, str(array.dtype))}[{','.join(map(str, array.shape))}]"


def brief(x: Any) -> str:
    """Two or three digits, for the crowded places of a picture."""
    if isinstance(x, (bool, int, np.bool_, np.integer)):
        return number(x)
    return special(x) or (f"{float(x):z.0f}" if 100 <= abs(x) < 10000 else f"{float(x):z.2g}")


def elements(array: Array, digits: Callable[[Any], str] = brief) -> str:
    return f"[{', '.join(digits(x) for x in array)}]"


def spread(array: Array, digits: Callable[[Any], str] = brief) -> str:
    """``min … mean … max``, with the share of zeros and a count of NaN and infinities where there are any."""
    if array.size == 0:
        return "empty"
    if array.dtype.kind == "b":
        return f"{share(array)} true"
    wide = array.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    parts = []
    if finite.size:
        low, high = finite.min(), finite.max()
        parts.append(f"all {digits(low)}" if low == high else f"{digits(low)} … {digits(finite.mean())} … {digits(high)}")
        zeros = share(wide == 0)
        if low != high and zeros != "0 %":
            parts.append(f"{zeros} zero")
    for name, count in (("NaN", np.isnan(wide).sum()), ("inf", np.isinf(wide).sum())):
        if count:
            parts.append(f"{count} {name}!")
    return ", ".join(parts)


def share(flags: Array) -> str:
    """The share of true elements in percent: 0 % means none and 100 % all."""
    count, size = int(np.count_nonzero(flags)), flags.size
    if count in (0, size):
        return f"{100 * count // size} %"
    return f"{min(max(round(100 * count / size), 1), 99)} %"


def full(x: Array) -> str:
    """Everything a tooltip says of an array."""
    if isinstance(x, tuple):
        return "; ".join(map(full, x))
    array = np.asarray(x)
    if array.ndim == 0:
        return f"{array[()]}"
    if array.size == 0:
        return f"{type_text(array)}, empty"
    if array.dtype.kind == "b":
        return f"{type_text(array)}, {share(array)} true"
    wide = array.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    text = f"{type_text(array)}, {share(wide == 0)} zero, {np.isnan(wide).sum()} NaN, {np.isinf(wide).sum()} infinite"
    if finite.size:
        for name, part in (("min", finite.min()), ("mean", finite.mean()), ("max", finite.max()), ("std", finite.std())):
            text += f", {name} {number(part)}"
    return text
